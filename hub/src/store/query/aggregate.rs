//! Readings by bucket of time: counts, extremes, means, first and last values, percentiles, increases, rates.
//!
//! ```text
//!   series ──▶ by device ──▶ one share a reader ──▶ scan: rollups, blocks, head ──▶ columns ──▶ what the caller makes of them
//! ```
//!
//! A wide query runs on as many readers as there are cores, if they are free; each hands its columns on, series by series,
//! so that no more than an answer's own text is ever held. What a query may hold besides is [`MEMORY`].

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::try_join_all;

use super::plan::Plan;
use super::scan;
use super::share::Share;
use super::totals::Asked;
pub use super::totals::{Aggregates, Columns};
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::model::{SensorKind, UnixMillis};
use crate::store::Store;
use crate::store::error::Result;
use crate::store::query::device_of;

use crate::store::samples::MEMORY;
use crate::store::tier::Tier;

/// Devices of a query for each further reader that it uses.
const SHARE: usize = 32;

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Series asked for, each once.
    pub series: Vec<SeriesId>,
    /// Buckets of time that the readings are summed in.
    pub buckets: Buckets,
    /// Each series by itself or all together.
    pub group: Group,
    /// Figures to compute.
    pub wanted: Aggregates,
    /// Kind to read every series as; `None` leaves each its own.
    pub kind: Option<SensorKind>,
}

/// Time cut into buckets: bucket `n` is `[edges[n], edges[n + 1])`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    /// Ascending; one more than there are buckets.
    pub edges: Vec<UnixMillis>,
}

/// Whether series are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// One result a series.
    None,
    /// One result for all series together: of all their readings; an increase or a rate is the sum of theirs.
    All,
}

/// The answer to [`Store::aggregate`].
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregated<T = Columns> {
    /// One for each series asked for, or a single one for all of them.
    pub results: Vec<T>,
    /// The coarsest tier that went into the answer.
    pub tier: Tier,
    /// Whether an edge of a bucket cuts a rollup, which then counts as a whole where the first of its readings lies; of
    /// increases and rates each bucket has its share, as if it had changed evenly.
    pub cut: bool,
}

impl Store {
    /// Figures by bucket; several readings at one time count once per series.
    ///
    /// # Errors
    /// `NotFound` for a series; `Busy` when too many read at once or it takes longer than 10 s; `TooLarge`.
    pub async fn aggregate(&self, query: Query) -> Result<Aggregated> {
        self.aggregate_into(query, |_, columns| columns).await
    }

    /// Like [`Store::aggregate`], but each result is made into something else, on the thread that computed it, by its
    /// place among the series asked for.
    ///
    /// # Errors
    /// Those of [`Store::aggregate`].
    pub async fn aggregate_into<T: Send + 'static>(
        &self,
        query: Query,
        make: impl Fn(usize, Columns) -> T + Send + Sync + 'static,
    ) -> Result<Aggregated<T>> {
        let Query { series, buckets, group, wanted, kind } = query;
        let devices = self.by_device(&series)?;
        let readers = self.readers().lend(devices.len().div_ceil(SHARE)).await?;
        let plan = Arc::new(Plan::new(buckets.edges, wanted, kind, MEMORY / readers.len()));
        let make = Arc::new(make);
        let share = devices.len().div_ceil(readers.len()).max(1);
        let is_short = match readers.as_slice() {
            [reader] => scan::is_short(reader.ask()?, self.memory(), &plan, &devices)?,
            _ => false,
        };
        let mut rest = devices;
        let mut shares = Vec::with_capacity(readers.len());
        for reader in readers {
            let devices: Vec<_> = rest.drain(..share.min(rest.len())).collect();
            let (memory, plan, make) = (self.memory_shared(), Arc::clone(&plan), Arc::clone(&make));
            shares.push(reader.run_here_if(is_short, move |reader| {
                let mut share = Share::new(reader, &memory, &plan);
                let mut made = Vec::new();
                let mut all = plan.totals();
                share.run(&devices, |place, totals| match group {
                    Group::None => {
                        made.push((place, make(place, totals.columns(&plan.wanted))));
                        Ok(())
                    }
                    Group::All => all.absorb(totals, plan.memory),
                })?;
                Ok((made, all, share.tier(), share.cut()))
            }));
        }
        let (mut made, mut all, mut tier, mut cut) =
            (Vec::with_capacity(series.len()), plan.totals(), Tier::Raw, false);
        for (some, mut totals, of_share, is_cut) in try_join_all(shares).await? {
            made.extend(some);
            all.absorb(&mut totals, MEMORY)?;
            tier = tier.max(of_share);
            cut |= is_cut;
        }
        let results = match group {
            Group::All => vec![make(0, all.columns(&plan.wanted))],
            Group::None => {
                made.sort_unstable_by_key(|(place, _)| *place);
                made.into_iter().map(|(_, result)| result).collect()
            }
        };
        Ok(Aggregated { results, tier, cut })
    }

    /// The series by device, each with its place.
    fn by_device(&self, series: &[SeriesId]) -> Result<Vec<Asked>> {
        let mut devices: BTreeMap<DeviceNo, Asked> = BTreeMap::new();
        for (place, series) in series.iter().enumerate() {
            let device = device_of(self.memory(), *series)?;
            let asked =
                devices.entry(device).or_insert_with(|| Asked { device, series: Vec::new(), places: Vec::new() });
            asked.series.push(*series);
            asked.places.push(place);
        }
        Ok(devices.into_values().collect())
    }
}
