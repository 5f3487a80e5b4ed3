//! Why an alert fired, in the hub's own form: `data.alert.explain`. PURE.

use serde::Serialize;

use super::cut;
use crate::delivery::sentence::condition;
use crate::model::alert::{Alert, Part};
use crate::model::catalog::Catalog;
use crate::model::explain::{COUNTED_DAYS, Circumstances, Reason, Tally, Vital};
use crate::model::rule::RuleSpec;
use crate::model::when::moment;

#[derive(Serialize)]
pub(super) struct Explain<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<AsItWas>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fired: Option<Fired>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<Device<'a>>,
    late_s: i64,
    beside: Vec<Beside<'a>>,
}

#[derive(Serialize)]
struct AsItWas {
    version: u32,
    changed_at: Option<String>,
    condition: String,
}

#[derive(Serialize)]
struct Fired {
    days: i64,
    here: u32,
    anywhere: u32,
}

#[derive(Serialize)]
struct Device<'a> {
    online: bool,
    last_heard_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<u64>,
    clock_offset_ms: Option<i64>,
    agent_version: &'a str,
    vitals: Vec<VitalBody<'a>>,
}

#[derive(Serialize)]
struct VitalBody<'a> {
    sensor: &'a str,
    value: f64,
    unit: &'a str,
}

#[derive(Serialize)]
struct Beside<'a> {
    id: String,
    rule: &'a str,
    device_name: &'a str,
    sensor: &'a str,
    severity: &'static str,
    fired_at: Option<String>,
}

impl<'a> Explain<'a> {
    pub(super) fn of(
        reason: &'a Reason,
        rule: Option<&RuleSpec>,
        (unit, parts): (&str, &[Part]),
        catalog: &'a Catalog,
    ) -> Self {
        let as_it_was = |(version, rule): (u32, &RuleSpec)| AsItWas {
            version,
            changed_at: reason.rule_changed_at.map(moment),
            condition: condition::of(rule, unit, parts),
        };
        Self {
            rule: reason.explanation.rule_version.zip(rule).map(as_it_was),
            fired: reason.tally.map(|Tally { here, anywhere }| Fired { days: COUNTED_DAYS, here, anywhere }),
            device: reason.explanation.circumstances.as_ref().map(device),
            late_s: reason.explanation.late_ms / 1_000,
            beside: reason.beside.iter().map(|alert| beside(alert, catalog)).collect(),
        }
    }
}

fn device(now: &Circumstances) -> Device<'_> {
    let vital = |vital| {
        let Vital { sensor, value, unit }: &Vital = vital;
        VitalBody { sensor: cut(sensor), value: *value, unit: cut(unit) }
    };
    Device {
        online: now.is_online,
        last_heard_at: now.heard_at.map(moment),
        taken: now.loss.map(|loss| loss.taken),
        lost: now.loss.map(|loss| loss.lost),
        clock_offset_ms: now.clock_offset_ms,
        agent_version: cut(&now.agent),
        vitals: now.vitals.iter().map(vital).collect(),
    }
}

fn beside<'a>(alert: &'a Alert, catalog: &'a Catalog) -> Beside<'a> {
    let names = alert.names(catalog);
    Beside {
        id: format!("alr_{}", alert.id.0),
        rule: cut(&alert.rule_name),
        device_name: cut(names.device),
        sensor: cut(names.sensor),
        severity: super::severity_name(alert.severity),
        fired_at: alert.fired_at.map(moment),
    }
}
