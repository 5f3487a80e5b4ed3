//! Holds a store against what its device was told: every acknowledged batch is there, none twice.

use std::collections::BTreeSet;
use std::path::Path;

use telemetry_hub::model::UnixMillis;
use telemetry_hub::store::{Config, Error, SecretKey, Store};

use crate::support::device::READINGS;

/// What a store holds of the device of the ledger.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    /// Batches whose readings are all there.
    pub(crate) whole: BTreeSet<u64>,
    /// Batches of which some readings are missing.
    pub(crate) torn: BTreeSet<u64>,
    /// Readings more than once.
    pub(crate) doubled: usize,
    /// Readings with another value than was sent.
    pub(crate) wrong: usize,
}

impl Holdings {
    /// Acknowledged batches that are not there.
    pub(crate) fn lost<'a>(&self, acked: impl IntoIterator<Item = &'a u64>) -> Vec<u64> {
        acked.into_iter().filter(|seq| !self.whole.contains(seq)).copied().collect()
    }
}

/// Reads everything of the ledger's device, which made batch 0 at `start`.
pub(crate) async fn holdings(store: &Store, start: i64) -> Holdings {
    let series = store.catalog().all_series().find(|series| series.sensor == "ledger").map(|series| series.id);
    let Some(series) = series else { return Holdings::default() };
    let mut points = Vec::new();
    let mut from = UnixMillis(i64::MIN);
    loop {
        let page = store.readings(series, from, UnixMillis(i64::MAX), 10_000).await.unwrap();
        points.extend(page.points.iter().map(|point| (point.at.0, point.value)));
        let Some(last) = page.points.last() else { break };
        from = last.at.plus(1);
        if !page.more {
            break;
        }
    }
    assemble(&points, start)
}

/// Puts readings back into batches.
pub(crate) fn assemble(points: &[(i64, f64)], start: i64) -> Holdings {
    let mut found = Holdings::default();
    let mut counts = std::collections::BTreeMap::<u64, BTreeSet<u64>>::new();
    for &(at, value) in points {
        let nth = (at - start) as u64;
        found.wrong += usize::from(value != (nth % 1_000) as f64 / 10.0);
        found.doubled += usize::from(!counts.entry(nth / READINGS).or_default().insert(nth));
    }
    for (seq, readings) in counts {
        let place = if readings.len() as u64 == READINGS { &mut found.whole } else { &mut found.torn };
        place.insert(seq);
    }
    found
}

/// Opens a store as a hub would.
pub(crate) fn open(dir: &Path) -> Result<Store, Error> {
    let key = SecretKey::load_or_create(dir)?;
    Store::open(&Config { dir: dir.to_owned(), ..Config::default() }, &key)
}
