//! What a person says of a webhook: whole, or only what changes. What came out of the hub as [`header::HIDDEN`], or an address with that
//! in it, means "as it is".
//!
//! The kind is what was said, never what a URL looks like: one that does not fit is refused with what would.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::dto::{RequestTemplate, WebhookKind};
use super::hearing::{QuietHours, repeat_every};
use crate::delivery::header;
use crate::delivery::message::{address, field as fields_of, place};
use crate::delivery::policy::Policy;
use crate::delivery::trial;
use crate::http::error::ApiError;
use crate::http::request::text;
use crate::http::rules::dto::Severity;
use crate::model::hearing::Filter;
use crate::model::webhook::{self, Fields, Headers, Template, WebhookSpec};

/// A webhook to create, or the new settings of one.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWebhook {
    /// Name.
    name: String,
    /// What reads its messages; `generic` when left out.
    #[serde(default)]
    kind: WebhookKind,
    /// http or https URL, without user name and password: those go into a header. Of `email` the server, `smtps://host` (TLS, port 465)
    /// or `smtp://host` (STARTTLS, port 587). As it is shown, with `(hidden)`, it stays as it is, while the kind is the same.
    url: String,
    /// What the kind asks for beside the URL, such as `chat_id`. `(hidden)` keeps the value there is, while kind, scheme, host and port are the same.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    fields: BTreeMap<String, Credential>,
    /// Extra request headers, such as `Authorization`: at most 16. `(hidden)` keeps the value there is, while kind, scheme, host and port are the same.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    headers: BTreeMap<String, Credential>,
    /// Of `generic`: what is sent in place of the hub's own JSON.
    #[serde(default)]
    template: Option<RequestTemplate>,
    /// Whether it is notified of alerts that were over when the hub learned of them (`alert.past`); true when left out.
    #[serde(default = "yes")]
    past: bool,
    /// Whether rules that are created without `webhooks` notify it; false when left out.
    #[serde(default)]
    for_new_rules: bool,
    /// It is told of alerts that are at least so bad; `info`, which is all, when left out.
    #[serde(default = "info")]
    least_severity: Severity,
    /// Labels the device must have; none when left out.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// Tags the rule must have; none when left out.
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// Hours of the week in which nothing is sent; none when left out.
    #[serde(default)]
    quiet_hours: Option<QuietHours>,
    /// How often it is told again that an alert still fires, until somebody acknowledges it: 5 min at least, such as `4h`; never when
    /// left out.
    #[serde(default)]
    repeat_every: Option<String>,
    /// Whether deliveries are attempted; true when left out. Setting it also clears `disabled_reason`.
    #[serde(default = "yes")]
    enabled: bool,
}

/// What changes about a webhook; the rest stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookPatch {
    /// Name.
    name: Option<String>,
    /// What reads its messages. Of another kind only the fields are there that are set with it; an address that is not shown whole, and
    /// each header, has to be given again.
    kind: Option<WebhookKind>,
    /// http or https URL, without user name and password: those go into a header. What waits is sent there at once. As it is shown, with
    /// `(hidden)`, it stays as it is, while the kind is the same. For another scheme, host or port secret fields and headers have to be
    /// given again.
    url: Option<String>,
    /// Fields of the kind to set, or with null to remove; those not named stay.
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    fields: Option<BTreeMap<String, Option<Credential>>>,
    /// Headers to set, or with null to send no more; those not named stay. What waits is sent with them at once.
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    headers: Option<BTreeMap<String, Option<Credential>>>,
    /// What is sent in place of the hub's own JSON; null for that again. It is replaced whole.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<RequestTemplate>)]
    template: Option<Option<RequestTemplate>>,
    /// Whether it is notified of alerts that were over when the hub learned of them (`alert.past`).
    past: Option<bool>,
    /// Whether rules that are created without `webhooks` notify it.
    for_new_rules: Option<bool>,
    /// It is told of alerts that are at least so bad.
    least_severity: Option<Severity>,
    /// All labels the device must have; they replace the present ones.
    labels: Option<BTreeMap<String, String>>,
    /// All tags the rule must have; they replace the present ones.
    tags: Option<BTreeMap<String, String>>,
    /// Hours of the week in which nothing is sent; null for none.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<QuietHours>)]
    quiet_hours: Option<Option<QuietHours>>,
    /// How often it is told again that an alert still fires; null for never.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    repeat_every: Option<Option<String>>,
    /// Whether deliveries are attempted. Setting it also clears `disabled_reason`.
    enabled: Option<bool>,
}

/// A credential of the receiver as a rule: `Debug` does not print it.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Credential(String);

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(header::HIDDEN)
    }
}

