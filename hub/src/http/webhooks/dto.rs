//! Webhooks as they are shown.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::hearing::{QuietHours, QuietNow};
use super::sent::DeliveryState;
use crate::clock::Clock;
use crate::delivery::header;
use crate::delivery::mend;
use crate::delivery::message::{address, field};
use crate::http::error::ApiError;
use crate::http::request::text;
use crate::http::rules::dto::Severity;
use crate::model::access::Scope;
use crate::model::{webhook, when};

/// A webhook.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Webhook {
    /// Text of its id.
    pub id: String,
    /// Name.
    pub name: String,
    /// What reads its messages.
    pub kind: WebhookKind,
    /// Where it sends, with `(hidden)` for what lets in; who is no admin sees scheme and host of it, the rest is `...`.
    pub url: String,
    /// What the kind asks for beside the URL: `chat_id` (telegram), `routing_key` (pagerduty), `room_id` and `token` (matrix), `token`
    /// (ntfy, gotify), `to`, `from`, `username`, `password` and `plain_text` (email). Secrets are `(hidden)`, and all of them for who is no admin.
    pub fields: BTreeMap<String, String>,
    /// Whether it is notified of alerts that were over when the hub learned of them (`alert.past`).
    pub past: bool,
    /// It is told of alerts that are at least so bad.
    pub least_severity: Severity,
    /// Labels the device must have; alerts of the hub itself have no device, and pass.
    pub labels: BTreeMap<String, String>,
    /// Tags the rule must have; alerts of the hub itself pass.
    pub tags: BTreeMap<String, String>,
    /// Hours of the week in which nothing is sent; null for none.
    pub quiet_hours: Option<QuietHours>,
    /// The quiet hours that last, and what waits for their end; null outside.
    pub quiet: Option<QuietNow>,
    /// How often it is told again (`alert.repeated`) that an alert still fires, until somebody acknowledges it; null for never.
    pub repeat_every: Option<String>,
    /// Whether deliveries are attempted.
    pub enabled: bool,
    /// Why the hub disabled it.
    pub disabled_reason: Option<String>,
    /// Names of the extra request headers. Their values are `(hidden)`: they are credentials, and given back to nobody.
    pub headers: BTreeMap<String, String>,
    /// What is sent in place of the hub's own JSON; null where that is sent, and for who is no admin.
    pub template: Option<RequestTemplate>,
    /// Whether rules that are created without `webhooks` notify it.
    pub for_new_rules: bool,
    /// How many rules notify it.
    pub rules: usize,
    /// When it was made.
    pub created_at: String,
    /// How its newest delivery went.
    pub last_delivery: Option<LastDelivery>,
    /// What a person must mend before anything arrives; null again with the next message that does, or when `url`, `kind`, `fields` or
    /// `headers` are changed. Messages are kept and tried again meanwhile.
    pub problem: Option<WebhookProblem>,
    /// How many of its messages were given up, tests aside: `POST /deliveries/replay` sends them again. 1000 stands for more.
    pub failed: usize,
    /// Since when every attempt failed, whatever for; after five days the webhook is disabled. Null after one that did not.
    pub failing_since: Option<String>,
}

/// Why no message arrives until a person mends it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct WebhookProblem {
    /// Where to look.
    pub kind: WebhookProblemKind,
    /// When a message first failed for it.
    pub since: String,
    /// What is wrong, and what to do; the words of a mail server are only in what an admin sees.
    pub text: String,
}

/// Where a person finds what to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WebhookProblemKind {
    /// At the token: the receiver refuses it.
    Token,
    /// At the address: nothing there takes messages (404, 405, a redirect, an unknown name, a certificate that is not accepted).
    Address,
    /// At the kind: the receiver does not take such messages.
    Message,
    /// At the hub's settings: it does not call this address.
    Policy,
}

impl From<webhook::Problem> for WebhookProblem {
    fn from(problem: webhook::Problem) -> Self {
        let kind = match problem.kind {
            webhook::ProblemKind::Token => WebhookProblemKind::Token,
            webhook::ProblemKind::Address => WebhookProblemKind::Address,
            webhook::ProblemKind::Message => WebhookProblemKind::Message,
            webhook::ProblemKind::Policy => WebhookProblemKind::Policy,
        };
        Self { kind, since: when::moment(problem.since), text: problem.text }
    }
}

/// What a webhook of the kind `generic` sends in place of the hub's own JSON, as templates in the language of Jinja over the message. A
/// name that no message has is refused. One that fails when a message is sent leaves the hub's own, and is a `problem`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestTemplate {
    /// What the body is; `application/json` when left out, and then it has to be JSON.
    #[serde(default)]
    #[schema(required = false)]
    content_type: Option<String>,
    /// The body: `{"text": {{ title|tojson }}, "level": {{ severity|tojson }}}`. `{{ token }}` is the field `token`, which is never given back.
    #[serde(default)]
    #[schema(required = false)]
    body: Option<String>,
    /// Headers by name: `{"X-Priority": "{{ 5 if severity == 'critical' else 3 }}"}`.
    #[serde(default)]
    #[schema(required = false)]
    headers: BTreeMap<String, String>,
}

impl RequestTemplate {
    fn of(template: webhook::Template) -> Option<Self> {
        let webhook::Template { content_type, body, headers } = template;
        (body.is_some() || !headers.is_empty()).then_some(Self { content_type, body, headers })
    }

    /// The templates, not yet tried.
    pub(in crate::http) fn read(self) -> Result<webhook::Template, ApiError> {
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let (content_type, body) = (given(self.content_type), given(self.body));
        if let Some(content_type) = &content_type {
            text::all_seen("template.content_type", content_type)?;
        }
        if let Some(body) = &body {
            text::lines_seen("template.body", &body.replace("\r\n", "\n"))?;
        }
        for (name, value) in &self.headers {
            text::all_seen("template.headers", name)?;
            text::all_seen(&format!("template.headers.{name}"), value)?;
        }
        Ok(webhook::Template { content_type, body, headers: self.headers })
    }
}

