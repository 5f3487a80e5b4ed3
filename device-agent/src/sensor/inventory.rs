//! The things to read on a machine: devices as they come and go, and the errands that read them.

mod naming;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::device::{Device, Part};
use super::disk::Disk;
use super::errand::{Errand, Found, Task};
use super::home::Home;
use super::proof::Proof;
use super::register::{Register, Word};
use super::thing::Thing;
use super::trip::Trip;
use super::{Class, passing};
use crate::quantity;
use crate::trouble::fitting;

/// Names are given when every device of a class is described; one that does not answer is waited for so long.
const WAITED_FOR: Duration = Duration::from_secs(1);
/// Bytes of one line that names several sensors.
const LONGEST_REMARK: usize = 1_000;

/// Everything there is to read.
#[derive(Debug)]
pub(super) struct Inventory {
    root: PathBuf,
    skip: Vec<String>,
    /// Of what is left out by itself, what is wanted all the same.
    pub(super) include: Vec<String>,
    pub(super) things: BTreeMap<u32, Thing>,
    /// Those of them of which there is something to be said.
    pub(super) told: BTreeSet<u32>,
    pub(super) home: Home,
    next: u32,
    /// Counts the rounds, for those who share what they see in one.
    rounds: Arc<AtomicU64>,
    folders: Vec<Folder>,
    disks: Vec<(Disk, u32)>,
    pub(super) register: Register,
    /// Names of the sensors of earlier runs.
    pub(super) earlier: Vec<String>,
    /// Things that got another name than they had, since the start, and why.
    renamed: Vec<(String, String)>,
}

/// The folder of a device.
#[derive(Debug)]
struct Folder {
    class: Class,
    name: String,
    /// The errand that describes it.
    describes: u32,
    device: Option<Device>,
    word: Option<Word>,
    parts: Vec<Measured>,
}

/// A part of a device and the errand that measures it.
#[derive(Debug)]
struct Measured {
    number: u32,
    part: Part,
    named: Named,
    ino: u64,
    proof: Proof,
}

/// What a part of a device is called.
#[derive(Debug)]
struct Named {
    /// See [`owner`].
    owner: String,
    name: String,
}

impl Inventory {
    /// What is known without having looked.
    pub(super) fn new(root: &Path, skip: Vec<String>) -> Self {
        let mut inventory = Self {
            root: root.to_owned(),
            skip,
            include: Vec::new(),
            things: BTreeMap::new(),
            told: BTreeSet::new(),
            home: Home::default(),
            next: 0,
            rounds: Arc::default(),
            folders: Vec::new(),
            disks: Vec::new(),
            register: Register::default(),
            earlier: Vec::new(),
            renamed: Vec::new(),
        };
        for class in Class::ALL {
            let (task, file) = match class {
                Class::Cpu => (Task::Cpu(super::cpu::Cpu::default()), "proc/stat"),
                Class::Memory => (Task::Memory, "proc/meminfo"),
                Class::Load => (Task::Load, "proc/loadavg"),
                Class::Network => (Task::Network(Default::default()), "proc/net/dev"),
                Class::Disk => (Task::List, "proc/self/mountinfo"),
                Class::Hwmon | Class::Thermal | Class::Iio | Class::Power => (Task::List, class.folder()),
            };
            inventory.add(class, task, class.folder(), Path::new("/").join(file));
        }
        inventory
    }

    /// Whether the configuration leaves this sensor out.
    pub(super) fn skips(&self, name: &str) -> bool {
        let is_in = |list: &[String]| list.iter().any(|pattern| crate::deadband::matches(pattern, name));
        is_in(&self.skip) || (passing::is_card(name) && !is_in(&self.include))
    }

    /// Takes in what an errand found. Returns what is to be read next.
    pub(super) fn found(&mut self, number: u32, class: Class, found: Found) -> Vec<u32> {
        match found {
            Found::Folders(names) => self.found_folders(class, &names),
            Found::Disks(disks) => self.found_disks(disks),
            Found::Cards(cards) => self.found_cards(number, &cards),
            Found::Device(device) => {
                if let Some(folder) = self.folders.iter_mut().find(|folder| folder.describes == number) {
                    (folder.device, folder.word) = (Some(*device), None);
                }
                Vec::new()
            }
        }
    }

    /// Gives names to devices once all of their class are described. Returns what is to be read next.
    pub(super) fn name_devices(&mut self, now: Instant) -> Vec<u32> {
        let waits = |folder: &Folder| self.home.away_for(folder.describes, now).is_some_and(|away| away < WAITED_FOR);
        let of = |class: Class| self.folders.iter().filter(move |folder| folder.class == class);
        let is_due = |class: &Class| {
            let waited_for = of(*class).any(waits) || (*class == Class::Hwmon && of(Class::Power).any(waits));
            of(*class).any(|folder| folder.device.is_some() && folder.word.is_none()) && !waited_for
        };
        let mut due: Vec<Class> = Class::ALL.into_iter().filter(is_due).collect();
        // A supply has several names to lose.
        due.sort_by_key(|class| *class != Class::Power);
        due.into_iter().flat_map(|class| self.name_class(class)).collect()
    }