const fn yes() -> bool {
    true
}

const fn info() -> Severity {
    Severity::Info
}

/// Tells `null` from absent.
fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl NewWebhook {
    /// The webhook it describes, in place of the one there was.
    ///
    /// # Errors
    /// [`ApiError::invalid`] naming the field.
    pub(crate) fn over(self, before: Option<&WebhookSpec>, policy: &Policy) -> Result<WebhookSpec, ApiError> {
        let none = WebhookSpec::new("", "");
        let (stored, before) = (before, before.unwrap_or(&none));
        let kind = self.kind.into();
        let url = url(kind, self.url, stored, policy)?;
        let known = Known::of(before, kind, &url);
        let headers = self.headers.into_iter().map(|(name, value)| given(name, value, &known.headers));
        let fields = self.fields.into_iter().map(|(name, value)| field(name, value, &known.fields));
        fitting(WebhookSpec {
            name: text::name("name", self.name)?,
            kind,
            url,
            fields: Fields(fields.collect::<Result<_, _>>()?),
            headers: checked(headers.collect::<Result<_, _>>()?)?,
            template: self.template.map(RequestTemplate::read).transpose()?.unwrap_or_default(),
            past: self.past,
            for_new_rules: self.for_new_rules,
            filter: Filter {
                least: self.least_severity.into(),
                labels: text::labels(self.labels)?,
                tags: text::tags(self.tags)?,
            },
            quiet: self.quiet_hours.map(QuietHours::check).transpose()?,
            repeat_every: self.repeat_every.as_deref().map(repeat_every).transpose()?,
            enabled: self.enabled,
        })
    }
}

impl WebhookPatch {
    /// The webhook with these changes.
    ///
    /// # Errors
    /// [`ApiError::invalid`] naming the field.
    pub(crate) fn over(self, before: WebhookSpec, policy: &Policy) -> Result<WebhookSpec, ApiError> {
        let kind = self.kind.map_or(before.kind, Into::into);
        let address = match self.url {
            Some(new) => url(kind, new, Some(&before), policy)?,
            None if kind != before.kind && address::hides(before.kind, &before.url) => return Err(of_another_kind()),
            None => before.url.clone(),
        };
        let known = Known::of(&before, kind, &address);
        let (said_headers, said_fields) = (self.headers.unwrap_or_default(), self.fields.unwrap_or_default());
        all_said("headers", before.headers.0.iter().map(|(name, _)| name), |name| {
            known.headers.get(name).is_some() || said_headers.keys().any(|said| said.eq_ignore_ascii_case(name))
        })?;
        let stays = if kind == before.kind { before.fields } else { Fields::default() };
        all_said("fields", stays.0.keys(), |name| known.fields.get(name).is_some() || said_fields.contains_key(name))?;
        let mut headers = before.headers;
        for (name, value) in said_headers {
            let place = headers.0.iter().position(|(stored, _)| stored.eq_ignore_ascii_case(&name));
            match (value.map(|value| given(name, value, &known.headers)).transpose()?, place) {
                (Some(header), Some(place)) => headers.0[place] = header,
                (Some(header), None) => headers.0.push(header),
                (None, Some(place)) => drop(headers.0.remove(place)),
                (None, None) => {}
            }
        }
        let mut fields = stays;
        for (name, value) in said_fields {
            match value {
                Some(value) => {
                    let (name, value) = field(name, value, &known.fields)?;
                    fields.0.insert(name, value);
                }
                None => drop(fields.0.remove(&name)),
            }
        }
        let template = match self.template {
            Some(template) => template.map(RequestTemplate::read).transpose()?.unwrap_or_default(),
            None if kind == before.kind => before.template,
            None => Template::default(),
        };
        fitting(WebhookSpec {
            name: self.name.map_or(Ok(before.name), |name| text::name("name", name))?,
            kind,
            url: address,
            fields,
            headers: checked(headers.0)?,
            template,
            past: self.past.unwrap_or(before.past),
            for_new_rules: self.for_new_rules.unwrap_or(before.for_new_rules),
            filter: Filter {
                least: self.least_severity.map_or(before.filter.least, Into::into),
                labels: self.labels.map_or(Ok(before.filter.labels), text::labels)?,
                tags: self.tags.map_or(Ok(before.filter.tags), text::tags)?,
            },
            quiet: match self.quiet_hours {
                Some(quiet) => quiet.map(QuietHours::check).transpose()?,
                None => before.quiet,
            },
            repeat_every: match self.repeat_every {
                Some(every) => every.as_deref().map(repeat_every).transpose()?,
                None => before.repeat_every,
            },
            enabled: self.enabled.unwrap_or(before.enabled),
        })
    }
}

