//! `/rules/backtest`: what a rule would have done, by the engine that would have done it.
//!
//! A request reads stored readings series by series, two at a time on readers of the store, and ends with the client that asked. It is
//! bounded by series, by range and by time; what does not fit is left out and said so (`truncated`). Two run at once, and who else
//! wants a reader has one after the next series, so that somebody who tries rules does not hold up the pages of the others.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::difference::{Difference, Noise};
use super::dto::{Needs, NewRule};
use super::firings::SeriesBacktest;
use super::measure::Measure;
use super::rulebook::read;
use crate::clock::Clock;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::MayRead;
use crate::http::gate::history::History;
use crate::http::request::body::Body;
use crate::http::request::params::in_order;
use crate::http::request::time::{Time, time};
use crate::http::shares::rooms::Rooms;
use crate::model::catalog::Series;
use crate::model::rule::{Condition, RuleSpec};
use crate::model::{UnixMillis, when};
use crate::rules::Watching;
use crate::rules::backtest::{Outcome, Replay, SPANS, Seen, Trial};
use crate::rules::tally;
use crate::store::{self, Store, Sweeper};

/// A rule, and the range to try it on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BacktestRequest {
    /// The rule, as for making one; its `name` may be left out, and it need not be `enabled`.
    pub rule: NewRule,
    /// Another version of it, as it is now for example: the answer says what differs.
    pub against: Option<NewRule>,
    /// Start, included; a day before `to` when left out.
    pub from: Option<Time>,
    /// End, not included; now when left out.
    pub to: Option<Time>,
}

/// What the rule would have done.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Backtest {
    /// Start of the range.
    pub from: String,
    /// End of the range.
    pub to: String,
    /// What the values of the firings mean.
    pub measure: Measure,
    /// What a series must have reported before the rule can evaluate it; null where the first reading is enough.
    /// `waiting` counts those that could not be evaluated.
    pub needs: Option<Needs>,
    /// Other sensors that its condition names and none of the devices has that it would watch.
    pub missing: Vec<String>,
    /// How often it would have fired, on all series together.
    pub fires: u64,
    /// Series it would have watched.
    pub watched: usize,
    /// Devices on which it would have fired, the loudest first, and how often that is a week.
    pub noise: Vec<Noise>,
    /// What differs from `against`; null without it.
    pub difference: Option<Difference>,
    /// One per series that was evaluated, in the order of the catalog.
    pub series: Vec<SeriesBacktest>,
    /// Whether series are missing here: too many, or too many readings for one request.
    pub truncated: bool,
}

impl Backtest {
    /// Of a range, before any series is tried.
    #[must_use]
    pub(crate) fn of((from, to): (UnixMillis, UnixMillis), condition: &Condition, watching: &Watching) -> Self {
        Self {
            from: when::moment(from),
            to: when::moment(to),
            measure: condition.measure().into(),
            needs: Needs::of(condition, watching),
            missing: Vec::new(),
            fires: 0,
            watched: watching.series,
            noise: Vec::new(),
            difference: None,
            series: Vec::new(),
            truncated: false,
        }
    }
}

