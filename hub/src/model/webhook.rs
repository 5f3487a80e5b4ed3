//! Webhooks: where messages go, and in which form.

use std::collections::BTreeMap;
use std::time::Duration;

use super::UnixMillis;
pub use super::delivery::{
    A_HANDFUL, Attempt, Delivery, DeliveryState, Disabling, Event, Grouped, Held, LATE_MS, MOST_ATTEMPTS,
    MOST_REPLAYED, MOST_SUMMED_UP, NewDelivery, Problem, ProblemKind, RESTED_MS, Replay, Settled, Settlement, Waits,
};
use super::hearing::{Filter, QuietHours, SHORTEST_REPEAT};
pub use super::id::{DeliveryId, WebhookId};

/// What a person sets about a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSpec {
    /// Name shown to people.
    pub name: String,
    /// What it is told in.
    pub kind: WebhookKind,
    /// http or https URL without user info; smtp or smtps for e-mail.
    pub url: String,
    /// What the kind asks for beside the URL.
    pub fields: Fields,
    /// Extra request headers.
    pub headers: Headers,
    /// Of the kind `generic`: what is sent in place of the hub's own form.
    pub template: Template,
    /// Whether it is told of alerts that were over when the hub learned of them.
    pub past: bool,
    /// Whether rules that are made without a word about webhooks tell it.
    pub for_new_rules: bool,
    /// Of which alerts it is told.
    pub filter: Filter,
    /// When it is not to be disturbed.
    pub quiet: Option<QuietHours>,
    /// How often it is told again of an alert that still fires; `None` for once.
    pub repeat_every: Option<Duration>,
    /// Whether deliveries are attempted.
    pub enabled: bool,
}

impl WebhookSpec {
    /// A webhook that is on, told of everything in the hub's own form, with nothing special about it.
    #[must_use]
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        let (name, url) = (name.into(), url.into());
        let (kind, fields, headers) = (WebhookKind::Generic, Fields::default(), Headers::default());
        Self {
            name,
            kind,
            url,
            fields,
            headers,
            template: Template::default(),
            past: true,
            for_new_rules: false,
            filter: Filter::default(),
            quiet: None,
            repeat_every: None,
            enabled: true,
        }
    }
}

/// What reads the messages of a webhook: it decides what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookKind {
    /// Anything that reads the hub's own JSON, signed as Standard Webhooks.
    Generic,
    /// An incoming webhook of Slack, or of what speaks like it.
    Slack,
    /// A webhook of a Discord channel.
    Discord,
    /// A workflow of Microsoft Teams.
    Teams,
    /// A topic of ntfy.
    Ntfy,
    /// A bot of Telegram.
    Telegram,
    /// `PagerDuty` Events v2.
    PagerDuty,
    /// Prometheus Alertmanager, API v2.
    Alertmanager,
    /// An application of Gotify.
    Gotify,
    /// A room of Matrix.
    Matrix,
    /// A webhook trigger of Home Assistant.
    HomeAssistant,
    /// E-mail, handed to a server by SMTP.
    Email,
}

impl WebhookKind {
    /// Whether people read what it is sent, and no program keeps count of the alerts in it.
    #[must_use]
    pub const fn is_read_by_people(self) -> bool {
        match self {
            Self::Slack
            | Self::Discord
            | Self::Teams
            | Self::Ntfy
            | Self::Telegram
            | Self::Gotify
            | Self::Matrix
            | Self::Email => true,
            Self::Generic | Self::PagerDuty | Self::Alertmanager | Self::HomeAssistant => false,
        }
    }
}

impl WebhookKind {
    /// Whether it is told of each change, also of an alert that flaps: a program may switch something by it. People, and
    /// what calls them, are told once that it flaps.
    #[must_use]
    pub const fn hears_each_change(self) -> bool {
        matches!(self, Self::Generic | Self::Alertmanager | Self::HomeAssistant)
    }

    /// Whether it keeps one incident an alert for the people whom it calls.
    #[must_use]
    pub const fn keeps_incidents(self) -> bool {
        !self.is_read_by_people() && !self.hears_each_change()
    }

