//! Threads for work that may hang: a file whose driver never answers costs one thread, and delays nothing else.
//!
//! ```text
//!   quick   ──▶ one thread, piece after piece ──────────┐
//!                 └─ hangs: others go on with the rest   │
//!   untried ──▶ the same, once nothing quick is left,    ├──▶ done
//!                 as long as not too much hangs          │
//!   slow    ──▶ a thread for each piece, up to a bound ──┘
//! ```
//!
//! Threads start when there is work for them, and end when they were not needed for a while; one stays. A piece that hangs keeps
//! its thread until it ends. [`lanes`] chooses which pieces begin, so that pieces that answer find a thread, however many hang.
//! When a crew is dropped nothing waits for its threads.

mod lanes;
mod work;

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::clock;
pub(crate) use lanes::LONG;
use lanes::Lanes;
pub use work::{Away, Kin, Limits, Pace, Work};

/// When a quick piece of work takes longer than this, another thread takes over what waits behind it.
pub const PATIENCE: Duration = Duration::from_millis(100);
/// When one thread was enough for this long, the others end.
const IDLE: Duration = Duration::from_secs(10);
/// Reading a few small files needs little; the memory is used as it is touched.
const STACK: usize = 128 << 10;

/// Work that came to its end.
#[derive(Debug)]
pub struct Done<W: Work> {
    pub work: W,
    /// What came of it.
    pub output: W::Output,
    /// How it was expected to go.
    pub pace: Pace,
    /// How long it took.
    pub took: Duration,
}

/// Threads that do work that may hang.
pub struct Crew<W: Work> {
    shared: Arc<Shared<W>>,
}

struct Shared<W: Work> {
    limits: Limits,
    state: Mutex<State<W>>,
    /// There is work.
    work: Condvar,
    /// Something is done, for those that wait with their thread.
    done: Condvar,
    /// The same, for those that wait in the runtime.
    news: Notify,
}

struct State<W: Work> {
    lanes: Lanes<W>,
    done: Vec<Done<W>>,
    threads: usize,
    idle: usize,
    /// When one thread was not enough, the last time.
    crowded: Instant,
    /// Somebody waits with a thread until something is done.
    waits: bool,
    closed: bool,
}

/// A piece of work that a thread has begun: its number, how it is expected to go, and since when.
type Begun<W> = (u64, W, Pace, Instant);

impl<W: Work> fmt::Debug for Crew<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crew").field("limits", &self.shared.limits).finish_non_exhaustive()
    }
}

impl<W: Work> Crew<W> {
    /// Nobody yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let (lanes, done, crowded) = (Lanes::new(limits), Vec::new(), clock::mono());
        let state = State { lanes, done, threads: 0, idle: 0, crowded, waits: false, closed: false };
        let shared = Shared {
            limits,
            state: Mutex::new(state),
            work: Condvar::new(),
            done: Condvar::new(),
            news: Notify::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Hands work over; [`Crew::take`] gives it back.
    pub fn give(&self, work: impl IntoIterator<Item = (Pace, W)>) {
        let mut state = self.shared.lock();
        let now = clock::mono();
        state.lanes.give(work, now);
        let wanted = self.staff(&mut state, now);
        drop(state);
        self.wake(wanted);
    }

    /// Lets further threads work while some hang, so that nothing waits for those. Call it every [`PATIENCE`] while
    /// [`Crew::is_busy`].
    pub fn tend(&self, now: Instant) {
        let mut state = self.shared.lock();
        state.lanes.tend(now);
        let wanted = self.staff(&mut state, now);
        drop(state);
        self.wake(wanted);
    }

    /// Moves finished work into `into`.
    pub fn take(&self, into: &mut Vec<Done<W>>) {
        let mut state = self.shared.lock();
        if into.is_empty() {
            std::mem::swap(into, &mut state.done);
        } else {
            into.append(&mut state.done);
        }
    }

    /// Whether quick work waits or is under way.
    #[must_use]
    pub fn is_busy(&self, now: Instant) -> bool {
        self.shared.lock().lanes.is_busy(now)
    }

    /// Whether something waits for a thread.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.shared.lock().lanes.waits()
    }

