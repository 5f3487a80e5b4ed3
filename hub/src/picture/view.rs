//! What a picture shows. PURE.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::UnixMillis;
use crate::model::severity::Severity;
use crate::model::shown;

/// What the picture of an alert shows.
#[derive(Debug, Clone)]
pub struct View {
    /// Which rule, of which device.
    pub title: String,
    /// The sensor.
    pub what: String,
    /// Unit of its readings.
    pub unit: String,
    /// Its readings, oldest first.
    pub points: Vec<Reading>,
    /// The one at which it fired.
    pub spark: Option<(UnixMillis, f64)>,
    /// The limit, where it is one of the readings.
    pub limit: Option<f64>,
    /// The value past which it is good again.
    pub clear: Option<f64>,
    pub severity: Severity,
    /// From when until when.
    pub range: (UnixMillis, UnixMillis),
    /// When the condition became true.
    pub began: UnixMillis,
    /// When it had been true for long enough.
    pub fired: Option<UnixMillis>,
    /// When it was over.
    pub ended: Option<UnixMillis>,
    /// Whose times are written.
    pub zone: TimeZone,
}

/// Readings of a moment, or of some time around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    pub at: UnixMillis,
    pub low: f64,
    pub mean: f64,
    pub high: f64,
}

/// The readings in buckets of time; what is no number is left out.
pub(super) fn points(
    edges: &[UnixMillis],
    low: &[Option<f64>],
    mean: &[Option<f64>],
    high: &[Option<f64>],
) -> Vec<Reading> {
    let reading = |(n, ends): (usize, &[UnixMillis])| {
        let value = |of: &[Option<f64>]| of.get(n).copied().flatten().filter(|value| value.is_finite());
        let at = ends[0].plus(ends[1].since(ends[0]) / 2);
        Some(Reading { at, low: value(low)?, mean: value(mean)?, high: value(high)? })
    };
    edges.windows(2).enumerate().filter_map(reading).collect()
}

impl View {
    /// What it shows, in words.
    #[must_use]
    pub fn alt(&self) -> String {
        let limit = self.limit.map(|limit| format!(", limit {}", shown::value(limit, &self.unit))).unwrap_or_default();
        let ended = self.ended.map(|at| format!(" until {}", self.written(at, "%H:%M"))).unwrap_or_default();
        let began = self.written(self.began, "%Y-%m-%d %H:%M");
        format!("Chart of {}: {}{limit}, from {began}{ended} {}", self.what, self.title, self.zone_name())
    }

    /// A moment in the zone of the picture.
    pub(super) fn written(&self, at: UnixMillis, form: &str) -> String {
        let at = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
        at.to_zoned(self.zone.clone()).strftime(form).to_string()
    }

    /// How far the clocks of the zone are ahead of UTC at a moment, in milliseconds.
    pub(super) fn offset_ms(&self, at: UnixMillis) -> i64 {
        let at = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
        i64::from(self.zone.to_offset(at).seconds()) * 1_000
    }

    /// What the zone is called at the end of the picture.
    pub(super) fn zone_name(&self) -> String {
        self.written(self.range.1, "%Z")
    }
}
