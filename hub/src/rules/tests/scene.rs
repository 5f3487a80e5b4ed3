//! An engine that is driven by hand: readings at a second, the passing of time, a restart; what it proposes as one line each.

use std::time::Duration;

use crate::model::alert::Transition;
use crate::model::device::{Device, DeviceNo, Labels};
use crate::model::reading::BatchId;
use crate::model::rule::{Condition, Message, Op, RuleSpec, Severity};
use crate::model::{BatchSeq, Epoch, Lane, SensorKind, catalog::Series};
use crate::rules::*;

pub(in crate::rules) const TEMP: SeriesId = SeriesId(0);
pub(in crate::rules) const DOOR: SeriesId = SeriesId(1);
pub(in crate::rules) const START: UnixMillis = UnixMillis(1_800_000_000_000);
pub(in crate::rules) const NOTHING: [&str; 0] = [];

/// An engine, its catalog (boiler-1 with a fast `temp` and a slow `door`), and the alerts as a store would hold them.
pub(in crate::rules) struct Scene {
    pub(in crate::rules) engine: Engine,
    pub(in crate::rules) catalog: Catalog,
    pub(in crate::rules) stored: Vec<Alert>,
    pub(in crate::rules) resumed: Vec<String>,
}

impl Scene {
    pub(in crate::rules) fn with(specs: impl IntoIterator<Item = RuleSpec>) -> Self {
        let rules = specs.into_iter().zip(1..).map(|(spec, id)| rule(id, spec)).collect();
        Self { engine: Engine::new(rules, vec![], 1), catalog: catalog(), stored: vec![], resumed: vec![] }
    }

    pub(in crate::rules) fn restart(&self) -> Self {
        self.restart_under(self.engine.rules().cloned().collect())
    }

    pub(in crate::rules) fn restart_with(&self, specs: impl IntoIterator<Item = RuleSpec>) -> Self {
        self.restart_under(specs.into_iter().zip(1..).map(|(spec, id)| rule(id, spec)).collect())
    }

    pub(in crate::rules) fn restart_under(&self, rules: Vec<Rule>) -> Self {
        let open = self.stored.iter().filter(|alert| alert.state != AlertState::Resolved).cloned().collect();
        let next = self.stored.iter().map(|alert| alert.id.0 + 1).max().unwrap_or(1);
        let engine = Engine::new(rules, open, next);
        let mut catalog = catalog();
        self.catalog.devices().for_each(|device| catalog.put_device(device.clone()));
        let mut scene = Self { engine, catalog, stored: self.stored.clone(), resumed: vec![] };
        scene.resumed = scene.resume(5, &[]);
        scene
    }

    pub(in crate::rules) fn resume(&mut self, second: i64, latest: &[(SeriesId, Point)]) -> Vec<String> {
        let proposed = self.engine.resume(at(second), &self.catalog, latest.iter().copied());
        self.committed(proposed)
    }

    /// A live reading of `temp`, taken and received at this second.
    pub(in crate::rules) fn reading(&mut self, second: i64, value: f64) -> Vec<String> {
        self.group(second, &[batch(TEMP, at(second), &[(at(second), value)])])
    }

    pub(in crate::rules) fn group(&mut self, second: i64, batches: &[Batch]) -> Vec<String> {
        self.engine.prepare(&self.catalog, batches);
        let proposed = self.engine.evaluate(at(second), batches);
        self.committed(proposed)
    }

    /// What a live reading of `temp` would do.
    pub(in crate::rules) fn propose(&mut self, second: i64, value: f64) -> Proposed {
        let batches = [batch(TEMP, at(second), &[(at(second), value)])];
        self.engine.prepare(&self.catalog, &batches);
        self.engine.evaluate(at(second), &batches)
    }

    pub(in crate::rules) fn timeout(&mut self, second: i64) -> Vec<String> {
        let proposed = self.engine.handle_timeout(at(second));
        self.committed(proposed)
    }

    pub(in crate::rules) fn rules(&mut self, second: i64, rules: Vec<Rule>) -> Vec<String> {
        let proposed = self.engine.set_rules(at(second), &self.catalog, rules);
        self.committed(proposed)
    }

    pub(in crate::rules) fn committed(&mut self, proposed: Proposed) -> Vec<String> {
        let mut said = Vec::new();
        for transition in &proposed.transitions {
            // That it got worse is written, and nobody is told.
            let is_worse = |alert: &Alert| {
                self.stored.iter().any(|stored| stored.id == alert.id && stored.started_at == alert.started_at)
            };
            if !matches!(transition, Transition::Amend(alert) if is_worse(alert)) {
                said.push(say(transition));
            }
            match transition {
                Transition::Put { alert, .. } | Transition::Amend(alert) => {
                    self.stored.retain(|stored| stored.id != alert.id);
                    self.stored.push(alert.clone());
                }
                Transition::TellPast { .. } => {}
                Transition::Cancel(id, _) => self.stored.retain(|stored| stored.id != *id),
            }
        }
        self.engine.apply(proposed);
        said
    }
}

