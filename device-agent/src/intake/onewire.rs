//! Thermometers on the 1-Wire bus, from `/sys/bus/w1/devices`.
//!
//! Each thermometer is read on a thread of its own, because a measurement takes most of a second and may never end. If its driver
//! shows the nine bytes that the thermometer sent (`w1_slave`), they decide whether there is a reading: see
//! [`super::scratchpad`]. Otherwise `temperature` is read; never both, because each read makes the thermometer measure again.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wire::SensorKind;

use super::content::Taken;
use super::measured::Measured;
use super::outlet::Outlet;
use super::scratchpad;
use crate::clock;
use crate::crew::{Crew, Done, Kin, LONG, Limits, PATIENCE, Pace, Work};
use crate::sensor::{Content, Error, Files};

/// Where the kernel lists what is on the bus.
const DEVICES: &str = "sys/bus/w1/devices";
/// Thermometers remembered: more than one bus carries well.
const MOST_KNOWN: usize = 64;
/// How long a thermometer that is gone is reported as missing; after that it counts as removed.
const MISSED_FOR: Duration = Duration::from_secs(86_400);
/// A thermometer that takes longer than this is reported as hanging.
const HANGS: Duration = Duration::from_secs(5);
/// How long to wait for a pipe in the place of a file.
const WAIT: Duration = Duration::from_secs(2);
/// How often thermometers that wait for a thread are looked at.
const TEND_EVERY: Duration = Duration::from_secs(1);
/// The kernel lets one at a time measure on a bus, where the sixth waits for less than what is said to hang. Half of what a bus
/// carries may hang before what has not answered yet waits; 42 threads in all.
const LIMITS: Limits = Limits { slow: 6, place: 1, untried: 32, hung: 33, kinds: 2, patience: HANGS, abreast: 6 };

/// The thermometers, and how each did.
struct Bus {
    root: PathBuf,
    crew: Crew<Box<Errand>>,
    list: Option<Box<Errand>>,
    /// Why it cannot be seen which thermometers there are.
    unlisted: Option<String>,
    probes: BTreeMap<String, Probe>,
    next: u32,
    /// Those that gave a value since the start, and when they were last on the bus.
    known: BTreeMap<String, Instant>,
    readings: Vec<Measured>,
    /// When the round under way began.
    round: Option<Instant>,
}

/// A thermometer that is on the bus.
struct Probe {
    number: u32,
    home: Option<Box<Errand>>,
    lent: Option<Instant>,
    /// How long it took the last time.
    took: Option<Duration>,
    /// Why it gave no reading the last time.
    failed: Option<String>,
}

/// Listing the bus, or reading one thermometer.
struct Errand {
    number: u32,
    /// Its serial number; nothing for the list.
    serial: Option<String>,
    files: Files,
    found: Vec<String>,
    /// Degrees; nothing if it is no thermometer.
    value: Result<Option<f64>, String>,
}

/// Measures every so often and gives what there is, until nobody listens any more.
pub(super) async fn watch(root: &Path, every: Duration, outlet: &Outlet) {
    let mut bus = Bus::new(root);
    let mut due = clock::now().mono;
    loop {
        let now = clock::now().mono;
        if now >= due {
            // Rounds that were missed are skipped.
            due = (due + every).max(now);
            bus.begin(now);
        }
        bus.collect(now);
        // What comes after its round is over is given as it comes.
        let is_over = bus.round.is_none();
        if is_over {
            let readings = bus.take();
            if !outlet.give(Taken { readings, trouble: bus.trouble(now), ..Taken::default() }).await {
                return;
            }
        }
        let tends = if !is_over { Some(now + PATIENCE) } else { bus.crew.waits().then(|| now + TEND_EVERY) };
        let wake_at = tends.map_or(due, |tends| due.min(tends));
        tokio::select! {
            () = bus.crew.news() => {}
            () = clock::sleep_until(Some(wake_at)) => {}
        }
    }
}

impl Bus {
    fn new(root: &Path) -> Self {
        let list = Some(Box::new(Errand::new(root, 0, None)));
        let (probes, known) = (BTreeMap::new(), BTreeMap::new());
        let (crew, readings) = (Crew::new(LIMITS), Vec::new());
        Self { root: root.to_owned(), crew, list, unlisted: None, probes, next: 0, known, readings, round: None }
    }

    fn begin(&mut self, now: Instant) {
        self.round = Some(now);
        self.crew.give(self.list.take().map(|list| (Pace::Quick, list)));
    }

    /// Takes in what came back.
    fn collect(&mut self, now: Instant) {
        self.crew.tend(now);
        let mut back = Vec::new();
        self.crew.take(&mut back);
        for done in back {
            self.take_back(done, now);
        }
        if let Some(began) = self.round {
            let away = |probe: &Probe| probe.lent.is_some_and(|lent| lent >= began);
            let waits = self.list.is_none() || self.probes.values().any(away);
            if !waits || now.saturating_duration_since(began) >= HANGS {
                self.round = None;
            }
        }
    }

    /// The readings that came since they were taken last.
    fn take(&mut self) -> Vec<Measured> {
        let mut readings = std::mem::take(&mut self.readings);
        readings.sort_by(|one, other| one.name.cmp(&other.name));
        readings
    }

