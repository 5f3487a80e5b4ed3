//! The device's half of the loss ledger: how many readings it took and how many it gave up, by boot and hour, until the hub has
//! that on disk.
//!
//! ```text
//!   taken, thinned, dropped ──▶ open ──seal──▶ sent (one at a time, unchanged) ──Recorded──▶ forgotten
//!                                └───────── file "ledger", while anything is on disk ─────────┘
//! ```
//!
//! Promises, whenever the process is killed:
//! - A batch that is on the device's disk is counted as taken exactly once: the file says up to which batch it counts, and
//!   recovery counts what it finds beyond.
//! - A segment that is dropped or thinned is counted exactly once: the count is on disk, with the segment's number, before
//!   the segment goes; a start finishes what was begun.
//! - A report is counted by the hub exactly once: what the file calls open was never sent. It is marked as sent before it is.
//! - What was in memory only is lost with its count. So is, when the hub was there and nothing had to be written, the count of
//!   what was taken since the last report; the hub counts what it received of that by itself.
//!
//! Bounded: [`MOST`] lines. When there are more, the oldest boot's oldest hour is given up; the hub then knows of that hour
//! what it received.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wire::batch::Rows;
use wire::ledger::{DropReason, ENTRY_LIMIT, Entry, Report};
use wire::message::Control;
use wire::{BatchSeq, Epoch, Hour};

use crate::durable;

/// Lines kept: more than the hours of a week, and room for boots.
const MOST: usize = 512;
/// First report after a start: what a user looks for once a device has joined.
const FIRST_REPORT: Duration = Duration::from_secs(10);
/// How often a device that loses nothing reports: nobody waits for it, because the hub counts what it receives.
const REPORT_EVERY: Duration = Duration::from_secs(300);
/// How soon after another report the end of a backlog is told.
const DRAINED_AFTER: Duration = Duration::from_secs(30);
/// How soon after another report a loss is told.
const LOSS_AFTER: Duration = Duration::from_secs(5);
/// Flash wears: while the hub is away, the file is written this often.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// What the file holds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Saved {
    /// Batches below this are counted.
    counted: Option<(Epoch, BatchSeq)>,
    sent: Option<Report>,
    open: Vec<Entry>,
    /// Segments that are to hold so many readings: none is one that goes.
    condemned: Vec<(u32, u64)>,
}

/// Counts that wait to be told.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    path: Option<PathBuf>,
    open: BTreeMap<(Epoch, Hour), Entry>,
    sent: Option<Report>,
    condemned: BTreeMap<u32, u64>,
    /// Number of the next report in this boot.
    next: u32,
    /// What the file says of the report that was sent, if there is a file and it holds nothing else.
    only_sent_on_disk: Option<(Epoch, u32)>,
    on_disk: bool,
    save_due: Option<Instant>,
    /// Something was lost, or the last report had no room for all.
    urgent: bool,
    sealed_at: Option<Instant>,
    told_waiting: bool,
    rows: Rows,
}

impl Ledger {
    /// What earlier runs did not get told, and from which batch on nothing is counted yet; `None`: all are. A file that cannot
    /// be read is set aside: counting begins anew.
    pub(super) fn open(folder: &Path) -> (Self, Option<(Epoch, BatchSeq)>) {
        let path = folder.join("ledger");
        let bytes = fs::read(&path);
        let saved = match bytes.as_ref().map(|bytes| serde_json::from_slice::<Saved>(bytes)) {
            Ok(Ok(saved)) => Some(saved),
            Ok(Err(_)) => {
                let _ = durable::set_aside(&path, "damaged");
                None
            }
            Err(_) => None,
        };
        let mut ledger = Self { path: Some(path), on_disk: saved.is_some(), ..Self::default() };
        let Saved { counted, sent, open, condemned } = saved.unwrap_or_default();
        ledger.urgent = sent.is_some() || !open.is_empty();
        ledger.sent = sent;
        ledger.open = open.into_iter().map(|entry| ((entry.epoch, entry.hour), entry)).collect();
        ledger.condemned = condemned.into_iter().collect();
        (ledger, counted)
    }

    /// A boot begins: its reports are numbered from 0.
    pub(super) fn begin_epoch(&mut self) {
        self.next = 0;
    }

