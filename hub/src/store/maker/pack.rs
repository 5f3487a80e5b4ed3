//! The work of the maker on the journal: to pack it into blocks, to merge small ones, and to sweep what is in them.

use std::collections::VecDeque;

use super::Maker;
use super::slice::{Packing, Slice};
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::store::block::cut::{self, Cut};
use crate::store::block::merge::{self, Merged, Run};
use crate::store::engine::nouns::Known;
use crate::store::error::Result;
use crate::store::head::arrived::arrived;
use crate::store::memory::Forgotten;
use crate::store::span::{Blocks, Level, day};
use crate::store::write::inbox::OpenWrite;

impl Maker {
    /// Cuts these devices, a few a transaction.
    pub(super) fn make(&mut self, devices: &[DeviceNo], pressed: bool) -> Result<()> {
        let cap = self.memory.cap();
        let mut packing = Packing::of(devices);
        while !packing.is_done() {
            // Also when it came to that on the way: a thousand devices that are due take a while.
            let pressed = pressed || self.memory.head().bytes() >= cap.journal();
            let (slice, mut cuts) = (Slice::of_packing(self.clock.now(), pressed), Vec::new());
            packing.begin();
            while let Some((device, last)) = packing.next(slice, self.clock.now(), cap.cut()) {
                let mut fresh = self.memory.head().copy(device, UnixMillis(i64::MIN), UnixMillis(i64::MAX));
                let last = last.or_else(|| fresh.newest_row());
                fresh.truncate(cap.cut());
                let numbers = self.memory.catalog().sensor_numbers(device).into_owned();
                let cut = cut::cut(device, &numbers, &fresh, &mut self.next_times)?;
                // The head has it until it is written.
                let more = last.filter(|last| cut.as_ref().is_some_and(|cut| cut.row < *last));
                packing.packed(device, fresh.bytes(), more);
                cuts.extend(cut.map(|cut| (arrived(&fresh, 0), cut)));
            }
            let (rest, bytes) = (slice.rest(self.clock.now()), packing.bytes());
            self.make_room_for(bytes)?;
            let written =
                self.write(move |open| cuts.into_iter().try_for_each(|(arrived, cut)| insert(open, cut, &arrived)));
            self.memory.counters.reserve(0);
            written?;
            self.plan.packed(bytes);
            if cap.bytes.is_some() && self.plan.dead() >= cap.cut() {
                self.sweep(pressed)?;
            }
            self.rest(rest, pressed);
        }
        Ok(())
    }

    /// Merges small cuts, a few a transaction: all there are, without a rest, or those that have waited long enough.
    pub(super) fn merge(&mut self, all: bool) -> Result<()> {
        let small = self.reads.ask().small_cuts()?;
        let mut runs = {
            let catalog = self.memory.catalog();
            let today = (!all).then(|| day(self.clock.wall()));
            VecDeque::from(merge::runs(&small, today, |device| catalog.series_of(device).count()))
        };
        while !runs.is_empty() {
            // Before they are read: what gives way to the cap is not to come back.
            self.make_room_for(self.memory.cap().cut())?;
            let merged = self.merge_some(&mut runs, all);
            self.memory.counters.reserve(0);
            merged?;
        }
        Ok(())
    }

    fn merge_some(&mut self, runs: &mut VecDeque<Run>, all: bool) -> Result<()> {
        let (slice, mut merged) = (Slice::begin(self.clock.now()), Vec::new());
        while let Some(run) = runs.pop_front() {
            let moment = self.reads.hold()?;
            merged.push(merge::merge(self.reads.ask(), run, &mut self.next_times)?);
            drop(moment);
            // One at a time under a cap: room is kept for one.
            if slice.is_over(self.clock.now()) || self.memory.cap().bytes.is_some() {
                break;
            }
        }
        let rest = slice.rest(self.clock.now());
        self.write(move |open| {
            let is_there = |merged: &&Merged| open.has_device(merged.device);
            merged.iter().filter(is_there).try_for_each(|merged| merged.write(open.tx))
        })?;
        self.rest(rest, all);
        Ok(())
    }

    /// Deletes journal rows that count no longer, run by run.
    pub(super) fn sweep(&mut self, pressed: bool) -> Result<()> {
        // Whatever goes below is from before this: nobody else says what is in blocks.
        self.write(|open| {
            open.own.saves_windows = true;
            Ok(())
        })?;
        let mut from = Some(0);
        while let Some(begin) = from {
            let slice = Slice::begin(self.clock.now());
            from = self.write(move |open| {
                let (deleted, next) = open.tx.sweep(begin)?;
                open.own.rows_deleted += deleted as u64;
                Ok(next)
            })?;
            self.rest(slice.rest(self.clock.now()), pressed);
        }
        self.plan.swept();
        Ok(())
    }
}

/// Writes a cut into the open transaction, unless its device is gone.
fn insert(open: &mut OpenWrite<'_>, cut: Cut, arrived: &Known) -> Result<()> {
    let Cut { device, row, series, blocks } = cut;
    if !open.has_device(device) {
        return Ok(());
    }
    open.tx.put_blocks(device, &blocks, Level::Cut)?;
    open.tx.cut(device, row)?;
    open.tx.add_to_ledger(device, arrived)?;
    let newest: Vec<_> = {
        let head = open.memory.head();
        series.iter().filter_map(|series| Some((*series, head.latest(*series)?))).collect()
    };
    open.tx.save_latest(&newest)?;
    let Blocks { reach, readings, columns, .. } = blocks;
    open.own.blocks += columns.len() as u64;
    open.own.block_readings += readings as u64;
    open.own.forgotten.push(Forgotten { device, row, reach: Some(reach), series });
    Ok(())
}
