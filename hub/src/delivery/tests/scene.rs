//! An alert, its rule, its device and those who hear of it, for tests.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::delivery::audience::{Audience, deliveries_for};
use crate::delivery::payload::Teller;
use crate::delivery::sign::PictureKey;
use crate::model::alert::{Alert, AlertId, AlertState, Measure, Subject};
use crate::model::catalog::{Catalog, Series};
use crate::model::device::{Device, DeviceNo, Labels, Standing};
use crate::model::notice::{Hearers, Notice};
use crate::model::reading::{Point, SeriesId};
use crate::model::rule::{Condition, Message, Op, Rule, RuleId, RuleSpec, Severity};
use crate::model::webhook::{NewDelivery, Webhook, WebhookId, WebhookSpec};
use crate::model::{DeviceId, PublicKey, SensorKind, UnixMillis};

pub(in crate::delivery) const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

/// To webhooks that were told nothing of the alert before.
pub(in crate::delivery) fn newly_told(
    notices: &[Notice],
    rules: &[Rule],
    webhooks: &[Webhook],
    catalog: &Catalog,
    teller: &Teller,
) -> Vec<NewDelivery> {
    deliveries_for(notices, &Audience::new(rules, webhooks), catalog, teller)
}

pub(in crate::delivery) fn teller(url: Option<&str>) -> Teller {
    Teller { url: url.map(str::to_owned), zone: TimeZone::UTC, pictures: PictureKey::of(&[7; 32]) }
}

pub(in crate::delivery) fn read(delivery: &NewDelivery) -> Value {
    serde_json::from_slice(&delivery.body).unwrap()
}

pub(in crate::delivery) fn put(state: AlertState) -> Notice {
    let alert = Alert {
        id: AlertId(5),
        rule: RuleId(3),
        rule_name: "too hot".into(),
        severity: Severity::Critical,
        tags: Arc::new([("team".to_owned(), "x".to_owned())].into()),
        about: Subject::Series { device: DeviceNo(1), series: SeriesId(0) },
        state,
        measure: Measure::Value,
        value: Some(31.5),
        worst: Some(31.5),
        last: None,
        threshold: 30.0,
        started_at: NOW.plus(-60_000),
        parts: Arc::default(),
        usual: None,
        well_since: None,
        fired_at: Some(NOW),
        resolved_at: None,
        acked: None,
        new_normal: false,
        unknown_since: None,
        learned_at: NOW.plus(1500),
    };
    Notice::Changed { alert, occurred_at: NOW, points: vec![Point { at: NOW, value: 31.5 }], to: Hearers::All }
}

pub(in crate::delivery) fn rule() -> Rule {
    let spec = RuleSpec {
        name: "too hot".into(),
        device: "*".into(),
        sensor: "temp".into(),
        labels: Labels::new(),
        condition: Condition::Threshold { op: Op::Above, value: 30.0, clear: None },
        hold: Duration::from_secs(60),
        clear_for: Duration::ZERO,
        severity: Severity::Critical,
        tags: Labels::new(),
        webhooks: vec![WebhookId(7), WebhookId(8), WebhookId(9)],
        all_webhooks: false,
        enabled: true,
        message: Message::default(),
    };
    Rule {
        id: RuleId(3),
        version: 1,
        version_since: NOW,
        spec,
        made_by_hub: false,
        created_at: NOW,
        updated_at: NOW,
        source: None,
    }
}

pub(in crate::delivery) fn webhook(id: u64) -> Webhook {
    Webhook::new(WebhookId(id), WebhookSpec::new("ops", "http://ops/"), Vec::new(), NOW)
}

pub(in crate::delivery) fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.put_device(Device {
        no: DeviceNo(1),
        id: DeviceId::from_bytes([1; 16]),
        key: PublicKey([1; 32]),
        name: "boiler-1".into(),
        standing: Standing::Adopted,
        labels: Labels::from([("room".into(), "lab".into())]),
        model: String::new(),
        version: String::new(),
        address: None,
        first_seen: NOW,
        last_seen: None,
        interval_ms: None,
        pushed_every_ms: None,
        notes: String::new(),
        handshake_counter: 0,
    });
    let (device, kind) = (DeviceNo(1), SensorKind::Gauge);
    catalog.put_series(Series {
        id: SeriesId(0),
        device,
        sensor: "temp".into(),
        unit: "Cel".into(),
        kind,
        kind_by_owner: false,
        interval_ms: 1000,
    });
    catalog
}
