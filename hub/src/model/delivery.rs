//! Deliveries: messages to webhooks, from their cause to their end.

use super::UnixMillis;
use super::alert::Subject;
use super::hearing::Urgency;
use super::id::{AlertId, DeliveryId, RuleId, WebhookId};

/// Every event with its word, for whoever needs a list of them: an event is added here, and the compiler asks for what it says.
macro_rules! events {
    ($with:ident) => {
        $with! {
            /// An alert fires.
            AlertFiring = "alert.firing",
            /// An alert is over.
            AlertResolved = "alert.resolved",
            /// Alerts were over when the hub learned of them: told once of a rule and a device.
            AlertPast = "alert.past",
            /// An alert changes so often that people are not told of its changes any more, until it has been calm for ten minutes.
            AlertFlapping = "alert.flapping",
            /// Somebody acknowledged an alert.
            AlertAcknowledged = "alert.acknowledged",
            /// An alert still fires, and nobody has acknowledged it: told again to who wants that.
            AlertRepeated = "alert.repeated",
            /// Messages that waited for people, in one message in place of them.
            AlertsSummary = "alerts.summary",
            /// Another webhook gets no messages any more.
            WebhookDisabled = "webhook.disabled",
            /// A person pressed the button.
            Test = "webhook.test",
        }
    };
}
pub(crate) use events;

macro_rules! event {
    ($($(#[$doc:meta])* $name:ident = $word:tt,)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Event {
            $($(#[$doc])* $name,)*
        }

        impl Event {
            /// The `type` of its message, and its word on disk.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// The event of this word.
            #[must_use]
            pub fn of(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}
events!(event);

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// To be attempted, now or later.
    Pending,
    /// The receiver answered 2xx.
    Delivered,
    /// Given up.
    Failed,
    /// Nobody had to be told any more: its alert began and was over in the quiet hours of its webhook.
    Withdrawn,
}

/// A delivery to be made, written in the same transaction as its cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    pub webhook: WebhookId,
    /// About which alert; deliveries of one alert to one webhook go in order.
    pub alert: Option<AlertId>,
    pub event: Event,
    /// What happened, in the hub's own form: what is sent is made of it, the same for every attempt.
    pub body: Vec<u8>,
    /// When it was caused.
    pub created_at: UnixMillis,
    /// Of what goes to people: of which rule's messages it is one.
    pub group: Option<Grouped>,
}

/// A message among those of its rule: many at once are told in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grouped {
    pub rule: RuleId,
    pub about: Subject,
    /// Until when it waits for others; `None` where it goes at once.
    pub until: Option<UnixMillis>,
}

/// A message that waits in the outbox for others of its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub webhook: WebhookId,
    pub alert: Option<AlertId>,
    pub rule: RuleId,
    pub event: Event,
    pub until: UnixMillis,
}

/// One try of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: UnixMillis,
    /// HTTP status, of e-mail the code of SMTP; `None` when no answer came.
    pub status: Option<u16>,
    /// Why no answer came, or why none was asked for.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// First KiB of the answer, lossily as text.
    pub response: Option<String>,
    /// Headers of the request as sent, one `name: value` a line, without what lets in; only of HTTP.
    pub request_head: Option<String>,
    /// Headers of the answer, likewise; of long ones the begin.
    pub response_head: Option<String>,
}

impl Attempt {
    /// Why it failed, in a few words; of an error what `told` tells of it.
    pub fn failure<'a>(&'a self, told: impl Fn(&'a str) -> &'a str) -> String {
        match (&self.error, self.status) {
            (Some(error), _) => told(error).to_owned(),
            (None, Some(status)) => format!("the receiver answered {status}"),
            (None, None) => "no answer".to_owned(),
        }
    }
}

/// A delivery as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub webhook: WebhookId,
    pub alert: Option<AlertId>,
    pub event: Event,
    pub state: DeliveryState,
    /// Every try, oldest first.
    pub attempts: Vec<Attempt>,
    /// How many of them, the next one included, a person asked for.
    pub by_hand: usize,
    /// When it is tried next; `None` once settled.
    pub next_attempt_at: Option<UnixMillis>,
    /// The message that tells of it in its place: it goes where that goes.
    pub summary: Option<DeliveryId>,
    /// Whether it waits for the end of quiet hours.
    pub urgency: Urgency,
    /// When it was caused.
    pub created_at: UnixMillis,
    /// Until when it waited, or waits, for others of its rule; `None` where it went at once.
    pub held_until: Option<UnixMillis>,
    /// What happened, in the hub's own form: what is sent is made of it.
    pub body: Vec<u8>,
}

