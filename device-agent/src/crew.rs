//! Threads for work that may hang: a file whose driver never answers costs a thread, and nobody else's time.
//!
//! ```text
//!   quick ──▶ one thread, piece after piece ──────────┐
//!               └─ hangs: another thread goes on with  ├──▶ done
//!                  the rest                            │
//!   slow  ──▶ a thread for each piece, up to a bound ──┘
//! ```
//!
//! Threads start when there is work for them and leave when there is none. A piece that hangs keeps its thread until it
//! ends, whatever happens; from one place (a chip, a probe) only a few are tried at the same time, because what hangs there
//! once will mostly hang again. A crew that is dropped leaves its threads to themselves: nobody waits for them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::clock;

/// A quick piece of work that takes longer than this gets company: another thread takes over what waits behind it.
pub const PATIENCE: Duration = Duration::from_millis(100);
/// A thread without work leaves after this.
const IDLE: Duration = Duration::from_secs(10);
/// Reading a few small files needs little; the memory is used as it is touched.
const STACK: usize = 128 << 10;

/// Something to be done that may take for ever.
pub trait Work: Send + 'static {
    /// What comes of it.
    type Output: Send;
    /// Where: what hangs at a place once is likely to hang there again.
    fn place(&self) -> u64;
    /// Does it.
    fn run(&mut self, pace: Pace) -> Self::Output;
}

/// How a piece of work is expected to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At once.
    Quick,
    /// It may take its time.
    Slow,
}

/// Work that came to its end.
#[derive(Debug)]
pub struct Done<W: Work> {
    /// The work.
    pub work: W,
    /// What came of it.
    pub output: W::Output,
    /// How it was expected to go.
    pub pace: Pace,
    /// How long it took.
    pub took: Duration,
}

/// How many threads there may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// All of them.
    pub threads: usize,
    /// Those with slow work; fewer than all, so that quick work always finds one.
    pub slow: usize,
    /// Pieces tried at the same time in one place.
    pub place: usize,
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
    quick: VecDeque<W>,
    slow: VecDeque<W>,
    done: Vec<Done<W>>,
    running: Vec<Running>,
    threads: usize,
    idle: usize,
    begun: u64,
    /// Somebody waits with a thread until something is done.
    waits: bool,
    closed: bool,
}

/// A piece of work that a thread has begun: its number, how it is expected to go, and since when.
type Begun<W> = (u64, W, Pace, Instant);

#[derive(Debug)]
struct Running {
    number: u64,
    place: u64,
    pace: Pace,
    since: Instant,
}

impl<W: Work> fmt::Debug for Crew<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crew").field("limits", &self.shared.limits).finish_non_exhaustive()
    }
}

impl<W: Work> Crew<W> {
    /// Nobody yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let state = State {
            quick: VecDeque::new(),
            slow: VecDeque::new(),
            done: Vec::new(),
            running: Vec::new(),
            threads: 0,
            idle: 0,
            begun: 0,
            waits: false,
            closed: false,
        };
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
        for (pace, work) in work {
            match pace {
                Pace::Quick => state.quick.push_back(work),
                Pace::Slow => state.slow.push_back(work),
            }
        }
        let wanted = self.staff(&mut state, clock::mono());
        drop(state);
        self.wake(wanted);
    }

    /// Sees to it that what waits is done although something hangs; to be called while [`Crew::is_busy`], every [`PATIENCE`].
    pub fn tend(&self, now: Instant) {
        let mut state = self.shared.lock();
        let hangs = |running: &&Running| running.pace == Pace::Quick && running.hangs(now);
        let places: Vec<u64> = state.running.iter().filter(hangs).map(|running| running.place).collect();
        if !places.is_empty() {
            // What lies in the same place will hang too, one after the other: the rest goes first.
            let (behind, rest) =
                std::mem::take(&mut state.quick).into_iter().partition(|w| places.contains(&w.place()));
            state.quick = rest;
            let mut behind: VecDeque<W> = behind;
            state.slow.append(&mut behind);
        }
        let wanted = self.staff(&mut state, now);
        drop(state);
        self.wake(wanted);
    }

    /// Moves what is done into `into`.
    pub fn take(&self, into: &mut Vec<Done<W>>) {
        let mut state = self.shared.lock();
        if into.is_empty() {
            std::mem::swap(into, &mut state.done);
        } else {
            into.append(&mut state.done);
        }
    }

    /// Whether quick work waits, or is done and does not hang.
    #[must_use]
    pub fn is_busy(&self, now: Instant) -> bool {
        self.shared.lock().is_busy(now)
    }

    /// Pieces that were expected to go quickly and hang.
    #[must_use]
    pub fn hanging(&self, now: Instant) -> usize {
        self.shared.lock().running.iter().filter(|running| running.hangs(now)).count()
    }

    /// Slow pieces that are under way or wait for a thread.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let state = self.shared.lock();
        state.slow.len() + state.slow_running()
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
        let limits = self.shared.limits;
        let wanted = usize::from(!state.quick.is_empty() && !state.is_at_quick_work(now)) + state.slow_room(limits);
        let missing = wanted.saturating_sub(state.idle).min(limits.threads.saturating_sub(state.threads));
        for _ in 0..missing {
            let shared = Arc::clone(&self.shared);
            let started =
                thread::Builder::new().name("reader".to_owned()).stack_size(STACK).spawn(move || shared.work());
            // No thread to be had: what waits is tried again at the next look.
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
            state.running.retain(|running| running.number != number);
            state.done.push(Done { work, output, pace, took: now.saturating_duration_since(since) });
            // A round of quick work is one piece of news.
            if pace == Pace::Slow || state.quick.is_empty() {
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
            if let Some((work, pace)) = state.pick(self.limits) {
                state.begun += 1;
                let number = state.begun;
                state.running.push(Running { number, place: work.place(), pace, since: now });
                return Some((number, work, pace, now));
            }
            state.idle += 1;
            let (woken, waited) = self.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            now = clock::mono();
            // One stays: its next round comes soon.
            if waited.timed_out() && state.threads > 1 {
                state.threads -= 1;
                return None;
            }
        }
    }
}

