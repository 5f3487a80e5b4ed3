//! A rule tried reading by reading, page by page: what the quick way has to agree with.

use telemetry_hub::model::UnixMillis;
use telemetry_hub::model::catalog::Series;
use telemetry_hub::rules::backtest::{Outcome, Replay, Trial};
use telemetry_hub::store::Store;

const PAGE: usize = 50_000;

/// Two series at a time, as long as it takes.
pub(crate) async fn tried(
    store: &Store,
    trial: &Trial,
    series: &[Series],
    range: (UnixMillis, UnixMillis),
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for some in series.chunks(2) {
        let both = some.iter().map(|series| replay(store, trial, series, range));
        outcomes.extend(futures_util::future::join_all(both).await);
    }
    outcomes
}

async fn replay(store: &Store, trial: &Trial, series: &Series, (from, to): (UnixMillis, UnixMillis)) -> Outcome {
    let beside = trial.beside(series, &store.catalog());
    let mut replay = Replay::new(trial, series, from).listing_open().looking_beside(&beside);
    let begin = from.plus(-trial.reach_ms(series));
    let all: Vec<_> = std::iter::once(series).chain(&beside).map(|series| series.id).collect();
    let mut next = vec![begin; all.len()];
    if trial.wants_lead(series) || trial.goes_by_the_last() {
        replay.begin_behind(&store.lead(series.id, begin).await.unwrap());
    }
    while let Some(which) = replay.wants() {
        let page = store.readings(all[which], next[which], to, PAGE).await.unwrap();
        next[which] = page.points.last().map_or(to, |last| last.at.plus(1));
        replay.take_of(which, &page.points, page.more);
        tokio::task::yield_now().await;
    }
    replay.finish(to)
}
