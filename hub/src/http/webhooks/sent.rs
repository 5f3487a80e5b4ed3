//! Deliveries as they are shown.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::delivery::{mend, payload};
use crate::http::request::text;
use crate::model::access::Scope;
use crate::model::hearing::Lull;
use crate::model::{delivery, webhook, when};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryState {
    /// To be attempted.
    Pending,
    /// The receiver answered 2xx.
    Delivered,
    /// Given up.
    Failed,
    /// Not sent: its alert began and was over in the quiet hours of the webhook.
    Withdrawn,
}

impl From<webhook::DeliveryState> for DeliveryState {
    fn from(state: webhook::DeliveryState) -> Self {
        match state {
            webhook::DeliveryState::Pending => Self::Pending,
            webhook::DeliveryState::Delivered => Self::Delivered,
            webhook::DeliveryState::Failed => Self::Failed,
            webhook::DeliveryState::Withdrawn => Self::Withdrawn,
        }
    }
}

impl From<DeliveryState> for webhook::DeliveryState {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Pending => Self::Pending,
            DeliveryState::Delivered => Self::Delivered,
            DeliveryState::Failed => Self::Failed,
            DeliveryState::Withdrawn => Self::Withdrawn,
        }
    }
}

/// The state of this name.
#[must_use]
pub(crate) fn delivery_state(text: &str) -> Option<webhook::DeliveryState> {
    match text {
        "pending" => Some(webhook::DeliveryState::Pending),
        "delivered" => Some(webhook::DeliveryState::Delivered),
        "failed" => Some(webhook::DeliveryState::Failed),
        "withdrawn" => Some(webhook::DeliveryState::Withdrawn),
        _ => None,
    }
}

/// One message to one webhook, with every attempt.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Delivery {
    /// Text of its id; the `webhook-id` header of every attempt.
    pub id: String,
    /// Id of the webhook.
    pub webhook: String,
    /// What happened.
    pub event: Event,
    /// Id of the alert.
    pub alert: Option<String>,
    /// Of how many devices it tells, where it is more than one; `alert` is that of the first then.
    pub devices: Option<usize>,
    /// Where it stands.
    pub state: DeliveryState,
    /// Every attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// How many.
    pub attempt_count: usize,
    /// How many seconds after it was caused, or had waited for others of its rule, the receiver took it, where that is more than 60.
    pub delayed_by: Option<i64>,
    /// When it is tried next.
    pub next_attempt_at: Option<String>,
    /// Until when it waits, or waited, to be told with others of its rule.
    pub held_until: Option<String>,
    /// Until when it waits at least for the end of the quiet hours of its webhook, while they last.
    pub quiet_until: Option<String>,
    /// Id of the delivery (`alerts.summary`) that tells of this one in its place, and has the same end.
    pub summary: Option<String>,
    /// When it was created.
    pub created_at: String,
}

/// A delivery with its message.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct DeliveryWithBody {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// What is sent, in the form of the webhook's kind, its secrets as `(hidden)`; who is no admin sees the hub's own form of it.
    pub body: String,
}

macro_rules! event {
    ($($(#[$doc:meta])* $name:ident = $word:tt,)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        pub enum Event {
            $($(#[$doc])* #[serde(rename = $word)] $name,)*
        }

        impl From<Event> for webhook::Event {
            fn from(event: Event) -> Self {
                match event { $(Event::$name => Self::$name,)* }
            }
        }

        impl From<webhook::Event> for Event {
            fn from(event: webhook::Event) -> Self {
                match event { $(webhook::Event::$name => Self::$name,)* }
            }
        }
    };
}
delivery::events!(event);

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Attempt {
    /// When it began.
    pub at: String,
    /// HTTP status; of `email` the code of SMTP.
    pub status: Option<u16>,
    /// Why no answer came, or what a mail server said, whose words only an admin sees.
    pub error: Option<String>,
    /// How long it took.
    pub duration_ms: u32,
    /// First KiB of the answer; only an admin sees it.
    pub response: Option<String>,
    /// What went before the body: where to, and headers, one a line, with `(hidden)` for what lets in. Only of a delivery that is asked
    /// for by its id, and only an admin sees it.
    pub request_head: Option<String>,
    /// What came before the answer's body, as far as it is kept. Only of a delivery that is asked for by its id, and only an admin sees
    /// it.
    pub response_head: Option<String>,
}

impl Delivery {
    /// A delivery, with the quiet hours that last.
    #[must_use]
    pub(crate) fn of(delivery: webhook::Delivery, lulls: &[Lull]) -> Self {
        let waits = delivery.state == webhook::DeliveryState::Pending && delivery.summary.is_none();
        let holds = |lull: &&Lull| lull.webhook == delivery.webhook && delivery.urgency < lull.passes;
        let quiet_until = lulls.iter().find(holds).filter(|_| waits).map(|lull| when::moment(lull.until));
        Self {
            quiet_until,
            id: text::id(delivery.id),
            webhook: text::id(delivery.webhook),
            event: delivery.event.into(),
            alert: delivery.alert.map(text::id),
            devices: payload::devices_in(&delivery.body),
            state: delivery.state.into(),
            attempt_count: delivery.attempts.len(),
            delayed_by: delivery.delayed_by(None),
            attempts: delivery.attempts.into_iter().map(Attempt::from).collect(),
            next_attempt_at: delivery.next_attempt_at.map(when::moment),
            held_until: delivery.held_until.map(when::moment),
            summary: delivery.summary.map(text::id),
            created_at: when::moment(delivery.created_at),
        }
    }
}

impl Delivery {
    /// As somebody with this scope may see it: what a machine of the LAN answers is not for everybody, nor to whom an e-mail goes.
    #[must_use]
    pub(crate) fn shown_to(mut self, scope: Scope) -> Self {
        if !scope.includes(Scope::Admin) {
            for attempt in &mut self.attempts {
                (attempt.response, attempt.request_head, attempt.response_head) = (None, None, None);
                attempt.error = attempt.error.take().map(|error| mend::for_everybody(&error).to_owned());
            }
        }
        self
    }
}

impl From<webhook::Attempt> for Attempt {
    fn from(attempt: webhook::Attempt) -> Self {
        Self {
            at: when::moment(attempt.at),
            status: attempt.status,
            error: attempt.error,
            duration_ms: attempt.duration_ms,
            response: attempt.response,
            request_head: attempt.request_head,
            response_head: attempt.response_head,
        }
    }
}
