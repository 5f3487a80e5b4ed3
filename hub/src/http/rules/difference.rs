//! What another version of a rule would have done differently, as a backtest says it; and how often each device would have been told of.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::firings::{Firing, SeriesBacktest};
use crate::model::UnixMillis;
use crate::model::catalog::{Catalog, Series};
use crate::model::reading::SeriesId;
use crate::rules::backtest::Outcome;
use crate::rules::compare::{Change, changes};

/// Changes that are listed; further ones are only counted.
const LISTED: usize = 200;
const WEEK_MS: f64 = 7.0 * 86_400_000.0;

/// What the rule would have done that `against` would not, and the other way round.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
pub(crate) struct Difference {
    /// Firings that only the rule has.
    pub appear: u64,
    /// Firings that only `against` has.
    pub vanish: u64,
    /// Firings of both that begin or end more than a minute earlier or later.
    pub moved: u64,
    /// The first 200 of them on all series together, series by series.
    pub changes: Vec<ChangedFiring>,
    /// Whether series or firings are missing here: too many, or not listed by one of the two.
    pub truncated: bool,
}

/// One firing that differs: with `before` only it vanishes, with `after` only it appears, with both it moves.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ChangedFiring {
    /// Id of the device.
    pub device: String,
    /// Its name.
    pub device_name: String,
    /// Sensor.
    pub sensor: String,
    /// As `against` has it.
    pub before: Option<Firing>,
    /// As the rule has it.
    pub after: Option<Firing>,
}

/// What one version would have done on a series.
enum Done {
    /// It does not watch it.
    Nothing,
    This(Outcome),
    /// There was no time to find out.
    Unknown,
}

impl Difference {
    /// What differs between two versions: the series that each watches, and what it would have done on the first of them.
    #[must_use]
    pub(crate) fn between(
        before: (&[Series], Vec<Outcome>),
        after: (&[Series], Vec<Outcome>),
        catalog: &Catalog,
    ) -> Self {
        let mut difference = Self::default();
        let mut all = BTreeMap::<SeriesId, (&Series, [Done; 2])>::new();
        for (place, (watched, outcomes)) in [before, after].into_iter().enumerate() {
            difference.truncated |= outcomes.len() < watched.len();
            let mut outcomes = outcomes.into_iter();
            for series in watched {
                let (_, both) = all.entry(series.id).or_insert_with(|| (series, [Done::Nothing, Done::Nothing]));
                both[place] = outcomes.next().map_or(Done::Unknown, Done::This);
            }
        }
        for (series, both) in all.into_values() {
            let known = |done: Done| match done {
                Done::Nothing => Some(Outcome::default()),
                Done::This(outcome) => Some(outcome),
                Done::Unknown => None,
            };
            if let [Some(before), Some(after)] = both.map(known) {
                difference.add(&before, &after, series, catalog);
            }
        }
        difference
    }

    /// What differs of all devices together.
    #[must_use]
    pub(crate) fn of_all(before: &Outcome, after: &Outcome, sensors: &str) -> Self {
        let mut difference = Self::default();
        difference.changed(before, after, ("", "several devices", sensors));
        difference
    }

    /// Adds what differs on one series.
    fn add(&mut self, before: &Outcome, after: &Outcome, series: &Series, catalog: &Catalog) {
        let Some(device) = catalog.device(series.device) else { return };
        self.changed(before, after, (&device.id.to_string(), &device.name, &series.sensor));
    }

    fn changed(&mut self, before: &Outcome, after: &Outcome, (device, device_name, sensor): (&str, &str, &str)) {
        let (changes, is_cut) = changes(before, after);
        self.truncated |= is_cut;
        for change in changes {
            let (before, after) = match &change {
                Change::Appears(span) => (None, Some(span)),
                Change::Vanishes(span) => (Some(span), None),
                Change::Moves { before, after } => (Some(before), Some(after)),
            };
            match (before, after) {
                (None, _) => self.appear += 1,
                (_, None) => self.vanish += 1,
                (Some(_), Some(_)) => self.moved += 1,
            }
            if self.changes.len() < LISTED {
                self.changes.push(ChangedFiring {
                    device: device.to_owned(),
                    device_name: device_name.to_owned(),
                    sensor: sensor.to_owned(),
                    before: before.map(Firing::of),
                    after: after.map(Firing::of),
                });
            }
        }
    }
}

/// How often somebody would have been told of a device.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Noise {
    /// Id of the device.
    pub device: String,
    /// Its name.
    pub device_name: String,
    /// Firings of all its sensors.
    pub fires: u64,
    /// The same a week, as if the range went on.
    pub per_week: f64,
}

impl Noise {
    /// Of the devices on which the rule would have fired, the loudest first.
    #[must_use]
    pub(crate) fn of(series: &[SeriesBacktest], (from, to): (UnixMillis, UnixMillis)) -> Vec<Self> {
        let weeks = to.since(from) as f64 / WEEK_MS;
        let mut devices = BTreeMap::<&str, Self>::new();
        for one in series.iter().filter(|one| one.fires > 0) {
            let noise = devices.entry(&one.device).or_insert_with(|| Self {
                device: one.device.clone(),
                device_name: one.device_name.clone(),
                fires: 0,
                per_week: 0.0,
            });
            noise.fires += one.fires;
            noise.per_week = (noise.fires as f64 / weeks * 100.0).round() / 100.0;
        }
        let mut all: Vec<_> = devices.into_values().collect();
        all.sort_by(|one, other| other.fires.cmp(&one.fires).then_with(|| one.device_name.cmp(&other.device_name)));
        all
    }
}
