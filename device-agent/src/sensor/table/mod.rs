//! Which number each sensor has: kept across boots, because batches in the spool carry numbers only.
//!
//! ```text
//!   sensor appears ──▶ the next number, up to 256 ──▶ none left: left out, and told ◀── asked for again ──┐
//!                                                        │                                                │
//!   not seen for a day, skipped ──▶ free ──▶ given to those that wait: another numbering ─────────────────┘
//! ```
//!
//! A number is given to another sensor only when no batch that speaks of the old one is left here, and when the hub knows
//! how to follow ([`wire::Numbering`]). A day is one of this agent at work: a machine that was off forgets nothing.

mod assignment;
mod file;
mod givers;
mod reuse;
#[cfg(test)]
mod tests;
mod waiting;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use wire::{BatchSeq, Epoch, Numbering, SensorKind, SensorNo, SensorSpec};

use assignment::Assignment;
pub use assignment::Moment;
use file::TableFile;
use givers::Givers;
pub use givers::{Apart, Giver};
use waiting::Waiting;

use super::spelling::apart;

/// Time between two descriptions of one sensor: some sources give another unit with every reading.
const RESTATE_AFTER: Duration = Duration::from_secs(60);

/// There is no number for a sensor, see [`SensorTable::trouble`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no number for this sensor")]
pub struct TableFull;

/// The sensors of the device, by number and by name.
#[derive(Debug)]
pub struct SensorTable {
    assignments: Vec<Assignment>,
    /// The assignments as the hub is told of them: a free number is described like another one that is in use.
    specs: Vec<SensorSpec>,
    /// Numbers whose sensor has another unit, kind or interval than before: to be told to the hub and saved.
    restated: Vec<SensorNo>,
    is_unsaved: bool,
    /// Counts changes of `specs` other than additions at its end, and restatements.
    revision: u64,
    numbers: HashMap<String, SensorNo>,
    /// The one after the last that was asked for.
    likely: SensorNo,
    numbering: Numbering,
    renumbered: Option<Instant>,
    waiting: Waiting,
    file: Option<TableFile>,
    saved: Instant,
    /// The hub forgot the device, and what it has now is not settled yet.
    begins_anew: bool,
    /// The sources, where each name belongs to one of them.
    givers: Option<Givers>,
}