    fn take_back(&mut self, done: Done<Box<Errand>>, now: Instant) {
        let mut errand = done.work;
        let Some(serial) = errand.serial.clone() else {
            let found = std::mem::take(&mut errand.found);
            self.unlisted = std::mem::replace(&mut errand.value, Ok(None)).err();
            self.list = Some(errand);
            let known = || self.probes.keys().cloned().collect();
            let found = if self.unlisted.is_none() { found } else { known() };
            return self.found(&found, now);
        };
        let Some(probe) = self.probes.get_mut(&serial) else { return };
        (probe.lent, probe.took) = (None, Some(done.took));
        let value = std::mem::replace(&mut errand.value, Ok(None));
        probe.failed = value.as_ref().err().cloned();
        probe.home = Some(errand);
        let Ok(Some(value)) = value else { return };
        if self.known.len() < MOST_KNOWN {
            self.known.insert(serial.clone(), now);
        }
        let (name, unit) = (format!("w1.{serial}"), "Cel".to_owned());
        self.readings.push(Measured { name, unit, kind: SensorKind::Gauge, at: None, value });
    }

    /// Sends everybody on the bus to measure who is not at it.
    fn found(&mut self, serials: &[String], now: Instant) {
        self.probes.retain(|serial, _| serials.contains(serial));
        for serial in serials {
            let Self { probes, next, root, .. } = self;
            probes.entry(serial.clone()).or_insert_with(|| {
                *next += 1;
                let home = Some(Box::new(Errand::new(root, *next, Some(serial))));
                Probe { number: *next, home, lent: None, took: None, failed: None }
            });
            self.known.entry(serial.clone()).and_modify(|seen| *seen = now);
        }
        self.known.retain(|_, seen| now.saturating_duration_since(*seen) < MISSED_FOR);
        let work = self.probes.values_mut().filter_map(|probe| {
            let errand = probe.home.take()?;
            probe.lent = Some(now);
            let answered = probe.took.is_some_and(|took| took < LONG);
            Some((if answered { Pace::Slow } else { Pace::Untried }, errand))
        });
        self.crew.give(work.collect::<Vec<_>>());
    }

    /// What is wrong, probe by probe.
    fn trouble(&self, now: Instant) -> Option<String> {
        let begun = self.crew.away().into_iter().filter_map(|away| Some((away.number, away.begun?)));
        let begun: BTreeMap<u32, Instant> = begun.collect();
        let hangs = |probe: &Probe| {
            let begun = begun.get(&probe.number).filter(|_| probe.lent.is_some());
            begun.is_some_and(|begun| now.saturating_duration_since(*begun) >= HANGS)
        };
        let here = self.probes.iter().filter_map(|(serial, probe)| {
            let why = if hangs(probe) { Some("no answer") } else { probe.failed.as_deref() };
            Some(format!("{serial}: {}", why?))
        });
        let gone = self.known.keys().filter(|serial| !self.probes.contains_key(*serial));
        let gone = gone.map(|serial| format!("{serial}: gone from the bus"));
        let hung = self.probes.values().any(hangs);
        let waits = |probe: &&Probe| {
            let long = probe.lent.is_some_and(|lent| now.saturating_duration_since(lent) >= HANGS);
            hung && long && !begun.contains_key(&probe.number)
        };
        let waits = Some(self.probes.values().filter(waits).count()).filter(|waits| *waits > 0);
        let waits = waits.map(|waits| format!("{waits} not asked while so many give no answer"));
        let said = self.unlisted.iter().cloned().chain(waits).chain(here).chain(gone);
        let said: Vec<String> = said.collect();
        (!said.is_empty()).then(|| said.join("; "))
    }
}

impl Errand {
    fn new(root: &Path, number: u32, serial: Option<&str>) -> Self {
        let folder = serial.map_or_else(|| DEVICES.to_owned(), |serial| format!("{DEVICES}/{serial}"));
        let files = Files::new(root, &folder);
        Self { number, serial: serial.map(ToOwned::to_owned), files, found: Vec::new(), value: Ok(None) }
    }

    fn measure(&mut self, serial: &str) -> Result<Option<f64>, String> {
        match self.files.text("w1_slave") {
            Ok(text) => return scratchpad::degrees(serial, &text).map(Some),
            Err(Error::Read { .. }) if !self.files.exists("w1_slave") => {}
            Err(error) => return Err(error.to_string()),
        }
        match self.files.number("temperature") {
            Ok(Content::Number(number)) => scratchpad::without_bytes(serial, number).map(Some),
            Ok(Content::Nothing(_)) => Err("no answer on the bus".to_owned()),
            Ok(Content::NoFile) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Work for Box<Errand> {
    type Output = ();

    fn number(&self) -> u32 {
        self.number
    }

    fn kin(&self) -> Kin {
        // However many thermometers hang, there is a thread for who sees which there are.
        let kind = u32::from(self.serial.is_some());
        Kin { kind, driver: kind, place: self.number }
    }

    fn run(&mut self, _: Pace) {
        self.files.refresh();
        self.files.allow(WAIT);
        match self.serial.clone() {
            Some(serial) => self.value = self.measure(&serial),
            None => {
                let names = self.files.list("").map(|names| names.into_iter().map(|(name, _)| name));
                let names = names.map(|names| names.filter(|name| !name.starts_with("w1_bus_master")).collect());
                (self.found, self.value) = match names {
                    Ok(names) => (names, Ok(None)),
                    Err(error) => (Vec::new(), Err(error.to_string())),
                };
            }
        }
    }
}