    /// A batch came into the spool.
    pub(super) fn take(&mut self, epoch: Epoch, body: &[u8], moved_ms: i64) {
        self.each_hour(body, moved_ms, |ledger, hour, readings| {
            let taken = &mut ledger.entry(epoch, hour).taken;
            *taken = taken.saturating_add_unsigned(readings);
        });
    }

    /// Readings of a batch are called by another time than they were.
    pub(super) fn shift(&mut self, epoch: Epoch, body: &[u8], from_ms: i64, to_ms: i64) {
        self.each_hour(body, from_ms, |ledger, hour, readings| {
            let taken = &mut ledger.entry(epoch, hour).taken;
            *taken = taken.saturating_sub_unsigned(readings);
        });
        self.take(epoch, body, to_ms);
    }

    /// A batch is given up. Returns the readings in it.
    pub(super) fn lose(&mut self, epoch: Epoch, body: &[u8], moved_ms: i64, reason: DropReason) -> u64 {
        let mut lost = 0;
        self.each_hour(body, moved_ms, |ledger, hour, readings| {
            ledger.lose_at(epoch, hour, readings, reason);
            lost += readings;
        });
        lost
    }

    /// Readings of about this hour are given up.
    pub(super) fn lose_at(&mut self, epoch: Epoch, hour: Hour, readings: u64, reason: DropReason) {
        if readings == 0 {
            return;
        }
        self.urgent = true;
        let dropped = &mut self.entry(epoch, hour).dropped;
        match dropped.iter_mut().find(|(code, _)| *code == reason.code()) {
            Some((_, count)) => *count = count.saturating_add(readings),
            None => dropped.push((reason.code(), readings)),
        }
    }

    /// A batch was replaced by one with fewer readings; or, if that failed after all, was not.
    pub(super) fn thin(&mut self, epoch: Epoch, before: &[u8], after: &[u8], moved_ms: i64, failed: bool) {
        let mut gone: BTreeMap<Hour, u64> = BTreeMap::new();
        self.each_hour(before, moved_ms, |_, hour, readings| *gone.entry(hour).or_default() += readings);
        self.each_hour(after, moved_ms, |_, hour, readings| {
            let gone = gone.entry(hour).or_default();
            *gone = gone.saturating_sub(readings);
        });
        for (hour, readings) in gone.into_iter().filter(|(_, readings)| *readings > 0) {
            self.urgent = true;
            let thinned = &mut self.entry(epoch, hour).thinned;
            *thinned = if failed { thinned.saturating_sub(readings) } else { thinned.saturating_add(readings) };
        }
    }

    /// A segment is about to hold `left` readings, which are counted already. Once this returns the file says so.
    pub(super) fn condemn(&mut self, segment: u32, left: u64, counted: (Epoch, BatchSeq)) {
        self.condemned.insert(segment, left);
        // A disk that refuses even this has no room at all: what follows makes some. Only a kill in between would miscount.
        let _ = self.save(counted);
    }

    /// Segments with which something was begun, and how many readings each is to hold.
    pub(super) fn condemned(&self) -> Vec<(u32, u64)> {
        self.condemned.iter().map(|(segment, left)| (*segment, *left)).collect()
    }

    /// What was begun with a segment is done.
    pub(super) fn done_with(&mut self, segment: u32) {
        self.condemned.remove(&segment);
    }

    /// Batches went to disk at `now`: what counts them follows, at once if there is no file yet.
    pub(super) fn keep(&mut self, counted: (Epoch, BatchSeq), now: Instant) -> io::Result<()> {
        if self.on_disk && self.save_due.is_some_and(|due| now < due) {
            return Ok(());
        }
        self.save(counted)?;
        self.save_due = Some(now + SAVE_EVERY);
        Ok(())
    }

