//! Sensors that wait for a number because all 256 are in use. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wire::{SensorNo, SensorSpec};

/// Names remembered: of more it is enough to know that there are more.
const MOST: usize = 512;
/// How long a name is remembered that nobody asked for again; three of its intervals, where that is longer.
const ASKED_WITHIN: Duration = Duration::from_secs(60);
/// Of a name that nobody asked for again for so long, and three of its intervals, the thing may be gone.
const PRESENT_WITHIN: Duration = Duration::from_secs(5);
/// Bytes of a text that names some of them: what the hub shows of an error.
const LONGEST: usize = wire::message::ERROR_LIMIT;

/// Sensors without a number, and when they were asked for last.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    names: BTreeMap<String, (SensorSpec, Instant)>,
    /// Names that can be none: too long, or with control characters.
    invalid: BTreeMap<String, Instant>,
}

impl Waiting {
    pub(super) fn note(&mut self, spec: SensorSpec, now: Instant) {
        if !spec.is_valid() {
            let shown = spec.name.chars().filter(|c| !c.is_control()).take(40).collect();
            if self.invalid.len() < MOST || self.invalid.contains_key(&shown) {
                self.invalid.insert(shown, now);
            }
        } else if self.names.len() < MOST || self.names.contains_key(&spec.name) {
            self.names.insert(spec.name.clone(), (spec, now));
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.names.remove(name);
    }

    /// Forgets sensors that are skipped or that nobody has asked for lately.
    pub(super) fn forget(&mut self, now: Instant, skips: impl Fn(&str) -> bool) {
        let is_asked = |at: Instant, interval: u32| {
            let within = ASKED_WITHIN.max(3 * Duration::from_millis(interval.into()));
            now.saturating_duration_since(at) < within
        };
        self.names.retain(|name, (spec, at)| is_asked(*at, spec.interval_ms) && !skips(name));
        self.invalid.retain(|_, at| is_asked(*at, 0));
    }

    /// How many wait for a number.
    pub(super) fn wants(&self) -> usize {
        self.names.len()
    }

    /// Those that wait, by name.
    pub(super) fn next(&self) -> Vec<SensorSpec> {
        self.names.values().map(|(spec, _)| spec.clone()).collect()
    }

    /// Those that were asked for just now before those that may be gone: of so many only a few are named.
    fn present_first(&self) -> Vec<&str> {
        let newest = self.names.values().map(|(_, at)| *at).max();
        let is_gone = |at: Instant, interval: u32| {
            let within = PRESENT_WITHIN + 3 * Duration::from_millis(interval.into());
            newest.is_some_and(|newest| newest.saturating_duration_since(at) >= within)
        };
        let names = self.names.iter();
        let mut names: Vec<(bool, &str)> =
            names.map(|(name, (spec, at))| (is_gone(*at, spec.interval_ms), name.as_str())).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name).collect()
    }

    /// What is missing, for people: how many, and as many whole names as there is room for.
    pub(super) fn in_words(&self) -> Option<String> {
        let (text, names): (_, Vec<&str>) = if self.names.is_empty() {
            let names: Vec<&str> = self.invalid.keys().map(String::as_str).collect();
            (
                format!("{} names of over {} bytes or with control characters", names.len(), SensorSpec::NAME_LIMIT),
                names,
            )
        } else {
            let many = if self.names.len() == MOST { "or more " } else { "" };
            (format!("{} {many}left out, {} is the most", self.names.len(), SensorNo::LIMIT), self.present_first())
        };
        let mut text = text;
        let (mut between, mut shown) = (": ", 0);
        for name in &names {
            // ", ..." has to fit behind it.
            if text.len() + between.len() + name.len() + 5 > LONGEST {
                break;
            }
            text.push_str(between);
            text.push_str(name);
            (between, shown) = (", ", shown + 1);
        }
        if shown < names.len() {
            text.push_str(", ...");
        }
        (!names.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use wire::SensorKind;

    use super::*;

    fn spec(name: &str) -> SensorSpec {
        SensorSpec { name: name.to_owned(), unit: String::new(), kind: SensorKind::Gauge, interval_ms: 1_000 }
    }

    #[test]
    fn some_are_named_whole_and_all_are_counted() {
        let (mut waiting, now) = (Waiting::default(), crate::clock::now().mono);
        assert_eq!(waiting.in_words(), None);
        waiting.note(spec("net.wlan0.rx_bytes"), now);
        assert_eq!(waiting.in_words().as_deref(), Some("1 left out, 256 is the most: net.wlan0.rx_bytes"));
        for n in 0..2_000 {
            waiting.note(spec(&format!("net.ppp{n}.rx_bytes")), now);
        }
        waiting.note(spec("net.wlan0.rx_bytes"), now + Duration::from_secs(20));
        let said = "512 or more left out, 256 is the most: net.wlan0.rx_bytes, net.ppp0.rx_bytes";
        assert!(waiting.in_words().unwrap().starts_with(said), "what is here goes first");
        waiting.remove("net.wlan0.rx_bytes");
        waiting.note(spec("net.ppp511.rx_bytes"), now);
        let text = waiting.in_words().unwrap();
        assert!(
            text.starts_with("512 or more left out, 256 is the most: net.ppp0.rx_bytes, net.ppp1.rx_bytes"),
            "{text}"
        );
        assert!(text.len() <= LONGEST && text.ends_with("rx_bytes, ..."), "{text}");
        waiting.forget(now + ASKED_WITHIN, |_| false);
        assert_eq!((waiting.in_words(), waiting.wants()), (None, 0));
    }

    #[test]
    fn a_name_that_can_be_none_is_told_and_waits_for_nothing() {
        let (mut waiting, now) = (Waiting::default(), crate::clock::now().mono);
        waiting.note(spec(&"x".repeat(65)), now);
        assert!(waiting.in_words().is_some_and(|text| text.contains("over 64 bytes") && text.contains("xxxx")));
        assert_eq!(waiting.wants(), 0);
    }
}
