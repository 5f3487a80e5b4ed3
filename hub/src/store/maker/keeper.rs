//! The keeper, the maker's other half: deletes what is too old, makes room below the size limit, and measures how fast the file grows.
//!
//! Each step is one small transaction that deletes something, or the last step. Nothing here waits for room, so nothing here can
//! hang.

use std::fs;

use super::growth;
use super::kept::Kept;
use super::slice::Slice;
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::model::retention::Retention;
use crate::model::{SensorKind, UnixMillis};
use crate::store::cap::PAGE;
use crate::store::error::Result;
use crate::store::maker::{Maker, VACUUM_PAGES};
use crate::store::rollup::retention::{self, EXPIRE_ROWS, FOLD_SPANS, Folding};
use crate::store::span::{Going, day};
use crate::store::stats::{Growth, Look};
use crate::store::tier::{HOURS, MINUTES, Table};

/// Steps of making room between two looks who is greedy.
const WEIGH_EVERY: usize = 16;
/// Steps of giving free pages back in one look: 16 MiB.
const VACUUM_STEPS: usize = 8;

impl Maker {
    /// Deletes what each tier no longer keeps.
    pub(super) fn retain(&mut self, now: UnixMillis) -> Result<()> {
        let retention = self.memory.retention();
        let today = (day(now), retention.clone());
        if self.kept.alerts_are_due(&today) {
            self.expire_alerts(retention::begins(retention.alerts, now))?;
            self.kept.alerts_are_done(today.clone());
        }
        if retention.is_for_ever() {
            return Ok(());
        }
        for (device, series) in self.devices() {
            let Some(ages) = self.memory.catalog().device(device).map(|device| retention.of(&device.labels)) else {
                continue;
            };
            if let Some(before) = retention::begins(ages.raw, now) {
                loop {
                    let going = self.reads.ask().due(device, before, FOLD_SPANS)?;
                    if going.is_empty() {
                        break;
                    }
                    self.fold(going, &series, true)?;
                }
            }
        }
        for (device, _) in self.devices() {
            let age = self.memory.catalog().device(device).and_then(|device| retention.of(&device.labels).hours);
            if let Some(before) = retention::begins(age, now).map(UnixMillis::hour) {
                while self.reads.ask().ledger_begins_before(device, before)? {
                    self.write(move |open| open.tx.expire_ledger(device, before, EXPIRE_ROWS))?;
                }
            }
        }
        if self.kept.rollups_are_due(&today) {
            self.expire_rollups(MINUTES, now, &today.1)?;
            self.expire_rollups(HOURS, now, &today.1)?;
            self.kept.rollups_are_done(today);
        }
        Ok(())
    }

    /// Deletes alerts that are over and messages that wait for nothing, of before a moment, and versions of rules with them.
    fn expire_alerts(&self, before: Option<UnixMillis>) -> Result<()> {
        let Some(before) = before else { return Ok(()) };
        let mut more = true;
        while more {
            more = self.write(move |open| {
                let alerts = open.tx.expire_alerts(before, EXPIRE_ROWS)?;
                let deliveries = open.tx.expire_deliveries(before, EXPIRE_ROWS)?;
                Ok(alerts.max(deliveries) == EXPIRE_ROWS)
            })?;
        }
        self.write(|open| open.tx.expire_rule_versions().map(drop))
    }

    fn devices(&self) -> Vec<(DeviceNo, Vec<SeriesId>)> {
        let catalog = self.memory.catalog();
        let series = |no| catalog.series_of(no).map(|series| series.id).collect();
        catalog.devices().map(|device| (device.no, series(device.no))).collect()
    }

    /// Replaces blocks by their rollups. Does nothing, to try again later, if a command beside the hub wrote meanwhile: it may have
    /// written rollups (`recover`), which the ones that were read here would overwrite.
    fn fold(&self, going: Going, series: &[SeriesId], thorough: bool) -> Result<()> {
        let slice = Slice::begin(self.clock.now());
        let beside = self.reads.ask().writes_beside()?;
        let received = going.received;
        let mut folds = Vec::with_capacity(going.by_device.len());
        for (device, spans) in going.by_device {
            let (from, to) = retention::reach(&spans);
            // What comes from here on came behind the fold.
            let fresh = self.memory.head().copy(device, from, to);
            let (of_device, numbers): (Vec<SeriesId>, Vec<SeriesId>) = {
                let catalog = self.memory.catalog();
                let all = catalog.series_of(device).map(|series| series.id);
                (if series.is_empty() { all.collect() } else { Vec::new() }, catalog.sensor_numbers(device).to_vec())
            };
            let series = if series.is_empty() { &of_device } else { series };
            let kinds: Vec<SensorKind> = {
                let catalog = self.memory.catalog();
                series.iter().map(|id| catalog.series(*id).map_or(SensorKind::Gauge, |series| series.kind)).collect()
            };
            let folding = Folding { device, series, kinds: &kinds, fresh: &fresh, numbers: &numbers };
            folds.push(retention::fold(self.reads.ask(), &folding, spans, received, thorough)?);
        }
        let rest = slice.rest(self.clock.now());
        self.write(move |open| {
            if open.tx.writes_beside()? != beside {
                return Ok(());
            }
            folds.iter().try_for_each(|fold| fold.write(open.tx))
        })?;
        self.rest(rest, !thorough);
        Ok(())
    }

