//! What happened to an alert, in order: its own times, whom the hub told, and which silences were over it.

use std::collections::HashMap;

use super::detail::{Happened, StoryEntry};
use crate::delivery::mend;
use crate::http::request::text;
use crate::model::alert::{Alert, AlertId, AlertState};
use crate::model::catalog::Catalog;
use crate::model::silence::Silence;
use crate::model::webhook::{Delivery, Event, Webhook};
use crate::model::{UnixMillis, when};
use crate::rules::notify::silences::Silences;
use crate::store::{Error, Store};
use crate::zones;

/// What is known late is said from so many milliseconds on.
const LATE_MS: i64 = 60_000;

/// What is told of beside the alert's own times.
pub(super) struct Told<'a> {
    /// With the attempts of its summary, where that told of one.
    pub(super) deliveries: Vec<Delivery>,
    pub(super) webhooks: &'a [Webhook],
    pub(super) silences: Vec<Silence>,
    /// How late the hub knew when it fired, in milliseconds.
    pub(super) late_ms: i64,
}

/// What was sent about an alert, and is to be.
pub(super) async fn deliveries(store: &Store, alert: AlertId) -> Result<Vec<Delivery>, Error> {
    let mut deliveries = store.deliveries_about(alert).await?;
    for delivery in &mut deliveries {
        let Some(summary) = delivery.summary else { continue };
        match store.delivery(summary).await {
            Ok(summary) => delivery.attempts = summary.attempts,
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(deliveries)
}

/// The story of an alert, oldest first.
pub(super) fn of(alert: &Alert, told: Told<'_>, catalog: &Catalog, now: UnixMillis) -> Vec<StoryEntry> {
    let mut story = vec![(alert.started_at, Happened::Began)];
    story.extend(alert.fired_at.map(|at| (at, Happened::Fired)));
    if told.late_ms > LATE_MS {
        story.extend(alert.fired_at.map(|at| (at.plus(told.late_ms), Happened::Learned)));
    }
    let end = alert.resolved_at.unwrap_or(now);
    story.extend(told.silences.into_iter().filter_map(|silence| silenced(alert, silence, catalog, end)));
    let flapped = told.deliveries.iter().find(|delivery| delivery.event == Event::AlertFlapping);
    story.extend(flapped.map(|delivery| (delivery.created_at, Happened::Flapped)));
    // Of what one summary told, the last is what it said.
    let said: HashMap<_, _> = told.deliveries.iter().filter_map(|one| Some((one.summary?, one.id))).collect();
    let is_said = |one: &Delivery| one.summary.is_none_or(|summary| said.get(&summary) == Some(&one.id));
    story.extend(told.deliveries.into_iter().filter(is_said).map(|delivery| {
        let name = told.webhooks.iter().find(|webhook| webhook.id == delivery.webhook);
        let arrived = delivery.attempts.iter().find(|attempt| attempt.arrived()).map(|attempt| attempt.at);
        (arrived.unwrap_or(delivery.created_at), message(delivery, name))
    }));
    story.extend(alert.acked.as_ref().map(|ack| {
        let by = Some(ack.by.clone()).filter(|by| !by.is_empty());
        (ack.at, Happened::Acknowledged { by, comment: ack.comment.clone() })
    }));
    if matches!(alert.state, AlertState::Resolved | AlertState::Historical) {
        story.extend(alert.resolved_at.filter(|_| alert.ended_by_its_rule()).map(|at| (at, Happened::RuleChanged)));
        story.extend(alert.resolved_at.map(|at| (at, Happened::Resolved)));
    }
    // Stable: what has one moment stays in this order.
    story.sort_by_key(|(at, _)| *at);
    story.into_iter().map(|(at, what)| StoryEntry { at: when::moment(at), what }).collect()
}

fn message(delivery: Delivery, webhook: Option<&Webhook>) -> Happened {
    let arrived = delivery.attempts.iter().find(|attempt| attempt.arrived()).map(|attempt| attempt.at);
    let last = delivery.attempts.last().filter(|_| arrived.is_none());
    // What a machine of the LAN says is not for everybody.
    let failed = last.map(|last| last.failure(mend::for_everybody));
    Happened::Told {
        delivery: text::id(delivery.id),
        webhook: text::id(delivery.webhook),
        webhook_name: webhook.map(|webhook| webhook.spec.name.clone()).unwrap_or_default(),
        event: delivery.event.into(),
        in_summary: delivery.summary.is_some(),
        state: delivery.state.into(),
        attempts: delivery.attempts.len(),
        arrived_at: arrived.map(when::moment),
        error: failed,
    }
}

/// When a silence began to be over an alert, if it was before its `end`. Of a weekly one: where it is about the moment it fired.
fn silenced(alert: &Alert, silence: Silence, catalog: &Catalog, end: UnixMillis) -> Option<(UnixMillis, Happened)> {
    let from = silence.spec.from.max(alert.started_at);
    let looked_at = if silence.spec.weekly.is_some() { alert.fired_at.unwrap_or(from).max(from) } else { from };
    let (id, comment) = (text::id(silence.id), silence.spec.comment.clone());
    let until = Silences::new(zones::of_silences(vec![silence]), Vec::new()).until(looked_at, alert, catalog)?;
    (looked_at <= end).then(|| (looked_at, Happened::Silenced { silence: id, until: when::moment(until), comment }))
}