impl<W: Work> State<W> {
    fn pick(&mut self, limits: Limits) -> Option<(W, Pace)> {
        if let Some(work) = self.quick.pop_front() {
            return Some((work, Pace::Quick));
        }
        if self.slow_running() >= limits.slow {
            return None;
        }
        let at = self.slow.iter().position(|work| self.in_place(work.place()) < limits.place)?;
        self.slow.remove(at).map(|work| (work, Pace::Slow))
    }

    /// Pieces of slow work that could be begun.
    fn slow_room(&self, limits: Limits) -> usize {
        if self.slow.is_empty() {
            return 0;
        }
        let mut places: Vec<u64> = self.running.iter().map(|running| running.place).collect();
        let before = places.len();
        for work in &self.slow {
            if places.iter().filter(|place| **place == work.place()).count() < limits.place {
                places.push(work.place());
            }
        }
        (places.len() - before).min(limits.slow.saturating_sub(self.slow_running()))
    }

    fn in_place(&self, place: u64) -> usize {
        self.running.iter().filter(|running| running.place == place).count()
    }

    fn slow_running(&self) -> usize {
        self.running.iter().filter(|running| running.pace == Pace::Slow).count()
    }

    fn is_at_quick_work(&self, now: Instant) -> bool {
        self.running.iter().any(|running| running.pace == Pace::Quick && !running.hangs(now))
    }

    fn is_busy(&self, now: Instant) -> bool {
        !self.quick.is_empty() || self.is_at_quick_work(now)
    }
}

impl Running {
    fn hangs(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const LIMITS: Limits = Limits { threads: 8, slow: 4, place: 2 };

    /// Work that ends when its other side says so; at once if it has none.
    struct Piece {
        name: &'static str,
        place: u64,
        until: Option<mpsc::Receiver<()>>,
    }

    impl Work for Piece {
        type Output = ();

        fn place(&self) -> u64 {
            self.place
        }

        fn run(&mut self, _: Pace) {
            if let Some(until) = &self.until {
                let _ = until.recv();
            }
        }
    }

    fn quick(name: &'static str) -> (Pace, Piece) {
        (Pace::Quick, Piece { name, place: 0, until: None })
    }

    fn hangs(name: &'static str, pace: Pace, place: u64) -> (mpsc::SyncSender<()>, (Pace, Piece)) {
        let (end, until) = mpsc::sync_channel(0);
        (end, (pace, Piece { name, place, until: Some(until) }))
    }

    /// What is done once there is as much as `count`, within ten seconds.
    fn done(crew: &Crew<Piece>, count: usize) -> Vec<&'static str> {
        let (mut names, deadline) = (Vec::new(), clock::mono() + Duration::from_secs(10));
        while names.len() < count && clock::mono() < deadline {
            crew.wait(deadline);
            crew.tend(clock::mono());
            let mut taken = Vec::new();
            crew.take(&mut taken);
            names.extend(taken.into_iter().map(|done| done.work.name));
        }
        names
    }

    #[test]
    fn what_hangs_holds_up_nobody_and_comes_back_when_it_ends() {
        let crew = Crew::new(LIMITS);
        let (end, stuck) = hangs("stuck", Pace::Quick, 1);
        crew.give([quick("a"), stuck, quick("b"), quick("c")]);
        assert_eq!(done(&crew, 3), ["a", "b", "c"]);
        crew.give([quick("d")]);
        assert_eq!(done(&crew, 1), ["d"]);
        drop(end);
        assert_eq!(done(&crew, 1), ["stuck"]);
        assert_eq!(crew.hanging(clock::mono()), 0);
    }

    #[test]
    fn threads_are_bounded_however_much_hangs_and_a_place_gets_few_of_them() {
        let crew = Crew::new(LIMITS);
        let (ends, stuck): (Vec<_>, Vec<_>) = (0..50).map(|n| hangs("stuck", Pace::Slow, n / 25)).unzip();
        crew.give(stuck);
        crew.give([quick("a")]);
        assert_eq!(done(&crew, 1), ["a"]);
        let (threads, running) = {
            let state = crew.shared.lock();
            (state.threads, [0, 1].map(|place| state.in_place(place)))
        };
        assert!(threads <= LIMITS.slow + 1, "{threads} threads");
        assert!(running.iter().all(|count| *count <= LIMITS.place), "{running:?}");
        drop(ends);
        assert_eq!(done(&crew, 50).len(), 50);
    }

    #[test]
    fn what_lies_behind_a_hanging_piece_in_its_place_is_tried_after_everything_else() {
        let crew = Crew::new(LIMITS);
        let (ends, mut work): (Vec<_>, Vec<_>) = (0..20).map(|_| hangs("stuck", Pace::Quick, 1)).unzip();
        work.push(quick("last"));
        crew.give(work);
        assert_eq!(done(&crew, 1), ["last"]);
        let hanging = crew.shared.lock().running.len();
        assert!(hanging <= 1 + LIMITS.place, "{hanging} of one place are tried");
        drop(ends);
        assert_eq!(done(&crew, 20).len(), 20);
    }
}