    /// Deletes a tier's rows that are too old, device by device.
    fn expire_rollups(&self, table: Table, now: UnixMillis, retention: &Retention) -> Result<()> {
        let age = |device| {
            let ages = self.memory.catalog().device(device).map(|device| retention.of(&device.labels))?;
            retention::begins(if table == MINUTES { ages.minutes } else { ages.hours }, now)
        };
        let going: Vec<_> =
            self.devices().into_iter().filter_map(|(no, series)| Some((no, series, age(no)?))).collect();
        let Some(last) = going.iter().map(|(_, _, before)| *before).max() else { return Ok(()) };
        let stored = self.reads.ask().rollup_rows(table, (i64::MIN, last.0))?;
        for (device, series, before) in going {
            let gone = self.reads.ask().rolled(device)?.minutes_from.filter(|_| table == MINUTES);
            let row_is_due =
                |row: &&i64| table.row_end(**row) <= before.0 && gone.is_none_or(|gone| table.row_end(**row) > gone.0);
            let keys: Vec<i64> = stored.iter().filter(row_is_due).flat_map(|&row| table.keys(row, &series)).collect();
            if table == MINUTES && !keys.is_empty() {
                self.write(move |open| open.tx.minutes_go(Some(device), before))?;
            }
            // Of hours only those that came as long ago: minutes that go are in the hours.
            let received = if table == MINUTES { UnixMillis(i64::MAX) } else { before };
            for some in keys.chunks(EXPIRE_ROWS) {
                let some = some.to_vec();
                self.write(move |open| open.tx.delete_rollups(table, &some, received))?;
            }
        }
        Ok(())
    }

    /// Under a cap: has the oldest go until there is room again.
    pub(super) fn make_room(&mut self) -> Result<()> {
        if self.memory.cap().bytes.is_none() || self.look_at_pages()? < self.memory.cap().high() {
            return Ok(());
        }
        self.make_room_down_to(self.memory.cap().low())
    }

    /// Under a cap: has the oldest go until blocks of so much journal fit, and keeps readings from taking that room until
    /// the reservation is given up.
    pub(super) fn make_room_for(&mut self, journal: usize) -> Result<()> {
        let cap = self.memory.cap();
        if cap.bytes.is_none() {
            return Ok(());
        }
        let pages = cap.pages_of(journal);
        self.memory.counters.reserve(pages);
        let outcome = if self.look_at_pages()? + pages > cap.shut() {
            self.make_room_down_to(cap.shut() - pages)
        } else {
            Ok(())
        };
        if outcome.is_err() {
            self.memory.counters.reserve(0);
        }
        outcome
    }

    /// What goes first is the greedy's; where nobody is greedy, what is oldest.
    fn make_room_down_to(&mut self, pages: i64) -> Result<()> {
        // The journal's dead rows go first: they are nobody's readings.
        if self.plan.dead() > 0 {
            self.sweep(true)?;
        }
        let mut greedy = None;
        for step in 0_usize.. {
            if self.look_at_pages()? <= pages {
                break;
            }
            if step % WEIGH_EVERY == 0 {
                greedy = self.reads.ask().greediest()?;
            }
            let of_greedy = |device| self.reads.ask().due(device, UnixMillis(i64::MAX), FOLD_SPANS);
            let mut going = greedy.map(of_greedy).transpose()?.unwrap_or_default();
            if going.is_empty() {
                going = self.reads.ask().oldest(FOLD_SPANS)?;
            }
            if !going.is_empty() {
                self.memory.counters.recycled(going.received);
                self.fold(going, &[], false)?;
            } else if !self.write(|open| retention::drop_oldest(open.tx, MINUTES))?
                && !self.write(|open| retention::drop_oldest(open.tx, HOURS))?
            {
                break;
            }
        }
        Ok(())
    }

    /// Pages in use, for everybody to see.
    fn look_at_pages(&self) -> Result<i64> {
        let used = self.reads.ask().used_pages()?;
        self.memory.counters.note_pages(used);
        Ok(used)
    }

    /// Gives free pages back to the disk, some at a time.
    pub(super) fn give_back(&self) -> Result<()> {
        for _ in 0..VACUUM_STEPS {
            if self.reads.ask().spare_pages()? == 0 {
                break;
            }
            self.write(|open| open.tx.give_back(VACUUM_PAGES))?;
        }
        Ok(())
    }

    /// Goes on from the looks of earlier starts.
    pub(super) fn remember_growth(&mut self, looks: Vec<Look>) -> Result<()> {
        self.kept = Kept::new(looks, written().unwrap_or(0));
        // Known from the start on, not only from the first look.
        self.look_at_pages().map(drop)
    }

    /// Looks how fast the file grows; once an hour the look is kept, if the hub is sure of its clock.
    pub(super) fn look_at_growth(&mut self, now: UnixMillis, sure: bool) -> Result<()> {
        let used = u64::try_from(self.look_at_pages()? * PAGE).unwrap_or(0);
        let journal = self.memory.head().bytes() as u64;
        let written = written();
        let total = self.kept.written(written.unwrap_or(0));
        let look = Look { at: now, used: used.saturating_sub(journal), written: total };
        let room = match self.memory.cap().usable() {
            Some(usable) => Some(usable.saturating_sub(used)),
            None => self.memory.engine.room().map(|room| room.free),
        };
        let growth = growth::growth(self.kept.looks(), look, room);
        self.memory.set_growth(if written.is_none() { Growth { written_per_day: None, ..growth } } else { growth });
        if sure && self.kept.look_is_due(now) {
            let from = now.plus(-growth::OVER);
            self.write(move |open| open.tx.keep_look(look, from))?;
            self.kept.keep(look, written.unwrap_or(0));
        }
        Ok(())
    }
}

/// Bytes this process had written to disks, by the kernel's books; `None` where it keeps none.
fn written() -> Option<u64> {
    let io = fs::read_to_string("/proc/self/io").ok()?;
    io.lines().find_map(|line| line.strip_prefix("write_bytes: "))?.trim().parse().ok()
}
