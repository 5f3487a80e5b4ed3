//! Why alerts fire: what is kept of the moment at which they do, and what is told with them and with their end.
//!
//! Of an end it is told what belongs to it: how the device is by then, how late the hub knew, how often the rule fired, and what the rule
//! says if it is still the one that fired.
//!
//! An alert that fires is told within a second, so this reads little and waits for it no longer than [`PATIENCE`]; of many
//! alerts that fire at once it reads for the first ones alone. What is in memory is known of all of them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use super::Ingest;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState, Transition};
use crate::model::device::DeviceNo;
use crate::model::explain::{
    COUNTED_DAYS, Circumstances, Explanation, Loss, MOST_VITALS, Reason, Tally, Vital, beside, is_vital,
};
use crate::model::notice::Notice;
use crate::model::reading::{Point, SeriesId};
use crate::model::rule::RuleId;
use crate::store;

/// Alerts of one commit for which the disk is read.
const MOST_READ: usize = 20;
/// How long an alert waits for what is told beside it.
const PATIENCE: Duration = Duration::from_millis(250);
const DAY_MS: i64 = 86_400_000;

/// Why alerts fire.
#[derive(Default)]
pub(super) struct Reasons {
    /// What is written with them.
    pub(super) kept: Vec<Explanation>,
    /// What their messages say.
    pub(super) told: HashMap<AlertId, Reason>,
}

/// What was read for some alerts.
#[derive(Default)]
struct Found {
    loss: HashMap<DeviceNo, Loss>,
    tallies: HashMap<AlertId, Tally>,
    about_then: Vec<Alert>,
    /// Of alerts that fired before.
    kept: HashMap<AlertId, Explanation>,
}

impl Ingest {
    /// Why the alerts fire that these changes begin, and those that are told now; and what belongs to the ends that are told.
    pub(super) async fn reasons(&self, transitions: &[Transition], notices: &[Notice]) -> Reasons {
        let fire: Vec<&Alert> = transitions.iter().filter_map(firing).collect();
        let told: Vec<&Alert> = notices.iter().filter_map(told).collect();
        let ends: Vec<&Alert> = notices.iter().filter_map(ended).take(MOST_READ).collect();
        if fire.is_empty() && told.is_empty() && ends.is_empty() {
            return Reasons::default();
        }
        let now = self.clock.wall();
        let new: HashSet<AlertId> = fire.iter().map(|alert| alert.id).collect();
        let earlier: Vec<&Alert> =
            told.iter().copied().filter(|alert| !new.contains(&alert.id)).take(MOST_READ).collect();
        let some: Vec<Alert> = fire.iter().take(MOST_READ).map(|alert| (*alert).clone()).collect();
        let found = tokio::time::timeout(PATIENCE, self.found(&some, &earlier, &ends, now)).await;
        // Whatever keeps it from being read: the alert is told without it.
        let found = found.ok().and_then(Result::ok).unwrap_or_default();

        let rules: HashMap<RuleId, (u32, UnixMillis)> =
            self.engine.rules().map(|rule| (rule.id, (rule.version, rule.version_since))).collect();
        let kept: Vec<Explanation> = fire.iter().map(|alert| self.explanation(alert, &rules, &found, now)).collect();
        let own = fire.iter().take(MOST_READ).map(|alert| (*alert).clone());
        let about_then: Vec<Alert> = found.about_then.iter().cloned().chain(own).collect();
        // What a rule says that was changed meanwhile is not why it fired.
        let in_force = |alert: &Alert, kept: &Explanation| {
            kept.rule_version.filter(|version| rules.get(&alert.rule).is_some_and(|(is, _)| is == version))
        };
        let reason = |alert: &Alert, explanation: Explanation| Reason {
            rule_changed_at: rules.get(&alert.rule).map(|(_, at)| *at),
            tally: found.tallies.get(&alert.id).map(|tally| Tally {
                here: tally.here + u32::from(new.contains(&alert.id)),
                anywhere: tally.anywhere + u32::from(new.contains(&alert.id)),
            }),
            beside: beside(alert, about_then.clone(), &self.store.catalog()),
            explanation,
        };
        let new = fire.iter().zip(&kept).take(MOST_READ).map(|(alert, kept)| (alert.id, reason(alert, kept.clone())));
        let old = earlier.iter().filter_map(|alert| {
            let kept = found.kept.get(&alert.id)?;
            Some((alert.id, reason(alert, Explanation { rule_version: in_force(alert, kept), ..kept.clone() })))
        });
        let over = ends.iter().map(|alert| {
            let explanation = Explanation {
                alert: alert.id,
                rule_version: found.kept.get(&alert.id).and_then(|kept| in_force(alert, kept)),
                late_ms: alert.learned_at.since(alert.resolved_at.unwrap_or(alert.learned_at)).max(0),
                circumstances: alert.device().map(|device| self.circumstances(device, alert, &found, now)),
            };
            (alert.id, Reason { beside: Vec::new(), ..reason(alert, explanation) })
        });
        let told = new.chain(old).chain(over).collect();
        Reasons { told, kept }
    }