    /// Writes the file.
    pub(super) fn save(&mut self, counted: (Epoch, BatchSeq)) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let saved = Saved {
            counted: Some(counted),
            sent: self.sent.clone(),
            open: self.open.values().cloned().collect(),
            condemned: self.condemned(),
        };
        durable::replace(path, &serde_json::to_vec(&saved).unwrap_or_default())?;
        self.on_disk = true;
        let only_sent = saved.open.is_empty() && saved.condemned.is_empty();
        self.only_sent_on_disk = saved.sent.filter(|_| only_sent).map(|report| (report.epoch, report.number));
        Ok(())
    }

    /// What the hub should be told, if anything; unchanged until [`Ledger::recorded`].
    pub(super) const fn sent(&self) -> Option<&Report> {
        self.sent.as_ref()
    }

    /// Whether it is time for a report, in a spool that was opened at `opened` and is empty or not.
    pub(super) fn is_due(&self, is_empty: bool, opened: Instant, now: Instant) -> bool {
        let drained = self.told_waiting && is_empty;
        if self.sent.is_some() || (self.open.is_empty() && !drained) {
            return false;
        }
        let Some(sealed_at) = self.sealed_at else {
            return self.urgent || now.saturating_duration_since(opened) >= FIRST_REPORT;
        };
        let wait = if self.urgent {
            LOSS_AFTER
        } else if drained {
            DRAINED_AFTER
        } else {
            REPORT_EVERY
        };
        now.saturating_duration_since(sealed_at) >= wait
    }

    /// Makes a report of what is open. `holds_from` is the hour of the oldest batch that is held.
    pub(super) fn seal(&mut self, holds_from: Option<Hour>, counted: (Epoch, BatchSeq), now: Instant) {
        let report = |entries| Report { epoch: counted.0, number: self.next, holds_from, entries };
        let mut entries: Vec<Entry> = self.open.values().take(ENTRY_LIMIT).cloned().collect();
        while !Control::Ledger(report(entries.clone())).fits() && entries.pop().is_some() {}
        let sealed = report(entries);
        for entry in &sealed.entries {
            self.open.remove(&(entry.epoch, entry.hour));
        }
        self.sent = Some(sealed);
        // What the file calls open was never sent: it must not call it so any longer.
        if self.on_disk && self.save(counted).is_err() {
            let entries = self.sent.take().map(|report| report.entries).unwrap_or_default();
            self.open.extend(entries.into_iter().map(|entry| ((entry.epoch, entry.hour), entry)));
            return;
        }
        self.next = self.next.saturating_add(1);
        self.urgent = !self.open.is_empty();
        self.sealed_at = Some(now);
        self.told_waiting = holds_from.is_some();
    }

    /// The hub has a report on disk.
    pub(super) fn recorded(&mut self, epoch: Epoch, number: u32) {
        if self.sent.as_ref().is_some_and(|report| (report.epoch, report.number) == (epoch, number)) {
            self.sent = None;
        }
        if self.only_sent_on_disk == Some((epoch, number)) {
            if let Some(path) = &self.path {
                // A file that stays is a report that comes again, and is known.
                self.on_disk = fs::remove_file(path).is_err();
            }
            self.only_sent_on_disk = None;
        }
    }

    /// Makes everything due to be reported.
    pub(super) fn tell_all(&mut self) {
        (self.urgent, self.sealed_at) = (true, None);
    }

    /// Whether everything was told, and is on the hub's disk.
    pub(super) fn is_told(&self) -> bool {
        self.open.is_empty() && self.sent.is_none()
    }

    fn entry(&mut self, epoch: Epoch, hour: Hour) -> &mut Entry {
        if self.open.len() >= MOST && !self.open.contains_key(&(epoch, hour)) {
            self.open.pop_first();
        }
        let none = || Entry { epoch, hour, taken: 0, thinned: 0, dropped: Vec::new() };
        self.open.entry((epoch, hour)).or_insert_with(none)
    }

    fn each_hour(&mut self, body: &[u8], moved_ms: i64, mut with: impl FnMut(&mut Self, Hour, u64)) {
        let mut rows = std::mem::take(&mut self.rows);
        rows.clear();
        // Own encoding, or from a record whose checksum held.
        let _ = wire::batch::decode(body, &mut rows);
        for run in rows.at.chunk_by(|one, next| one.plus(moved_ms).hour() == next.plus(moved_ms).hour()) {
            if let Some(first) = run.first() {
                with(self, first.plus(moved_ms).hour(), run.len() as u64);
            }
        }
        self.rows = rows;
    }
}
