//! What a template can say of a message. PURE.
//!
//! All of it is read from the message in the hub's own form, so a template says what the data says. `docs/operations.md` lists the
//! names; what `data.alert` gets more is there as `alert.` without another word here.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::Value;
use minijinja::value::{Object, ValueKind};

use crate::delivery::sentence::written;
use crate::model::device::Labels;
use crate::model::{UnixMillis, called, shown};

/// What is not there.
const NOTHING: Value = Value::UNDEFINED;

/// The names a message gives a template.
#[derive(Debug, Clone)]
pub(in crate::delivery) struct Variables {
    pub(super) value: Value,
    /// Whether there is an alert.
    pub(in crate::delivery) is_about_an_alert: bool,
    /// Whether what is not known fails, instead of being empty.
    pub(super) is_strict: bool,
}

impl Variables {
    /// Of a message in the hub's own form; with a zone also the times as people there read them.
    pub(in crate::delivery) fn of(message: &Value, zone: Option<&TimeZone>) -> Self {
        Self::with_labels(message, zone, None)
    }

    /// The same of an invented message, of whose device every label is known, and of whose rule every tag; or only these.
    pub(in crate::delivery) fn invented(message: &Value, zone: Option<&TimeZone>, tags: Option<&Labels>) -> Self {
        let any = Value::from_object(AnyLabel);
        let pair = |(key, value): (&String, &String)| (Value::from(key.as_str()), Value::from(value.as_str()));
        let tags = tags.map_or_else(|| any.clone(), |tags| Value::from_pairs(tags.iter().map(pair)));
        Self::with_labels(message, zone, Some((any, tags)))
    }

