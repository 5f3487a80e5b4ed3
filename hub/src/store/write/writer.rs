//! The writer: one thread that owns the only writing connection and commits in groups.
//!
//! ```text
//!   callers ──▶ inbox ──▶ [ BEGIN IMMEDIATE, each write in its savepoint, COMMIT ] ──▶ memory ──▶ replies
//! ```
//!
//! While one commit syncs, the next group gathers: latency stays one fsync, throughput grows with load. A write that
//! fails by itself is rolled back to its savepoint, and the group continues. A full disk fails the whole group: nothing of it is
//! applied, and the thread continues. Any other error of the file ends the thread, and with it the store.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

use crate::clock::Clock;
use crate::model::SeqSet;
use crate::store::engine::{Role, Writes};
use crate::store::error::{Error, Result};
use crate::store::memory::{Effects, Memory};
use crate::store::windows::{Key, Unsaved, Windows};
use crate::store::write::inbox::{Applied, Inbox, Reply, Scope, Write};

/// Writes that may wait: some seconds of group commits from ingest and every request of a busy HTTP server.
const INBOX: usize = 256;
/// Longest time a group may take to apply before it is committed, so that nobody's latency is a throughput trick.
const GROUP_TIME: Duration = Duration::from_millis(50);
/// Longest that readings wait for room under the cap before they are refused; the oldest go meanwhile.
const ROOM_WAIT: Duration = Duration::from_secs(2);
/// Time between two looks for room.
const ROOM_LOOK: Duration = Duration::from_millis(2);

/// Pause between groups when the journal is twice as long as it should be, growing from nothing at half of that excess.
const HOLD_BACK: Duration = Duration::from_millis(128);

/// A change without readings waits up to one eighth of the last commit's duration for the next readings, so that both share a
/// sync. Committed alone it would delay those readings, and the alerts they raise, by a whole sync.
const READINGS_FOLLOW: u32 = 8;
/// Time between two looks for them.
const READINGS_LOOK: Duration = Duration::from_millis(1);

/// Starts the thread; `keep` lives as long as it does (the lock of the data directory).
pub(in crate::store) fn spawn(
    (engine, unsaved): (Box<dyn Writes>, Unsaved),
    memory: Arc<Memory>,
    role: Role,
    keep: impl Send + 'static,
) -> Result<(Inbox, JoinHandle<Result<()>>)> {
    let (inbox, waiting) = mpsc::channel(INBOX);
    let next_row = engine.tx().next_row()?;
    let mut writer = Writer {
        engine,
        memory,
        role,
        waiting,
        backlog: VecDeque::new(),
        held: VecDeque::new(),
        held_since: None,
        held_until: None,
        next_row,
        unsaved,
        readings_until: None,
    };
    let thread = std::thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || {
            let done = writer.run();
            drop(keep);
            done
        })
        .map_err(|source| Error::File { path: "store-writer".into(), source })?;
    Ok((inbox, thread))
}

struct Writer {
    engine: Box<dyn Writes>,
    memory: Arc<Memory>,
    role: Role,
    waiting: mpsc::Receiver<Write>,
    /// Received, for this group or the next.
    backlog: VecDeque<Write>,
    /// Readings that wait for room under the cap, since when.
    held: VecDeque<Write>,
    held_since: Option<Instant>,
    /// Until when they are held back for blocks to be made.
    held_until: Option<Instant>,
    next_row: i64,
    unsaved: Unsaved,
    /// How long changes wait for readings to follow the last ones.
    readings_until: Option<Instant>,
}

/// Why a whole group failed.
enum Failure {
    Full,
    Fatal(String),
    /// Fatal as well, and the next start has to set the file aside.
    Damaged(String),
}

