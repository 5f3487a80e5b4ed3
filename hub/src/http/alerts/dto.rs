//! Alerts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::request::text;
use crate::http::rules::condition::Condition;
use crate::http::rules::dto::Severity;
use crate::http::rules::measure::Measure;
use crate::model::alert::AlertId;
use crate::model::catalog::Catalog;
use crate::model::device::Labels;
use crate::model::{UnixMillis, alert, rule, when};

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AlertState {
    /// True, but not yet for long enough.
    Pending,
    /// True for long enough.
    Firing,
    /// Over.
    Resolved,
    /// Firing as far as is known: since `unknown_since` nothing is heard of what it is about. It ends or goes on with the next
    /// reading; nobody is told that it is unknown.
    Unknown,
    /// Over when the hub learned of it, by readings that came late. Told once of a rule and a device (`alert.past`), not of
    /// what was imported.
    Historical,
}

impl From<alert::AlertState> for AlertState {
    fn from(state: alert::AlertState) -> Self {
        match state {
            alert::AlertState::Pending => Self::Pending,
            alert::AlertState::Firing => Self::Firing,
            alert::AlertState::Resolved => Self::Resolved,
            alert::AlertState::Historical => Self::Historical,
        }
    }
}

impl AlertState {
    /// The state of this name.
    #[must_use]
    pub(crate) fn named(text: &str) -> Option<Self> {
        match text {
            "pending" => Some(Self::Pending),
            "firing" => Some(Self::Firing),
            "unknown" => Some(Self::Unknown),
            "resolved" => Some(Self::Resolved),
            "historical" => Some(Self::Historical),
            _ => None,
        }
    }

    /// The same to the rules; `None` of what is unknown to them.
    #[must_use]
    pub(crate) const fn of_rules(self) -> Option<alert::AlertState> {
        match self {
            Self::Pending => Some(alert::AlertState::Pending),
            Self::Firing => Some(alert::AlertState::Firing),
            Self::Resolved => Some(alert::AlertState::Resolved),
            Self::Historical => Some(alert::AlertState::Historical),
            Self::Unknown => None,
        }
    }
}

/// A rule as an alert names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RuleName {
    /// Text of its id.
    pub id: String,
    /// Its name when the alert began.
    pub name: String,
}

/// An alert: a rule whose condition is met by one series, or a problem of the hub itself.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Alert {
    /// Text of its id.
    pub id: String,
    /// Which rule; of the hub's own `rul_0`, named `hub.disk_full`, `hub.disk_nearly_full` or `hub.database_damaged`.
    pub rule: RuleName,
    /// Id of the device; empty when it is about the hub, or about several devices.
    pub device: String,
    /// Its name; `hub` when it is about the hub, `several devices` when it is about those.
    pub device_name: String,
    /// Sensor; empty when it is about several devices, `device_offline`, `source_failing` or `clock_off` when it is about the whole device, `disk_full` and so on when it
    /// is about the hub.
    pub sensor: String,
    /// How bad it is.
    pub severity: Severity,
    /// Tags of its rule when the alert began.
    pub tags: BTreeMap<String, String>,
    /// Where it stands.
    pub state: AlertState,
    /// Since when nothing is heard of what it is about, where it is `unknown`; null in other states.
    pub unknown_since: Option<String>,
    /// What it was before it was `unknown`; null in other states.
    pub was: Option<AlertState>,
    /// What the values and `threshold` say.
    pub measure: Measure,
    /// Unit of the values: the sensor's, or `Cel/min`, `sigma`, `s`.
    pub unit: String,
    /// What was measured when it fired; while it is pending, when it began. Null for silence, and of one that ended under a
    /// version that did not keep it.
    pub value: Option<f64>,
    /// Of all that was measured while it lasted, what lay farthest beyond the limit; null as `value` is. While it fires it
    /// follows in steps of a tenth.
    pub worst_value: Option<f64>,
    /// What was measured when it ended; null where its rule ended it, not a reading. 0 of a sensor or a device that was heard again.
    pub last_value: Option<f64>,
    /// The limit.
    pub threshold: f64,
    /// Unit of the limit: `unit`, but of `stuck`, where it is for how long it may stand still, `s`.
    pub threshold_unit: String,
    /// What it was and what is usual, where it is about what is unusual: when it fired; while it is pending, when it began; of one that
    /// is resolved, when it ended. Null of other conditions, and of alerts of a version that did not keep it.
    pub usual: Option<Usual>,
    /// What each measured of several conditions that are joined, when it fired; while it is pending, when
    /// it began; of one that is resolved, when it ended.
    pub parts: Vec<AlertPart>,
    /// Names of up to three of the devices that are counted, when it fired; empty for other conditions.
    pub devices: Vec<String>,
    /// What each of the devices is held against that are counted, when it fired; null for other conditions, and of alerts of a version
    /// that did not keep it.
    pub counting: Option<Counting>,
    /// When the condition became true; of silence, when its limit had passed since the last reading.
    pub started_at: String,
    /// When the condition had been met for long enough.
    pub fired_at: Option<String>,
    /// When the condition ended. Of a historical alert: or the time after which nothing more is known, or another alert
    /// covers it.
    pub resolved_at: Option<String>,
    /// When a person acknowledged it.
    pub acked_at: Option<String>,
    /// Name of the user or token that acknowledged it; null where that is not known.
    pub acked_by: Option<String>,
    /// What they said.
    pub ack_comment: Option<String>,
    /// Whether it ended because the level that fired it had stayed so long that it counts as usual.
    pub new_normal: bool,
    /// When the hub learned of the last change: later than it happened where readings arrived late.
    pub learned_at: String,
    /// Labels of the device.
    pub labels: BTreeMap<String, String>,
}