    /// What memory and what was read say of an alert that fires.
    fn explanation(
        &self,
        alert: &Alert,
        rules: &HashMap<RuleId, (u32, UnixMillis)>,
        found: &Found,
        now: UnixMillis,
    ) -> Explanation {
        let is_over = alert.state == AlertState::Historical;
        let device = alert.device().filter(|_| !is_over);
        Explanation {
            alert: alert.id,
            rule_version: rules.get(&alert.rule).map(|(version, _)| *version),
            late_ms: alert.learned_at.since(alert.fired_at.unwrap_or(alert.started_at)).max(0),
            circumstances: device.map(|device| self.circumstances(device, alert, found, now)),
        }
    }

    /// How a device and its link are now.
    fn circumstances(&self, device: DeviceNo, alert: &Alert, found: &Found, now: UnixMillis) -> Circumstances {
        let catalog = self.store.catalog();
        let seen = (self.seen)(device, catalog.expected_interval_ms(device).unwrap_or(0), now);
        let agent = catalog.device(device).map(|device| device.version.clone()).unwrap_or_default();
        let vitals = catalog.series_of(device).filter(|one| is_vital(&one.sensor) && Some(one.id) != alert.series());
        let vitals: Vec<_> =
            vitals.take(MOST_VITALS).map(|one| (one.id, one.sensor.clone(), one.unit.clone())).collect();
        drop(catalog);
        let latest = self.store.latest(&vitals.iter().map(|(id, ..)| *id).collect::<Vec<_>>());
        let vital = |((_, sensor, unit), point): ((SeriesId, String, String), Option<Point>)| {
            Some(Vital { sensor, value: point?.value, unit })
        };
        // The first reading of a device that was never heard before is what fired it.
        let is_first = seen.heard_at.is_none() && alert.series().is_some() && alert.value.is_some();
        Circumstances {
            is_online: seen.is_online || is_first,
            heard_at: seen.heard_at.or_else(|| is_first.then_some(now)),
            loss: found.loss.get(&device).copied(),
            clock_offset_ms: seen.clock_offset_ms,
            agent,
            vitals: vitals.into_iter().zip(latest).filter_map(vital).collect(),
        }
    }

    /// Reads what is told beside some alerts that fire, beside some that fired before, and beside some that end.
    async fn found(
        &self,
        fire: &[Alert],
        earlier: &[&Alert],
        ends: &[&Alert],
        now: UnixMillis,
    ) -> store::Result<Found> {
        let mut found = Found::default();
        let begun = || fire.iter().chain(earlier.iter().copied());
        let all: Vec<Alert> = begun().chain(ends.iter().copied()).cloned().collect();
        let tallies = self.store.tallies(all.clone(), now.plus(-COUNTED_DAYS * DAY_MS)).await?;
        found.tallies = all.iter().map(|alert| alert.id).zip(tallies).collect();
        if let Some(first) = begun().next() {
            found.about_then = self.store.fired_about(first.fired_at.unwrap_or(now)).await?;
        }
        for alert in earlier.iter().chain(ends) {
            found.kept.extend(self.store.explanation(alert.id).await?.map(|kept| (alert.id, kept)));
        }
        let of_now = fire.iter().chain(ends.iter().copied());
        let devices: BTreeSet<DeviceNo> = of_now.filter_map(Alert::device).collect();
        for device in devices {
            let (from, to) = (now.plus(-3_600_000).hour(), now.plus(3_600_000).hour());
            let ledger = self.store.ledger(device, from, to).await?;
            let lines = || ledger.hours.iter().map(|(_, line)| line);
            let taken = lines().map(|line| line.taken).sum();
            let lost = lines().map(|line| line.missing + line.dropped.total()).sum();
            found.loss.insert(device, Loss { taken, lost });
        }
        Ok(found)
    }
}

/// The alert that fires by a change, or that did and is over.
fn firing(transition: &Transition) -> Option<&Alert> {
    let (Transition::Put { alert, .. } | Transition::Amend(alert)) = transition else { return None };
    let fires = matches!(transition, Transition::Put { .. }) && alert.state == AlertState::Firing;
    (fires || alert.state == AlertState::Historical).then_some(alert)
}

/// The alert of which a notice says that it is over.
fn ended(notice: &Notice) -> Option<&Alert> {
    let Notice::Changed { alert, .. } = notice else { return None };
    (alert.state == AlertState::Resolved).then_some(alert)
}

/// The alert of which a notice says that it fires, or did.
fn told(notice: &Notice) -> Option<&Alert> {
    let is_begin = match notice {
        Notice::Changed { alert, .. } => alert.state == AlertState::Firing,
        Notice::Past { .. } | Notice::Flapping { .. } => true,
        Notice::Acknowledged { .. } | Notice::Repeated { .. } => false,
    };
    is_begin.then(|| notice.alert())
}
