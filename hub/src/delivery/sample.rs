//! An invented event in the hub's own format, to show what a webhook would send. PURE.

use std::collections::HashMap;
use std::sync::Arc;

use super::audience::{Audience, deliveries_for};
use super::payload::{Teller, disabled_delivery, test_delivery};
use super::summary::{Sorted, Why};
use crate::model::alert::{Ack, Alert, AlertId, AlertState, Measure, Part, Subject, Usual};
use crate::model::catalog::{Catalog, Series};
use crate::model::device::{Device, DeviceNo, Labels, Standing};
use crate::model::explain::{Circumstances, Explanation, Loss, Reason, Tally, Vital};
use crate::model::hearing::Filter;
use crate::model::notice::{Flaps, Hearers, Notice};
use crate::model::reading::{Point, SeriesId};
use crate::model::rule::{Condition, Message, Op, Rule, RuleId, RuleSpec, Severity};
use crate::model::webhook::{DeliveryId, Event, NewDelivery, Waits, Webhook, WebhookId, WebhookSpec};
use crate::model::{DeviceId, PublicKey, SensorKind, UnixMillis};

const NO: DeviceNo = DeviceNo(1);
const LIMIT: f64 = 30.0;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

/// What is said of the picture of such an alert to those who do not see it.
pub const CHART: &str = "Chart of Temperature: Too warm on greenhouse, limit 30 °C";

/// In the place of its picture: the smallest file of the format PNG, one point.
pub const PICTURE: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 0x49,
    0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0xf8, 0x0f, 0x00, 0x01, 0x01, 0x01, 0x00, 0x1c, 0xb0, 0x8c, 0x99, 0x00, 0x00,
    0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// An alert of a rule "Too warm" on a device "greenhouse", or a test, as it would be told now.
#[must_use]
pub fn event(event: Event, spec: &WebhookSpec, teller: &Teller, now: UnixMillis) -> Vec<u8> {
    let deliveries = match event {
        Event::Test => vec![test_delivery(WebhookId(1), &spec.name, now)],
        Event::AlertsSummary => vec![summed_up(spec, teller, now)],
        Event::WebhookDisabled => {
            let off =
                Webhook { failing_since: Some(now.plus(-5 * DAY_MS)), ..webhook(&WebhookSpec::new("pager", ""), now) };
            vec![disabled_delivery(WebhookId(1), &off, "every attempt failed for 5 days", teller, now)]
        }
        Event::AlertFiring
        | Event::AlertResolved
        | Event::AlertPast
        | Event::AlertFlapping
        | Event::AlertRepeated
        | Event::AlertAcknowledged => {
            let said = u32::from(!matches!(event, Event::AlertFiring | Event::AlertPast | Event::AlertFlapping));
            told((notice(event, now), rule(now)), said, spec, teller, now)
        }
    };
    deliveries.into_iter().next().map(|delivery| delivery.body).unwrap_or_default()
}

/// What this webhook is told, to whom so much was said of the alert before.
fn told(
    (notice, rule): (Notice, Rule),
    said: u32,
    spec: &WebhookSpec,
    teller: &Teller,
    now: UnixMillis,
) -> Vec<NewDelivery> {
    let (rules, webhooks) = ([rule], [webhook(spec, now)]);
    let reasons = HashMap::from([(AlertId(1), reason(now))]);
    let audience = Audience { said: &|_, _| said, reasons: &reasons, ..Audience::new(&rules, &webhooks) };
    deliveries_for(&[notice], &audience, &catalog(now), teller)
}

