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

mod file;
mod givers;
mod waiting;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use wire::{BatchSeq, Epoch, Numbering, SensorKind, SensorNo, SensorSpec};

use file::TableFile;
use givers::Givers;
pub use givers::{Apart, Giver};
use waiting::Waiting;

use super::spelling::apart;

/// How long a sensor must not have been seen before its number is given to another; three of its intervals, if that is
/// longer.
const ABSENT_FOR: Duration = Duration::from_secs(86_400);
/// The same for a device that the hub no longer knows: it starts again with the sensors it has.
const GONE_FOR: Duration = Duration::from_secs(15);
/// Pause between two sensors with one number: what was on its way to the hub when the number was freed has arrived by
/// then, or never will.
const REST: Duration = Duration::from_secs(5);
/// Time between two numberings: each makes the hub pack all it has of the device.
const RENUMBER_AFTER: Duration = Duration::from_secs(10);
/// Time between two descriptions of one sensor: some sources give another unit with every reading.
const RESTATE_AFTER: Duration = Duration::from_secs(60);
/// How often it is saved how long sensors were not seen.
const SAVE_EVERY: Duration = Duration::from_secs(3_600);

/// There is no number for a sensor, see [`SensorTable::trouble`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no number for this sensor")]
pub struct TableFull;

/// A batch in the device's numbering.
type Key = (Epoch, BatchSeq);

/// When something is taken, and which batch it goes into.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub now: Instant,
    /// The batch that is being filled.
    pub batch: Key,
}

impl Moment {
    /// The last batch that what is taken now may go into: the one that is being filled may have no room for it.
    const fn last(&self) -> Key {
        let (epoch, seq) = self.batch;
        (epoch, BatchSeq(seq.0.saturating_add(1)))
    }
}

/// A number and who has it.
#[derive(Debug, Clone)]
struct Assignment {
    spec: SensorSpec,
    /// Nobody has it, and from then on somebody else may; `None` while somebody has it.
    free: Option<Instant>,
    seen: Instant,
    /// How long it was not seen before this start of the agent.
    absent: Duration,
    /// When this run of the agent last said what it is; `None` while it is as an earlier one left it.
    described: Option<Instant>,
    /// The last batch that may speak of it.
    last: Key,
    /// It was seen since this start of the agent.
    met: bool,
    /// The hub forgot the device, and it was not seen since.
    outlived: bool,
    /// It is another thing than it was, and the hub is not known to have heard that.
    restated: bool,
    /// Which source gives it, as far as that is known.
    by: Option<String>,
}

impl Assignment {
    fn of(spec: SensorSpec, by: Option<&str>, moment: Moment) -> Self {
        let (seen, absent, last) = (moment.now, Duration::ZERO, moment.last());
        let (described, by) = (Some(moment.now), by.map(str::to_owned));
        Self { spec, free: None, seen, absent, described, last, met: true, outlived: false, restated: false, by }
    }

    fn absent(&self, now: Instant) -> Duration {
        self.absent + now.saturating_duration_since(self.seen)
    }

    /// Whether it was not seen for so long, or for three of its intervals where that is longer.
    fn is_absent_for(&self, time: Duration, now: Instant) -> bool {
        self.absent(now) >= time.max(3 * Duration::from_millis(self.spec.interval_ms.into()))
    }
}

/// The sensors of the device, by number and by name.
#[derive(Debug)]
pub struct SensorTable {
    places: Vec<Assignment>,
    /// What the hub is told of the places: of a free one, what another is.
    specs: Vec<SensorSpec>,
    /// Numbers whose sensor is another thing than it was; the hub is to be told, and the file.
    restated: Vec<SensorNo>,
    is_unsaved: bool,
    /// Counts changes of `specs` other than at its end and of those.
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
    /// Where a name has one source.
    givers: Option<Givers>,
}

impl SensorTable {
    /// An empty table without a file.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            places: Vec::new(),
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
                table.restated.push(SensorNo(table.places.len() as u16));
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

    /// What is to be called otherwise than source `by` calls it, because that is the name of another source's sensor.
    #[must_use]
    pub fn told_apart(&self, name: &str, by: &str) -> Option<Apart> {
        let givers = self.givers.as_ref()?;
        let place = |name| self.known(name).and_then(|number| self.places.get(usize::from(number.0)));
        let owner = place(name).and_then(|place| place.by.as_deref()).filter(|owner| givers.has(owner));
        if owner == Some(by) {
            return None;
        }
        let owner = owner.or_else(|| givers.claim(name)).filter(|owner| *owner != by);
        let apart = apart(name, by, SensorSpec::NAME_LIMIT);
        // What was told apart stays so.
        let was_before = || place(&*apart).is_some_and(|place| place.by.as_deref() == Some(by));
        let (by, owner) = (|| givers.label(by), owner.map(|owner| givers.label(owner)));
        (owner.is_some() || was_before()).then(|| Apart { name: apart.clone(), by: by(), owner })
    }

