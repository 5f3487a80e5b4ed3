//! A piece of work that may hang: its kind and place, how quick it is expected to be, and how many threads such work
//! may use.

use std::time::{Duration, Instant};

/// Something to be done that may take for ever.
pub trait Work: Send + 'static {
    /// What comes of it.
    type Output: Send;
    /// Whose it is, in the order in which they would be done.
    fn number(&self) -> u32;
    /// What it is like.
    fn kin(&self) -> Kin;
    /// Since when somebody waits for it, as far as that is to be told by [`Crew::away`].
    fn given(&self) -> Option<Instant> {
        None
    }
    /// Does it.
    fn run(&mut self, pace: Pace) -> Self::Output;
}

/// What a piece of work is like: what is like one that hangs will mostly hang too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kin {
    /// A kind of source; there are few.
    pub kind: u32,
    /// The driver that answers.
    pub driver: u32,
    pub place: u32,
}

/// How a piece of work is expected to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At once, as the last time.
    Quick,
    /// Nobody knows: it never answered, or hung the last time.
    Untried,
    /// It may take its time.
    Slow,
}

/// Work that has not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    /// Whose it is.
    pub number: u32,
    /// Since when somebody waits for it.
    pub given: Option<Instant>,
    /// Since when a thread is at it, if one is.
    pub begun: Option<Instant>,
}

/// How many threads there may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Those with slow work that does not hang.
    pub slow: usize,
    /// Slow pieces at the same time in one place.
    pub place: usize,
    /// Where so many hang, nothing that has not answered is begun.
    pub untried: usize,
    /// Where so many hang, each kind may have one more that hangs.
    pub hung: usize,
    pub kinds: usize,
    /// What is not slow and takes longer than this hangs.
    pub patience: Duration,
    /// Threads that set out together on what is not slow, as long as nothing hangs; while something does, more.
    pub abreast: usize,
}

impl Limits {
    /// All of them.
    pub(super) const fn threads(self) -> usize {
        self.hung + self.slow + self.kinds + 1
    }
}
