//! The only place in the agent that reads time.
//!
//! Code that decides is handed the time, as a [`Now`] or an `Instant`. Code that waits for a moment uses
//! [`sleep_until`] or an [`Alarm`].

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use wire::UnixMillis;

/// One moment on both of the machine's clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Never jumps: for waiting and for measuring.
    pub mono: Instant,
    /// What the machine takes for the time of day: for readings. May be wrong, and may jump.
    pub unix: UnixMillis,
}

impl Now {
    /// This moment moved forward by `by`, on both clocks.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self { mono: self.mono + by, unix: self.unix.plus(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)) }
    }
}

/// Reads both clocks.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads time")]
pub fn now() -> Now {
    let unix = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
    };
    Now { mono: mono(), unix: UnixMillis(unix) }
}

/// Reads the clock that never jumps, where nobody asks for the time of day.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads time")]
pub fn mono() -> Instant {
    Instant::now()
}

/// How long the machine was suspended since its boot, in milliseconds: time of day that [`Now::mono`] leaves out.
#[must_use]
pub fn suspended_ms() -> i64 {
    let read = |clock| {
        let Timespec { tv_sec, tv_nsec } = clock_gettime(clock);
        tv_sec * 1_000 + i64::from(tv_nsec as u32 / 1_000_000)
    };
    // Both at the same moment, unless somebody else has the processor in between.
    let apart = || {
        let before = read(ClockId::Monotonic);
        let with_sleep = read(ClockId::Boottime);
        let after = read(ClockId::Monotonic);
        (after - before, with_sleep - after)
    };
    (0..4).map(|_| apart()).find(|(took, _)| *took < 20).unwrap_or_else(apart).1
}

/// Waits until `deadline`; for ever if there is none.
pub async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Waits until one moment after the other, as [`sleep_until`] does, at one wake of the machine each: a timer of the
/// runtime's wakes it on the way too, which is much of what an agent costs that has little to do.
#[derive(Debug)]
pub struct Alarm {
    /// The runtime's has to do where the kernel has none.
    timer: Option<AsyncFd<OwnedFd>>,
    /// What the timer is set to.
    set: Option<Instant>,
}

impl Alarm {
    /// An alarm that is not set. To be called in a runtime.
    #[must_use]
    #[expect(
        deprecated,
        reason = "what replaces it is `unsafe`, for descriptors that change; one that is owned does not"
    )]
    pub fn unset() -> Self {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC);
        let timer = timer.ok().and_then(|timer| AsyncFd::with_interest(timer, Interest::READABLE).ok());
        Self { timer, set: None }
    }

    /// Waits until `deadline`; for ever if there is none. Cancel-safe.
    pub async fn rings(&mut self, deadline: Option<Instant>) {
        let (Some(deadline), Some(timer)) = (deadline, &self.timer) else { return sleep_until(deadline).await };
        if self.set != Some(deadline) {
            let left = deadline.saturating_duration_since(mono());
            if left.is_zero() || set(timer, left).is_err() {
                return sleep_until(Some(deadline)).await;
            }
            self.set = Some(deadline);
        }
        // It may have rung for the time that it was set to before.
        while let Ok(mut rung) = timer.readable().await {
            rung.clear_ready();
            if mono() >= deadline {
                self.set = None;
                return;
            }
        }
        sleep_until(Some(deadline)).await;
    }
}

fn set(timer: &AsyncFd<OwnedFd>, left: Duration) -> rustix::io::Result<()> {
    let (tv_sec, tv_nsec) = (i64::try_from(left.as_secs()).unwrap_or(i64::MAX), left.subsec_nanos().into());
    let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: Timespec { tv_sec, tv_nsec } };
    timerfd_settime(timer, TimerfdTimerFlags::empty(), &once).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_sleeps_between_two_looks() {
        let first = suspended_ms();
        assert!(first >= -20 && (0..1_000).all(|_| (suspended_ms() - first).abs() <= 20));
    }

    #[tokio::test]
    async fn an_alarm_rings_at_its_time_whatever_it_was_set_to_before() {
        let mut alarm = Alarm::unset();
        let soon = |ms| mono() + Duration::from_millis(ms);
        for _ in 0..3 {
            let deadline = soon(20);
            alarm.rings(Some(deadline)).await;
            assert!(mono() >= deadline);
        }
        // Set for later, and given up; it rings meanwhile, or it would have.
        for given_up in [5, 3_600_000] {
            let waits = tokio::time::timeout(Duration::from_millis(1), alarm.rings(Some(soon(given_up))));
            // On a busy machine the short one may ring before it is given up.
            assert!(waits.await.is_err() || given_up == 5);
            let deadline = soon(30);
            alarm.rings(Some(deadline)).await;
            assert!(mono() >= deadline);
        }
        alarm.rings(Some(mono())).await;
        let waits = tokio::time::timeout(Duration::from_millis(20), alarm.rings(None));
        assert!(waits.await.is_err());
    }
}
