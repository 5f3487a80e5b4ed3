//! The unit of timestamps, as the versions of InfluxDB name it. PURE.

use crate::model::{UnixMillis, pushed};

/// The unit of timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Precision(Option<&'static Unit>);

/// A unit.
#[derive(Debug, PartialEq, Eq)]
struct Unit {
    /// By what it is asked for: versions 1 and 2, then version 3.
    names: &'static [&'static str],
    /// For people.
    word: &'static str,
    /// Of them make a millisecond, or 1.
    divide: i64,
    /// Milliseconds of each, or 1.
    multiply: i64,
}

const S: Unit = Unit { names: &["s", "second"], word: "seconds", divide: 1, multiply: 1_000 };
const MS: Unit = Unit { names: &["ms", "millisecond"], word: "milliseconds", divide: 1, multiply: 1 };
const US: Unit = Unit { names: &["us", "u", "µ", "microsecond"], word: "microseconds", divide: 1_000, multiply: 1 };
const NS: Unit = Unit { names: &["ns", "n", "nanosecond"], word: "nanoseconds", divide: 1_000_000, multiply: 1 };
const M: Unit = Unit { names: &["m"], word: "minutes", divide: 1, multiply: 60_000 };
const H: Unit = Unit { names: &["h"], word: "hours", divide: 1, multiply: 3_600_000 };

/// The usual ones first: a doubt names the first that fits.
static UNITS: [Unit; 6] = [S, MS, US, NS, M, H];

/// From these on a number is no longer one of seconds, milliseconds or microseconds, as version 3 of InfluxDB decides: it takes
/// seconds until the year 2128, and each of the others until then as well.
const AUTO: [i64; 3] = [5_000_000_000, 5_000_000_000_000, 5_000_000_000_000_000];

impl Unit {
    const fn millis(&self, timestamp: i64) -> UnixMillis {
        UnixMillis(timestamp.saturating_mul(self.multiply).div_euclid(self.divide))
    }

    fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }
}

impl Precision {
    /// Nanoseconds: what counts in versions 1 and 2 when nothing is said.
    pub(crate) const NANOS: Self = Self(Some(&UNITS[3]));
    /// By the size of each number: what counts in version 3 when nothing is said.
    pub(crate) const AUTO: Self = Self(None);

    /// By its name in any version of InfluxDB.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        if name == "auto" {
            return Some(Self::AUTO);
        }
        UNITS.iter().find(|unit| unit.names.contains(&name)).map(|unit| Self(Some(unit)))
    }

    /// The moment of a timestamp, rounded down.
    #[must_use]
    pub(crate) fn millis(self, timestamp: i64) -> UnixMillis {
        self.unit(timestamp).millis(timestamp)
    }

    fn unit(self, timestamp: i64) -> &'static Unit {
        self.0.unwrap_or_else(|| {
            let size = timestamp.saturating_abs();
            let index = AUTO.iter().position(|limit| size < *limit).unwrap_or(AUTO.len());
            UNITS.get(index).unwrap_or(&UNITS[3])
        })
    }

    /// Asks whether this is the right unit for a timestamp that makes no moment of a reading, and names the one that would fit.
    #[must_use]
    pub(crate) fn doubt(self, timestamp: i64, now: UnixMillis) -> String {
        let unit = self.unit(timestamp);
        let in_force = match self.0 {
            Some(unit) => format!("precision={} is in force: is that right?", unit.name()),
            None => format!("precision=auto took it for {}: is that right?", unit.word),
        };
        let fits = |other: &&Unit| !std::ptr::eq(*other, unit) && pushed::is_likely(other.millis(timestamp), now);
        match UNITS.iter().find(fits) {
            Some(unit) => {
                format!("{in_force} `{timestamp}` looks like {}: set precision={}", unit.word, unit.name())
            }
            None => in_force,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

    #[test]
    fn a_timestamp_is_in_the_unit_that_is_said_and_rounded_down() {
        let at = |name, timestamp| Precision::named(name).unwrap().millis(timestamp).0;
        assert_eq!((at("ns", 1_999_999), at("ns", -1), at("us", 1_999), at("ms", 7)), (1, -1, 1, 7));
        assert_eq!((at("s", 7), at("m", 1), at("h", 1), at("s", i64::MAX)), (7_000, 60_000, 3_600_000, i64::MAX));
        assert_eq!(Precision::named("day"), None);
        assert_eq!(Precision::named("ns"), Some(Precision::NANOS));
        for (old, new) in [("s", "second"), ("ms", "millisecond"), ("u", "microsecond"), ("n", "nanosecond")] {
            assert_eq!(Precision::named(old), Precision::named(new));
        }
    }

    #[test]
    fn auto_goes_by_the_size_of_the_number() {
        for timestamp in [1_790_000_000, 1_790_000_000_000, 1_790_000_000_000_000, 1_790_000_000_000_000_000] {
            assert_eq!(Precision::AUTO.millis(timestamp), NOW);
        }
        assert_eq!(Precision::AUTO.millis(4_999_999_999).0, 4_999_999_999_000);
        assert_eq!(Precision::AUTO.millis(5_000_000_000).0, 5_000_000_000);
        assert_eq!(Precision::AUTO.millis(i64::MIN).0, i64::MIN.div_euclid(1_000_000));
    }

    #[test]
    fn a_doubt_names_the_unit_in_force_and_the_one_that_fits() {
        let doubt = |name, timestamp| Precision::named(name).unwrap().doubt(timestamp, NOW);
        let seconds = doubt("ns", 1_790_000_000);
        assert!(seconds.contains("precision=ns is in force") && seconds.ends_with("set precision=s"), "{seconds}");
        assert_eq!(doubt("s", 1_790_000_400), "precision=s is in force: is that right?");
        assert_eq!(doubt("auto", 1_790_000_400), "precision=auto took it for seconds: is that right?");
    }
}
