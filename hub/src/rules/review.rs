//! Applies rules to readings that came too late to be judged on arrival: which alerts would have fired, had the
//! readings been on time.
//!
//! ```text
//!   late readings ─▶ Engine::next_review ─▶ Review ──stored readings, known alerts──▶ Reviewed ─▶ Engine::reviewed
//!                    once they have settled                                                       proposes entries
//! ```
//!
//! What began and ended is history: entries in the list of alerts, over when they are written, told as over once a rule and
//! device. What still lasts by the last reading, and that tells of this moment, fires,
//! with the time it began; an alert that is open already learns when it began. It is the backtest's [`Replay`], over what is
//! stored around the late readings, on time or not.
//!
//! - A firing that began while another alert of the rule was open on the series is known: somebody was told of that one.
//! - One that goes on into an alert that began later, and is over, ends where that one begins.
//! - One that touches an entry made before, of an earlier part of the backfill, makes that entry longer.
//! - At most [`super::backtest::SPANS`] firings are entered of one stretch of late readings; the rest is counted.
//!
//! Times are those of the hub's clock, as of alerts: what a device measured whose clock runs ahead happened that much earlier than
//! is stored, as far as is known of its clock, and that much later where an agent's is slow. Where that was not known, or was
//! something else at the time, an alert is known again by its values and by how long it lasted.
//!
//! Far ahead of the hub's clock is what an agent measured whose clock is, or a forecast: what the hub measures of that clock tells,
//! and in the first minutes of a hub the review waits for it.
//!
//! A rule is applied as it is now, also to readings from before it was made. Silence is not looked for: it is about hearing,
//! and the device was not heard. Nor are rules applied that look at other sensors beside their own. What is looked at twice, after
//! a crash, makes the same entries.

use super::backtest::{Replay, Trial};
use super::draft::Draft;
use super::engine::{Engine, Proposed};
use super::instance::{Instance, Step};
use super::upload::{FUTURE_MS, SAME_MS};
use crate::counter::Lead;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState, Subject};
use crate::model::catalog::{Catalog, Series};
use crate::model::device::DeviceNo;
use crate::model::reading::{Point, SeriesId, Stretch};
use crate::model::rule::RuleId;

/// How long after a start a review waits until a clock was measured, in milliseconds: agents are back by then.
const PATIENCE_MS: i64 = 5 * 60_000;

/// Late readings of one series, and the rules to hold against them.
#[derive(Debug)]
pub struct Review {
    series: Series,
    /// The late readings, and as much around them as makes a stretch one with the next.
    stretch: Stretch,
    /// Where the late readings begin: a firing that was over before is none of theirs.
    late_from: UnixMillis,
    /// What the rules have to know from before.
    reach_ms: i64,
    /// When it was made: later readings are not wanted.
    now: UnixMillis,
    /// The device's clock minus the hub's, in milliseconds; 0 where that is not known.
    ahead_ms: i64,
    trials: Vec<Trial>,
}

/// What a [`Review`] found.
#[derive(Debug, Default)]
pub struct Reviewed {
    series: Option<SeriesId>,
    findings: Vec<Finding>,
    lasting: Vec<Lasting>,
    /// Firings beyond those that are entered.
    pub left_out: u64,
}

#[derive(Debug)]
struct Finding {
    /// Its id is the engine's to give, unless it is an entry that grows.
    alert: Alert,
    is_new: bool,
    /// Entries that are part of it.
    absorbs: Vec<AlertId>,
}

/// A rule that is true still, as far as the readings go.
#[derive(Debug)]
struct Lasting {
    /// Firing, or pending where it is not yet true for long enough.
    alert: Alert,
    /// The last reading.
    newest: UnixMillis,
    /// What to enter if it turns out to be over.
    over: Option<Finding>,
}

/// A review in progress.
#[derive(Debug)]
pub struct Hearing<'a> {
    review: &'a Review,
    replays: Vec<Replay<'a>>,
    /// Readings before this were taken.
    next: UnixMillis,
    /// Time of the last one taken.
    last: Option<UnixMillis>,
}