impl SensorTable {
    /// An empty table without a file.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            assignments: Vec::new(),
            specs: Vec::new(),
            restated: Vec::new(),
            is_unsaved: false,
            revision: 0,
            numbers: HashMap::new(),
            likely: SensorNo(0),
            numbering: Numbering::FIRST,
            renumbered: None,
            waiting: Waiting::default(),
            file: None,
            saved: now,
            begins_anew: false,
            givers: None,
        }
    }

    /// Opens the table in the state folder, in the boot `epoch`. A table that is lost while the device is none that starts for
    /// the first time begins another numbering: the hub may know what the numbers stood for.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn open(folder: &Path, epoch: Epoch, now: Instant) -> io::Result<Self> {
        let (file, read) = TableFile::open(folder)?;
        let mut table = Self::new(now);
        let before = (Epoch(epoch.0.saturating_sub(1)), BatchSeq(u64::MAX));
        table.numbering = match read.numbering {
            Some(numbering) => numbering,
            None if read.is_lost && epoch.0 > 1 => Numbering { epoch, seq: BatchSeq(0) },
            None => Numbering::FIRST,
        };
        for row in read.rows.into_iter().take(usize::from(SensorNo::LIMIT)) {
            let absent = Duration::from_secs(3_600 * u64::from(row.absent_hours));
            let free = row.free.then_some(now);
            table.begins_anew |= row.outlived;
            let (outlived, restated, by) = (row.outlived, row.restated && !row.free, row.by);
            if restated {
                table.restated.push(SensorNo(table.assignments.len() as u16));
            }
            table.put(Assignment {
                spec: row.spec,
                free,
                seen: now,
                absent,
                described: None,
                last: before,
                met: false,
                outlived,
                restated,
                by,
            });
        }
        table.describe();
        table.file = Some(file);
        if table.numbering != read.numbering.unwrap_or(Numbering::FIRST) {
            table.save()?;
        }
        Ok(table)
    }

    /// From here on a name has one source: the machine or one of these.
    pub fn set_givers(&mut self, givers: Vec<Giver>) {
        self.givers = Some(Givers(givers));
    }

    /// The other name for a sensor of source `by` whose own name belongs to another source.
    #[must_use]
    pub fn told_apart(&self, name: &str, by: &str) -> Option<Apart> {
        let givers = self.givers.as_ref()?;
        let assignment = |name| self.known(name).and_then(|number| self.assignments.get(usize::from(number.0)));
        let owner = assignment(name).and_then(|assignment| assignment.by.as_deref()).filter(|owner| givers.has(owner));
        if owner == Some(by) {
            return None;
        }
        let owner = owner.or_else(|| givers.claim(name)).filter(|owner| *owner != by);
        let apart = apart(name, by, SensorSpec::NAME_LIMIT);
        // What was told apart stays so.
        let was_before = || assignment(&*apart).is_some_and(|assignment| assignment.by.as_deref() == Some(by));
        let (by, owner) = (|| givers.label(by), owner.map(|owner| givers.label(owner)));
        (owner.is_some() || was_before()).then(|| Apart { name: apart.clone(), by: by(), owner })
    }

    /// The number of a sensor that has one.
    fn known(&self, name: &str) -> Option<SensorNo> {
        // In a round sensors come in the order in which they came first.
        let is_likely = |assignment: &Assignment| assignment.free.is_none() && assignment.spec.name == name;
        let likely = self.assignments.get(usize::from(self.likely.0)).is_some_and(is_likely).then_some(self.likely);
        likely.or_else(|| self.numbers.get(name).copied())
    }

    /// The number of a sensor that source `by` gives, giving it one if it has none.
    ///
    /// # Errors
    /// [`TableFull`] when there are too many, the name breaks the limits, or it is another source's.
    pub fn number(
        &mut self,
        (name, by): (&str, &str),
        unit: &str,
        kind: SensorKind,
        interval_ms: u32,
        moment: Moment,
    ) -> Result<SensorNo, TableFull> {
        if let Some(number) = self.known(name) {
            if let Some(assignment) = self.assignments.get_mut(usize::from(number.0)) {
                if let Some(givers) = self.givers.as_ref().filter(|_| assignment.by.as_deref() != Some(by)) {
                    if assignment.by.as_deref().is_some_and(|owner| givers.has(owner)) {
                        return Err(TableFull);
                    }
                    (assignment.by, self.is_unsaved) = (Some(by.to_owned()), true);
                }
                (assignment.seen, assignment.absent, assignment.last) = (moment.now, Duration::ZERO, moment.last());
                (assignment.met, assignment.outlived) = (true, false);
                if (&*assignment.spec.unit, assignment.spec.kind, assignment.spec.interval_ms)
                    != (unit, kind, interval_ms)
                {
                    self.restate(number, (unit, kind, interval_ms), moment.now);
                }
            }
            self.likely = SensorNo(number.0.wrapping_add(1));
            return Ok(number);
        }
        let spec = SensorSpec { name: name.to_owned(), unit: unit.to_owned(), kind, interval_ms };
        if !spec.is_valid() || self.assignments.len() >= usize::from(SensorNo::LIMIT) {
            self.waiting.note(spec, moment.now);
            return Err(TableFull);
        }
        let by = self.givers.as_ref().map(|_| by);
        if let Some(file) = &mut self.file {
            // A full disk costs the number its durability, not the reading: the spool cannot be written then either.
            file.append(&spec, by);
        }
        let number = SensorNo(self.assignments.len() as u16);
        self.put(Assignment::of(spec, by, moment));
        match self.assignments.last() {
            Some(assignment) if self.specs.len() + 1 == self.assignments.len() => {
                self.specs.push(assignment.spec.clone())
            }
            // All numbers before it were free, and nothing was told of them.
            _ => self.describe(),
        }
        Ok(number)
    }

    /// A sensor is measured otherwise than it was.
    fn restate(&mut self, number: SensorNo, (unit, kind, interval_ms): (&str, SensorKind, u32), now: Instant) {
        let Some(assignment) = self.assignments.get_mut(usize::from(number.0)) else { return };
        let rests = |at: Instant| now.saturating_duration_since(at) < RESTATE_AFTER;
        let spec = SensorSpec { name: assignment.spec.name.clone(), unit: unit.to_owned(), kind, interval_ms };
        if assignment.described.is_some_and(rests) || !spec.is_valid() {
            return;
        }
        (assignment.described, assignment.spec, assignment.restated) = (Some(now), spec.clone(), true);
        // Free numbers are told as this one, perhaps.
        for told in self.specs.iter_mut().filter(|told| told.name == spec.name) {
            *told = spec.clone();
        }
        self.restated.push(number);
        self.is_unsaved = true;
    }

    /// Sensors that are measured otherwise than before; each is given once, and after another start again unless
    /// [`SensorTable::all_restated`] says that it was told.
    pub fn take_restated(&mut self) -> Vec<(SensorNo, SensorSpec)> {
        let spec = |number: SensorNo| Some((number, self.specs.get(usize::from(number.0))?.clone()));
        std::mem::take(&mut self.restated).into_iter().filter_map(spec).collect()
    }

    /// The hub was told often enough of all that were taken: also after another start of the agent it is told no more.
    pub fn all_restated(&mut self) {
        if !self.restated.is_empty() {
            return;
        }
        for assignment in self.assignments.iter_mut().filter(|assignment| assignment.restated) {
            (assignment.restated, self.is_unsaved) = (false, true);
        }
    }

    /// Makes the numbers given so far durable; to be called before a batch with them goes to disk.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), TableFile::sync)
    }

    /// What the hub is to be told of every number, in their order; how often that changed otherwise than at its end; and the
    /// numbering it belongs to.
    #[must_use]
    pub fn described(&self) -> (&[SensorSpec], u64, Numbering) {
        (&self.specs, self.revision, self.numbering)
    }

    /// Sensors that have a number.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether none has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Sensors without a number, in words.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.waiting.in_words()
    }

    /// Whether numbers would have to be given to other sensors.
    #[must_use]
    pub fn wants_numbers(&self) -> bool {
        self.waiting.wants() > 0
    }

    /// Makes `specs`. A free number must be described somehow, so it gets the description of one in use. When all are free nothing
    /// is told: the hub would keep the names of sensors that are gone.
    fn describe(&mut self) {
        let stands_in =
            self.assignments.iter().find(|assignment| assignment.free.is_none()).map(|assignment| &assignment.spec);
        let told = |other| {
            self.assignments
                .iter()
                .map(move |assignment| if assignment.free.is_none() { &assignment.spec } else { other })
        };
        self.specs = stands_in.into_iter().flat_map(told).cloned().collect();
        self.revision += 1;
    }

    fn put(&mut self, assignment: Assignment) {
        if assignment.free.is_none() {
            self.numbers.insert(assignment.spec.name.clone(), SensorNo(self.assignments.len() as u16));
        }
        self.assignments.push(assignment);
    }

    fn save(&mut self) -> io::Result<()> {
        let Self { file: Some(file), assignments, numbering, saved, .. } = self else { return Ok(()) };
        // Of this boot, the longest absence is as long as the agent runs: ages are by whole hours of it.
        let now = *saved;
        let rows = assignments.iter().map(|assignment| file::Row {
            spec: assignment.spec.clone(),
            absent_hours: u32::try_from(assignment.absent(now).as_secs() / 3_600).unwrap_or(u32::MAX),
            free: assignment.free.is_some(),
            outlived: assignment.outlived && assignment.free.is_none(),
            restated: assignment.restated && assignment.free.is_none(),
            by: assignment.by.clone(),
        });
        file.replace(*numbering, rows)
    }
}
