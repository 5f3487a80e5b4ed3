//! Stored readings for questions in PromQL.

use super::names;
use crate::model::UnixMillis;
use crate::model::reading::SeriesId;
use crate::model::run::{Run, Takes};
use crate::model::view::View;
use crate::promql::{Error, Labels, Matcher, Source, WithReadings};
use crate::store::{self, Sweeper};

/// Series of one selector: their labels are held until the answer is made.
const MOST_SERIES: usize = 20_000;

/// What somebody may see of the store, on a thread that may wait for the disk.
pub(super) struct Stored<'a> {
    sweeper: Sweeper<'a>,
    view: View,
    /// Why the disk had no answer.
    failed: Option<store::Error>,
}

impl<'a> Stored<'a> {
    pub(super) const fn new(sweeper: Sweeper<'a>, view: View) -> Self {
        Self { sweeper, view, failed: None }
    }

    /// What an answer is where the disk had none.
    pub(super) fn settled<T>(self, answer: Result<T, Error>) -> store::Result<Result<T, Error>> {
        self.failed.map_or(Ok(answer), Err)
    }
}

impl Source for Stored<'_> {
    fn select(&mut self, matchers: &[Matcher], from: i64, to: i64, with: &mut WithReadings<'_>) -> Result<(), Error> {
        let series = matching(&self.sweeper, &self.view, matchers);
        if series.len() > MOST_SERIES {
            return Err(Error::TooMuch);
        }
        let mut columns = Columns::default();
        for (labels, id) in series {
            columns.at.clear();
            columns.value.clear();
            let range = (UnixMillis(from), UnixMillis(to.saturating_add(1)));
            match self.sweeper.give(id, range, &mut columns, &|| true) {
                Ok(_) => with(&labels, &columns.at, &columns.value)?,
                // It was deleted meanwhile.
                Err(store::Error::NotFound { .. }) => {}
                Err(error) => {
                    self.failed = Some(error);
                    return Err(Error::Source);
                }
            }
        }
        Ok(())
    }
}

/// Series whose labels all matchers match, by device and sensor.
fn matching(sweeper: &Sweeper<'_>, view: &View, matchers: &[Matcher]) -> Vec<(Labels, SeriesId)> {
    let catalog = sweeper.catalog();
    names::matching(&catalog, view, matchers).into_iter().map(|(labels, series)| (labels, series.id)).collect()
}

/// All readings of a series.
#[derive(Default)]
struct Columns {
    at: Vec<i64>,
    value: Vec<f64>,
}

impl Takes for Columns {
    fn may_pass(&self) -> bool {
        false
    }

    fn stays(&self, _: &Run) -> bool {
        false
    }

    fn pass(&mut self, _: &Run) {}

    fn wants_values(&self) -> bool {
        true
    }

    fn take_columns(&mut self, at: &[i64], value: &[f64]) {
        self.at.extend_from_slice(at);
        self.value.extend_from_slice(value);
    }
}