/// Series of one backtest.
const MOST_SERIES: usize = 1_000;
/// Longest range: a year and a day.
const MOST_MS: i64 = 366 * 86_400_000;
/// Series that are read at once: as many as a small machine has cores.
const AT_ONCE: usize = 2;
/// Readings of one page, where a rule looks at several sensors.
const PAGE: usize = 50_000;
/// After this no further series is begun, and one that is half read is left.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tries a rule on the past: how often it would have fired, where, and for how long. Nothing is stored, nobody is
/// notified.
#[utoipa::path(post, path = "/api/v1/rules/backtest", tag = "rules", request_body = BacktestRequest,
    responses((status = 200, body = Backtest), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub(in crate::http) async fn run(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(history): State<History>,
    State(rooms): State<Arc<Rooms>>,
    _: MayRead,
    Body(request): Body<BacktestRequest>,
) -> Result<Json<Backtest>, ApiError> {
    history.admits()?;
    let now = clock.wall();
    let to = time("to", request.to, now)?.unwrap_or(now);
    let from = time("from", request.from, now)?.unwrap_or_else(|| to.plus(-86_400_000));
    let range = in_order(from, to)?;
    if to.since(from) > MOST_MS {
        return Err(ApiError::invalid("from", "the range must be at most 366 days"));
    }
    let spec = read(request.rule.named()).await.map_err(|error| error.within("rule"))?;
    let against = match request.against {
        Some(rule) => Some(read(rule.named()).await.map_err(|error| error.within("against"))?),
        None => None,
    };
    has_a_past("rule", &spec.condition)?;
    if let Some(against) = &against {
        has_a_past("against", &against.condition)?;
        let counts = |spec: &RuleSpec| matches!(spec.condition, Condition::Count { .. });
        if counts(against) != counts(&spec) {
            let detail = "a rule that counts devices is compared with one that counts devices as well: leave `against` out, or give such a one";
            return Err(ApiError::invalid("against.condition.type", detail));
        }
    }
    let _place = rooms.trials.try_acquire().map_err(|_| {
        let detail = "other backtests are running; try again in a moment";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(2)
    })?;

    let (condition, sensors) = (spec.condition.clone(), spec.sensor.clone());
    let trial = Arc::new(Trial::new(spec, now));
    let watched = trial.series(&store.catalog());
    let mut watching = Watching { waiting: 0, ..trial.watching(&store.catalog()) };
    let end = clock.now() + PATIENCE;
    let (all, outcomes) = tried((&store, clock), &trial, &watched, range, end).await?;
    for ((_, seen), series) in outcomes.iter().zip(&watched) {
        trial.note_pace(&mut watching, series, *seen, &store.catalog());
    }
    let outcomes: Vec<Outcome> = outcomes.into_iter().map(|(outcome, _)| outcome).collect();
    let mut found = Backtest::of(range, &condition, &watching);
    found.missing = watching.missing;
    if let Some(all) = all {
        found.fires = all.fires;
        found.truncated = outcomes.len() < watched.len();
        found.series = vec![SeriesBacktest::of_all(&all, &sensors)];
        if let Some(against) = against {
            let before = Arc::new(Trial::new(against, now));
            let before_watched = before.series(&store.catalog());
            let (before, _) = tried((&store, clock), &before, &before_watched, range, end).await?;
            found.difference = before.map(|before| Difference::of_all(&before, &all, &sensors));
        }
        return Ok(Json(found));
    }
    for (outcome, series) in outcomes.iter().zip(&watched) {
        found.fires += outcome.fires;
        found.series.extend(SeriesBacktest::of(outcome, series, &condition, &store.catalog()));
    }
    found.truncated = found.series.len() < watched.len();
    found.noise = Noise::of(&found.series, range);
    if let Some(against) = against {
        let before = Arc::new(Trial::new(against, now));
        let before_watched = before.series(&store.catalog());
        let (_, before) = tried((&store, clock), &before, &before_watched, range, end).await?;
        let before = before.into_iter().map(|(outcome, _)| outcome).collect();
        let (before, after) = ((before_watched.as_slice(), before), (watched.as_slice(), outcomes));
        found.difference = Some(Difference::between(before, after, &store.catalog()));
    }
    if let Some(needs) = &mut found.needs {
        needs.waiting = found.series.iter().filter(|series| series.judged == 0).count();
    }
    Ok(Json(found))
}

/// Refuses a condition of which nothing is known in the past, at this field.
fn has_a_past(field: &str, condition: &Condition) -> Result<(), ApiError> {
    if !condition.is_about_device() {
        return Ok(());
    }
    let detail = "how devices were is not stored: what a rule about devices as a whole would have done is not known";
    Err(ApiError::invalid(format!("{field}.condition.type"), detail))
}

/// What the rule would have done on each of these series, as far as there is time; and what one would have that counts devices, by
/// what each of them was.
async fn tried(
    (store, clock): (&Store, Clock),
    trial: &Arc<Trial>,
    series: &[Series],
    range: (UnixMillis, UnixMillis),
    end: Instant,
) -> Result<(Option<Outcome>, Vec<(Outcome, Seen)>), ApiError> {
    let counted = trial.counted().map(Arc::new);
    let (of_series, most) = counted.as_ref().map_or((trial, SPANS), |counted| (counted, tally::CHANGES));
    let some = series.get(..MOST_SERIES).unwrap_or(series).to_vec();
    let replays = some.into_iter().map(|series| {
        let (beside, trial) = (of_series.beside(&series, &store.catalog()), Arc::clone(of_series));
        store.sweep(move |sweeper| replay(sweeper, (&trial, most), &series, &beside, range, &|| clock.now() < end))
    });
    let mut replays = stream::iter(replays).buffered(AT_ONCE);
    let mut outcomes = Vec::new();
    while let Some(outcome) = replays.next().await {
        let Some(outcome) = outcome? else { break };
        outcomes.push(outcome);
    }
    drop(replays);
    let all = counted.map(|_| {
        let states: Vec<_> =
            series.iter().zip(&outcomes).map(|(series, (outcome, seen))| (series, outcome, seen.first)).collect();
        tally::tried(trial, &states, range)
    });
    Ok((all, outcomes))
}

/// One series; `None` when there is no time left for it.
fn replay(
    sweeper: Sweeper<'_>,
    (trial, most): (&Trial, usize),
    series: &Series,
    beside: &[Series],
    (from, to): (UnixMillis, UnixMillis),
    goes_on: &dyn Fn() -> bool,
) -> store::Result<Option<(Outcome, Seen)>> {
    let finished = |replay: Replay<'_>| {
        let seen = replay.seen();
        Some((replay.finish(to), seen))
    };
    if !goes_on() {
        return Ok(None);
    }
    let begin = from.plus(-trial.reach_ms(series));
    let mut replay = Replay::new(trial, series, from).listing_open().listing(most);
    if !beside.is_empty() {
        replay = replay.looking_beside(beside);
    }
    if trial.wants_lead(series) || trial.goes_by_the_last() {
        match sweeper.lead(series.id, begin) {
            Ok(lead) => replay.begin_behind(&lead),
            // Deleted meanwhile: it would have watched nothing.
            Err(store::Error::NotFound { .. }) => return Ok(finished(replay)),
            Err(error) => return Err(error),
        }
    }
    if beside.is_empty() {
        return match sweeper.give(series.id, (begin, to), &mut replay, goes_on) {
            Ok(false) => Ok(None),
            Ok(true) | Err(store::Error::NotFound { .. }) => Ok(finished(replay)),
            Err(error) => Err(error),
        };
    }
    let all: Vec<_> = std::iter::once(series).chain(beside).map(|series| series.id).collect();
    let mut next = vec![begin; all.len()];
    while let Some(which) = replay.wants() {
        if !goes_on() {
            return Ok(None);
        }
        let page = match sweeper.readings(all[which], next[which], to, PAGE) {
            Ok(page) => page,
            Err(store::Error::NotFound { .. }) => store::Page::default(),
            Err(error) => return Err(error),
        };
        next[which] = page.points.last().map_or(to, |last| last.at.plus(1));
        replay.take_of(which, &page.points, page.more);
    }
    Ok(finished(replay))
}