/// Alerts that say what most do not: of what is unusual, of conditions that are joined, of devices that are counted, and of a rule whose
/// own words fail.
#[must_use]
pub(super) fn others(spec: &WebhookSpec, teller: &Teller, now: UnixMillis) -> Vec<Vec<u8>> {
    let (fires, rule) = (notice(Event::AlertFiring, now).alert().clone(), rule(now));
    let usual = Some(Usual { is: 31.4, low: 20.4, high: 22.1, is_growth: false });
    let part = |sensor: &str, value: Option<f64>, is_true: bool, usual: Option<Usual>| Part {
        sensor: sensor.to_owned(),
        unit: "Cel".to_owned(),
        measure: Measure::Value,
        value,
        threshold: LIMIT,
        is_true,
        usual,
    };
    let joined = [part("temperature", Some(31.4), true, usual), part("outside", None, false, None)];
    let counted = [part("greenhouse", None, true, None), part("temperature", Some(5.0), false, None)];
    let message = Message { title: Some("{{ device }}".to_owned()), text: Some("{{ 1 // 0 }}".to_owned()) };
    let unusual = Alert { measure: Measure::Sigmas, value: Some(5.2), threshold: 4.0, usual, ..fires.clone() };
    let joined = Alert { measure: Measure::Parts, value: Some(2.0), parts: joined.into(), ..fires.clone() };
    let about = Subject::Selection;
    let counted = Alert { about, measure: Measure::Devices, value: Some(3.0), parts: counted.into(), ..fires.clone() };
    let worded = Rule { spec: RuleSpec { message, ..rule.spec.clone() }, ..rule.clone() };
    [(unusual, rule.clone()), (joined, rule.clone()), (counted, rule), (fires, worded)]
        .into_iter()
        .flat_map(|(alert, rule)| {
            let fires = Notice::Changed { alert, occurred_at: now, points: Vec::new(), to: Hearers::All };
            told((fires, rule), 0, spec, teller, now)
        })
        .map(|delivery| delivery.body)
        .collect()
}

/// Seven messages, of which the first three are about alerts that still fire.
fn summed_up(spec: &WebhookSpec, teller: &Teller, now: UnixMillis) -> NewDelivery {
    let waits = |(id, (event, alert)): (u64, (Event, u64))| Waits {
        id: DeliveryId(id),
        alert: Some(AlertId(alert)),
        event,
        created_at: now.plus(-3 * 60 * MINUTE_MS),
        course: alert.to_string(),
    };
    let events = [1, 2, 3, 4, 5].map(|alert| (Event::AlertFiring, alert));
    let all: Vec<Waits> = (1..)
        .zip(events.into_iter().chain([(Event::AlertResolved, 4), (Event::AlertResolved, 5)]))
        .map(waits)
        .collect();
    let one = event(Event::AlertFiring, spec, teller, now);
    let bodies = all.iter().map(|waits| (waits.id, one.clone())).collect();
    let sorted = Sorted::of(&all);
    sorted.map_or_else(
        || test_delivery(WebhookId(1), &spec.name, now),
        |sorted| sorted.delivery(WebhookId(1), Why::Late, &bodies, teller, now),
    )
}

pub(super) fn notice(event: Event, now: UnixMillis) -> Notice {
    let since = now.plus(if event == Event::AlertRepeated { -4 * 60 * MINUTE_MS } else { -12 * MINUTE_MS });
    let (state, is_over) = match event {
        Event::AlertFiring
        | Event::AlertFlapping
        | Event::AlertAcknowledged
        | Event::AlertRepeated
        | Event::AlertsSummary
        | Event::WebhookDisabled
        | Event::Test => (AlertState::Firing, false),
        Event::AlertResolved => (AlertState::Resolved, true),
        Event::AlertPast => (AlertState::Historical, true),
    };
    let ack = || Ack { at: now, by: "anna".to_owned(), comment: Some("I open a window".to_owned()) };
    let alert = Alert {
        id: AlertId(1),
        rule: RuleId(1),
        rule_name: "Too warm".to_owned(),
        severity: Severity::Warning,
        tags: Arc::default(),
        about: Subject::Series { device: NO, series: SeriesId(0) },
        state,
        measure: Measure::Value,
        value: Some(31.4),
        worst: Some(if is_over { 33.2 } else { 31.4 }),
        last: is_over.then_some(28.9),
        threshold: LIMIT,
        started_at: since,
        parts: Arc::default(),
        usual: None,
        well_since: None,
        fired_at: Some(since),
        resolved_at: is_over.then_some(now),
        acked: (event == Event::AlertAcknowledged).then(|| Arc::new(ack())),
        new_normal: false,
        unknown_since: None,
        learned_at: now,
    };
    let points = vec![Point { at: since, value: 31.4 }];
    let occurred_at = if is_over { now } else { since };
    match event {
        Event::AlertPast => Notice::Past { alert, count: 1, points },
        Event::AlertFlapping => {
            let (between, clear) = (Some((29.2, 31.4)), Some(29.1));
            let flaps = Flaps { changes: 4, within_ms: 3 * MINUTE_MS, between, clear };
            Notice::Flapping { alert, occurred_at, points, flaps }
        }
        Event::AlertRepeated => Notice::Repeated { alert, at: now, to: WebhookId(1) },
        Event::AlertAcknowledged => Notice::Acknowledged { alert, to: Hearers::All },
        Event::AlertFiring | Event::AlertResolved | Event::AlertsSummary | Event::WebhookDisabled | Event::Test => {
            Notice::Changed { alert, occurred_at, points, to: Hearers::All }
        }
    }
}