/// `<alert> <state> <value> at <second>`
pub(in crate::rules) fn say(transition: &Transition) -> String {
    match transition {
        Transition::Put { alert, occurred_at, .. } => {
            let state = word(alert.state);
            // Of what is over what ended it, where a reading did.
            let shown = alert.last.filter(|_| alert.state == AlertState::Resolved).or(alert.value);
            let value = shown.map_or_else(|| "-".to_owned(), |value| value.to_string());
            format!("{} {state} {value} at {}", alert.id.0, occurred_at.since(START) / 1000)
        }
        Transition::Amend(alert) => format!("{} began at {}", alert.id.0, alert.started_at.since(START) / 1000),
        Transition::TellPast { alert, count, .. } => format!("told {} and {} more", alert.id.0, count - 1),
        Transition::Cancel(id, _) => format!("{} cancelled", id.0),
    }
}

pub(in crate::rules) const fn word(state: AlertState) -> &'static str {
    match state {
        AlertState::Pending => "pending",
        AlertState::Firing => "firing",
        AlertState::Resolved => "resolved",
        AlertState::Historical => "historical",
    }
}

pub(in crate::rules) fn at(second: i64) -> UnixMillis {
    START.plus(second * 1000)
}

pub(in crate::rules) fn above(limit: f64) -> RuleSpec {
    threshold(Op::Above, limit, None)
}

pub(in crate::rules) fn threshold(op: Op, value: f64, clear: Option<f64>) -> RuleSpec {
    spec("temp", Condition::Threshold { op, value, clear })
}

pub(in crate::rules) fn silence(seconds: u64) -> RuleSpec {
    spec("temp", Condition::Silence { after: Duration::from_secs(seconds) })
}

/// Faster than so much a second, over ten.
pub(in crate::rules) fn rate(value: f64) -> RuleSpec {
    let (per, over) = (Duration::from_secs(1), Duration::from_secs(10));
    spec("temp", Condition::Rate { op: Op::Above, value, per, over, clear: None })
}

pub(in crate::rules) fn hold(seconds: u64, spec: RuleSpec) -> RuleSpec {
    RuleSpec { hold: Duration::from_secs(seconds), ..spec }
}

pub(in crate::rules) fn sensor(sensor: &str, spec: RuleSpec) -> RuleSpec {
    RuleSpec { sensor: sensor.into(), ..spec }
}

pub(in crate::rules) fn spec(sensor: &str, condition: Condition) -> RuleSpec {
    RuleSpec {
        name: "rule".into(),
        device: "*".into(),
        sensor: sensor.into(),
        labels: Labels::new(),
        condition,
        hold: Duration::ZERO,
        clear_for: Duration::ZERO,
        severity: Severity::Warning,
        tags: Labels::new(),
        webhooks: vec![],
        all_webhooks: false,
        enabled: true,
        message: Message::default(),
    }
}

pub(in crate::rules) fn rule(id: u64, spec: RuleSpec) -> Rule {
    Rule {
        id: RuleId(id),
        version: 1,
        version_since: START,
        spec,
        made_by_hub: false,
        created_at: START,
        updated_at: START,
        source: None,
    }
}

pub(in crate::rules) fn disabled(mut rule: Rule) -> Rule {
    rule.spec.enabled = false;
    rule
}

pub(in crate::rules) fn batch(series: SeriesId, received_at: UnixMillis, rows: &[(UnixMillis, f64)]) -> Batch {
    Batch {
        id: BatchId { device: DeviceNo(1), epoch: Epoch(1), seq: BatchSeq(1) },
        lane: Lane::Live,
        received_at,
        payload: vec![],
        series: vec![series; rows.len()],
        at: rows.iter().map(|row| row.0).collect(),
        value: rows.iter().map(|row| row.1).collect(),
    }
}

pub(in crate::rules) fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let labels = Labels::from([("room".into(), "lab".into())]);
    catalog.put_device(Device { name: "boiler-1".into(), labels, ..device(1) });
    let (gauge, counter) = (SensorKind::Gauge, SensorKind::Counter);
    let all = [(TEMP, "temp", 1000, gauge), (DOOR, "door", 600_000, gauge), (SeriesId(2), "count", 1000, counter)];
    for (id, sensor, interval_ms, kind) in all {
        let (device, unit) = (DeviceNo(1), String::new());
        let kind_by_owner = false;
        catalog.put_series(Series { id, device, sensor: sensor.into(), unit, kind, kind_by_owner, interval_ms });
    }
    catalog
}

/// A device that was adopted and has said nothing yet.
pub(in crate::rules) fn device(no: u32) -> Device {
    Device { first_seen: START, ..Device::adopted(no) }
}
