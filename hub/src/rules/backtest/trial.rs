//! A rule that is tried: which series it would watch, and which of their readings matter to it.

use std::collections::BTreeSet;

use crate::model::UnixMillis;
use crate::model::catalog::{Catalog, Series};
use crate::model::rule::{Condition, Rule, RuleId, RuleSpec};
use crate::rules::condition::{Compiled, millis};
use crate::rules::engine::Watching;
use crate::rules::look::Look;

/// How a series reported, as far as a replay looked at it reading by reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// When the first reading was taken, also before the range.
    pub first: Option<UnixMillis>,
    /// How far apart the last ones lie, in milliseconds; 0 where nothing says so.
    pub every_ms: i64,
}

/// A rule that is tried.
#[derive(Debug, Clone)]
pub struct Trial(pub(super) Compiled);

/// What a review needs of a rule in force.
impl Trial {
    pub(in crate::rules) const fn of(rule: Compiled) -> Self {
        Self(rule)
    }

    pub(in crate::rules) const fn compiled(&self) -> &Compiled {
        &self.0
    }

    pub(in crate::rules) const fn rule(&self) -> &Rule {
        &self.0.rule
    }

    pub(in crate::rules) const fn hold_ms(&self) -> i64 {
        self.0.hold_ms
    }
}

impl Trial {
    /// A rule that need not exist; tried as if it were on.
    #[must_use]
    pub fn new(spec: RuleSpec, now: UnixMillis) -> Self {
        let spec = RuleSpec { enabled: true, ..spec };
        Self(Compiled::new(Rule {
            id: RuleId(0),
            version: 1,
            spec,
            made_by_hub: false,
            created_at: now,
            updated_at: now,
            version_since: now,
            source: None,
        }))
    }

    /// Of what counts devices: the rule about the state of each series, and the rule about their number.
    #[must_use]
    pub fn counted(&self) -> Option<Self> {
        self.0.inner.as_deref().map(|inner| Self(inner.clone()))
    }

    /// Every series it would watch.
    #[must_use]
    pub fn series(&self, catalog: &Catalog) -> Vec<Series> {
        let of_device = |device| catalog.series_of(device).collect::<Vec<_>>();
        let mut covered: Vec<_> = catalog
            .devices()
            .flat_map(|device| of_device(device.no).into_iter().map(move |series| (device, series)))
            .filter(|(device, series)| self.0.covers(device, series))
            .map(|(_, series)| series.clone())
            .collect();
        covered.sort_unstable_by_key(|series| series.id);
        covered
    }

    /// What it watches, by what is there; how much of that has reported enough the engine learns a moment later.
    #[must_use]
    pub fn watching(&self, catalog: &Catalog) -> Watching {
        let Rule { version, spec, .. } = &self.0.rule;
        if spec.condition.is_about_device() {
            let series = catalog.devices().filter(|device| self.0.covers_device(device)).count();
            return Watching { version: *version, series, ..Watching::default() };
        }
        let watched = self.series(catalog);
        let series = watched.len();
        let waiting = if spec.condition.needs().is_some() { series } else { 0 };
        let missing = self.missing(&watched, catalog);
        let mut watching = Watching { version: *version, series, waiting, missing, ..Watching::default() };
        for one in &watched {
            let set = catalog.device(one.device).and_then(|device| device.interval_ms);
            watching.note_pace(&spec.condition, set.unwrap_or(one.interval_ms).into());
        }
        watching
    }

    /// Takes note of a series of which nobody said how often it reports, by how it did.
    pub fn note_pace(&self, watching: &mut Watching, series: &Series, seen: Seen, catalog: &Catalog) {
        let set = catalog.device(series.device).and_then(|device| device.interval_ms);
        if set.unwrap_or(series.interval_ms) == 0 {
            watching.note_pace(&self.0.rule.spec.condition, seen.every_ms);
        }
    }

    /// The series of the same device that it looks at beside this one, each once.
    #[must_use]
    pub fn beside(&self, series: &Series, catalog: &Catalog) -> Vec<Series> {
        let is_named = |one: &Series| self.0.sources.iter().any(|(_, sensor)| *sensor == one.sensor);
        catalog.series_of(series.device).filter(|one| one.id != series.id && is_named(one)).cloned().collect()
    }

    /// Other sensors that it names and no device has that it would watch.
    #[must_use]
    pub fn missing(&self, watched: &[Series], catalog: &Catalog) -> Vec<String> {
        let devices: BTreeSet<_> = watched.iter().map(|series| series.device).collect();
        let names = self.0.sources.iter().map(|(_, sensor)| sensor);
        let has = |sensor: &String| {
            devices.iter().any(|device| catalog.series_of(*device).any(|series| series.sensor == *sensor))
        };
        let missing: BTreeSet<_> = names.filter(|sensor| !devices.is_empty() && !has(sensor)).collect();
        missing.into_iter().cloned().collect()
    }

    /// Whether what it says of a series depends on what lies before the readings that it is shown: a counter may rest for
    /// longer than any rule looks back.
    #[must_use]
    pub fn wants_lead(&self, series: &Series) -> bool {
        let look = Look::new(&self.0.rule.spec.condition, series.kind);
        look.is_some_and(|look| look.back().is_some_and(|window| window.wants_lead()))
    }

    /// Whether the last reading before a range says what the rule is at its beginning, however old that is.
    #[must_use]
    pub const fn goes_by_the_last(&self) -> bool {
        match self.0.rule.spec.condition {
            Condition::Threshold { .. } | Condition::Silence { .. } => true,
            // It is about no series.
            Condition::Device(_) => false,
            Condition::Rate { .. }
            | Condition::Increase { .. }
            | Condition::Deviation { .. }
            | Condition::Figure { .. }
            | Condition::Stuck { .. }
            | Condition::Seasonal { .. }
            | Condition::Difference { .. }
            | Condition::Count { .. }
            | Condition::Joined { .. }
            | Condition::Forecast { .. } => false,
        }
    }

    /// How far before a range readings matter to what the rule says in it, in milliseconds.
    #[must_use]
    pub fn reach_ms(&self, series: &Series) -> i64 {
        let condition = &self.0.rule.spec.condition;
        let before = match condition {
            Condition::Silence { after } => millis(*after),
            Condition::Threshold { .. } | Condition::Device(_) => 0,
            Condition::Rate { .. }
            | Condition::Increase { .. }
            | Condition::Deviation { .. }
            | Condition::Figure { .. }
            | Condition::Stuck { .. }
            | Condition::Seasonal { .. }
            | Condition::Difference { .. }
            | Condition::Count { .. }
            | Condition::Joined { .. }
            | Condition::Forecast { .. } => Look::new(condition, series.kind).map_or(0, |look| look.reach_ms()),
        };
        before.saturating_add(self.0.hold_ms).saturating_add(self.0.clear_for_ms)
    }
}
