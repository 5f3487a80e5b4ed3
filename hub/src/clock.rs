//! The only place in the hub that reads time.
//!
//! Timers use [`Clock::now`] (monotonic). Times that are stored or shown come from [`Clock::wall`]. What waits much, and is to be
//! tested without waiting, is handed a [`Timepiece`]: the machine's clock, or one that a test moves by hand.

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::UnixMillis;

/// Reads the machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    /// Monotonic time.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    #[must_use]
    pub fn now(self) -> Instant {
        Instant::now()
    }

    /// Wall-clock time.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    #[must_use]
    pub fn wall(self) -> UnixMillis {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => UnixMillis(millis(since)),
            Err(before) => UnixMillis(-millis(before.duration())),
        }
    }

    /// The monotonic moment at which the wall clock will read `at`, if nobody sets it meanwhile.
    #[must_use]
    pub fn instant_of(self, at: UnixMillis) -> Instant {
        let wait = u64::try_from(at.since(self.wall())).unwrap_or(0);
        // Timers need no century; a bound keeps the sum from overflowing.
        self.now() + Duration::from_millis(wait.min(86_400_000))
    }

    /// Sleeps until a moment of [`Clock::now`]; for ever when there is none.
    pub async fn sleep_until(self, moment: Option<Instant>) {
        match moment {
            Some(moment) => tokio::time::sleep_until(moment.into()).await,
            None => pending().await,
        }
    }
}

/// A clock that is handed on. Threads and tasks also wait by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Timepiece {
    /// The machine's.
    #[default]
    Machine,
    /// A test's: it stands still until it is moved.
    ByHand(Hand),
}

impl Timepiece {
    /// Monotonic time.
    #[must_use]
    pub fn now(&self) -> Instant {
        match self {
            Self::Machine => Clock.now(),
            Self::ByHand(hand) => hand.lock().now,
        }
    }

    /// Wall-clock time.
    #[must_use]
    pub fn wall(&self) -> UnixMillis {
        match self {
            Self::Machine => Clock.wall(),
            Self::ByHand(hand) => hand.lock().wall,
        }
    }

    /// Parks this thread until a moment, or until somebody unparks it; without a moment, until somebody does. It may return early
    /// for no reason, so whoever calls it looks whether there is one.
    pub fn park_until(&self, moment: Option<Instant>) {
        match (self, moment) {
            (_, None) => std::thread::park(),
            (Self::Machine, Some(moment)) => std::thread::park_timeout(moment.saturating_duration_since(Clock.now())),
            (Self::ByHand(hand), Some(moment)) => {
                let waker = unparks(std::thread::current());
                if hand.wakes_at(moment, &waker) {
                    std::thread::park();
                    hand.wakes_no_longer(&waker);
                }
            }
        }
    }

    /// Has this thread sleep.
    pub fn sleep(&self, duration: Duration) {
        if *self == Self::Machine {
            return std::thread::sleep(duration);
        }
        let until = self.now() + duration;
        while self.now() < until {
            self.park_until(Some(until));
        }
    }

    /// Has this task sleep.
    pub async fn sleep_in_task(&self, duration: Duration) {
        let Self::ByHand(hand) = self else { return tokio::time::sleep(duration).await };
        let until = self.now() + duration;
        poll_fn(|context| if hand.wakes_at(until, context.waker()) { Poll::Pending } else { Poll::Ready(()) }).await;
    }
}

/// A clock that a test moves. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Hand(Arc<Mutex<Dial>>);

/// What a clock that is moved by hand shows, and who waits by it.
#[derive(Debug)]
struct Dial {
    now: Instant,
    wall: UnixMillis,
    waiting: Vec<(Instant, Waker)>,
}

impl Hand {
    /// A clock whose wall clock shows this.
    #[must_use]
    pub fn at(wall: UnixMillis) -> Self {
        Self(Arc::new(Mutex::new(Dial { now: Clock.now(), wall, waiting: Vec::new() })))
    }

    /// Moves it, and wakes those who waited for a moment that has come.
    pub fn advance(&self, by: Duration) {
        let due: Vec<_> = {
            let mut dial = self.lock();
            dial.now += by;
            dial.wall = dial.wall.plus(millis(by));
            let now = dial.now;
            dial.waiting.extract_if(.., |(moment, _)| *moment <= now).collect()
        };
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Sets the wall clock alone, as a person or a time server does.
    pub fn set_wall(&self, wall: UnixMillis) {
        self.lock().wall = wall;
    }

    /// The next moment that somebody waits for, and how many wait.
    #[must_use]
    pub fn awaited(&self) -> Option<(Instant, usize)> {
        let dial = self.lock();
        dial.waiting.iter().map(|(moment, _)| *moment).min().map(|next| (next, dial.waiting.len()))
    }

    /// Puts down who is to be woken at a moment; `false` if it has come.
    fn wakes_at(&self, moment: Instant, waker: &Waker) -> bool {
        let mut dial = self.lock();
        dial.waiting.retain(|(_, other)| !other.will_wake(waker));
        let is_to_come = moment > dial.now;
        if is_to_come {
            dial.waiting.push((moment, waker.clone()));
        }
        is_to_come
    }

    fn wakes_no_longer(&self, waker: &Waker) {
        self.lock().waiting.retain(|(_, other)| !other.will_wake(waker));
    }

    fn lock(&self) -> MutexGuard<'_, Dial> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same clock, not one that shows the same.
impl PartialEq for Hand {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Hand {}

/// What wakes a parked thread.
#[must_use]
pub fn unparks(thread: Thread) -> Waker {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.wake_by_ref();
        }

        fn wake_by_ref(self: &Arc<Self>) {
            self.0.unpark();
        }
    }
    Waker::from(Arc::new(Unpark(thread)))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_clock_that_is_moved_by_hand_wakes_the_threads_whose_moment_has_come() {
        let hand = Hand::at(UnixMillis(0));
        let clock = Timepiece::ByHand(hand.clone());
        let start = clock.now();
        let sleeping = {
            let clock = clock.clone();
            std::thread::spawn(move || {
                clock.sleep(2 * SECOND);
                clock.wall()
            })
        };
        while hand.awaited().is_none() {
            std::thread::yield_now();
        }
        assert_eq!(hand.awaited(), Some((start + 2 * SECOND, 1)));
        hand.advance(SECOND);
        assert!(!sleeping.is_finished());
        hand.set_wall(UnixMillis(9_000));
        hand.advance(SECOND);
        assert_eq!(sleeping.join().unwrap(), UnixMillis(10_000));
        assert_eq!((clock.now() - start, hand.awaited()), (2 * SECOND, None));
    }

    #[tokio::test]
    async fn tasks_wait_by_it_as_well() {
        let hand = Hand::at(UnixMillis(0));
        let clock = Timepiece::ByHand(hand.clone());
        let moved = async {
            tokio::task::yield_now().await;
            assert_eq!(hand.awaited().map(|(_, waiting)| waiting), Some(1));
            hand.advance(SECOND);
        };
        tokio::join!(clock.sleep_in_task(SECOND), moved);
        // What has come already is not waited for.
        clock.sleep_in_task(Duration::ZERO).await;
        clock.sleep(Duration::ZERO);
    }
}
