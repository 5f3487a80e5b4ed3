//! What a function says of the readings of a window. PURE.
//!
//! The formulas are those of Prometheus 2.42 (`promql/functions.go`), with its compensated sums: a value that differs in the last
//! digits would be another value in a comparison.

/// Readings of one series in a window, and the window itself.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    /// Milliseconds since 1970, ascending.
    pub(super) times: &'a [i64],
    /// What was read at each.
    pub(super) values: &'a [f64],
    /// Where it begins, and how long it is; in milliseconds.
    pub(super) from: i64,
    pub(super) range: i64,
    /// The moment that is asked for.
    pub(super) asked: i64,
}

/// A function over a window, with its arguments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Over {
    Avg,
    Changes,
    Count,
    Delta,
    Deriv,
    Idelta,
    Increase,
    Irate,
    Last,
    Mad,
    Max,
    Min,
    PredictLinear(f64),
    Present,
    Quantile(f64),
    Rate,
    Resets,
    Smoothed { level: f64, trend: f64 },
    Stddev,
    Stdvar,
    Sum,
}

impl Over {
    /// Its value; none where there are too few readings for one.
    pub(super) fn of(self, window: Window<'_>) -> Option<f64> {
        let (times, values) = (window.times, window.values);
        let (&last, first) = (values.last()?, values[0]);
        Some(match self {
            Self::Avg => avg(values),
            Self::Changes => pairs(values, |a, b| a != b && !(a.is_nan() && b.is_nan())),
            Self::Count => values.len() as f64,
            Self::Delta => extrapolated(window, false, 1.0)?,
            Self::Increase => extrapolated(window, true, 1.0)?,
            Self::Rate => extrapolated(window, true, seconds(window.range))?,
            Self::Deriv => (values.len() > 1).then(|| line(window, times[0]).0)?,
            Self::PredictLinear(after) => {
                let (slope, now) = (values.len() > 1).then(|| line(window, window.asked))?;
                slope * after + now
            }
            Self::Idelta => of_two(window, false)?,
            Self::Irate => of_two(window, true)?,
            Self::Last => last,
            Self::Mad => {
                let middle = quantile(0.5, values);
                quantile(0.5, &values.iter().map(|value| (value - middle).abs()).collect::<Vec<_>>())
            }
            Self::Max => values.iter().fold(first, |max, &value| if value > max || max.is_nan() { value } else { max }),
            Self::Min => values.iter().fold(first, |min, &value| if value < min || min.is_nan() { value } else { min }),
            Self::Present => 1.0,
            Self::Quantile(q) => quantile(q, values),
            Self::Resets => pairs(values, |a, b| b < a),
            Self::Smoothed { level, trend } => smoothed(values, level, trend)?,
            Self::Stddev => stdvar(values).sqrt(),
            Self::Stdvar => stdvar(values),
            Self::Sum => sum(values),
        })
    }
}

const fn seconds(millis: i64) -> f64 {
    millis as f64 / 1e3
}

/// How many neighbours have a property.
fn pairs(values: &[f64], has: impl Fn(f64, f64) -> bool) -> f64 {
    values.windows(2).filter(|pair| has(pair[0], pair[1])).count() as f64
}

/// A sum that keeps what is lost by rounding (Kahan, Neumaier).
#[derive(Default, Clone, Copy)]
pub(super) struct Kahan {
    sum: f64,
    lost: f64,
}

impl Kahan {
    pub(super) fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        // Where it overflows nothing is left to compensate.
        if sum.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - sum) + value;
        } else {
            self.lost += (value - sum) + self.sum;
        }
        self.sum = sum;
    }

    pub(super) fn total(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }
}

fn sum(values: &[f64]) -> f64 {
    let mut sum = Kahan::default();
    values.iter().for_each(|&value| sum.add(value));
    sum.total()
}

fn avg(values: &[f64]) -> f64 {
    let mut mean = Kahan::default();
    for (n, &value) in values.iter().enumerate() {
        let count = (n + 1) as f64;
        let same = value.is_infinite() && (mean.sum > 0.0) == (value > 0.0);
        // An infinite mean stays what it is, but for the opposite infinity.
        if mean.sum.is_infinite() && (same || value.is_finite()) {
            continue;
        }
        mean.add(value / count - mean.sum / count);
    }
    mean.total()
}

