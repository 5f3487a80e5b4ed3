//! One alert with everything that explains it, as `GET /alerts/{id}` shows it.

use serde::Serialize;
use utoipa::ToSchema;

use super::dto::{ListedAlert, RuleName};
use crate::http::request::text;
use crate::http::rules::condition::Condition;
use crate::http::rules::dto::Severity;
use crate::http::webhooks::sent::{DeliveryState, Event};
use crate::model::catalog::Catalog;
use crate::model::explain::{COUNTED_DAYS, Circumstances, Tally};
use crate::model::{alert, rule, when};

/// One alert, and why it fired.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct AlertDetail {
    /// The alert, as it is listed.
    #[serde(flatten)]
    pub alert: ListedAlert,
    /// The rule as it was when the alert fired; null of the hub's own, and of alerts that fired under a version of the hub that did
    /// not keep it.
    pub rule_then: Option<RuleThen>,
    /// How the device and its link were when it fired; null where that was not kept.
    pub device_then: Option<DeviceThen>,
    /// How many seconds after it happened the hub knew, when it fired; null where that was not kept.
    pub late_s: Option<i64>,
    /// How often the rule fired in the days before, this time included.
    pub fired: FiredBefore,
    /// What else fired within ten minutes: first on the same device, then on devices that share a label. At most ten.
    pub beside: Vec<Beside>,
    /// What happened, oldest first.
    pub story: Vec<StoryEntry>,
    /// Start of the time that a chart of it shows.
    pub chart_from: String,
    /// End of that time.
    pub chart_to: String,
}

/// A rule as it was when an alert fired.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct RuleThen {
    /// Counts its changes, from 1.
    pub version: u32,
    /// Whether the rule still says the same.
    pub is_current: bool,
    /// Since when it said so.
    pub since: String,
    /// Its name then.
    pub name: String,
    /// Glob over the names of devices; an id is matched whole, or by more than eight characters.
    pub device: String,
    /// Glob over sensor names.
    pub sensor: String,
    /// When it was true.
    pub condition: Condition,
    /// How long that had to stay true before it fired.
    #[serde(rename = "for")]
    pub hold: String,
    /// How long it had to be good again before it resolved.
    pub clear_for: String,
    /// How bad it was.
    pub severity: Severity,
}

impl RuleThen {
    /// A version of a rule, beside the number of the one in force.
    #[must_use]
    pub(crate) fn of(rule: rule::Rule, current: Option<u32>) -> Self {
        let spec = rule.spec;
        Self {
            version: rule.version,
            is_current: current == Some(rule.version),
            since: when::moment(rule.version_since),
            condition: (&spec.condition).into(),
            name: spec.name,
            device: spec.device,
            sensor: spec.sensor,
            hold: when::span(spec.hold),
            clear_for: when::span(spec.clear_for),
            severity: spec.severity.into(),
        }
    }
}

/// How a device and its link were when an alert fired.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct DeviceThen {
    /// Whether it was online.
    pub online: bool,
    /// When it had been heard last.
    pub last_heard_at: Option<String>,
    /// Readings that it took in that hour and the one before; null where that is not known.
    pub taken: Option<u64>,
    /// Those of them that were lost.
    pub lost: Option<u64>,
    /// Its clock minus the hub's, in milliseconds.
    pub clock_offset_ms: Option<i64>,
    /// Version of its agent; empty where it did not say.
    pub agent_version: String,
    /// What it had measured last of its battery and its radio.
    pub vitals: Vec<Vital>,
}

/// The newest reading of a battery or a radio.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Vital {
    /// Sensor.
    pub sensor: String,
    /// Value.
    pub value: f64,
    /// Unit.
    pub unit: String,
}

impl From<Circumstances> for DeviceThen {
    fn from(then: Circumstances) -> Self {
        let vital =
            |vital: crate::model::explain::Vital| Vital { sensor: vital.sensor, value: vital.value, unit: vital.unit };
        Self {
            online: then.is_online,
            last_heard_at: then.heard_at.map(when::moment),
            taken: then.loss.map(|loss| loss.taken),
            lost: then.loss.map(|loss| loss.lost),
            clock_offset_ms: then.clock_offset_ms,
            agent_version: then.agent,
            vitals: then.vitals.into_iter().map(vital).collect(),
        }
    }
}

/// How often a rule fired in the days before an alert, that one included; counted in the alerts that are kept, to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FiredBefore {
    /// How many days.
    pub days: i64,
    /// About the same thing.
    pub here: u32,
    /// About anything.
    pub anywhere: u32,
}

impl From<Tally> for FiredBefore {
    fn from(tally: Tally) -> Self {
        Self { days: COUNTED_DAYS, here: tally.here, anywhere: tally.anywhere }
    }
}

/// Another alert that fired about then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Beside {
    /// Text of its id.
    pub id: String,
    /// Which rule.
    pub rule: RuleName,
    /// Id of the device; empty when it is about the hub.
    pub device: String,
    /// Its name.
    pub device_name: String,
    /// Sensor.
    pub sensor: String,
    /// How bad it is.
    pub severity: Severity,
    /// When it fired.
    pub fired_at: Option<String>,
}

impl Beside {
    /// An alert, with the names of what it is about.
    #[must_use]
    pub(crate) fn of(alert: &alert::Alert, catalog: &Catalog) -> Self {
        let names = alert.names(catalog);
        let device = alert.device().and_then(|device| catalog.device(device));
        Self {
            id: text::id(alert.id),
            rule: RuleName { id: text::id(alert.rule), name: alert.rule_name.clone() },
            device: device.map(|device| device.id.to_string()).unwrap_or_default(),
            device_name: names.device.to_owned(),
            sensor: names.sensor.to_owned(),
            severity: alert.severity.into(),
            fired_at: alert.fired_at.map(when::moment),
        }
    }
}

/// Something that happened to an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct StoryEntry {
    /// When; of what a webhook took, when it took it.
    pub at: String,
    /// What.
    #[serde(flatten)]
    pub what: Happened,
}

/// What happened to an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(crate) enum Happened {
    /// Its condition became true.
    Began,
    /// It had been true for long enough.
    Fired,
    /// The hub learned of it more than a minute after it had fired.
    Learned,
    /// A webhook was told, or is to be.
    Told {
        /// Id of the delivery.
        delivery: String,
        /// Id of the webhook.
        webhook: String,
        /// Its name.
        webhook_name: String,
        /// Of what it was told.
        event: Event,
        /// Whether a summary told of it, with others.
        in_summary: bool,
        /// How that went.
        state: DeliveryState,
        /// How many attempts there were.
        attempts: usize,
        /// When the receiver took it.
        arrived_at: Option<String>,
        /// Why the last attempt failed, where it did.
        error: Option<String>,
    },
    /// A silence over it began: from then on nobody is told.
    Silenced {
        /// Id of the silence.
        silence: String,
        /// When it ends.
        until: String,
        /// Why there is one.
        comment: String,
    },
    /// It changed so often that its changes were told no more.
    Flapped,
    /// Somebody acknowledged it.
    Acknowledged {
        /// Who; null where that is not known.
        by: Option<String>,
        /// What they said.
        comment: Option<String>,
    },
    /// Its rule ended it, no reading: it was changed or switched off, or is no longer about this.
    RuleChanged,
    /// It was over.
    Resolved,
}
