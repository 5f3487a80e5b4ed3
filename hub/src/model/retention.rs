//! How long readings are kept, as people set it.

use std::time::Duration;

use super::device::{Labels, carry};

/// How long each tier is kept, counted from when the hub received a reading; `None` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ages {
    /// Every reading.
    pub raw: Option<Duration>,
    /// Figures by the minute, which take over from raw readings.
    pub minutes: Option<Duration>,
    /// Figures by the hour, which take over from those.
    pub hours: Option<Duration>,
}

/// Ages for the devices that carry labels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelAges {
    /// All of them must be there.
    pub labels: Labels,
    /// How long theirs are kept.
    pub ages: Ages,
}

/// How long alerts and their messages are kept when nobody says.
pub const ALERTS: Duration = Duration::from_hours(365 * 24);

/// The whole policy. The default keeps all readings for ever: nothing acknowledged goes unless a person said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// For devices that no entry below names.
    pub ages: Ages,
    /// The first entry whose labels a device carries counts for it.
    pub by_label: Vec<LabelAges>,
    /// How long alerts that are over and messages that wait for nothing are kept; `None` is for ever.
    pub alerts: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        Self { ages: Ages::default(), by_label: Vec::new(), alerts: Some(ALERTS) }
    }
}

/// What a policy would delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preview {
    /// Readings that would give way to figures by the minute and the hour.
    pub readings: u64,
    /// Rows of figures by the minute, a day of a series each.
    pub minute_days: u64,
    /// Rows of figures by the hour, a week of a series each.
    pub hour_weeks: u64,
    /// Bytes all of that takes; the figures that take over are not yet counted against it.
    pub bytes: u64,
    /// Alerts and messages.
    pub alerts: u64,
}

impl Ages {
    /// What is wrong with a tier that [`Ages::out_of_order`] names.
    pub const OUT_OF_ORDER: &'static str =
        "must be kept at least as long as the finer data it replaces; what is left out is kept forever";

    /// Whether anything ever goes.
    #[must_use]
    pub fn are_for_ever(&self) -> bool {
        *self == Self::default()
    }

    /// Says which tier would be kept shorter than the finer one before it, which it takes over from.
    #[must_use]
    pub fn out_of_order(&self) -> Option<&'static str> {
        let longer = |coarse: Option<Duration>, fine: Option<Duration>| match (coarse, fine) {
            (Some(coarse), Some(fine)) => coarse >= fine,
            (Some(_), None) => false,
            (None, _) => true,
        };
        if !longer(self.minutes, self.raw) {
            Some("minutes")
        } else if !longer(self.hours, self.minutes) {
            Some("hours")
        } else {
            None
        }
    }
}

impl Retention {
    /// The ages that count for a device with these labels.
    #[must_use]
    pub fn of(&self, labels: &Labels) -> Ages {
        self.by_label.iter().find(|entry| carry(labels, &entry.labels)).map_or(self.ages, |entry| entry.ages)
    }

    /// An entry that counts for nobody, and the one before it that counts for all devices it names. Two entries that say
    /// different things of one device are no contradiction otherwise: the first counts.
    #[must_use]
    pub fn never_counts(&self) -> Option<(usize, usize)> {
        let labels = |n: usize| self.by_label.get(n).map(|entry| &entry.labels);
        let takes_all = |before: usize, entry: usize| {
            labels(before)
                .zip(labels(entry))
                .is_some_and(|(before, entry)| before.iter().all(|(key, value)| entry.get(key) == Some(value)))
        };
        (0..self.by_label.len())
            .find_map(|entry| (0..entry).find(|&before| takes_all(before, entry)).map(|n| (entry, n)))
    }

    /// What is wrong with an entry that [`Retention::never_counts`] names.
    #[must_use]
    pub fn hidden_behind(before: &str) -> String {
        format!(
            "never applies: `{before}` comes before it and matches every device with these labels; put this one first"
        )
    }

    /// Whether no reading of anybody ever goes.
    #[must_use]
    pub fn is_for_ever(&self) -> bool {
        self.ages.are_for_ever() && self.by_label.iter().all(|entry| entry.ages.are_for_ever())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: u64) -> Option<Duration> {
        Some(Duration::from_hours(24 * days))
    }

    #[test]
    fn the_first_entry_whose_labels_are_all_there_counts() {
        let lab = Labels::from([("site".to_owned(), "lab".to_owned())]);
        let short = Ages { raw: days(1), ..Ages::default() };
        let retention =
            Retention { by_label: vec![LabelAges { labels: lab.clone(), ages: short }], ..Retention::default() };
        assert_eq!(retention.of(&lab), short);
        assert_eq!(retention.of(&Labels::new()), Ages::default());
        assert!(!retention.is_for_ever() && Retention::default().is_for_ever());
    }

    #[test]
    fn an_entry_behind_a_wider_one_never_counts() {
        let entry = |labels: &[(&str, &str)]| LabelAges {
            labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            ages: Ages::default(),
        };
        let retention = |by_label: Vec<LabelAges>| Retention { by_label, ..Retention::default() };
        let (lab, pump) = (entry(&[("site", "lab")]), entry(&[("site", "lab"), ("kind", "pump")]));
        assert_eq!(retention(vec![pump.clone(), lab.clone()]).never_counts(), None);
        assert_eq!(retention(vec![entry(&[("site", "field")]), lab.clone(), pump]).never_counts(), Some((2, 1)));
        assert_eq!(retention(vec![lab.clone(), lab]).never_counts(), Some((1, 0)));
    }

    #[test]
    fn a_coarse_tier_may_not_go_before_the_fine_one() {
        let ages = |raw, minutes, hours| Ages { raw, minutes, hours };
        assert_eq!(ages(days(2), days(1), None).out_of_order(), Some("minutes"));
        assert_eq!(ages(None, days(1), None).out_of_order(), Some("minutes"));
        assert_eq!(ages(days(1), None, days(3)).out_of_order(), Some("hours"));
        assert_eq!(ages(days(1), days(1), None).out_of_order(), None);
    }
}
