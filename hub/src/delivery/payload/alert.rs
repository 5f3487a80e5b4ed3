//! The message about one alert, in the hub's own form. PURE.

use serde::Serialize;

use super::explain::Explain;
use super::worded::worded;
use super::{Body, ROOM, Teller, cut, render, severity_name};
use crate::delivery::sentence::{self, Told};
use crate::delivery::sign::PICTURE_MS;
use crate::model::alert::{self, Measure, Subject, Usual};
use crate::model::catalog::Catalog;
use crate::model::device::Labels;
use crate::model::explain::Reason;
use crate::model::notice::{Flaps, Hearers, Notice};
use crate::model::rule::RuleSpec;
use crate::model::webhook::Event;
use crate::model::when::moment;

#[derive(Serialize)]
struct AlertData<'a> {
    alert: AlertBody<'a>,
}

#[derive(Serialize)]
struct AlertBody<'a> {
    id: String,
    sequence: u32,
    rule: RuleBody<'a>,
    device: Option<String>,
    device_name: &'a str,
    sensor: &'a str,
    measure: &'a str,
    unit: String,
    severity: &'a str,
    state: &'a str,
    value: Option<f64>,
    worst_value: Option<f64>,
    last_value: Option<f64>,
    threshold: f64,
    threshold_unit: String,
    /// Only of what is about what is unusual.
    #[serde(skip_serializing_if = "Option::is_none")]
    usual: Option<UsualBody>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<PartBody<'a>>,
    /// Names of some of the devices, and how many the rule is about; only where they are counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    devices: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    devices_in_all: Option<f64>,
    started_at: String,
    resolved_at: Option<String>,
    new_normal: bool,
    occurred_at: String,
    learned_at: String,
    labels: &'a Labels,
    tags: &'a Labels,
    url: Option<String>,
    /// A picture of the readings around.
    #[serde(skip_serializing_if = "Option::is_none")]
    chart: Option<String>,
    points: Vec<(i64, f64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Explain<'a>>,
    /// How many were over; only of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    /// What it did; only of one that flaps.
    #[serde(skip_serializing_if = "Option::is_none")]
    flapping: Option<FlappingBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acked_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acked_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack_comment: Option<&'a str>,
    /// Whether the title is in the words of its rule.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    worded: bool,
    /// Why it is in the hub's own words, where the rule has others.
    #[serde(skip_serializing_if = "Option::is_none")]
    template_error: Option<String>,
}

#[derive(Serialize)]
struct FlappingBody {
    changes: u32,
    within_s: f64,
    lowest: Option<f64>,
    highest: Option<f64>,
    clear: Option<f64>,
}

/// What it was, and what is usual, in the sensor's unit or in its growth a second.
#[derive(Serialize)]
struct UsualBody {
    value: f64,
    low: f64,
    high: f64,
    unit: String,
    /// The same as people read it.
    value_text: String,
    usual_text: String,
}

impl UsualBody {
    fn of(usual: &Usual, unit: &str) -> Self {
        let Usual { is, low, high, is_growth } = *usual;
        let (value_text, usual_text) = sentence::usual::words(usual, unit);
        let unit = if is_growth { format!("{unit}/s") } else { unit.to_owned() };
        Self { value: is, low, high, unit, value_text, usual_text }
    }
}

/// What one of several conditions measured; the sensor of the alert is named like any other.
#[derive(Serialize)]
struct PartBody<'a> {
    sensor: &'a str,
    measure: &'static str,
    unit: String,
    value: Option<f64>,
    threshold: f64,
    threshold_unit: String,
    is_true: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    usual: Option<UsualBody>,
}

impl<'a> PartBody<'a> {
    fn of(part: &'a alert::Part, sensor: &'a str) -> Self {
        Self {
            sensor: cut(if part.sensor.is_empty() { sensor } else { &part.sensor }),
            measure: measure_name(part.measure),
            unit: part.measure.unit(cut(&part.unit)),
            value: part.value,
            threshold: part.threshold,
            threshold_unit: part.measure.limit_unit(cut(&part.unit)),
            is_true: part.is_true,
            usual: part.usual.as_ref().map(|usual| UsualBody::of(usual, cut(&part.unit))),
        }
    }
}

#[derive(Serialize)]
struct RuleBody<'a> {
    id: String,
    name: &'a str,
}

/// What is told of an alert.
pub(in crate::delivery) struct What<'a> {
    pub(in crate::delivery) notice: &'a Notice,
    pub(in crate::delivery) event: Event,
    /// Which message about the alert it is to its receiver, from 1.
    pub(in crate::delivery) sequence: u32,
    pub(in crate::delivery) rule: Option<&'a RuleSpec>,
    pub(in crate::delivery) reason: Option<&'a Reason>,
    /// What is known beside, in a sentence.
    pub(in crate::delivery) beside: Option<String>,
}