/// What is stored and may go on to the receiver that a webhook has now: what lets in at one is not told another.
struct Known {
    headers: Headers,
    fields: Fields,
}

impl Known {
    fn of(before: &WebhookSpec, kind: webhook::WebhookKind, url: &str) -> Self {
        let (mut headers, mut fields) = (before.headers.clone(), before.fields.clone());
        let is_other = kind != before.kind;
        if is_other {
            fields.0.clear();
        }
        if is_other || !address::is_same_server(&before.url, url) {
            headers.0.clear();
            fields.0.retain(|name, _| !fields_of::is_secret(kind, name));
        }
        Self { headers, fields }
    }
}

/// That each of what is stored goes on, or is said again.
fn all_said<'a>(
    place: &str,
    mut stored: impl Iterator<Item = &'a String>,
    is_said: impl Fn(&str) -> bool,
) -> Result<(), ApiError> {
    stored.find(|name| !is_said(name)).map_or(Ok(()), |name| {
        let detail =
            format!("what lets in at one receiver is not told another: write `{name}` again, or null to remove it");
        Err(ApiError::invalid(format!("{place}.{name}"), detail))
    })
}

/// A webhook whose URL and fields are those of its kind.
pub(in crate::http) fn fitting(spec: WebhookSpec) -> Result<WebhookSpec, ApiError> {
    place::check(&spec).map_err(|place::Refused { field, reason }| ApiError::invalid(field, reason))?;
    trial::request(&spec).map_err(|trial::Refused { field, reason }| ApiError::invalid(field, reason))?;
    Ok(spec)
}

/// A header as it was sent, or with the value it had.
fn given(name: String, value: Credential, stored: &Headers) -> Result<(String, String), ApiError> {
    let value = value.or(stored.get(&name), || format!("headers.{name}"))?;
    Ok((name, value))
}

/// A field as it was sent, or with the value it had.
fn field(name: String, value: Credential, stored: &Fields) -> Result<(String, String), ApiError> {
    let value = value.or(stored.0.get(&name), || format!("fields.{name}"))?;
    text::all_seen("fields", &name)?;
    text::all_seen(&format!("fields.{name}"), &value)?;
    Ok((name, value))
}

impl Credential {
    /// What was sent, or what is stored where that is meant; [`header::HIDDEN`] itself where nothing is.
    pub(super) fn or_hidden(self, stored: Option<&String>) -> String {
        if self.0 == header::HIDDEN { stored.cloned().unwrap_or(self.0) } else { self.0 }
    }

    /// What was sent, or what is stored where that is meant.
    fn or(self, stored: Option<&String>, place: impl FnOnce() -> String) -> Result<String, ApiError> {
        if self.0 != header::HIDDEN {
            return Ok(self.0);
        }
        stored
            .cloned()
            .ok_or_else(|| ApiError::invalid(place(), "there is no stored value to keep for this receiver: write one"))
    }
}

pub(in crate::http) fn checked(headers: Vec<(String, String)>) -> Result<Headers, ApiError> {
    match header::check(&headers) {
        Ok(()) => Ok(Headers(headers)),
        Err(header::Refused { name, reason }) => {
            let field = name.map_or_else(|| "headers".to_owned(), |name| format!("headers.{name}"));
            Err(ApiError::invalid(field, reason))
        }
    }
}

/// What is hidden of an address depends on its kind: as one of another kind it could be shown whole.
fn of_another_kind() -> ApiError {
    ApiError::invalid("url", "give the whole address again: the stored one is of another kind, and not shown whole")
}

/// An address as it was sent, or the stored one of this kind where it came as that is shown.
pub(in crate::http) fn url(
    kind: webhook::WebhookKind,
    url: String,
    stored: Option<&WebhookSpec>,
    policy: &Policy,
) -> Result<String, ApiError> {
    let url = if url.contains(header::HIDDEN) {
        let stored = stored.filter(|stored| address::shown(stored.kind, &stored.url) == url.trim());
        let stored = stored.ok_or_else(|| {
            let detail = format!("write the whole address: `{}` stands for a part of a stored one", header::HIDDEN);
            ApiError::invalid("url", detail)
        })?;
        if stored.kind != kind {
            return Err(of_another_kind());
        }
        stored.url.clone()
    } else {
        url
    };
    if url.len() > 2_048 {
        return Err(ApiError::invalid("url", "`url` must have at most 2048 bytes"));
    }
    // A parser passes over some of what is not seen.
    text::all_seen("url", &url)?;
    policy.check_address(kind, &url).map_err(|refused| ApiError::invalid("url", refused.to_string()))?;
    Ok(url)
}