    fn with_labels(message: &Value, zone: Option<&TimeZone>, known: Option<(Value, Value)>) -> Self {
        let data = field(message, "data");
        let alert = field(&data, "alert");
        let is_about_an_alert = alert.kind() == ValueKind::Map;
        let text = |of: &Value, name: &str| field(of, name).as_str().unwrap_or_default().to_owned();
        let kind = text(message, "type");
        let (measure, unit) = (text(&alert, "measure"), text(&alert, "unit"));
        let with_unit = |name: &str| {
            let Ok(value) = f64::try_from(field(&alert, name)) else { return String::new() };
            if measure == "silence" || measure == "stuck" && name == "threshold" {
                return shown::length(value.round() as i64);
            }
            let unit = if measure == "sigmas" { "" } else { unit.as_str() };
            shown::value(value, unit)
        };
        let usual = |name: &str| text(&field(&alert, "usual"), name);
        let name = |text: String| if text.is_empty() { text } else { shown::name(&text) };
        let sensor = text(&alert, "sensor");
        let time = |name: &str| field(&alert, name).as_str().and_then(|text| text.parse::<Timestamp>().ok());
        let (began, ended) = (time("started_at"), time("resolved_at").or_else(|| time("occurred_at")));
        let lasted = began.zip(ended).map(|(began, ended)| shown::length(ended.as_second() - began.as_second()));
        let labels = |field_name: &str| match &known {
            Some((_, tags)) if is_about_an_alert && field_name == "tags" => tags.clone(),
            Some((labels, _)) if is_about_an_alert => labels.clone(),
            _ => map_or_empty(field(&alert, field_name)),
        };
        let or_none = |value: Value| if value.is_undefined() { Value::from(()) } else { value };
        let group = [field(&data, "group"), field(&data, "summary")].into_iter().find(|group| !group.is_undefined());
        let of_any = |name: &str| {
            let own = field(&alert, name);
            if own.is_undefined() { field(group.as_ref().unwrap_or(&NOTHING), name) } else { own }
        };
        // In what is sent, too.
        let data = match &known {
            Some((any_label, tags)) if is_about_an_alert => {
                let alert = with(&alert, [("labels", any_label.clone()), ("tags", tags.clone())]);
                with(&data, [("alert", alert)])
            }
            _ => data,
        };
        let mut all = vec![
            ("event", Value::from(kind.strip_prefix("alert.").unwrap_or(&kind))),
            ("type", Value::from(kind.as_str())),
            ("timestamp", or_none(field(message, "timestamp"))),
            ("title", or_none(field(message, "title"))),
            ("text", or_none(field(message, "text"))),
            ("data", or_none(data)),
            ("rule", Value::from(name(text(&field(&alert, "rule"), "name")))),
            ("device", Value::from(name(text(&alert, "device_name")))),
            ("sensor", Value::from(if sensor.is_empty() { sensor } else { called::sensor(&sensor) })),
            ("value", or_none(field(&alert, "value"))),
            ("worst", or_none(field(&alert, "worst_value"))),
            ("last", or_none(field(&alert, "last_value"))),
            ("threshold", or_none(field(&alert, "threshold"))),
            ("unit", Value::from(shown::sign(&unit))),
            ("value_text", Value::from(with_unit("value"))),
            ("worst_text", Value::from(with_unit("worst_value"))),
            ("last_text", Value::from(with_unit("last_value"))),
            ("threshold_text", Value::from(with_unit("threshold"))),
            ("measured_text", Value::from(usual("value_text"))),
            ("usual_text", Value::from(usual("usual_text"))),
            ("severity", or_none(of_any("severity"))),
            ("state", or_none(field(&alert, "state"))),
            ("labels", labels("labels")),
            ("tags", labels("tags")),
            ("started_at", or_none(field(&alert, "started_at"))),
            ("resolved_at", or_none(field(&alert, "resolved_at"))),
            ("lasted", Value::from(lasted.unwrap_or_default())),
            ("url", or_none(of_any("url"))),
            ("count", or_none(of_any("count"))),
            ("delayed_by", or_none(field(message, "delayed_by"))),
            ("delayed_for", or_none(field(message, "delayed_for"))),
        ];
        if let Some(zone) = zone {
            let local = |at: Option<Timestamp>| {
                let at = at.map(|at| written(UnixMillis(at.as_millisecond()), zone, "%Y-%m-%d %H:%M %Z"));
                Value::from(at.unwrap_or_default())
            };
            all.extend([("since", local(began)), ("until", local(time("resolved_at")))]);
        }
        if is_about_an_alert {
            let labelled = |name: &'static str| (name, labels(name));
            let own = ["labels", "tags"].map(labelled);
            let rest = alert.try_iter().into_iter().flatten().filter_map(|key| {
                let value = alert.get_item(&key).ok()?;
                (!matches!(key.as_str(), Some("labels" | "tags"))).then_some((key, value))
            });
            // Only what joins conditions has parts, and only what is unusual says what is usual.
            let or_empty =
                |name: &'static str, empty: Value| field(&alert, name).is_undefined().then_some((name, empty));
            let none = [or_empty("parts", Value::from(Vec::<Value>::new())), or_empty("usual", map_or_empty(NOTHING))];
            let own = own.into_iter().chain(none.into_iter().flatten()).map(|(name, value)| (Value::from(name), value));
            all.push(("alert", Value::from_pairs(rest.chain(own))));
        }
        let pairs = all.into_iter().map(|(name, value)| (Value::from(name), value));
        Self { value: Value::from_pairs(pairs), is_about_an_alert, is_strict: is_about_an_alert }
    }

    /// The same, but that what is not known is empty.
    pub(in crate::delivery) fn leniently(self) -> Self {
        Self { is_strict: false, ..self }
    }

    /// The same with one more.
    pub(in crate::delivery) fn and(self, name: &'static str, value: &str) -> Self {
        let keys = self.value.try_iter().into_iter().flatten();
        let all = keys.filter_map(|key| Some((key.clone(), self.value.get_item(&key).ok()?)));
        let all: Vec<_> = all.chain([(Value::from(name), Value::from(value))]).collect();
        Self { value: Value::from_pairs(all), ..self }
    }
}