pub(in crate::delivery) fn body(what: &What<'_>, catalog: &Catalog, teller: &Teller) -> Vec<u8> {
    let &What { notice, event, sequence, rule, reason, ref beside } = what;
    let (alert, occurred_at) = (notice.alert(), notice.occurred_at());
    let device = alert.device().and_then(|device| catalog.device(device));
    let names = alert.names(catalog);
    let none = Labels::new();
    let state = match event {
        Event::AlertResolved => "resolved",
        Event::AlertPast => "historical",
        // Whether it fires at this moment says nothing: it is not over.
        Event::AlertFiring
        | Event::AlertFlapping
        | Event::AlertAcknowledged
        | Event::AlertRepeated
        | Event::AlertsSummary
        | Event::WebhookDisabled
        | Event::Test => "firing",
    };
    let id = format!("alr_{}", alert.id.0);
    let hub = teller.url.as_deref().map(|hub| hub.trim_end_matches('/'));
    let url = hub.map(|hub| format!("{hub}/a/{id}"));
    let has_chart = matches!(alert.about, Subject::Series { .. }) && event != Event::AlertAcknowledged;
    let chart = hub.filter(|_| has_chart).map(|hub| {
        let until = notice.learned_at().plus(PICTURE_MS);
        format!("{hub}/api/v1/alerts/{id}/chart.png?{}", teller.pictures.query(alert.id, until))
    });
    let body = AlertBody {
        id,
        sequence,
        rule: RuleBody { id: format!("rul_{}", alert.rule.0), name: &alert.rule_name },
        device: device.map(|device| device.id.to_string()),
        device_name: names.device,
        sensor: names.sensor,
        measure: measure_name(alert.measure),
        unit: alert.measure.unit(cut(names.unit)),
        severity: severity_name(alert.severity),
        state,
        value: alert.value,
        worst_value: alert.worst,
        last_value: alert.last,
        threshold: alert.threshold,
        threshold_unit: alert.measure.limit_unit(cut(names.unit)),
        usual: alert.usual.as_ref().map(|usual| UsualBody::of(usual, cut(names.unit))),
        parts: alert.joined().iter().map(|part| PartBody::of(part, names.sensor)).collect(),
        devices: alert.counted().map(cut).collect(),
        devices_in_all: alert.counting().and_then(|state| state.value),
        started_at: moment(alert.started_at),
        resolved_at: alert.resolved_at.map(moment),
        new_normal: alert.new_normal,
        occurred_at: moment(occurred_at),
        learned_at: moment(alert.learned_at),
        labels: device.map_or(&none, |device| &device.labels),
        tags: &alert.tags,
        url,
        chart,
        points: notice.points().iter().map(|point| (point.at.0, point.value)).collect(),
        explain: reason.map(|reason| {
            let unit = alert.counting().map_or(names.unit, |state| &state.unit);
            Explain::of(reason, rule, (unit, alert.joined()), catalog)
        }),
        count: if let Notice::Past { count, .. } = notice { Some(*count) } else { None },
        flapping: if let Notice::Flapping { flaps, .. } = notice { Some(flapping_body(flaps)) } else { None },
        acked_at: alert.acked.as_ref().map(|ack| moment(ack.at)),
        acked_by: alert.acked.as_ref().map(|ack| cut(&ack.by)).filter(|by| !by.is_empty()),
        ack_comment: alert.acked.as_ref().and_then(|ack| ack.comment.as_deref()),
        worded: false,
        template_error: None,
    };
    let Told { title, mut text } = sentence::of(notice, names, rule.map(|rule| &rule.condition), &teller.zone);
    if let Some(beside) = beside {
        text = format!("{text} {beside}");
    }
    let (kind, timestamp) = (event.word(), moment(occurred_at));
    let mut body = Body { r#type: kind, timestamp, title, text, data: AlertData { alert: body } };
    let whole = fitting(&mut body, &none);
    // What fires after it flapped is no news: a template that does not ask is said of news.
    let is_old = matches!(notice, Notice::Changed { to: Hearers::Calmed, .. });
    let as_if = if is_old && event == Event::AlertFiring { Event::AlertRepeated } else { event };
    let Some(said) = rule.and_then(|rule| worded(&rule.message, &whole, as_if, &teller.zone)) else { return whole };
    body.data.alert.worded = said.title.is_some();
    body.title = said.title.unwrap_or(body.title);
    body.text = said.text.unwrap_or(body.text);
    body.data.alert.template_error = said.flaw;
    fitting(&mut body, &none)
}

/// The bytes, with less in them where they are too many.
fn fitting<'a>(body: &mut Body<'_, AlertData<'a>>, none: &'a Labels) -> Vec<u8> {
    let whole = render(body);
    if whole.len() <= ROOM {
        return whole;
    }
    body.data.alert.points.clear();
    let without_points = render(body);
    if without_points.len() <= ROOM {
        return without_points;
    }
    body.data.alert.explain = None;
    let without_reason = render(body);
    if without_reason.len() <= ROOM {
        return without_reason;
    }
    let alert = &mut body.data.alert;
    alert.labels = none;
    alert.rule.name = cut(alert.rule.name);
    (alert.device_name, alert.sensor) = (cut(alert.device_name), cut(alert.sensor));
    render(body)
}

fn flapping_body(flaps: &Flaps) -> FlappingBody {
    let Flaps { changes, within_ms, between, clear } = *flaps;
    let (lowest, highest) = (between.map(|(low, _)| low), between.map(|(_, high)| high));
    FlappingBody { changes, within_s: within_ms as f64 / 1_000.0, lowest, highest, clear }
}

const fn measure_name(measure: Measure) -> &'static str {
    match measure {
        Measure::Value => "value",
        Measure::Rate { .. } => "rate",
        Measure::Sigmas => "sigmas",
        Measure::Stuck => "stuck",
        Measure::Parts => "parts",
        Measure::Forecast => "forecast",
        Measure::Sources => "sources",
        Measure::Clock => "clock",
        Measure::Devices => "devices",
        Measure::Silence => "silence",
    }
}