/// What something unusual was, and what is usual.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Usual {
    /// What it was: the reading; of `seasonal` the mean of the last hour; of a counter its growth.
    pub value: f64,
    /// What is usual begins here: two deviations below the middle, or as many as the limit lets pass where these are fewer.
    pub low: f64,
    /// And ends here.
    pub high: f64,
    /// Unit of all of them: the sensor's, of a counter that by the second.
    pub unit: String,
}

impl Usual {
    fn of(usual: &alert::Usual, unit: &str) -> Self {
        let alert::Usual { is, low, high, is_growth } = *usual;
        let unit = if is_growth { format!("{unit}/s") } else { unit.to_owned() };
        Self { value: is, low, high, unit }
    }
}

/// What one of several conditions measured.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct AlertPart {
    /// Sensor.
    pub sensor: String,
    /// What `value` and `threshold` say.
    pub measure: Measure,
    /// Unit of both.
    pub unit: String,
    /// What was measured; null where nothing was known.
    pub value: Option<f64>,
    /// The limit.
    pub threshold: f64,
    /// Unit of the limit: `unit`, but of `stuck` `s`.
    pub threshold_unit: String,
    /// Whether it was true.
    pub is_true: bool,
    /// What it was and what is usual, where it is about what is unusual; null of others.
    pub usual: Option<Usual>,
}

impl AlertPart {
    fn of(part: &alert::Part, sensor: &str) -> Self {
        Self {
            sensor: if part.sensor.is_empty() { sensor.to_owned() } else { part.sensor.clone() },
            measure: part.measure.into(),
            unit: part.measure.unit(&part.unit),
            value: part.value,
            threshold: part.threshold,
            threshold_unit: part.measure.limit_unit(&part.unit),
            is_true: part.is_true,
            usual: part.usual.as_ref().map(|usual| Usual::of(usual, &part.unit)),
        }
    }
}

/// The state of a device that is counted.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Counting {
    /// How many devices the rule is about.
    pub devices: u64,
    /// Their sensors, as the rule names them.
    pub sensor: String,
    /// Unit of their readings.
    pub unit: String,
    /// What is held against `threshold`.
    pub measure: Measure,
    /// The limit of the state.
    pub threshold: f64,
}

impl Counting {
    fn of(state: &alert::Part) -> Self {
        Self {
            devices: state.value.unwrap_or_default() as u64,
            sensor: state.sensor.clone(),
            unit: state.unit.clone(),
            measure: state.measure.into(),
            threshold: state.threshold,
        }
    }
}

