//! Measurements of the hub itself: a meter, a histogram, and the text of `/metrics`.
//!
//! The list of metric names is here; the counting happens where things happen. The format is Prometheus' text
//! exposition 0.0.4.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counts events and tells their recent rate.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    total: AtomicU64,
    recent: Mutex<Recent>,
}

/// What a rate is made of.
#[derive(Debug, Default)]
struct Recent {
    /// When the first event came.
    began: Option<Instant>,
    /// Moments of the last while, at least [`STEP`] apart, and how many events there were before each: at most 21.
    marks: VecDeque<(Instant, u64)>,
}

/// The rate is taken over this long.
const RATE_OVER: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(500);

impl Meter {
    /// Counts `n` more.
    pub(crate) fn add(&self, now: Instant, n: u64) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.total.fetch_add(n, Ordering::Relaxed);
        recent.began.get_or_insert(now);
        if recent.marks.back().is_none_or(|(at, _)| now.saturating_duration_since(*at) >= STEP) {
            recent.marks.push_back((now, before));
        }
        while recent.marks.pop_front_if(|(at, _)| now.saturating_duration_since(*at) > RATE_OVER).is_some() {}
    }

    /// Events since the start.
    #[must_use]
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Events a second over the last ten seconds, or since the first one.
    pub(crate) fn rate(&self, now: Instant) -> f64 {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let age = |at: Instant| now.saturating_duration_since(at);
        let first = recent.marks.iter().find(|(at, _)| age(*at) <= RATE_OVER);
        let (Some(began), Some((_, before))) = (recent.began, first) else { return 0.0 };
        (self.total() - before) as f64 / age(began).clamp(Duration::from_secs(1), RATE_OVER).as_secs_f64()
    }
}

/// Upper edges of the latency buckets, in milliseconds.
const EDGES_MS: [u64; 14] = [1, 2, 3, 5, 8, 12, 20, 35, 50, 100, 250, 500, 1_000, 5_000];

/// Durations in buckets.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; EDGES_MS.len() + 1],
    sum_ms: AtomicU64,
}

impl Histogram {
    /// Records one duration; a negative one (the clock stepped) counts as zero.
    pub(crate) fn record_ms(&self, ms: i64) {
        let ms = u64::try_from(ms).unwrap_or(0);
        let bucket = EDGES_MS.partition_point(|edge| *edge < ms);
        if let Some(count) = self.buckets.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// The upper edge of the bucket below which `share` of the durations lie, in milliseconds.
    #[must_use]
    pub(crate) fn quantile_ms(&self, share: f64) -> Option<f64> {
        let counts: Vec<u64> = self.buckets.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let wanted = counts.iter().sum::<u64>() as f64 * share;
        let mut below = 0.0;
        for (count, edge) in counts.iter().zip(EDGES_MS.iter().map(|edge| *edge as f64).chain([f64::INFINITY])) {
            below += *count as f64;
            if below > 0.0 && below >= wanted {
                return Some(edge.min(EDGES_MS[EDGES_MS.len() - 1] as f64));
            }
        }
        None
    }
}

/// Writes `/metrics`.
#[derive(Debug, Default)]
pub(crate) struct Exposition(String);

impl Exposition {
    /// A counter or gauge without labels.
    pub(crate) fn value(&mut self, kind: &str, name: &str, help: &str, value: impl std::fmt::Display) -> &mut Self {
        self.head(kind, name, help);
        let _ = writeln!(self.0, "{name} {value}");
        self
    }

    /// A gauge that is left out while nobody knows its value.
    pub(crate) fn optional(&mut self, name: &str, help: &str, value: Option<f64>) -> &mut Self {
        match value {
            Some(value) => self.value("gauge", name, help, value),
            None => self,
        }
    }

    /// A family with one label.
    pub(crate) fn family<L: std::fmt::Display, V: std::fmt::Display>(
        &mut self,
        (kind, name, help): (&str, &str, &str),
        label: &str,
        values: impl IntoIterator<Item = (L, V)>,
    ) -> &mut Self {
        self.head(kind, name, help);
        for (text, value) in values {
            let _ = writeln!(self.0, "{name}{{{label}=\"{text}\"}} {value}");
        }
        self
    }

    /// A histogram of durations, in seconds.
    pub(crate) fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) -> &mut Self {
        self.head("histogram", name, help);
        let mut below = 0;
        for (count, edge) in histogram.buckets.iter().zip(EDGES_MS.map(Some).into_iter().chain([None])) {
            below += count.load(Ordering::Relaxed);
            let edge = edge.map_or_else(|| "+Inf".to_owned(), |ms| format!("{}", ms as f64 / 1_000.0));
            let _ = writeln!(self.0, "{name}_bucket{{le=\"{edge}\"}} {below}");
        }
        let sum = histogram.sum_ms.load(Ordering::Relaxed) as f64 / 1_000.0;
        let _ = writeln!(self.0, "{name}_sum {sum}\n{name}_count {below}");
        self
    }

    /// The text.
    #[must_use]
    pub(crate) fn finish(self) -> String {
        self.0
    }

    fn head(&mut self, kind: &str, name: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_taken_over_ten_seconds() {
        let (meter, t0) = (Meter::default(), crate::clock::Clock.now());
        let at = |seconds| t0 + Duration::from_secs(seconds);
        assert_eq!(meter.rate(t0), 0.0);
        meter.add(t0, 1_000);
        assert_eq!((meter.rate(at(2)), meter.rate(at(30))), (500.0, 0.0));
        // Whoever asks for the first time is told of the last seconds, not since the start.
        (0..600).for_each(|second| meter.add(at(second), if second < 300 { 7_000 } else { 20 }));
        assert!((20.0..=22.0).contains(&meter.rate(at(600))), "{}", meter.rate(at(600)));
        assert_eq!(meter.rate(at(611)), 0.0);
    }

    #[test]
    fn a_quantile_names_the_edge_above_it() {
        let histogram = Histogram::default();
        assert_eq!(histogram.quantile_ms(0.99), None);
        (0..99).for_each(|_| histogram.record_ms(2));
        histogram.record_ms(70);
        assert_eq!(histogram.quantile_ms(0.5), Some(2.0));
        assert_eq!(histogram.quantile_ms(0.999), Some(100.0));
    }

    #[test]
    fn the_text_follows_the_exposition_format() {
        let mut text = Exposition::default();
        text.value("counter", "a_total", "Things.", 3).family(
            ("counter", "b_total", "Drops."),
            "reason",
            [("full", 1)],
        );
        assert_eq!(
            text.finish(),
            "# HELP a_total Things.\n# TYPE a_total counter\na_total 3\n# HELP b_total Drops.\n# TYPE b_total counter\nb_total{reason=\"full\"} 1\n"
        );
    }
}
