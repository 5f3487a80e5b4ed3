//! Readings that take time or come from outside: files, commands, other programs, and the slow 1-Wire bus.
//!
//! ```text
//!   file, 1-Wire ──▶ a blocking thread ┐
//!   exec ──────────▶ a child process   ├──▶ one bounded channel ──▶ the agent's loop
//!   listen ────────▶ a local socket    ┘
//! ```
//!
//! Each source has a task of its own, so that one that hangs delays no other, and reports its readings together with its errors.
//! When the loop is busy the channel fills, and sources wait: nothing grows without bound.

mod content;
mod exec;
mod file;
pub mod json;
pub mod line;
mod listen;
mod lost;
mod measured;
mod number;
mod onewire;
mod outlet;
mod scratchpad;
mod source;
mod text;
mod work;

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{info, warn};
use wire::UnixMillis;

pub use self::lost::Lost;
pub use self::measured::{Format, Measured, Naming};
pub use self::outlet::Arrived;
use self::outlet::Outlet;
pub use self::source::{Address, Source, givers, under};
use crate::clock::{self, Now};
use crate::sensor::{Giver, Remark};
use crate::trouble::{Change, Named, Trouble};

/// Rounds of readings that may wait for the loop: more than come while it writes its spool.
const QUEUE: usize = 32;
/// How long after the last lost reading a source's losses are shown as its trouble.
const TOLD_FOR: Duration = Duration::from_secs(600);

/// The tasks of all sources, and what went wrong with each.
#[derive(Debug)]
pub struct Intake {
    arrivals: mpsc::Receiver<Arrived>,
    sources: Vec<Standing>,
    _tasks: JoinSet<()>,
}

/// How a source does.
#[derive(Debug)]
struct Standing {
    key: String,
    label: String,
    trouble: Option<Trouble>,
    named: Named,
    remark: Option<Remark>,
    lost: Lost,
    /// Until when what was lost is its trouble.
    told_until: Option<Instant>,
}

impl Intake {
    /// Starts a task for each source; must be called inside the runtime.
    #[must_use]
    pub fn start(sources: Vec<Source>) -> Self {
        let (sender, arrivals) = mpsc::channel(QUEUE);
        let standing = |Giver { key, label, .. }| Standing {
            key,
            label,
            trouble: None,
            named: Named::default(),
            remark: None,
            lost: Lost::default(),
            told_until: None,
        };
        let labels = givers(&sources).into_iter().map(standing).collect();
        let mut tasks = JoinSet::new();
        for (number, source) in sources.into_iter().enumerate() {
            let outlet = Outlet { source: number, interval_ms: source.interval_ms(), sender: sender.clone() };
            tasks.spawn(work::work(source, outlet));
        }
        Self { arrivals, sources: labels, _tasks: tasks }
    }

    /// Waits for what a source gives next; for ever if there is none. Cancel-safe.
    pub async fn next(&mut self) -> Arrived {
        match self.arrivals.recv().await {
            Some(arrived) => arrived,
            None => std::future::pending().await,
        }
    }

    /// What has arrived already.
    pub fn try_next(&mut self) -> Option<Arrived> {
        self.arrivals.try_recv().ok()
    }

    /// What the sensors' table knows the source of this by.
    #[must_use]
    pub fn key_of(&self, arrived: &Arrived) -> &str {
        self.sources.get(arrived.source).map_or("", |standing| &standing.key)
    }

    /// Remembers whether the source is well and what of it was lost, and logs when that changes.
    pub fn note(&mut self, arrived: &Arrived, now: UnixMillis) {
        let Some(standing) = self.sources.get_mut(arrived.source) else { return };
        if !arrived.lost.is_none() {
            standing.lost.add(&arrived.lost);
            standing.told_until = Some(clock::now().mono + TOLD_FOR);
        }
        let since = standing.remark.as_ref().map_or(now, |remark| remark.since);
        let remark = |text: &String| Remark { source: standing.label.clone(), text: text.clone(), since };
        standing.remark = arrived.remark.as_ref().map(remark);
        let lost = standing.told_until.map(|_| standing.lost.to_string());
        let why = arrived.trouble.clone().or(lost);
        match standing.trouble.as_mut().zip(why.as_deref()) {
            // What it gave this time was good: that earlier lines were lost goes on being told, and is no failure more.
            Some((trouble, why)) if arrived.trouble.is_none() && arrived.lost.is_none() => trouble.restate(why),
            _ => standing.say(why.as_deref(), now),
        }
    }

    /// Ceases to tell of what was lost a while ago. It stays in [`Intake::lost`].
    pub fn tend(&mut self, now: Now) {
        for standing in &mut self.sources {
            if standing.told_until.is_some_and(|until| now.mono >= until) {
                standing.told_until = None;
                standing.say(None, now.unix);
            }
        }
    }

    /// Sources that fail, and why.
    pub fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        self.sources.iter().filter_map(|standing| standing.trouble.as_ref())
    }

    /// What is to be known of sources that do not fail.
    pub fn remarks(&self) -> impl Iterator<Item = &Remark> {
        self.sources.iter().filter_map(|standing| standing.remark.as_ref())
    }

    /// Sources of which something was lost since the start.
    pub fn lost(&self) -> impl Iterator<Item = (&str, &Lost)> {
        let all = self.sources.iter().map(|standing| (&*standing.label, &standing.lost));
        all.filter(|(_, lost)| !lost.is_none())
    }
}

impl Standing {
    fn say(&mut self, why: Option<&str>, now: UnixMillis) {
        let Self { label, trouble, named, .. } = self;
        let change = Trouble::note(trouble, label, why, now);
        if change == Some(Change::Ended) {
            info!(source = label, "{label} works again");
        }
        if let Some(news) = named.news(change == Some(Change::Began), why) {
            warn!(source = label, "{label} fails: {news}");
        }
    }
}