impl Alert {
    /// An alert with the names of what it is about; empty when that is deleted.
    #[must_use]
    pub(crate) fn of(alert: &alert::Alert, catalog: &Catalog) -> Self {
        let device = alert.device().and_then(|device| catalog.device(device));
        let names = alert.names(catalog);
        let acked = alert.acked.as_ref();
        let is_open = matches!(alert.state, alert::AlertState::Pending | alert::AlertState::Firing);
        let unknown_since = alert.unknown_since.filter(|_| is_open);
        Self {
            id: text::id(alert.id),
            rule: RuleName { id: text::id(alert.rule), name: alert.rule_name.clone() },
            device: device.map(|device| device.id.to_string()).unwrap_or_default(),
            device_name: names.device.to_owned(),
            sensor: names.sensor.to_owned(),
            severity: alert.severity.into(),
            tags: Labels::clone(&alert.tags),
            state: if unknown_since.is_some() { AlertState::Unknown } else { alert.state.into() },
            unknown_since: unknown_since.map(when::moment),
            was: unknown_since.map(|_| alert.state.into()),
            measure: alert.measure.into(),
            unit: alert.measure.unit(names.unit),
            value: alert.value,
            worst_value: alert.worst,
            last_value: alert.last,
            threshold: alert.threshold,
            threshold_unit: alert.measure.limit_unit(names.unit),
            usual: alert.usual.as_ref().map(|usual| Usual::of(usual, names.unit)),
            parts: alert.joined().iter().map(|part| AlertPart::of(part, names.sensor)).collect(),
            devices: alert.counted().map(str::to_owned).collect(),
            counting: alert.counting().map(Counting::of),
            started_at: when::moment(alert.started_at),
            fired_at: alert.fired_at.map(when::moment),
            resolved_at: alert.resolved_at.map(when::moment),
            acked_at: acked.map(|ack| when::moment(ack.at)),
            acked_by: acked.map(|ack| ack.by.clone()).filter(|by| !by.is_empty()),
            ack_comment: acked.and_then(|ack| ack.comment.clone()),
            new_normal: alert.new_normal,
            learned_at: when::moment(alert.learned_at),
            labels: device.map(|device| device.labels.clone()).unwrap_or_default(),
        }
    }
}

/// An alert of the list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ListedAlert {
    /// The alert, as it is told everywhere.
    #[serde(flatten)]
    pub alert: Alert,
    /// Until when nobody is told of it: the last end of the silences over it that are in force. Null without one, and where
    /// the alert is over.
    pub silenced_until: Option<String>,
    /// The alert that says that its device is offline, where nobody is told of this one because of that: it began while the device
    /// was. Null without one, and where the alert is over.
    pub inhibited_by: Option<String>,
    /// What its rule looked for when it fired, where the alert is over: `threshold` and `counting` are of that, whatever the rule says now
    /// (of `silence` and `stuck` they are what it said when the alert ended). Null of others, of the hub's own, in the stream, and of
    /// alerts of a version that did not keep it.
    pub fired_by: Option<Condition>,
}

impl ListedAlert {
    /// The same with the numbers that it fired with, by its rule as it was then: of one that goes on, those in force are told.
    #[must_use]
    pub(crate) fn fired_by(mut self, then: Option<&rule::Rule>) -> Self {
        let is_over = matches!(self.alert.state, AlertState::Resolved | AlertState::Historical);
        let Some(then) = then.map(|then| &then.spec.condition).filter(|_| is_over) else { return self };
        self.fired_by = Some(then.into());
        // When those began is told by how long they may last.
        if matches!(self.alert.measure, Measure::Silence | Measure::Stuck) {
            return self;
        }
        self.alert.threshold = then.limit();
        if let (Some(counting), rule::Condition::Count { of, .. }) = (&mut self.alert.counting, then) {
            counting.threshold = of.limit();
        }
        self
    }

    /// An alert with the end of the silences over it, and the alert that inhibits it, which are left out where it is over.
    #[must_use]
    pub(crate) fn of(
        alert: &alert::Alert,
        (silenced_until, inhibited_by): (Option<UnixMillis>, Option<AlertId>),
        catalog: &Catalog,
    ) -> Self {
        let is_open = matches!(alert.state, alert::AlertState::Pending | alert::AlertState::Firing);
        let silenced_until = silenced_until.filter(|_| is_open).map(when::moment);
        let inhibited_by = inhibited_by.filter(|_| is_open).map(text::id);
        Self { alert: Alert::of(alert, catalog), silenced_until, inhibited_by, fired_by: None }
    }
}

/// Alerts to acknowledge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AckManyRequest {
    /// Ids of 1 to 1,000 alerts.
    pub alerts: Vec<String>,
    /// A comment.
    pub comment: Option<String>,
}

/// The result.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AckedMany {
    /// How many had not been acknowledged before.
    pub acknowledged: usize,
}

/// An acknowledgement.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AckRequest {
    /// A comment.
    pub comment: Option<String>,
}
