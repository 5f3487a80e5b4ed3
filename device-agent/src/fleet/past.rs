//! The invented past of a simulated device: days with a noon and a night, and one fault worth finding. PURE.

use std::time::Duration;

use wire::UnixMillis;

use super::History;

/// One reading of each sensor in this time,
const EVERY_MS: i64 = 60_000;
/// and nearer to the start more of them, so that a chart that begins before it and ends after it is one line: for so long as
/// often as what is live,
const AS_LIVE_FOR_MS: i64 = 70 * 60_000;
/// and before that for so long in this time.
const OFTEN_MS: i64 = 15_000;
const OFTEN_FOR_MS: i64 = 7 * 3_600_000;
const DAY_MS: f64 = 86_400_000.0;
/// How long before the start the fault begins, where the history reaches that far, and how long it lasts.
const FAULT_BEFORE: i64 = 55 * 3_600_000;
const FAULT_FOR: i64 = 5 * 3_600_000;
/// Which device has it.
const FAULTY: u16 = 7;
/// Which device gets warm again and again while it is watched, and how often.
const HEATED: u16 = 2;
const HEATS_EVERY_MS: i64 = 120_000;

/// What is still to be told.
#[derive(Debug)]
pub(super) struct Past {
    at: i64,
    until: i64,
    /// Between two readings of a sensor, once they are live.
    live_every: i64,
    fault: Option<i64>,
}

impl Past {
    pub(super) fn new(history: History, live_every: Duration, device: u16, now: UnixMillis) -> Self {
        let span = i64::try_from(history.span.min(Duration::from_secs(400 * 86_400)).as_millis()).unwrap_or(0);
        let before = FAULT_BEFORE.min(span / 2);
        Self {
            at: now.0 - span,
            until: now.0,
            live_every: i64::try_from(live_every.as_millis()).unwrap_or(EVERY_MS).max(1),
            fault: (history.fault && device == FAULTY).then_some(now.0 - before),
        }
    }

    /// The moment of the next readings.
    pub(super) fn at(&self) -> Option<UnixMillis> {
        (!self.is_over()).then_some(UnixMillis(self.at))
    }

    pub(super) const fn is_over(&self) -> bool {
        self.at >= self.until
    }

    pub(super) fn steps(&mut self) {
        self.at += match self.until - self.at {
            left if left <= AS_LIVE_FOR_MS => self.live_every.min(EVERY_MS),
            left if left <= OFTEN_FOR_MS => OFTEN_MS,
            _ => EVERY_MS,
        };
    }

    /// The value of a sensor at that moment, made from its value without days and faults.
    pub(super) fn value(&self, sensor: u16, plain: f64) -> f64 {
        let normal = of_day(sensor, UnixMillis(self.at), plain);
        let hours = self.fault.map_or(-1.0, |began| (self.at - began) as f64 / 3_600_000.0);
        let most = FAULT_FOR as f64 / 3_600_000.0;
        if !(0.0..most).contains(&hours) {
            return normal;
        }
        // A fan that stopped: it gets hot within two hours, and cools when somebody found it.
        let heat = (hours / 2.0).min(1.0).min((most - hours) * 2.0);
        match sensor {
            0 => tenths(normal + 14.0 * heat),
            1 => tenths(normal - 18.0 * heat),
            4 => 0.0,
            _ => normal,
        }
    }
}

/// Warmer and drier at noon than at night.
pub(super) fn of_day(sensor: u16, at: UnixMillis, plain: f64) -> f64 {
    let noon = -(std::f64::consts::TAU * (at.0 as f64 / DAY_MS)).cos();
    match sensor {
        0 => tenths(plain + noon),
        1 => tenths(plain - 4.0 * noon),
        _ => plain,
    }
}

/// What a sensor shows now: one device's heater works too hard every other minute.
pub(super) fn live(sensor: u16, device: u16, at: UnixMillis, plain: f64) -> f64 {
    let normal = of_day(sensor, at, plain);
    if (sensor, device) != (0, HEATED) {
        return normal;
    }
    let turn = std::f64::consts::TAU * (at.0.rem_euclid(HEATS_EVERY_MS) as f64 / HEATS_EVERY_MS as f64);
    tenths(normal + 5.0 * turn.sin().max(0.0))
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_device_gets_hot_for_some_hours_and_no_other() {
        let history = History { span: Duration::from_secs(7 * 86_400), fault: true };
        let hottest = |device| {
            let mut past = Past::new(history, Duration::from_secs(1), device, UnixMillis(1_700_000_000_000));
            let (mut hottest, mut steps) = (0.0_f64, 0);
            while past.at().is_some() {
                hottest = hottest.max(past.value(0, 21.5));
                past.steps();
                steps += 1;
            }
            assert_eq!(steps, (7 * 24 - 7) * 60 + (7 * 60 - 70) * 4 + 70 * 60);
            hottest
        };
        assert!(hottest(FAULTY) > 33.0);
        assert!(hottest(FAULTY + 1) < 24.0);
    }
}