/// Attempts of one delivery: the schedule has twelve, the others are a person's.
pub const MOST_ATTEMPTS: u32 = 100;

/// Messages that are sent again at one wish: more than anybody reads, and few enough that nothing else waits for them.
pub const MOST_REPLAYED: usize = 1_000;

/// Which messages to send again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// Caused from this moment on.
    pub from: UnixMillis,
    /// Caused before this one.
    pub to: UnixMillis,
    /// To this webhook; otherwise to each that works.
    pub webhook: Option<WebhookId>,
    /// In this state; otherwise in any.
    pub state: Option<DeliveryState>,
}

impl Attempt {
    /// One that began at a moment, and of which nothing else is known yet.
    #[must_use]
    pub const fn begun(at: UnixMillis) -> Self {
        Self { at, status: None, error: None, duration_ms: 0, response: None, request_head: None, response_head: None }
    }

    /// Whether the receiver took it.
    #[must_use]
    pub fn arrived(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status)) && self.error.is_none()
    }
}

impl Delivery {
    /// How many seconds late the receiver takes it, if it is more than a minute: when it first did, or at `now` if it does so now.
    /// What waits for others of its rule is not late.
    #[must_use]
    pub fn delayed_by(&self, now: Option<UnixMillis>) -> Option<i64> {
        let first = self.attempts.iter().find(|attempt| attempt.arrived());
        let taken = first.map(|attempt| attempt.at).or(now)?;
        let seconds = taken.since(self.held_until.unwrap_or(self.created_at)).div_euclid(1_000);
        (seconds > IN_TIME_S).then_some(seconds)
    }
}

/// What is taken within this many seconds is not late.
const IN_TIME_S: i64 = 60;
/// What was caused before this many milliseconds, and still waits, is late.
pub const LATE_MS: i64 = IN_TIME_S * 1_000;
/// So many late messages to people go each for itself; more of them in one.
pub const A_HANDFUL: usize = 5;
/// A message that failed less than this ago is left alone when another one arrives, in milliseconds: a receiver that takes one and refuses
/// another is asked no more often.
pub const RESTED_MS: i64 = 10_000;

/// Messages that one summary tells of at most.
pub const MOST_SUMMED_UP: usize = 20_000;

/// A message that waits, for a summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    pub id: DeliveryId,
    pub alert: Option<AlertId>,
    pub event: Event,
    /// When it was caused.
    pub created_at: UnixMillis,
    /// Of which rule on which thing it is: the same of all alerts of both.
    pub course: String,
}

/// Why no attempt can succeed until a person mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    /// When an attempt first failed for it.
    pub since: UnixMillis,
    /// What is wrong, and what to do, for people. No secret is in it.
    pub text: String,
}

/// Where a person finds what to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// At the token: the receiver refuses it.
    Token,
    /// At the address: nothing is there that takes messages.
    Address,
    /// At the kind: the receiver does not take such messages.
    Message,
    /// At the hub's settings: it does not call this address.
    Policy,
}

/// What to write after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    pub delivery: DeliveryId,
    /// The attempt just made.
    pub attempt: Attempt,
    /// Where it stands now.
    pub state: DeliveryState,
    /// When to try again; `Some` exactly when `state` is pending.
    pub next_attempt_at: Option<UnixMillis>,
    /// Disable the webhook, unless a person changed it since the attempt began.
    pub disable: Option<Disabling>,
    /// What the attempt found that a person must mend; forgotten where the delivery arrived.
    pub problem: Option<Problem>,
    /// When the webhook that was called had been changed last.
    pub webhook_updated_at: UnixMillis,
}

/// What it takes to disable a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disabling {
    pub reason: String,
    /// What the other webhooks are told of it.
    pub tell: Vec<NewDelivery>,
}

/// What an attempt changed about its webhook; nothing of one that a person changed meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settled {
    /// Why it is disabled from now on.
    pub disabled: Option<String>,
    /// What a person must mend, which was not known before.
    pub problem: Option<Problem>,
    /// Whether it works again after there was something to mend.
    pub works_again: bool,
}