    /// The number of a sensor that has one.
    fn known(&self, name: &str) -> Option<SensorNo> {
        // In a round sensors come in the order in which they came first.
        let is_likely = |place: &Assignment| place.free.is_none() && place.spec.name == name;
        let likely = self.places.get(usize::from(self.likely.0)).is_some_and(is_likely).then_some(self.likely);
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
            if let Some(place) = self.places.get_mut(usize::from(number.0)) {
                if let Some(givers) = self.givers.as_ref().filter(|_| place.by.as_deref() != Some(by)) {
                    if place.by.as_deref().is_some_and(|owner| givers.has(owner)) {
                        return Err(TableFull);
                    }
                    (place.by, self.is_unsaved) = (Some(by.to_owned()), true);
                }
                (place.seen, place.absent, place.last) = (moment.now, Duration::ZERO, moment.last());
                (place.met, place.outlived) = (true, false);
                if (&*place.spec.unit, place.spec.kind, place.spec.interval_ms) != (unit, kind, interval_ms) {
                    self.restate(number, (unit, kind, interval_ms), moment.now);
                }
            }
            self.likely = SensorNo(number.0.wrapping_add(1));
            return Ok(number);
        }
        let spec = SensorSpec { name: name.to_owned(), unit: unit.to_owned(), kind, interval_ms };
        if !spec.is_valid() || self.places.len() >= usize::from(SensorNo::LIMIT) {
            self.waiting.note(spec, moment.now);
            return Err(TableFull);
        }
        let by = self.givers.as_ref().map(|_| by);
        if let Some(file) = &mut self.file {
            // A full disk costs the number its durability, not the reading: the spool cannot be written then either.
            file.append(&spec, by);
        }
        let number = SensorNo(self.places.len() as u16);
        self.put(Assignment::of(spec, by, moment));
        match self.places.last() {
            Some(place) if self.specs.len() + 1 == self.places.len() => self.specs.push(place.spec.clone()),
            // All numbers before it were free, and nothing was told of them.
            _ => self.describe(),
        }
        Ok(number)
    }

    /// A sensor is measured otherwise than it was.
    fn restate(&mut self, number: SensorNo, (unit, kind, interval_ms): (&str, SensorKind, u32), now: Instant) {
        let Some(place) = self.places.get_mut(usize::from(number.0)) else { return };
        let rests = |at: Instant| now.saturating_duration_since(at) < RESTATE_AFTER;
        let spec = SensorSpec { name: place.spec.name.clone(), unit: unit.to_owned(), kind, interval_ms };
        if place.described.is_some_and(rests) || !spec.is_valid() {
            return;
        }
        (place.described, place.spec, place.restated) = (Some(now), spec.clone(), true);
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
        for place in self.places.iter_mut().filter(|place| place.restated) {
            (place.restated, self.is_unsaved) = (false, true);
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

    /// Frees the numbers of sensors that `skips` names, and of those not seen for a day as far as others wait for them. Batches
    /// before `oldest` are gone. With `may_reuse`, which the hub must know how to follow, gives free ones to those that wait, and
    /// returns those: what is remembered of such a number is of another sensor.
    pub fn tend(
        &mut self,
        moment: Moment,
        oldest: Key,
        may_reuse: bool,
        skips: impl Fn(&str) -> bool,
    ) -> Vec<SensorNo> {
        let now = moment.now;
        self.waiting.forget(now, &skips);
        self.release(moment, oldest, |place| skips(&place.spec.name));
        self.settle_anew(moment, oldest);
        let free = self.places.iter().filter(|place| place.free.is_some()).count();
        let wanted = self.waiting.wants().saturating_sub(free);
        if wanted > 0 {
            let in_use = self.places.iter().filter(|place| place.free.is_none());
            let mut longest: Vec<Duration> = in_use.map(|place| place.absent(now)).collect();
            longest.sort_unstable_by_key(|absent| std::cmp::Reverse(*absent));
            let least = longest.get(wanted - 1).copied().unwrap_or_default();
            self.release(moment, oldest, |place| place.absent(now) >= least && place.is_absent_for(ABSENT_FOR, now));
        }
        let rested = self.renumbered.is_none_or(|at| now.saturating_duration_since(at) >= RENUMBER_AFTER);
        let given = if may_reuse && rested { self.give_out(moment) } else { Vec::new() };
        let is_old = now.saturating_duration_since(self.saved) >= SAVE_EVERY;
        if is_old {
            self.saved = now;
        }
        // Not written, it is found out again.
        let has_absent = is_old && self.places.iter().any(|place| place.absent(now) >= SAVE_EVERY);
        if std::mem::take(&mut self.is_unsaved) || has_absent {
            let _ = self.save();
        }
        given
    }

    /// The hub knows nothing of this device: it starts with the sensors it has. What this run of the agent has not seen, or
    /// not for a while, is gone at once, before the hub is told of it; what turns out to be gone goes as soon as that is
    /// clear, see [`GONE_FOR`], also after another start of the agent.
    pub fn start_anew(&mut self, moment: Moment, oldest: Key) {
        for place in &mut self.places {
            place.outlived = place.free.is_none();
        }
        self.begins_anew = true;
        // What is still there asks again at its next reading; what is gone must not get a number for having asked before.
        self.waiting = Waiting::default();
        self.release(moment, oldest, |place| !place.met || place.is_absent_for(GONE_FOR, moment.now));
        // Not written, it begins no more after the next start.
        let _ = self.save();
    }

    /// Of what the hub forgot with the device, frees what is gone.
    fn settle_anew(&mut self, moment: Moment, oldest: Key) {
        if !self.begins_anew {
            return;
        }
        self.release(moment, oldest, |place| place.outlived && place.is_absent_for(GONE_FOR, moment.now));
        self.begins_anew = self.places.iter().any(|place| place.free.is_none() && place.outlived);
        if !self.begins_anew {
            let _ = self.save();
        }
    }

    /// Frees those of the numbers in use that `chosen` chooses, where no batch speaks of them.
    fn release(&mut self, moment: Moment, oldest: Key, chosen: impl Fn(&Assignment) -> bool) {
        let (Moment { now, batch: (epoch, _) }, mut changed) = (moment, false);
        for place in &mut self.places {
            if place.free.is_none() && place.last < oldest && chosen(place) {
                // What an earlier run of the agent sent is on its way no more.
                place.free = Some(if place.last.0 < epoch { now } else { now + REST });
                self.numbers.remove(&place.spec.name);
                changed = true;
            }
        }
        if changed {
            self.describe();
            // Not written, they are in use again after the next start, until they are freed again.
            let _ = self.save();
        }
    }

    /// Gives free numbers to sensors that wait: another numbering, with the batch that is being filled.
    fn give_out(&mut self, moment: Moment) -> Vec<SensorNo> {
        let has_rested = |free: Instant| moment.now >= free;
        let free: Vec<usize> = (0..self.places.len())
            .filter(|place| self.places.get(*place).and_then(|place| place.free).is_some_and(has_rested))
            .collect();
        let given: Vec<(usize, SensorSpec)> = free.into_iter().zip(self.waiting.next()).collect();
        if given.is_empty() {
            return Vec::new();
        }
        let before = (self.places.clone(), self.numbering);
        for (place, spec) in &given {
            if let Some(place) = self.places.get_mut(*place) {
                let spec = spec.clone();
                *place = Assignment::of(spec, None, moment);
            }
        }
        self.numbering = Numbering { epoch: moment.batch.0, seq: moment.batch.1 };
        // On disk before the hub hears of it: after a power cut both must mean the same.
        if self.save().is_err() {
            (self.places, self.numbering) = before;
            return Vec::new();
        }
        self.renumbered = Some(moment.now);
        let numbers = given.iter().map(|(place, _)| SensorNo(*place as u16)).collect();
        for (place, spec) in given {
            self.waiting.remove(&spec.name);
            self.numbers.insert(spec.name, SensorNo(place as u16));
        }
        self.describe();
        numbers
    }

    /// What the hub is told: of a free number what another one is, since it has to be told something; where all are free,
    /// nothing, since it would keep the names of what is gone.
    fn describe(&mut self) {
        let stands_in = self.places.iter().find(|place| place.free.is_none()).map(|place| &place.spec);
        let told = |other| self.places.iter().map(move |place| if place.free.is_none() { &place.spec } else { other });
        self.specs = stands_in.into_iter().flat_map(told).cloned().collect();
        self.revision += 1;
    }

    fn put(&mut self, place: Assignment) {
        if place.free.is_none() {
            self.numbers.insert(place.spec.name.clone(), SensorNo(self.places.len() as u16));
        }
        self.places.push(place);
    }

    fn save(&mut self) -> io::Result<()> {
        let Self { file: Some(file), places, numbering, saved, .. } = self else { return Ok(()) };
        // Of this boot, the longest absence is as long as the agent runs: ages are by whole hours of it.
        let now = *saved;
        let rows = places.iter().map(|place| file::Row {
            spec: place.spec.clone(),
            absent_hours: u32::try_from(place.absent(now).as_secs() / 3_600).unwrap_or(u32::MAX),
            free: place.free.is_some(),
            outlived: place.outlived && place.free.is_none(),
            restated: place.restated && place.free.is_none(),
            by: place.by.clone(),
        });
        file.replace(*numbering, rows)
    }
}

#[cfg(test)]
mod tests;