impl Engine {
    /// When [`Engine::next_review`] wants to be asked; may be early.
    #[must_use]
    pub fn poll_review(&self) -> Option<UnixMillis> {
        self.backlog.poll_timeout()
    }

    /// Late readings that have settled; each is given once, and has to be answered before the next is asked for.
    pub fn next_review(&mut self, now: UnixMillis, catalog: &Catalog) -> Option<Review> {
        loop {
            let (series, late) = self.backlog.next(now)?;
            let Some(series) = catalog.series(series) else { continue };
            let clock = self.clocks.get(&series.device).copied();
            let future = now.plus(clock.unwrap_or(0).max(0).saturating_add(FUTURE_MS));
            if clock.is_none() && late.to > future && now.since(self.started) < PATIENCE_MS {
                self.backlog.remember(now, series.id, late);
                continue;
            }
            let Some(track) = self.slot(series.id).and_then(|slot| self.tracks.get(slot as usize)) else { continue };
            let judging = track.watches.iter().filter_map(|watch| self.rules.get(watch.rule));
            let judging = judging.filter(|rule| rule.is_reviewed());
            let trials: Vec<_> = judging.map(|rule| Trial::of(rule.clone())).collect();
            let Some(reach_ms) = trials.iter().map(|trial| trial.reach_ms(series)).max() else { continue };
            // Of forecasts nothing is left to look at.
            let stretch = Stretch { from: late.from.min(future).plus(-track.late_ms), to: late.to.min(future) };
            return Some(Review {
                series: series.clone(),
                stretch,
                late_from: late.from,
                reach_ms,
                now,
                ahead_ms: clock.unwrap_or(0),
                trials,
            });
        }
    }

    /// Proposes what follows: entries, and alerts that are found to last.
    #[must_use]
    pub fn reviewed(&self, now: UnixMillis, reviewed: Reviewed) -> Proposed {
        let Reviewed { series, findings, lasting, .. } = reviewed;
        let mut draft = Draft::new(self, now);
        let enter = |draft: &mut Draft<'_>, Finding { alert, is_new, absorbs }: Finding| {
            let of = alert.device();
            draft.enter(alert, is_new);
            absorbs.into_iter().for_each(|entry| draft.emit(Step::Cancel, (entry, of), &[]));
        };
        findings.into_iter().for_each(|finding| enter(&mut draft, finding));
        for Lasting { alert, newest, over } in lasting {
            let lasts = series.is_some_and(|series| draft.lasting(series, newest, &alert));
            if let Some(over) = over.filter(|_| !lasts) {
                enter(&mut draft, over);
            }
        }
        let rest = series.map(|series| (series, self.backlog.rest(series)));
        Proposed { waiting: rest.into_iter().collect(), ..draft.finish() }
    }
}

impl Review {
    /// Whose readings.
    #[must_use]
    pub const fn series(&self) -> SeriesId {
        self.series.id
    }

    /// Of which device.
    #[must_use]
    pub const fn device(&self) -> DeviceNo {
        self.series.device
    }

    /// The rules it holds against them.
    pub fn rules(&self) -> impl Iterator<Item = RuleId> {
        self.trials.iter().map(|trial| trial.rule().id)
    }

    /// The time in which alerts that are known matter, both ends included.
    #[must_use]
    pub fn span(&self) -> (UnixMillis, UnixMillis) {
        (self.stretch.from.plus(-self.reach_ms - self.ahead_ms.max(FUTURE_MS)), self.now)
    }

    /// Where the readings begin that it wants.
    #[must_use]
    pub fn begins(&self) -> UnixMillis {
        self.stretch.from.plus(-self.reach_ms)
    }

    /// Whether it wants to know what lies before that.
    #[must_use]
    pub fn wants_lead(&self) -> bool {
        self.trials.iter().any(|trial| trial.wants_lead(&self.series))
    }