fn stdvar(values: &[f64]) -> f64 {
    let (mut mean, mut squares) = (Kahan::default(), Kahan::default());
    for (n, &value) in values.iter().enumerate() {
        let delta = value - (mean.sum + mean.lost);
        mean.add(delta / (n + 1) as f64);
        squares.add(delta * (value - (mean.sum + mean.lost)));
    }
    (squares.sum + squares.lost) / values.len() as f64
}

/// The quantile of values that are in no order; infinite beyond 0 and 1.
pub(super) fn quantile(q: f64, values: &[f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&q) {
        return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let mut sorted = values.to_vec();
    // What is no number counts as the lowest.
    sorted.sort_by(|a, b| order(*a, *b));
    let rank = q * (sorted.len() - 1) as f64;
    let lower = rank.floor().max(0.0) as usize;
    let upper = (lower + 1).min(sorted.len() - 1);
    let weight = rank - rank.floor();
    sorted[lower] * (1.0 - weight) + sorted[upper] * weight
}

/// By value; what is no number first.
pub(super) fn order(a: f64, b: f64) -> std::cmp::Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// How much more there is at the end of a window than at its begin, as if its readings reached both ends: as far as half of their
/// usual distance, and a counter never below zero. Each so many seconds.
fn extrapolated(window: Window<'_>, is_counter: bool, each: f64) -> Option<f64> {
    let Window { times, values, from, range, .. } = window;
    if values.len() < 2 {
        return None;
    }
    let (first, last) = (values[0], values[values.len() - 1]);
    let mut more = last - first;
    if is_counter {
        values.windows(2).filter(|pair| pair[1] < pair[0]).for_each(|pair| more += pair[0]);
    }
    let mut to_start = seconds(times[0] - from);
    let to_end = seconds(from + range - times[times.len() - 1]);
    let sampled = seconds(times[times.len() - 1] - times[0]);
    let usual = sampled / (values.len() - 1) as f64;
    if is_counter && more > 0.0 && first >= 0.0 {
        to_start = to_start.min(sampled * (first / more));
    }
    let reach = |gap: f64| if gap < usual * 1.1 { gap } else { usual / 2.0 };
    Some(more * ((sampled + reach(to_start) + reach(to_end)) / sampled / each))
}

/// By the last two readings.
fn of_two(window: Window<'_>, is_rate: bool) -> Option<f64> {
    let [.., before, last] = window.values else { return None };
    let [.., t_before, t_last] = window.times else { return None };
    if t_last == t_before {
        return None;
    }
    let more = if is_rate && last < before { *last } else { last - before };
    Some(if is_rate { more / seconds(t_last - t_before) } else { more })
}

/// The line of least squares: its slope a second, and its value at `origin`.
fn line(window: Window<'_>, origin: i64) -> (f64, f64) {
    let first = window.values[0];
    if window.values.iter().all(|value| *value == first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let (mut x_sum, mut y_sum, mut xy_sum, mut xx_sum) =
        (Kahan::default(), Kahan::default(), Kahan::default(), Kahan::default());
    for (&at, &y) in window.times.iter().zip(window.values) {
        let x = seconds(at - origin);
        x_sum.add(x);
        y_sum.add(y);
        xy_sum.add(x * y);
        xx_sum.add(x * x);
    }
    let n = window.values.len() as f64;
    let plain = |sum: Kahan| sum.sum + sum.lost;
    let (x, y, xy, xx) = (plain(x_sum), plain(y_sum), plain(xy_sum), plain(xx_sum));
    let slope = (xy - x * y / n) / (xx - x * x / n);
    (slope, y / n - slope * x / n)
}

/// Double exponential smoothing (Holt).
fn smoothed(values: &[f64], level: f64, trend: f64) -> Option<f64> {
    let [first, second, ..] = values else { return None };
    let (mut before, mut now, mut slope) = (0.0, *first, second - first);
    for (n, &value) in values.iter().enumerate().skip(1) {
        if n > 1 {
            slope = trend * (now - before) + (1.0 - trend) * slope;
        }
        let next = level * value + (1.0 - level) * (now + slope);
        before = now;
        now = next;
    }
    Some(now)
}
