//! The request of an attempt: what it is made of, and what of it may be kept for people.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use tokio::sync::Semaphore;

use crate::delivery::header;
use crate::delivery::mend::Cause;
use crate::delivery::message::showing::Showing;
use crate::delivery::message::{self, Request, Sender, address, field, spelled};
use crate::delivery::payload;
use crate::delivery::policy::{self, Policy};
use crate::delivery::sign::{hub_mark, message_id, signature};
use crate::model::webhook::{Delivery, Template, Webhook, WebhookKind};
use crate::model::{HubId, UnixMillis};
use crate::zones;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("telemetry-hub/", env!("CARGO_PKG_VERSION")));
/// Messages whose templates are rendered at once.
static RENDERING: Semaphore = Semaphore::const_new(2);

/// Makes the requests of a hub, where its policy lets them go.
#[derive(Clone)]
pub(super) struct Writer {
    pub(super) policy: Arc<Policy>,
    pub(super) hub: HubId,
}

impl Writer {
    /// What is sent, and where: or why nothing is. Templates are rendered beside what serves everybody, two messages at once.
    pub(super) async fn prepared(
        &self,
        webhook: &Webhook,
        delivery: &Delivery,
        showing: Showing<'_>,
        at: UnixMillis,
    ) -> Result<Request, Cause> {
        if webhook.spec.template == Template::default() {
            return self.made(webhook, delivery, showing, at);
        }
        // It is never closed.
        let place = RENDERING.acquire().await.ok();
        let (writer, webhook, delivery) = (self.clone(), webhook.clone(), delivery.clone());
        let made = tokio::task::spawn_blocking(move || {
            let _place = place;
            // The kind that has templates has no pictures.
            writer.made(&webhook, &delivery, Showing::Nothing, at)
        });
        made.await.unwrap_or_else(|error| Err(Cause::Message(error.to_string())))
    }

    /// The same, here and now.
    pub(super) fn made(
        &self,
        webhook: &Webhook,
        delivery: &Delivery,
        showing: Showing<'_>,
        at: UnixMillis,
    ) -> Result<Request, Cause> {
        let refused = |refused: policy::Refused| Cause::Policy(refused.to_string());
        // What a person gave, before anything is made of it.
        self.policy.check_address(webhook.spec.kind, &webhook.spec.url).map_err(refused)?;
        let (hub, id) = (hub_mark(self.hub), message_id(self.hub, delivery.id));
        let from = Sender { hub: &hub, id: &id };
        let was_quiet = zones::is_quiet(webhook.spec.quiet.as_ref(), delivery.created_at);
        let event = payload::delayed(&delivery.body, delivery.delayed_by(Some(at)), was_quiet);
        let request = message::request_showing(&webhook.spec, &event, from, showing);
        let request = request.map_err(|error| Cause::Message(error.to_string()))?;
        self.policy.check_address(webhook.spec.kind, &request.url).map_err(refused)?;
        Ok(request)
    }