    /// Begins, behind what lies before.
    #[must_use]
    pub fn hear(&self, lead: Option<&Lead>) -> Hearing<'_> {
        let replay = |trial| {
            let mut replay = Replay::new(trial, &self.series, UnixMillis(i64::MIN));
            lead.into_iter().for_each(|lead| replay.begin_behind(lead));
            replay
        };
        Hearing { review: self, replays: self.trials.iter().map(replay).collect(), next: self.begins(), last: None }
    }
}

impl Hearing<'_> {
    /// The readings wanted next, from and before; `None` when it has heard enough: the late ones, and after them what says
    /// when a firing ended.
    #[must_use]
    pub fn wants(&self) -> Option<(UnixMillis, UnixMillis)> {
        let beyond = self.review.stretch.to.plus(1);
        if self.next < beyond {
            return Some((self.next, beyond));
        }
        let is_open = self.replays.iter().any(|replay| replay.open().is_some());
        let present = self.review.now.plus(self.review.ahead_ms.max(0));
        (is_open && self.next < present).then_some((self.next, present))
    }

    /// Takes some of those wanted, oldest first; `more`: there are others.
    pub fn take(&mut self, points: &[Point], more: bool) {
        let end = self.wants().map_or(self.next, |(_, end)| end);
        self.last = points.last().map(|last| last.at).or(self.last);
        self.next = points.last().filter(|_| more).map_or(end, |last| last.at.plus(1));
        self.replays.iter_mut().for_each(|replay| replay.take(points));
    }

    /// Ends. `known`: the alerts there were of these rules on the series, see [`Review::span`].
    #[must_use]
    pub fn finish(self, mut known: Vec<Alert>) -> Reviewed {
        let Self { review, replays, next, last } = self;
        let last = last.unwrap_or(next);
        // No reading was taken after the present.
        let ahead_ms = review.ahead_ms.max(last.since(review.now));
        let ahead_ms = if ahead_ms.abs() > SAME_MS { ahead_ms } else { 0 };
        let mut reviewed = Reviewed { series: Some(review.series.id), ..Reviewed::default() };
        for (trial, replay) in review.trials.iter().zip(replays) {
            let mut open = replay.open().cloned();
            let outcome = replay.finish(last);
            reviewed.left_out += outcome.fires - outcome.spans.len() as u64;
            for span in outcome.spans {
                let started_at = span.from.plus(-trial.hold_ms());
                let ended_at = span.to.unwrap_or(last);
                if ended_at < review.late_from || started_at > review.stretch.to {
                    open = open.filter(|_| span.to.is_some());
                    continue;
                }
                let (device, series) = (review.series.device, review.series.id);
                let instance = Instance {
                    rule: trial.compiled(),
                    about: Subject::Series { device, series },
                    open: None,
                    next: AlertId(0),
                };
                let alert = Alert {
                    state: AlertState::Historical,
                    fired_at: Some(span.from),
                    resolved_at: Some(ended_at),
                    worst: span.worst,
                    last: span.last,
                    usual: span.usual,
                    ..instance.begin(started_at, span.value)
                };
                let found = among(earlier(alert, ahead_ms), ahead_ms, &mut known);
                match open.take_if(|_| span.to.is_none()) {
                    None => reviewed.findings.extend(found),
                    Some(alert) => {
                        let alert = earlier(Alert::clone(&alert), ahead_ms);
                        reviewed.lasting.push(Lasting { alert, newest: last.plus(-ahead_ms), over: found });
                    }
                }
            }
            if let Some(alert) = open.filter(|alert| alert.state == AlertState::Pending) {
                let alert = earlier(Alert::clone(&alert), ahead_ms);
                reviewed.lasting.push(Lasting { alert, newest: last.plus(-ahead_ms), over: None });
            }
        }
        reviewed
    }
}

/// An alert so many milliseconds earlier than the readings say.
fn earlier(alert: Alert, ahead_ms: i64) -> Alert {
    let earlier = |at: UnixMillis| at.plus(-ahead_ms);
    Alert {
        started_at: earlier(alert.started_at),
        fired_at: alert.fired_at.map(earlier),
        resolved_at: alert.resolved_at.map(earlier),
        ..alert
    }
}

