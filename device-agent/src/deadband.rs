//! Decides which readings are reported: by a deadband, and by a shortest and a longest time between two. Pure.

use std::time::{Duration, Instant};

use wire::{SensorKind, SensorNo};

/// How often a sensor that does not change is reported all the same, unless its rule says otherwise.
const LONGEST_SILENCE: Duration = Duration::from_secs(300);

/// What the configuration says of the sensors of a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Name; a trailing `*` matches any rest.
    pub name: String,
    /// A value that differs from the last told by at most this is not told.
    pub deadband: Option<f64>,
    /// Never more often than this.
    pub min: Option<Duration>,
    /// Even within the deadband, at least this often.
    pub max: Option<Duration>,
    /// Replaces the source's unit.
    pub unit: Option<String>,
    /// Replaces the source's kind.
    pub kind: Option<SensorKind>,
}

impl Rule {
    /// How long at most to the next reading of a sensor measured every `interval_ms`.
    #[must_use]
    pub fn expect_every(&self, interval_ms: u32) -> u32 {
        let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let quiet = self.deadband.map_or(0, |_| ms(self.silence()));
        // A reading that falls within the shortest time waits for the next round.
        let sparse = self.min.map_or(0, |min| ms(min).next_multiple_of(interval_ms.max(1)));
        interval_ms.max(quiet).max(sparse)
    }

    fn silence(&self) -> Duration {
        self.max.unwrap_or_else(|| LONGEST_SILENCE.max(self.min.unwrap_or_default()))
    }

    fn admits(&self, (value, at): (f64, Instant), now_value: f64, now: Instant) -> bool {
        let passed = now.saturating_duration_since(at);
        if self.min.is_some_and(|min| passed < min) {
            return false;
        }
        self.deadband.is_none_or(|deadband| (now_value - value).abs() > deadband) || passed >= self.silence()
    }
}

/// Whether a name is meant by a pattern: equal, or beginning as the pattern does before its trailing `*`.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

/// What was last told of each sensor.
#[derive(Debug, Default)]
pub struct Deadband {
    rules: Vec<Rule>,
    last: Vec<Option<(f64, Instant)>>,
}

impl Deadband {
    /// Rules in their order; the first that matches a sensor holds.
    #[must_use]
    pub const fn new(rules: Vec<Rule>) -> Self {
        Self { rules, last: Vec::new() }
    }

    /// The rule of a sensor.
    #[must_use]
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| matches(&rule.name, name))
    }

    /// Whether this reading is to be told.
    #[must_use]
    pub fn admits(&self, name: &str, sensor: SensorNo, value: f64, now: Instant) -> bool {
        let last = self.last.get(usize::from(sensor.0)).copied().flatten();
        last.is_none_or(|last| self.rule(name).is_none_or(|rule| rule.admits(last, value, now)))
    }

    /// This one is told: the last of its sensor from here on.
    pub fn told(&mut self, sensor: SensorNo, value: f64, now: Instant) {
        if self.rules.is_empty() {
            return;
        }
        let place = usize::from(sensor.0);
        if self.last.len() <= place {
            self.last.resize(place + 1, None);
        }
        if let Some(last) = self.last.get_mut(place) {
            *last = Some((value, now));
        }
    }

    /// Another sensor has this number by now.
    pub fn forget(&mut self, sensor: SensorNo) {
        if let Some(last) = self.last.get_mut(usize::from(sensor.0)) {
            *last = None;
        }
    }

    /// The hub knows nothing of what it was told.
    pub fn forget_all(&mut self) {
        self.last.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Rule {
        Rule { name: "temp.*".to_owned(), deadband: None, min: None, max: None, unit: None, kind: None }
    }

    /// Seconds at which a value, one a second, is told.
    fn told(rule: Rule, values: &[f64]) -> Vec<usize> {
        let start = crate::clock::now().mono;
        let mut deadband = Deadband::new(vec![rule]);
        let mut admit = |second: usize| {
            let now = start + Duration::from_secs(second as u64);
            let admits = deadband.admits("temp.cpu", SensorNo(3), values[second], now);
            if admits {
                deadband.told(SensorNo(3), values[second], now);
            }
            admits
        };
        (0..values.len()).filter(|second| admit(*second)).collect()
    }

    #[test]
    fn changes_within_the_deadband_of_the_last_told_value_are_not_told() {
        let rule = Rule { deadband: Some(0.5), ..rule() };
        assert_eq!(told(rule, &[20.0, 20.5, 20.4, 20.6, 20.7, 20.0]), [0, 3, 5]);
    }

    #[test]
    fn a_longest_time_shows_that_a_still_sensor_lives() {
        let rule = Rule { deadband: Some(0.5), max: Some(Duration::from_secs(3)), ..rule() };
        assert_eq!(told(rule, &[20.0; 8]), [0, 3, 6]);
    }

    #[test]
    fn a_shortest_time_holds_whatever_the_value_does() {
        let rule = Rule { min: Some(Duration::from_secs(2)), ..rule() };
        assert_eq!(told(rule, &[1.0, 9.0, 1.0, 9.0, 1.0]), [0, 2, 4]);
    }

    #[test]
    fn the_hub_is_told_how_long_a_sensor_may_be_silent() {
        assert_eq!(rule().expect_every(1000), 1000);
        assert_eq!(Rule { deadband: Some(1.0), ..rule() }.expect_every(1000), 300_000);
        assert_eq!(Rule { min: Some(Duration::from_millis(2500)), ..rule() }.expect_every(1000), 3000);
    }

    #[test]
    fn a_sensor_without_a_rule_is_always_told() {
        let mut deadband = Deadband::new(vec![rule()]);
        let now = crate::clock::now().mono;
        let mut tells = || {
            deadband.told(SensorNo(0), 1.0, now);
            deadband.admits("load.1m", SensorNo(0), 1.0, now)
        };
        assert!((0..3).all(|_| tells()));
    }

    #[test]
    fn what_was_not_told_or_is_of_another_sensor_keeps_no_reading_back() {
        let mut deadband = Deadband::new(vec![Rule { deadband: Some(0.5), ..rule() }]);
        let now = crate::clock::now().mono;
        let admits = |deadband: &Deadband, sensor| deadband.admits("temp.cpu", SensorNo(sensor), 20.0, now);
        // There was no room for it.
        assert!(admits(&deadband, 3) && admits(&deadband, 3));
        deadband.told(SensorNo(3), 20.0, now);
        deadband.told(SensorNo(4), 20.0, now);
        assert!(!admits(&deadband, 3) && !admits(&deadband, 4));
        deadband.forget(SensorNo(3));
        assert!(admits(&deadband, 3) && !admits(&deadband, 4));
        deadband.forget_all();
        assert!(admits(&deadband, 4));
    }
}