/// What is not there is undefined.
fn field(of: &Value, name: &str) -> Value {
    if of.kind() == ValueKind::Map { of.get_attr(name).unwrap_or(NOTHING) } else { NOTHING }
}

/// A message whose alert has this of another's where it has none of its own.
pub(in crate::delivery) fn lent(message: &Value, name: &'static str, other: &Value) -> Value {
    let alert_of = |message: &Value| field(&field(message, "data"), "alert");
    let (alert, given) = (alert_of(message), field(&alert_of(other), name));
    if given.is_undefined() || alert.kind() != ValueKind::Map || !field(&alert, name).is_undefined() {
        return message.clone();
    }
    let data = with(&field(message, "data"), [("alert", with(&alert, [(name, given)]))]);
    with(message, [("data", data)])
}

/// A map with these in place of its own.
fn with<const N: usize>(map: &Value, others: [(&'static str, Value); N]) -> Value {
    let is_other = |key: &Value| others.iter().any(|(name, _)| key.as_str() == Some(name));
    let keys = map.try_iter().into_iter().flatten().filter(|key| !is_other(key));
    let own: Vec<_> = keys.filter_map(|key| Some((key.clone(), map.get_item(&key).ok()?))).collect();
    Value::from_pairs(own.into_iter().chain(others.clone().map(|(name, value)| (Value::from(name), value))))
}

fn map_or_empty(value: Value) -> Value {
    if value.kind() == ValueKind::Map { value } else { Value::from_pairs(std::iter::empty::<(Value, Value)>()) }
}

/// Labels of an invented device: whichever is asked for.
#[derive(Debug)]
struct AnyLabel;

impl Object for AnyLabel {
    fn get_value(self: &Arc<Self>, _key: &Value) -> Option<Value> {
        Some(Value::from("example"))
    }
}

/// What names there are, in any message.
pub(in crate::delivery) struct Known(Vec<Value>);

impl Known {
    pub(in crate::delivery) fn new(messages: &[Variables]) -> Self {
        Self(messages.iter().map(|one| one.value.clone()).collect())
    }

    /// Why there is no such name.
    pub(super) fn find(&self, path: &str) -> Result<(), String> {
        let mut among = self.0.clone();
        let mut before = String::new();
        for name in path.split('.') {
            if among.iter().any(|value| value.downcast_object_ref::<AnyLabel>().is_some()) {
                return Ok(());
            }
            let next: Vec<Value> =
                among.iter().map(|of| field(of, name)).filter(|value| !value.is_undefined()).collect();
            if next.is_empty() {
                return Err(unknown(&among, &before, name));
            }
            before = if before.is_empty() { name.to_owned() } else { format!("{before}.{name}") };
            among = next;
        }
        Ok(())
    }
}

fn unknown(among: &[Value], before: &str, name: &str) -> String {
    let maps = among.iter().filter(|value| value.kind() == ValueKind::Map);
    let mut there: Vec<String> = maps
        .flat_map(|map| map.try_iter().into_iter().flatten())
        .filter_map(|key| key.as_str().map(str::to_owned))
        .collect();
    there.sort();
    there.dedup();
    if matches!(before, "tags" | "alert.tags" | "data.alert.tags") {
        let all = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        return format!("the rule has no tag `{name}`; it has {all}");
    }
    let whole = |name: &str| if before.is_empty() { name.to_owned() } else { format!("{before}.{name}") };
    if there.is_empty() {
        return format!("`{before}` has no fields, so no `{}`", whole(name));
    }
    let near = there.iter().map(|one| (distance(one, name), one)).min();
    match near {
        Some((steps, near)) if steps <= 1 + name.chars().count() / 3 => {
            format!("`{}` is not known: did you mean `{}`?", whole(name), whole(near))
        }
        _ => format!("`{}` is not known; there is {}", whole(name), there.join(", ")),
    }
}

/// How many letters have to be put in, taken out or changed to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (n, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = n + 1;
        for (m, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[m + 1];
            row[m + 1] = changed.min(row[m] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