impl Failure {
    fn error(&self) -> Error {
        match self {
            Self::Full => Error::Full,
            Self::Fatal(text) | Self::Damaged(text) => Error::Fatal(text.clone()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if matches!(error, Error::Full) {
            return Self::Full;
        }
        if error.is_damage() { Self::Damaged(error.to_string()) } else { Self::Fatal(error.to_string()) }
    }
}

impl Writer {
    /// Applies writes, one group a transaction, until every sender is gone. What ends it before that is told to whoever asked
    /// it to write; an error is one of the last checkpoint.
    fn run(&mut self) -> Result<()> {
        let mut was_full = false;
        while self.gather() {
            let full = self.turn_away_readings();
            let room_again = std::mem::replace(&mut was_full, full) && !full;
            if self.wait_for_room() || self.backlog.is_empty() {
                continue;
            }
            let readings = self.backlog.iter().any(Write::has_readings);
            // Alerts and deletions succeed where readings do not: only readings say that there is room again, and not those
            // that were just refused or wait.
            let tells = room_again || readings && !full;
            let mut replies = Vec::new();
            match self.group(&mut replies) {
                Ok(()) => {
                    if tells && self.memory.counters.full.swap(false, Ordering::Relaxed) {
                        tracing::info!("there is space on the disk again: readings are stored");
                    }
                    replies.into_iter().for_each(|reply| reply(Ok(())));
                }
                Err(failure) => {
                    if matches!(failure, Failure::Full) {
                        self.engine.found_full();
                    }
                    self.tell(&failure);
                    replies.into_iter().for_each(|reply| reply(Err(failure.error())));
                    if !matches!(failure, Failure::Full) {
                        return Ok(());
                    }
                }
            }
            if readings {
                self.hold_back();
            }
            let idle = self.backlog.is_empty() && self.waiting.is_empty();
            if self.role == Role::Owner
                && let Err(error) = self.engine.tidy(idle, self.memory.cap())
            {
                self.tell(&error.into());
                return Ok(());
            }
        }
        match self.role {
            Role::Owner => self.engine.finish(),
            Role::Beside => Ok(()),
        }
    }

    /// Waits until there is something to do; `false` when there will never be.
    fn gather(&mut self) -> bool {
        let mut group = Vec::new();
        if self.backlog.is_empty() && self.held.is_empty() {
            self.waiting.blocking_recv_many(&mut group, INBOX);
        } else {
            while self.backlog.len() + self.held.len() + group.len() < INBOX
                && let Ok(write) = self.waiting.try_recv()
            {
                group.push(write);
            }
        }
        self.backlog.extend(group);
        self.let_readings_follow();
        !self.backlog.is_empty() || !self.held.is_empty()
    }

    /// Delays changes a moment if the disk is so slow that it pays: the pipeline sends one commit of readings at a time, and has the
    /// next one ready as soon as the last is answered.
    fn let_readings_follow(&mut self) {
        if let Some(until) = self.readings_until.filter(|_| self.held.is_empty()) {
            receive_readings(&mut self.waiting, &mut self.backlog, until);
        }
    }

    /// Handles only alerts and changes while readings are held back or the file has no room for them; the maker's changes make room.
    /// Returns whether there is nothing to do at the moment. Readings that waited too long are refused, as on a full disk.
    fn wait_for_room(&mut self) -> bool {
        let held = std::mem::take(&mut self.held);
        held.into_iter().rev().for_each(|write| self.backlog.push_front(write));
        if !self.is_shut() {
            self.held_since = None;
            return false;
        }
        let (readings, others) = self.backlog.drain(..).partition(Write::has_readings);
        (self.held, self.backlog) = (readings, others);
        let since = *self.held_since.get_or_insert_with(|| Clock.now());
        if Clock.now().duration_since(since) >= ROOM_WAIT && !self.held.is_empty() {
            self.tell(&Failure::Full);
            for write in self.held.drain(..) {
                (write.apply(Err(Error::Full)).reply)(Err(Error::Full));
            }
        }
        if self.backlog.is_empty() && !self.held.is_empty() {
            std::thread::sleep(ROOM_LOOK);
        }
        self.backlog.is_empty()
    }

    /// Whether readings are held back, or so little of the cap is left that it is for deletions, and for blocks that wait.
    fn is_shut(&self) -> bool {
        if self.held_until.is_some_and(|until| Clock.now() < until) {
            return true;
        }
        let cap = self.memory.cap();
        // A look that fails is one that a commit will fail at as well, and say so.
        cap.bytes.is_some()
            && self.engine.tx().used_pages().is_ok_and(|used| used + self.memory.counters.reserved() >= cap.shut())
    }

    /// While the disk is full (`true`) readings get no room, so that deleting has some, and alerts are told.
    fn turn_away_readings(&mut self) -> bool {
        let full = self.engine.is_full();
        if full {
            let (readings, others): (VecDeque<_>, _) =
                std::mem::take(&mut self.backlog).into_iter().partition(Write::has_readings);
            self.backlog = others;
            for write in readings {
                (write.apply(Err(Error::Full)).reply)(Err(Error::Full));
            }
        }
        full
    }

    /// One transaction. `replies` are told its end, whatever it is.
    fn group(&mut self, replies: &mut Vec<Reply>) -> Result<(), Failure> {
        let (began, brings_readings) = (Clock.now(), self.backlog.iter().any(Write::has_readings));
        // A microsecond: a log that was allowed to grow on the last of the disk could not be copied back.
        let scarce = self.memory.engine.is_scarce();
        self.memory.counters.scarce.store(scarce, Ordering::Relaxed);
        if let Err(error) = self.engine.begin() {
            // Nothing began: whoever waits is told why.
            self.refuse(replies);
            return Err(error.into());
        }
        let outcome = self.fill(began, replies).and_then(|effects| {
            self.engine.commit()?;
            Ok(effects)
        });
        match outcome {
            Ok(effects) => {
                let now = Clock.now();
                let patience = now.duration_since(began) / READINGS_FOLLOW;
                self.readings_until = (brings_readings && patience >= READINGS_LOOK).then(|| now + patience);
                if effects.saves_windows {
                    self.unsaved.clear();
                } else {
                    self.unsaved.extend(effects.windows.keys());
                }
                self.memory.apply(effects, now.duration_since(began));
                Ok(())
            }
            Err(failure) => {
                self.engine.roll_back()?;
                // Failed before the first write: those who wait must not wait for ever.
                if replies.is_empty() {
                    self.refuse(replies);
                }
                Err(failure)
            }
        }
    }

    /// Answers every waiting caller that no transaction could be begun.
    fn refuse(&mut self, replies: &mut Vec<Reply>) {
        replies.extend(self.backlog.drain(..).map(|write| write.apply(Err(Error::Closed)).reply));
    }

    /// Applies writes to the open transaction until the group is big or old enough.
    fn fill(&mut self, began: Instant, replies: &mut Vec<Reply>) -> Result<Effects, Failure> {
        let mut group = Effects::default();
        let (mut bytes, mut changed) = (0, false);
        while let Some(write) = self.backlog.pop_front() {
            bytes += write.size();
            changed |= matches!(write, Write::Change(_));
            let own = self.apply(write, &group, replies)?;
            group.absorb(own);
            if bytes >= self.memory.cap().group() || Clock.now().duration_since(began) >= GROUP_TIME {
                break;
            }
        }
        if group.saves_windows {
            let committed = self.memory.windows();
            self.engine.tx().save_windows(&untold(&self.unsaved, &committed, &group))?;
        }
        if changed {
            self.engine.sum_changes()?;
        }
        if self.role == Role::Beside {
            self.engine.mark_beside()?;
        }
        Ok(group)
    }

    /// One write in its savepoint. An error of its own is its caller's alone; an error of the file is the group's.
    fn apply(&mut self, write: Write, group: &Effects, replies: &mut Vec<Reply>) -> Result<Effects, Failure> {
        self.engine.begin_write()?;
        let mut scope = Scope {
            tx: self.engine.tx(),
            memory: &self.memory,
            group,
            own: Effects::default(),
            next_row: &mut self.next_row,
        };
        let Applied { outcome, reply } = write.apply(Ok(&mut scope));
        let own = scope.own;
        match outcome {
            Ok(()) => {
                replies.push(reply);
                self.engine.keep_write()?;
                Ok(own)
            }
            Err(error) if error.breaks_the_group() => {
                replies.push(reply);
                Err(error.into())
            }
            Err(error) => {
                let undone = self.engine.undo_write();
                reply(Err(error));
                undone?;
                Ok(Effects::default())
            }
        }
    }

    /// Slows down when blocks are not made as fast as readings come: a journal without an end is no promise. What is not
    /// readings goes on, first of all the blocks.
    fn hold_back(&mut self) {
        let journal = self.memory.cap().journal();
        let over = self.memory.head().bytes().saturating_sub(journal + journal / 2);
        let pause = HOLD_BACK.mul_f64((over as f64 / journal as f64).min(1.0));
        self.held_until = (!pause.is_zero()).then(|| Clock.now() + pause);
    }

    /// Says once what happened, before those who wait hear of it.
    fn tell(&self, failure: &Failure) {
        match failure {
            Failure::Fatal(text) => tracing::error!(error = %text, "the store cannot continue: {text}"),
            Failure::Damaged(text) => {
                tracing::error!(error = %text, "the database is damaged: {text}; the next start sets it aside");
                if let Err(error) = self.memory.engine.note_damage(text) {
                    tracing::error!(%error, "that could not be noted for the next start: {error}");
                }
            }
            Failure::Full => {
                if !self.memory.counters.full.swap(true, Ordering::Relaxed) {
                    tracing::error!("the disk is full: nothing is stored or acknowledged until there is space");
                }
            }
        }
    }
}

/// Receives until there are readings, there is no place for more, `until` has come, or nobody is left to send any.
fn receive_readings(waiting: &mut mpsc::Receiver<Write>, backlog: &mut VecDeque<Write>, until: Instant) {
    while backlog.len() < INBOX && !backlog.iter().any(|write| matches!(write, Write::Group(..))) && Clock.now() < until
    {
        match waiting.try_recv() {
            Ok(write) => backlog.push_back(write),
            Err(TryRecvError::Empty) => std::thread::sleep(READINGS_LOOK),
            Err(TryRecvError::Disconnected) => return,
        }
    }
}

/// Windows of which the journal is about to tell no longer: all that were not saved, as the open transaction sees them.
fn untold<'a>(unsaved: &Unsaved, committed: &'a Windows, group: &'a Effects) -> Vec<(Key, &'a SeqSet)> {
    let earlier = unsaved.iter().filter(|key| !group.windows.contains_key(key) && !group.gone.contains(&key.0));
    // Of a device with other hardware those in memory are of the old.
    let earlier = earlier.filter(|key| !group.anew.contains(&key.0));
    // Of a device that is deleted there is none any longer.
    let earlier = earlier.filter_map(|key| committed.get_key_value(key));
    earlier.chain(&group.windows).map(|(key, window)| (*key, window)).collect()
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    const FOR_EVER: Duration = Duration::from_hours(1);

    fn change() -> Write {
        Write::change(|_| Ok(())).0
    }

    fn group() -> Write {
        Write::Group(Box::default(), oneshot::channel().0)
    }

    /// How many writes are there once changes waited for readings `until` a moment; `sent` come while they do.
    fn received(sent: Vec<Write>, until: Instant, keep_sending: bool) -> usize {
        let (sender, mut waiting) = mpsc::channel(INBOX);
        let mut backlog = VecDeque::from([change()]);
        let kept = keep_sending.then(|| sender.clone());
        let sending =
            std::thread::spawn(move || sent.into_iter().for_each(|write| sender.blocking_send(write).unwrap()));
        receive_readings(&mut waiting, &mut backlog, until);
        drop(kept);
        sending.join().unwrap();
        backlog.len()
    }

    #[test]
    fn changes_wait_for_the_readings_that_follow_and_for_nothing_behind_them() {
        let until = Clock.now() + FOR_EVER;
        assert_eq!(received(vec![change(), group(), change()], until, true), 3);
        // Nobody is left who has any.
        assert_eq!(received(vec![change()], until, false), 2);
        // As many as may wait: none is left in the queue that has no place.
        assert_eq!(received((0..INBOX).map(|_| change()).collect(), until, true), INBOX);
    }

    #[test]
    fn changes_do_not_wait_when_none_are_to_follow() {
        assert_eq!(received(Vec::new(), Clock.now(), true), 1);
    }
}
