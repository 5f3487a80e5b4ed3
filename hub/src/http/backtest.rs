//! `/rules/backtest`: what a rule would have done, by the engine that would have done it.
//!
//! A request reads stored readings series by series, a page at a time, and ends with the client that asked. It is bounded
//! by series, by range and by time; what does not fit is left out and said so (`truncated`). Two run at once, so that
//! somebody who tries rules does not hold up the pages of the others.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::AppState;
use super::auth::Reader;
use super::body::Body;
use super::dto::Problem;
use super::dto::backtest::{Backtest, BacktestRequest, SeriesBacktest};
use super::error::ApiError;
use super::query;
use super::readings::in_order;
use crate::model::UnixMillis;
use crate::model::catalog::Series;
use crate::model::rule::RuleSpec;
use crate::rules::backtest::{Outcome, Replay, Trial};
use crate::store;

/// Tries at once in the whole hub: half of the store's readers.
pub(super) const AT_ONCE: usize = 2;
/// Series of one try.
const MOST_SERIES: usize = 1_000;
/// Longest range: a year and a day.
const MOST_MS: i64 = 366 * 86_400_000;
/// Readings of one page: some milliseconds of work, then others have their turn.
const PAGE: usize = 50_000;
/// When no further series is begun: below what a page waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tries a rule on the past: how often it would have fired, where, and for how long. Nothing is stored, nobody is
/// notified.
#[utoipa::path(post, path = "/api/v1/rules/backtest", tag = "rules", request_body = BacktestRequest,
    responses((status = 200, body = Backtest), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn run(
    State(app): State<AppState>,
    _: Reader,
    Body(request): Body<BacktestRequest>,
) -> Result<Json<Backtest>, ApiError> {
    app.history()?;
    let now = app.clock.wall();
    let to = query::time("to", request.to, now)?.unwrap_or(now);
    let from = query::time("from", request.from, now)?.unwrap_or_else(|| to.plus(-86_400_000));
    let range = in_order(from, to)?;
    if to.since(from) > MOST_MS {
        return Err(ApiError::invalid("from", "the range must be at most 366 days"));
    }
    let spec = RuleSpec::try_from(request.rule.named()).map_err(|error| error.within("rule"))?;
    let _place = app.trials.try_acquire().map_err(|_| {
        let detail = "other backtests are running; try again in a moment";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(2)
    })?;

    let condition = spec.condition;
    let trial = Trial::new(spec, now);
    let watched = trial.series(&app.store.catalog());
    let mut found = Backtest::of(range, &condition, watched.len());
    let end = app.clock.now() + PATIENCE;
    for series in watched.iter().take(MOST_SERIES) {
        let Some(outcome) = replay(&app, &trial, series, range, end).await? else { break };
        found.fires += outcome.fires;
        found.series.extend(SeriesBacktest::of(outcome, series, &condition, &app.store.catalog()));
    }
    found.truncated = found.series.len() < watched.len();
    if let Some(needs) = &mut found.needs {
        needs.waiting = found.series.iter().filter(|series| series.judged == 0).count();
    }
    Ok(Json(found))
}

/// One series; `None` when there is no time left for it.
async fn replay(
    app: &AppState,
    trial: &Trial,
    series: &Series,
    (from, to): (UnixMillis, UnixMillis),
    end: std::time::Instant,
) -> Result<Option<Outcome>, ApiError> {
    let mut replay = Replay::new(trial, series, from);
    let mut next = from.plus(-trial.reach_ms(series));
    while next < to {
        if app.clock.now() >= end {
            return Ok(None);
        }
        let page = match app.store.readings(series.id, next, to, PAGE).await {
            Ok(page) => page,
            // Deleted meanwhile: it would have watched nothing.
            Err(store::Error::NotFound { .. }) => break,
            Err(error) => return Err(error.into()),
        };
        replay.take(&page.points);
        match page.points.last().filter(|_| page.more) {
            Some(last) => next = last.at.plus(1),
            None => break,
        }
        // Pages from memory come without waiting: others want their turn too.
        tokio::task::yield_now().await;
    }
    Ok(Some(replay.finish(to)))
}