    /// What is to be said of names.
    pub(super) fn naming(&self) -> impl Iterator<Item = (String, String)> {
        let said = self.folders.iter().filter(|folder| self.is_like_another(folder)).filter_map(|folder| {
            let text = "cannot be told apart from another of its kind: after a restart they may be swapped";
            Some((folder.parts.first()?.named.name.clone(), text.to_owned()))
        });
        self.renamed.iter().cloned().chain(said)
    }

    /// Sensors that never measured anything, because their drivers say that there is nothing: a line a chip, one for all zones,
    /// one for all supplies.
    pub(super) fn mute(&self) -> impl Iterator<Item = (String, String)> {
        let mut mute: BTreeMap<(Class, &Path), Vec<&str>> = BTreeMap::new();
        for thing in self.told.iter().filter_map(|number| self.things.get(number)) {
            let levels = if thing.class == Class::Thermal { 2 } else { 1 };
            let place = thing.file.ancestors().nth(levels).unwrap_or(&thing.file);
            let names = thing.mute.iter().filter(|name| !self.skips(name)).map(String::as_str);
            names.for_each(|name| mute.entry((thing.class, place)).or_default().push(name));
        }
        mute.into_iter().map(|((class, place), names)| {
            let (place, many) = (place.display(), quantity::of(names.len() as u64, "channel"));
            let text = format!("{place}: {many} never had anything to say: {}", names.join("; "));
            (class.name().to_owned(), fitting(&text, LONGEST_REMARK))
        })
    }

    /// Whether another device of its name says the same of itself: then which is which is a matter of their order.
    fn is_like_another(&self, folder: &Folder) -> bool {
        let Some(device) = &folder.device else { return false };
        let is_other = |other: &&Folder| other.class == folder.class && other.name != folder.name;
        let is_like = |other: &Device| other.base == device.base && other.origin.is_like(&device.origin);
        self.folders.iter().filter(is_other).filter_map(|other| other.device.as_ref()).any(is_like)
    }

    /// A round begins.
    pub(super) fn round_begins(&self) {
        self.rounds.fetch_add(1, Ordering::Relaxed);
    }

    /// What is to be said of a thing has changed.
    pub(super) fn noted(&mut self, number: u32) {
        if self.things.get(&number).is_some_and(|thing| !thing.is_silent()) {
            self.told.insert(number);
        } else {
            self.told.remove(&number);
        }
    }

    fn add(&mut self, class: Class, task: Task, folder: &str, file: PathBuf) -> u32 {
        self.next += 1;
        let name: Arc<str> = Arc::default();
        let errand = Errand::new(class, task, (&self.root, folder));
        self.things.insert(self.next, Thing::new(class, file, Arc::clone(&name), errand.spot()));
        self.home.add(Trip::new(self.next, name, folder, errand));
        self.next
    }

    fn forget(&mut self, number: u32) {
        self.things.remove(&number);
        self.told.remove(&number);
        self.home.forget(number);
    }

    /// Every folder of the class is described again; those that are gone are forgotten.
    fn found_folders(&mut self, class: Class, names: &[String]) -> Vec<u32> {
        let is_gone = |folder: &Folder| folder.class == class && !names.contains(&folder.name);
        let (gone, folders) = std::mem::take(&mut self.folders).into_iter().partition(is_gone);
        self.folders = folders;
        let gone: Vec<Folder> = gone;
        for folder in gone {
            self.forget(folder.describes);
            folder.parts.iter().for_each(|part| self.forget(part.number));
        }
        for name in names {
            if self.folders.iter().any(|folder| folder.class == class && folder.name == *name) {
                continue;
            }
            let path = format!("{}/{name}", class.folder());
            let file = Path::new("/").join(&path);
            let describes = self.add(class, Task::Describe(None), &path, file);
            let (device, word, parts) = (None, None, Vec::new());
            self.folders.push(Folder { class, name: name.clone(), describes, device, word, parts });
        }
        // In the order in which the kernel counts.
        self.folders.sort_by_key(|folder| (folder.class, names.iter().position(|name| *name == folder.name)));
        self.folders.iter().filter(|folder| folder.class == class).map(|folder| folder.describes).collect()
    }

    fn found_disks(&mut self, mut disks: Vec<Disk>) -> Vec<u32> {
        super::disk::name(&mut disks, &mut self.register, &self.earlier);
        let (disks_left, gone) =
            std::mem::take(&mut self.disks).into_iter().partition(|(disk, _)| disks.contains(disk));
        self.disks = disks_left;
        let gone: Vec<(Disk, u32)> = gone;
        gone.into_iter().for_each(|(_, number)| self.forget(number));
        let mut fresh = Vec::new();
        for disk in &disks {
            if self.disks.iter().any(|(known, _)| known == disk) {
                continue;
            }
            let number = self.add(Class::Disk, Task::Disk(disk.clone()), "", PathBuf::from(disk.point()));
            self.disks.push((disk.clone(), number));
            fresh.push(number);
        }
        fresh
    }

    /// Reads the cards again, with names.
    fn found_cards(&mut self, number: u32, cards: &[String]) -> Vec<u32> {
        let names = super::network::name(cards, &mut self.register, &self.earlier);
        let trip = self.home.get_mut(number);
        trip.map(|trip| trip.errand.task = Task::Network(names)).map(|()| number).into_iter().collect()
    }
}