    /// What is not done.
    #[must_use]
    pub fn away(&self) -> Vec<Away> {
        self.shared.lock().lanes.away()
    }

    /// Slow pieces that are under way or wait for a thread.
    #[must_use]
    pub fn slow(&self, now: Instant) -> usize {
        self.shared.lock().lanes.slow(now)
    }

    /// Waits until something is done. Cancel-safe.
    pub async fn news(&self) {
        self.shared.news.notified().await;
    }

    /// Waits with this thread until something is done, or until `deadline`.
    pub fn wait(&self, deadline: Instant) {
        let mut state = self.shared.lock();
        let now = clock::mono();
        if state.done.is_empty() && now < deadline {
            state.waits = true;
            let limit = deadline.duration_since(now).min(PATIENCE);
            let (mut state, _) = self.shared.done.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner);
            state.waits = false;
        }
    }

    /// Starts the threads that are missing for the work there is. Returns how many are to be woken.
    fn staff(&self, state: &mut State<W>, now: Instant) -> usize {
        let wanted = state.lanes.wanted(now);
        let room = self.shared.limits.threads().saturating_sub(state.threads);
        let missing = wanted.saturating_sub(state.idle).min(room);
        if wanted > 1 || missing > 0 {
            state.crowded = now;
        }
        for _ in 0..missing {
            let shared = Arc::clone(&self.shared);
            let started =
                thread::Builder::new().name("reader".to_owned()).stack_size(STACK).spawn(move || shared.work());
            // No thread could be started: the waiting work is tried again at the next look.
            state.threads += usize::from(started.is_ok());
            state.idle += usize::from(started.is_ok());
        }
        wanted.min(state.idle)
    }

    /// To be called without the lock, which is the first thing that those who wake ask for.
    fn wake(&self, wanted: usize) {
        match wanted {
            0 => {}
            1 => self.shared.work.notify_one(),
            _ => self.shared.work.notify_all(),
        }
    }
}

impl<W: Work> Drop for Crew<W> {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_all();
    }
}

impl<W: Work> Shared<W> {
    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does.
    fn work(&self) {
        // It was counted as idle from the moment it was started, so that nobody starts another for the same work.
        self.lock().idle -= 1;
        let mut ended = None;
        while let Some((number, mut work, pace, since)) = self.next(ended) {
            let output = work.run(pace);
            ended = Some(((number, work, pace, since), output));
        }
    }

    /// Hands back what was done and waits for the next piece; nothing when the thread shall end.
    fn next(&self, ended: Option<(Begun<W>, W::Output)>) -> Option<Begun<W>> {
        // One look at the clock a piece: the next begins as the last one ends.
        let mut now = clock::mono();
        let mut state = self.lock();
        if let Some(((number, work, pace, since), output)) = ended {
            state.done.push(Done { work, output, pace, took: now.saturating_duration_since(since) });
            if state.lanes.end(number, pace) {
                let waits = state.waits;
                drop(state);
                self.news.notify_one();
                if waits {
                    self.done.notify_all();
                }
                state = self.lock();
            }
        }
        loop {
            if state.closed {
                state.threads -= 1;
                return None;
            }
            if let Some((number, work, pace)) = state.lanes.pick(now) {
                return Some((number, work, pace, now));
            }
            // One idle thread stays for the next piece; it need not be this one.
            if state.idle > 0 && now.saturating_duration_since(state.crowded) >= IDLE {
                state.threads -= 1;
                return None;
            }
            state.idle += 1;
            let (woken, _) = self.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            now = clock::mono();
        }
    }
}

#[cfg(test)]
mod tests;
