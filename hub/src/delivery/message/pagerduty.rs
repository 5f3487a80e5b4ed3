//! `PagerDuty` Events v2: an alert is one incident, identified by its `dedup_key`. PURE.
//!
//! An alert that was already over when the hub learned of it is sent as a change event: it is listed beside the
//! incidents and pages nobody. As an incident it would never be resolved.

use serde_json::{Map, json};

use super::cut;
use super::note::{Level, Note};
use super::request::{Request, To};

const SUMMARY: usize = 1_024;
const DEDUP_KEY: usize = 255;
/// Of what has no limit of its own.
const NAME: usize = 255;
/// Where alerts go, and changes.
pub(super) const ENQUEUE: &str = "/v2/enqueue";
const CHANGE: &str = "/v2/change/enqueue";

pub(super) fn request(note: &Note, to: &To<'_>) -> Request {
    // Two hubs count their alerts alike.
    let about = note.alert().map(|alert| &alert.id).or_else(|| note.disabled().map(|webhook| &webhook.id));
    let key = about.map_or_else(|| to.from.id.to_owned(), |id| format!("{id}@{}", to.from.hub));
    let key = cut::units(&key, DEDUP_KEY);
    let routing_key = to.field("routing_key");
    if note.is_over() || note.is_acknowledged() {
        let action = if note.is_over() { "resolve" } else { "acknowledge" };
        let event = json!({"routing_key": routing_key, "event_action": action, "dedup_key": key});
        return Request::post(to.url.as_str(), &event);
    }
    let alert = note.alert();
    let mut payload = json!({
        "summary": cut::units(&format!("{}: {}", note.title(), note.text()), SUMMARY),
        "source": cut::units(alert.map_or("telemetry-hub", |alert| &alert.device_name), NAME),
    });
    if !note.timestamp.is_empty() {
        payload["timestamp"] = json!(note.timestamp);
    }
    let mut details: Map<_, _> =
        note.facts().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    if let Some(alert) = alert.filter(|alert| !alert.labels.is_empty()) {
        details.insert("Labels".to_owned(), json!(alert.labels));
    }
    if let Some(alert) = alert.filter(|alert| !alert.tags.is_empty()) {
        details.insert("Tags".to_owned(), json!(alert.tags));
    }
    if !details.is_empty() {
        payload["custom_details"] = details.into();
    }
    let mut event = json!({"routing_key": routing_key, "payload": payload});
    if let Some(url) = note.link(2_048) {
        event["links"] = json!([{"href": url, "text": note.link_name()}]);
    }
    if let Some(url) = to.chart(note, 2_048).filter(|url| url.starts_with("https://")) {
        event["images"] = json!([{"src": url, "alt": note.title()}]);
    }
    if note.is_past() {
        return Request::post(to.url.as_str().replacen(ENQUEUE, CHANGE, 1), &event);
    }
    event["payload"]["severity"] = json!(match note.severity() {
        Level::Critical => "critical",
        Level::Warning => "warning",
        Level::Info | Level::Well => "info",
    });
    if let Some(alert) = alert {
        event["payload"]["class"] = json!(cut::units(&alert.rule.name, NAME));
        event["payload"]["component"] = json!(cut::units(&alert.sensor, NAME));
    }
    event["event_action"] = json!("trigger");
    event["dedup_key"] = json!(key);
    event["client"] = json!("Telemetry hub");
    Request::post(to.url.as_str(), &event)
}