    pub(super) fn headers(
        &self,
        request: &Request,
        webhook: &Webhook,
        delivery: &Delivery,
        timestamp: i64,
    ) -> HeaderMap {
        let mut headers = usual_headers();
        for (name, value) in &webhook.spec.headers.0 {
            let (Ok(name), Ok(mut value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) else {
                continue;
            };
            // Checked when they were given; a database that came from elsewhere was not.
            if header::reserved(name.as_str()).is_none() {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        for (name, value) in &request.headers {
            if let Ok(mut value) = HeaderValue::from_str(value) {
                value.set_sensitive(true);
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        for (name, value) in &request.written {
            let (Ok(name), Ok(mut value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) else {
                continue;
            };
            if name == CONTENT_TYPE || header::reserved(name.as_str()).is_none() {
                value.set_sensitive(name != CONTENT_TYPE);
                headers.insert(name, value);
            }
        }
        if webhook.spec.kind != WebhookKind::Generic {
            return headers;
        }
        let id = message_id(self.hub, delivery.id);
        let signature = signature(&webhook.secrets, &id, timestamp, &request.body);
        for (name, value) in
            [("webhook-id", id), ("webhook-timestamp", timestamp.to_string()), ("webhook-signature", signature)]
        {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        headers
    }
}

/// Headers that are kept of a request, or of an answer.
const HEADERS_KEPT: usize = 40;
/// Bytes of a value that are kept.
const VALUE_KEPT: usize = 256;
/// Bytes of a head that are kept.
const HEAD_KEPT: usize = 2 << 10;

/// A head for people, one header a line: without what lets in, here or at the receiver.
pub(super) fn head(first: &str, headers: &HeaderMap, unsaid: &[(String, String)]) -> String {
    let mut text = first.to_owned();
    for (name, value) in headers.iter().take(HEADERS_KEPT) {
        let is_secret = value.is_sensitive() || matches!(name.as_str(), "set-cookie" | "authorization");
        let value = String::from_utf8_lossy(value.as_bytes());
        let value = if is_secret { header::HIDDEN } else { &value[..value.floor_char_boundary(VALUE_KEPT)] };
        text += &format!("\n{name}: {value}");
    }
    header::unsaid(&text, HEAD_KEPT, unsaid)
}

/// What every request has.
pub(super) fn usual_headers() -> HeaderMap {
    let json = HeaderValue::from_static("application/json");
    HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("*/*")), (USER_AGENT, AGENT), (CONTENT_TYPE, json)])
}

/// What an answer must not repeat where it is kept.
pub(super) fn credentials(webhook: &Webhook) -> Vec<(String, String)> {
    let spec = &webhook.spec;
    let secret =
        |(name, value): (&String, &String)| field::is_secret(spec.kind, name).then(|| (name.clone(), value.clone()));
    let fields: Vec<_> = spec.fields.0.iter().filter_map(secret).collect();
    // As `tojson` spells them.
    let spelled: Vec<_> = fields.iter().map(|(name, value)| (name.clone(), spelled::spelled(value))).collect();
    // As SMTP carries them.
    let coded = |text: &str| ("coded".to_owned(), STANDARD.encode(text));
    let name = spec.fields.get("username").unwrap_or_default();
    let carried: Vec<_> =
        fields.iter().flat_map(|(_, value)| [coded(value), coded(&format!("\0{name}\0{value}"))]).collect();
    let address = address::secrets(spec.kind, &spec.url).into_iter().map(|part| ("url".to_owned(), part));
    address.chain(spec.headers.0.iter().cloned()).chain(fields).chain(spelled).chain(carried).collect()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::delivery::payload::test_delivery;
    use crate::model::hearing::Urgency;
    use crate::model::webhook::{DeliveryId, DeliveryState, WebhookId, WebhookSpec};

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn webhook(url: &str, body: Option<&str>) -> Webhook {
        let template = Template { body: body.map(str::to_owned), ..Template::default() };
        let spec = WebhookSpec { template, ..WebhookSpec::new("ops", url) };
        Webhook::new(WebhookId(1), spec, Vec::new(), NOW)
    }

    fn delivery() -> Delivery {
        let new = test_delivery(WebhookId(1), "ops", NOW);
        Delivery {
            id: DeliveryId(1),
            webhook: new.webhook,
            alert: None,
            event: new.event,
            state: DeliveryState::Pending,
            attempts: Vec::new(),
            by_hand: 0,
            next_attempt_at: Some(NOW),
            summary: None,
            urgency: Urgency::AskedFor,
            created_at: NOW,
            held_until: None,
            body: new.body,
        }
    }

    #[tokio::test]
    async fn templates_are_rendered_two_at_once_and_what_has_none_waits_for_nobody() {
        let writer = Writer { policy: Arc::new(Policy::default()), hub: HubId::from_bytes([1; 16]) };
        let (plain, templated, delivery) =
            (webhook("http://10.0.0.9/", None), webhook("http://10.0.0.9/", Some("{}")), delivery());
        let prepared = |webhook| writer.prepared(webhook, &delivery, Showing::Nothing, NOW);
        let places = RENDERING.acquire_many(2).await.unwrap();
        let mut waits = Box::pin(prepared(&templated));
        assert!(waits.as_mut().now_or_never().is_none());
        assert!(prepared(&plain).now_or_never().unwrap().is_ok());
        drop(places);
        assert_eq!(waits.await.unwrap().body, b"{}");
    }

    #[test]
    fn an_answer_that_repeats_the_address_is_kept_without_what_lets_in() {
        let webhook = webhook("http://10.0.0.9/hooks/aB3dE5gH9/?key=s3cretOfIt", None);
        let headers = HeaderMap::from_iter([(
            reqwest::header::LOCATION,
            HeaderValue::from_static("/login?to=/hooks/aB3dE5gH9/"),
        )]);
        let kept = head("HTTP/1.1 302 Found", &headers, &credentials(&webhook));
        assert_eq!(kept, "HTTP/1.1 302 Found\nlocation: /login?to=/(hidden)");
        let said = header::unsaid("no hook aB3dE5gH9, key s3cretOfIt", 1024, &credentials(&webhook));
        assert_eq!(said, "no hook (hidden), key (hidden)");
    }
}
