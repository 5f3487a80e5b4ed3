//! What is read from the store beside the pipeline: what rules have to remember of a series, and late readings that are held
//! against them. One of each at a time; what cannot be read is done without. Rules that look back may need some of it before they
//! judge a group: that is read while the group waits.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, OptionFuture};

use crate::model::UnixMillis;
use crate::model::reading::SeriesId;
use crate::rules::{Recall, Review, Reviewed};
use crate::store::{self, Aggregates, Buckets, Group, Query, Store};

/// Readings of one series read at once for a rule's memory, or to look at late ones: a millisecond of the pipeline's time.
const RECALL_PAGE: usize = 20_000;
/// An hour, in milliseconds.
const HOUR_MS: usize = 3_600_000;
/// How long a group waits until its rules have read the past of its series. After the start of a large hub that is too short for
/// all of them: the remaining rules judge by what they know, and their past is read with the next groups.
pub(super) const PATIENCE: Duration = Duration::from_millis(200);

/// What is being read.
#[derive(Default)]
pub(super) struct History {
    recalling: Option<BoxFuture<'static, Recall>>,
    reviewing: Option<BoxFuture<'static, Reviewed>>,
}

/// What was read.
pub(super) enum Past {
    /// What a rule has to remember.
    Recalled(Recall),
    /// What late readings say.
    Reviewed(Reviewed),
}

impl History {
    /// Whether something is read for a rule's memory.
    pub(super) const fn recalls(&self) -> bool {
        self.recalling.is_some()
    }

    /// Whether late readings are looked at.
    pub(super) const fn reviews(&self) -> bool {
        self.reviewing.is_some()
    }

    /// Begins to read what a rule has to remember.
    pub(super) fn recall(&mut self, store: &Store, next: Recall) {
        self.recalling = Some(recall(store.clone(), next).boxed());
    }

    /// Begins to look at late readings.
    pub(super) fn review(&mut self, store: &Store, next: Review) {
        self.reviewing = Some(review(store.clone(), next).boxed());
    }

    /// What is read first; waits for ever while nothing is. May be dropped and called again: nothing is lost.
    pub(super) async fn next(&mut self) -> Past {
        tokio::select! {
            Some(recalled) = OptionFuture::from(self.recalling.as_mut()) => {
                self.recalling = None;
                Past::Recalled(recalled)
            }
            Some(reviewed) = OptionFuture::from(self.reviewing.as_mut()) => {
                self.reviewing = None;
                Past::Reviewed(reviewed)
            }
            else => std::future::pending().await,
        }
    }
}

/// Reads what a rule that looks back has to remember of one series; what cannot be read, it learns from here on.
pub(super) async fn recall(store: Store, mut recall: Recall) -> Recall {
    if let Some(hours) = recall.wants_hours() {
        match hourly_means(&store, recall.series, hours).await {
            Ok(means) => recall.take_hours(hours, &means),
            Err(error) => tracing::warn!(%error, "a rule reads one by one what the hours were like: {error}"),
        }
    }
    if recall.wants_lead() {
        match store.lead(recall.series, recall.from).await {
            Ok(lead) => recall.begin_behind(&lead),
            Err(error) => tracing::warn!(%error, "a rule does not know where a counter stood: {error}"),
        }
    }
    while recall.from < recall.to {
        match store.readings(recall.series, recall.from, recall.to, RECALL_PAGE).await {
            Ok(page) => {
                recall.take(&page.points);
                match page.points.last().filter(|_| page.more) {
                    Some(last) => recall.from = last.at.plus(1),
                    None => return recall,
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a rule starts without the history of a series: {error}");
                return recall;
            }
        }
    }
    recall
}

/// The mean of each hour, by whatever is still kept of it.
async fn hourly_means(
    store: &Store,
    series: SeriesId,
    (from, to): (UnixMillis, UnixMillis),
) -> Result<Vec<Option<f64>>, store::Error> {
    let edges = (from.0..=to.0).step_by(HOUR_MS).map(UnixMillis).collect();
    let query = Query {
        series: vec![series],
        buckets: Buckets { edges },
        group: Group::None,
        wanted: Aggregates { avg: true, ..Aggregates::default() },
        kind: None,
    };
    let found = store.aggregate(query).await?;
    Ok(found.results.into_iter().next().map(|columns| columns.avg).unwrap_or_default())
}

/// Holds rules against late readings; what cannot be read is not looked at.
async fn review(store: Store, review: Review) -> Reviewed {
    match try_review(&store, &review).await {
        Ok(reviewed) => reviewed,
        // The device was deleted meanwhile.
        Err(store::Error::NotFound { .. }) => Reviewed::default(),
        Err(error) => {
            tracing::warn!(%error, "late readings were not checked against the rules: {error}");
            Reviewed::default()
        }
    }
}

async fn try_review(store: &Store, review: &Review) -> Result<Reviewed, store::Error> {
    let lead = match review.wants_lead() {
        true => Some(store.lead(review.series(), review.begins()).await?),
        false => None,
    };
    let mut hearing = review.hear(lead.as_ref());
    while let Some((from, to)) = hearing.wants() {
        let page = store.readings(review.series(), from, to, RECALL_PAGE).await?;
        hearing.take(&page.points, page.more);
        // Pages from memory need no waiting, so other tasks would get no turn.
        tokio::task::yield_now().await;
    }
    let mut known = Vec::new();
    for rule in review.rules() {
        known.extend(store.alerts_during(rule, (review.device(), review.series()), review.span()).await?);
    }
    Ok(hearing.finish(known))
}