/// Whether a firing is one that was told as it happened, and lies elsewhere in what is stored because the device's clock was off.
fn is_again(found: &Alert, told: &Alert, ahead_ms: i64) -> bool {
    let lasted = |alert: &Alert| alert.resolved_at.map(|end| end.since(alert.started_at));
    let is_as_long = match (lasted(found), lasted(told)) {
        (Some(found), Some(told)) => (found - told).abs() <= 2 * SAME_MS,
        _ => false,
    };
    let apart_ms = told.started_at.since(found.started_at).abs();
    let is_near = ahead_ms != 0 && apart_ms <= ahead_ms.saturating_abs().saturating_add(FUTURE_MS);
    is_as_long && is_near && (found.value, found.worst) == (told.value, told.worst)
}

/// What is new about a firing; nothing if the known ones tell of it. Of what it makes of an entry `known` tells afterwards.
/// `ahead_ms`: how far the device's clock was off, which is measured to a second.
fn among(mut found: Alert, ahead_ms: i64, known: &mut Vec<Alert>) -> Option<Finding> {
    let slack_ms = if ahead_ms == 0 { 0 } else { SAME_MS };
    let end = |alert: &Alert| alert.resolved_at.unwrap_or(UnixMillis(i64::MAX));
    let of_rule = |alert: &&Alert| alert.rule == found.rule;
    let (entries, told): (Vec<&Alert>, Vec<&Alert>) =
        known.iter().filter(of_rule).partition(|alert| alert.state == AlertState::Historical);
    let told: Vec<&Alert> = told.into_iter().filter(|alert| alert.state != AlertState::Pending).collect();
    let covers = |alert: &&Alert| {
        alert.started_at.plus(-slack_ms) <= found.started_at && found.started_at < end(alert).plus(slack_ms)
    };
    if told.iter().any(|alert| covers(alert) || is_again(&found, alert, ahead_ms)) {
        return None;
    }
    let later = told.iter().map(|alert| alert.started_at).filter(|at| *at > found.started_at).min();
    let cut = later.filter(|later| found.resolved_at.is_none_or(|end| *later < end));
    if let Some(cut) = cut {
        // What was measured then belongs to the one that follows.
        (found.resolved_at, found.last) = (Some(cut), None);
    }
    if found.resolved_at < found.fired_at {
        return None;
    }
    let touches = |alert: &&&Alert| alert.started_at <= end(&found) && found.started_at <= end(alert);
    let touching: Vec<Alert> = entries.iter().filter(touches).map(|alert| (*alert).clone()).collect();
    let Some(first) = touching.first() else {
        return Some(Finding { alert: found, is_new: true, absorbs: Vec::new() });
    };
    let whole = touching.iter().fold(found, |whole, entry| Alert {
        id: first.id,
        value: first.value,
        worst: whole.worsened(entry.worst).map_or(whole.worst, |worse| worse.worst),
        started_at: whole.started_at.min(entry.started_at),
        fired_at: whole.fired_at.into_iter().chain(entry.fired_at).min(),
        resolved_at: whole.resolved_at.max(entry.resolved_at),
        last: if entry.resolved_at > whole.resolved_at { entry.last } else { whole.last },
        ..whole
    });
    let times = |alert: &Alert| [Some(alert.started_at), alert.fired_at, alert.resolved_at];
    let is_known = |(one, other): (Option<UnixMillis>, Option<UnixMillis>)| match (one, other) {
        (Some(one), Some(other)) => one.since(other).abs() <= slack_ms,
        (one, other) => one == other,
    };
    // Nothing was learned: a clock is measured anew, and to no millisecond.
    if times(&whole).into_iter().zip(times(first)).all(is_known) {
        return None;
    }
    known.retain(|alert| !touching.iter().any(|entry| entry.id == alert.id));
    known.push(whole.clone());
    let absorbs = touching.iter().skip(1).map(|entry| entry.id).collect();
    Some(Finding { alert: whole, is_new: false, absorbs })
}