/// What reads the messages of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookKind {
    /// Anything: the hub's own JSON, signed (Standard Webhooks).
    #[default]
    Generic,
    /// An incoming webhook of Slack, or of what speaks like it.
    Slack,
    /// A webhook of a Discord channel.
    Discord,
    /// A workflow of Microsoft Teams, with an Adaptive Card.
    Teams,
    /// A topic of ntfy: server and topic are the URL.
    Ntfy,
    /// A bot of Telegram, with `chat_id`.
    Telegram,
    /// `PagerDuty` Events v2, with `routing_key`.
    #[serde(rename = "pagerduty")]
    PagerDuty,
    /// Prometheus Alertmanager, API v2.
    Alertmanager,
    /// Gotify, with `token`.
    Gotify,
    /// A room of Matrix, with `room_id` and `token`; the URL is the home server.
    Matrix,
    /// A webhook trigger of Home Assistant: the hub's own JSON.
    HomeAssistant,
    /// E-mail, handed to a mail server by SMTP, with `to` and `from`.
    Email,
}

macro_rules! kinds {
    ($($kind:ident),*) => {
        impl From<webhook::WebhookKind> for WebhookKind {
            fn from(kind: webhook::WebhookKind) -> Self {
                match kind { $(webhook::WebhookKind::$kind => Self::$kind,)* }
            }
        }

        impl From<WebhookKind> for webhook::WebhookKind {
            fn from(kind: WebhookKind) -> Self {
                match kind { $(WebhookKind::$kind => Self::$kind,)* }
            }
        }
    };
}

kinds!(Generic, Slack, Discord, Teams, Ntfy, Telegram, PagerDuty, Alertmanager, Gotify, Matrix, HomeAssistant, Email);

/// A webhook, with its secret, which is shown only once.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookWithSecret {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: Webhook,
    /// What the receiver verifies signatures with (Standard Webhooks); of the kind `generic`, the others are not signed.
    pub secret: String,
}

/// How the newest delivery of a webhook went.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct LastDelivery {
    /// When it last changed.
    pub at: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// HTTP status of its last attempt.
    pub status: Option<u16>,
}

impl From<webhook::Webhook> for Webhook {
    fn from(webhook: webhook::Webhook) -> Self {
        let fields = field::hidden(&webhook.spec).fields.0;
        let enabled = webhook.works();
        let quiet = QuietNow::of(&webhook, Clock.wall());
        let filter = webhook.spec.filter;
        Self {
            least_severity: filter.least.into(),
            labels: filter.labels,
            tags: filter.tags,
            quiet_hours: webhook.spec.quiet.map(QuietHours::from),
            quiet,
            repeat_every: webhook.spec.repeat_every.map(when::span),
            id: text::id(webhook.id),
            name: webhook.spec.name,
            kind: webhook.spec.kind.into(),
            url: address::shown(webhook.spec.kind, &webhook.spec.url),
            fields,
            past: webhook.spec.past,
            enabled,
            disabled_reason: webhook.disabled_reason,
            headers: webhook.spec.headers.0.into_iter().map(|(name, _)| (name, header::HIDDEN.to_owned())).collect(),
            template: RequestTemplate::of(webhook.spec.template),
            for_new_rules: webhook.spec.for_new_rules,
            rules: webhook.rules,
            created_at: when::moment(webhook.created_at),
            last_delivery: webhook.last_delivery.map(|last| LastDelivery {
                at: when::moment(last.at),
                state: last.state.into(),
                status: last.status,
            }),
            problem: webhook.problem.map(WebhookProblem::from),
            failed: webhook.failed,
            failing_since: webhook.failing_since.map(when::moment),
        }
    }
}

impl Webhook {
    /// As somebody with this scope may see it: path and query of a URL are often a credential of the receiver.
    #[must_use]
    pub(crate) fn shown_to(mut self, scope: Scope) -> Self {
        if !scope.includes(Scope::Admin) {
            self.url = without_path(&self.url);
            self.template = None;
            self.fields.values_mut().for_each(|value| header::HIDDEN.clone_into(value));
            if let Some(problem) = &mut self.problem {
                problem.text = mend::for_everybody(&problem.text).to_owned();
            }
        }
        self
    }
}

/// Scheme and host; `...` stands for what follows.
fn without_path(url: &str) -> String {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    let rest = url.get(host..).unwrap_or_default();
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (origin, path) = url.split_at(host + end);
    if path.len() < 2 { url.to_owned() } else { format!("{origin}/...") }
}

impl WebhookWithSecret {
    /// For the answer that shows the secret.
    #[must_use]
    pub(crate) fn of(webhook: webhook::Webhook, secret: &webhook::Secret) -> Self {
        Self { webhook: webhook.into(), secret: format!("whsec_{}", STANDARD.encode(&secret.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_url_the_origin_is_for_everybody() {
        for (url, shown) in [
            ("https://hooks.example.org/services/T0/B0/secret", "https://hooks.example.org/..."),
            ("http://192.168.1.4:8123/api/webhook/abc", "http://192.168.1.4:8123/..."),
            ("https://example.org?token=abc", "https://example.org/..."),
            ("https://[fd00::1]:8443/x", "https://[fd00::1]:8443/..."),
            ("https://example.org/", "https://example.org/"),
            ("https://example.org", "https://example.org"),
        ] {
            assert_eq!(without_path(url), shown);
        }
    }
}