    /// Whether it is ever told of this.
    #[must_use]
    pub const fn is_told_of(self, event: Event) -> bool {
        match event {
            Event::AlertsSummary => self.is_read_by_people(),
            Event::AlertFlapping => !self.hears_each_change(),
            Event::AlertAcknowledged => self.takes_acknowledgements(),
            Event::AlertFiring
            | Event::AlertResolved
            | Event::AlertPast
            | Event::AlertRepeated
            | Event::WebhookDisabled
            | Event::Test => true,
        }
    }

    /// How often it has to be told again of what fires, whatever a person set: Alertmanager forgets it when it is restarted.
    #[must_use]
    pub const fn resent_every(self) -> Option<Duration> {
        match self {
            Self::Alertmanager => Some(SHORTEST_REPEAT),
            Self::Generic
            | Self::Slack
            | Self::Discord
            | Self::Teams
            | Self::Ntfy
            | Self::Telegram
            | Self::PagerDuty
            | Self::Gotify
            | Self::Matrix
            | Self::HomeAssistant
            | Self::Email => None,
        }
    }

    /// Whether it can be told that somebody acknowledged an alert.
    #[must_use]
    pub const fn takes_acknowledgements(self) -> bool {
        // Its own people silence there.
        !matches!(self, Self::Alertmanager)
    }
}

/// What a kind asks for beside the URL, by name, such as `chat_id`. Secrets are among them: `Debug` prints names only.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Fields(pub BTreeMap<String, String>);

impl Fields {
    /// The field of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What a person writes of a request, as templates; the hub's own form where there is nothing. Credentials may be in it: `Debug`
/// prints names only.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Template {
    /// What the body is; JSON where nothing is said.
    pub content_type: Option<String>,
    pub body: Option<String>,
    /// Headers that a message decides, by name.
    pub headers: BTreeMap<String, String>,
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Template")
            .field("content_type", &self.content_type)
            .field("body", &self.body.is_some())
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// Extra request headers in order, credentials of the receiver among them: `Debug` prints names only.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The value of this name, in upper or lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&String> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// A signing secret: 24 to 64 bytes, shown as `whsec_` + base64. Never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A stored webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    /// What a person set.
    pub spec: WebhookSpec,
    /// Secrets to sign with: the current one, then one being rotated out until its time.
    pub secrets: Vec<Secret>,
    /// Why the hub disabled it (410, or days of only failures); `None` while it has not.
    pub disabled_reason: Option<String>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub updated_at: UnixMillis,
    /// How many rules tell it.
    pub rules: usize,
    /// State and time of its newest delivery.
    pub last_delivery: Option<LastDelivery>,
    /// What a person must mend before anything arrives; `None` once something has.
    pub problem: Option<Problem>,
    /// How many of its messages were given up, tests aside; [`MOST_REPLAYED`] stands for more.
    pub failed: usize,
    /// Since when attempts only fail; `None` after one that did not, or when a person changed it.
    pub failing_since: Option<UnixMillis>,
    /// How many messages wait that no summary tells of: ordinary ones, and critical ones.
    pub waiting: [usize; 2],
}

impl Webhook {
    /// Whether it is sent anything.
    #[must_use]
    pub const fn works(&self) -> bool {
        self.spec.enabled && self.disabled_reason.is_none()
    }

    /// A webhook that was made at this moment, and of which nothing else is known.
    #[must_use]
    pub const fn new(id: WebhookId, spec: WebhookSpec, secrets: Vec<Secret>, now: UnixMillis) -> Self {
        let (created_at, updated_at) = (now, now);
        Self {
            id,
            spec,
            secrets,
            disabled_reason: None,
            created_at,
            updated_at,
            rules: 0,
            last_delivery: None,
            problem: None,
            failed: 0,
            failing_since: None,
            waiting: [0; 2],
        }
    }
}

/// How the newest delivery of a webhook went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastDelivery {
    /// When it last changed.
    pub at: UnixMillis,
    pub state: DeliveryState,
    /// HTTP status of its last attempt.
    pub status: Option<u16>,
}
