//! A webhook that is being written, for a person to look at what it would send before it is saved.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::draft::{Credential, checked, fitting, url};
use super::dto::{RequestTemplate, WebhookKind};
use super::sent::Event;
use crate::delivery::header::HIDDEN;
use crate::delivery::message::showing::{self, Png, Showing};
use crate::delivery::message::{self, Method, Sender, address, field};
use crate::delivery::payload::Teller;
use crate::delivery::policy::Policy;
use crate::delivery::sample;
use crate::delivery::sign;
use crate::http::error::ApiError;
use crate::http::request::text;
use crate::model::webhook::{self, DeliveryId, Fields, WebhookSpec};
use crate::model::{HubId, UnixMillis};

/// A webhook that is not saved, and what it would tell of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskPreview {
    /// Its name: a test says it.
    #[serde(default)]
    name: String,
    /// What reads its messages; `generic` when left out.
    #[serde(default)]
    kind: WebhookKind,
    /// Id of the stored webhook that it would change: what is `(hidden)` here is as it is there.
    #[serde(default)]
    pub(super) of: Option<String>,
    /// Where it would send. As that of a stored one is shown, with `(hidden)`, it is the stored one while the kind is the same.
    url: String,
    /// What the kind asks for beside the URL. Of secrets `(hidden)` is enough: they are not shown.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    fields: BTreeMap<String, Credential>,
    /// Extra request headers; their values are not shown.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    headers: BTreeMap<String, Credential>,
    /// What is sent in place of the hub's own JSON.
    #[serde(default)]
    template: Option<RequestTemplate>,
    /// What happens; `alert.firing` when left out.
    #[serde(default = "firing")]
    event: Event,
}

const fn firing() -> Event {
    Event::AlertFiring
}

/// A request that a webhook would make.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookPreview {
    /// `POST` or `PUT`; of `email` `SMTP`.
    pub method: &'static str,
    /// Where to, with `(hidden)` for what lets in.
    pub url: String,
    /// All headers of HTTP but those of the connection, with `(hidden)` for what lets in.
    pub headers: BTreeMap<String, String>,
    /// The bytes, with `(hidden)` for what lets in, and `(picture, about 26 kB)` where those of a picture are.
    pub body: String,
}

/// In place of the bytes of a picture, which nobody reads.
const PICTURE: &str = "(picture, about 26 kB)";
/// Where a home server of Matrix has put it.
const MXC: &str = "mxc://(picture, about 26 kB)";

/// Refuses an event of which webhooks of this kind are never told, with what they are told in its place.
///
/// # Errors
/// [`ApiError::invalid`] at `event`.
pub(super) fn told_of(kind: webhook::WebhookKind, event: webhook::Event) -> Result<(), ApiError> {
    if kind.is_told_of(event) {
        return Ok(());
    }
    let instead = if event == webhook::Event::AlertsSummary {
        "it gets each message by itself"
    } else if event == webhook::Event::AlertFlapping {
        "it is told of each change (alert.firing, alert.resolved)"
    } else {
        "who uses it acknowledges there"
    };
    let detail = format!("this kind is not told of {}: {instead}", event.word());
    Err(ApiError::invalid("event", detail))
}

impl AskPreview {
    /// The webhook that it would be, and the event; of a stored one where it would change that.
    ///
    /// # Errors
    /// [`ApiError::invalid`] naming the field: a webhook like this would not be made.
    pub(super) fn read(
        self,
        stored: Option<&WebhookSpec>,
        policy: &Policy,
    ) -> Result<(WebhookSpec, webhook::Event), ApiError> {
        text::all_seen("name", &self.name)?;
        let kind = self.kind.into();
        let fields_stored = stored.filter(|stored| stored.kind == kind);
        let fields = self.fields.into_iter().map(|(name, value)| {
            let found = fields_stored.and_then(|stored| stored.fields.0.get(&name));
            let value = value.or_hidden(found);
            (name, value)
        });
        let headers = self.headers.into_iter().map(|(name, value)| {
            let value = value.or_hidden(stored.and_then(|stored| stored.headers.get(&name)));
            (name, value)
        });
        let spec = WebhookSpec {
            kind,
            fields: Fields(fields.collect()),
            headers: checked(headers.collect())?,
            template: self.template.map(RequestTemplate::read).transpose()?.unwrap_or_default(),
            ..WebhookSpec::new(self.name, url(kind, self.url, stored, policy)?)
        };
        Ok((fitting(spec)?, self.event.into()))
    }

    /// What would be sent.
    ///
    /// # Errors
    /// [`ApiError::invalid`] naming the field: a webhook like this would not be made.
    pub(crate) fn answered(
        self,
        stored: Option<&WebhookSpec>,
        policy: &Policy,
        teller: &Teller,
        hub: HubId,
        now: UnixMillis,
    ) -> Result<WebhookPreview, ApiError> {
        let (spec, wanted) = self.read(stored, policy)?;
        told_of(spec.kind, wanted)?;
        let event = sample::event(wanted, &spec, teller, now);
        let (mark, id) = (sign::hub_mark(hub), sign::message_id(hub, DeliveryId(1)));
        let png = Png { bytes: PICTURE.as_bytes(), alt: sample::CHART };
        let showing = if !showing::is_shown(spec.kind, wanted) {
            Showing::Links
        } else if spec.kind == webhook::WebhookKind::Matrix {
            Showing::Stored(MXC, png)
        } else {
            Showing::File(png)
        };
        let sender = Sender { hub: &mark, id: &id };
        let request = message::request_showing(&field::hidden(&spec), &event, sender, showing)
            .map_err(|error| ApiError::invalid("url", error.to_string()))?;
        let mut headers = BTreeMap::from([
            ("accept".to_owned(), "*/*".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
            ("user-agent".to_owned(), concat!("telemetry-hub/", env!("CARGO_PKG_VERSION")).to_owned()),
        ]);
        if request.method == Method::Mail {
            headers.clear();
        }
        headers.extend(spec.headers.0.iter().map(|(name, _)| (name.to_ascii_lowercase(), HIDDEN.to_owned())));
        headers.extend(request.headers.into_iter().map(|(name, value)| (name.to_owned(), value)));
        headers.extend(request.written.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)));
        if spec.kind == webhook::WebhookKind::Generic {
            headers.insert("webhook-id".to_owned(), id);
            headers.insert("webhook-timestamp".to_owned(), now.0.div_euclid(1_000).to_string());
            headers.insert("webhook-signature".to_owned(), format!("v1,{HIDDEN}"));
        }
        Ok(WebhookPreview {
            method: match request.method {
                Method::Post => "POST",
                Method::Put => "PUT",
                Method::Mail => "SMTP",
            },
            url: address::shown(spec.kind, &request.url),
            headers,
            // Mail has the bytes as letters.
            body: String::from_utf8_lossy(&request.body).replace(&STANDARD.encode(PICTURE), PICTURE),
        })
    }
}