/// As it was when the alert fired.
fn reason(now: UnixMillis) -> Reason {
    let circumstances = Circumstances {
        is_online: true,
        heard_at: Some(now),
        loss: Some(Loss { taken: 7_200, lost: 0 }),
        clock_offset_ms: Some(12),
        agent: "1.4.0".to_owned(),
        vitals: vec![Vital { sensor: "battery".to_owned(), value: 87.0, unit: "%".to_owned() }],
    };
    let explanation =
        Explanation { alert: AlertId(1), rule_version: Some(3), late_ms: 0, circumstances: Some(circumstances) };
    let tally = Some(Tally { here: 3, anywhere: 7 });
    Reason { explanation, rule_changed_at: Some(now.plus(-9 * DAY_MS)), tally, beside: Vec::new() }
}

/// Tells when it is warmer than 30 °C.
pub(super) fn rule(now: UnixMillis) -> Rule {
    let spec = RuleSpec {
        name: "Too warm".to_owned(),
        device: "*".to_owned(),
        sensor: "temperature".to_owned(),
        labels: Labels::new(),
        condition: Condition::Threshold { op: Op::Above, value: LIMIT, clear: None },
        hold: std::time::Duration::ZERO,
        clear_for: std::time::Duration::ZERO,
        severity: Severity::Warning,
        tags: Labels::new(),
        webhooks: vec![WebhookId(1)],
        all_webhooks: false,
        enabled: true,
        message: Message::default(),
    };
    Rule {
        id: RuleId(1),
        version: 3,
        version_since: now,
        spec,
        made_by_hub: false,
        created_at: now,
        updated_at: now,
        source: None,
    }
}

fn webhook(spec: &WebhookSpec, now: UnixMillis) -> Webhook {
    let filter = Filter::default();
    let spec = WebhookSpec { past: true, enabled: true, filter, ..spec.clone() };
    Webhook::new(WebhookId(1), spec, Vec::new(), now)
}

pub(super) fn catalog(now: UnixMillis) -> Catalog {
    let mut catalog = Catalog::default();
    catalog.put_device(Device {
        no: NO,
        id: DeviceId::from_bytes([1; 16]),
        key: PublicKey([1; 32]),
        name: "greenhouse".to_owned(),
        standing: Standing::Adopted,
        labels: Labels::from([("site".to_owned(), "south".to_owned())]),
        model: String::new(),
        version: String::new(),
        address: None,
        first_seen: now,
        last_seen: None,
        interval_ms: None,
        pushed_every_ms: None,
        notes: String::new(),
        handshake_counter: 0,
    });
    catalog.put_series(Series {
        id: SeriesId(0),
        device: NO,
        sensor: "temperature".to_owned(),
        unit: "Cel".to_owned(),
        kind: SensorKind::Gauge,
        kind_by_owner: false,
        interval_ms: 1_000,
    });
    catalog
}
