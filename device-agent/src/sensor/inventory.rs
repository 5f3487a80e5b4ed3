//! The things to read on a machine: devices as they come and go, and the errands that read them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tracing::warn;

use super::device::{Device, Part};
use super::disk::Disk;
use super::errand::{Errand, Found, Task};
use super::home::Home;
use super::hwmon::Label;
use super::naming::{calls, names, owner, was_shared};
use super::open::Watch;
use super::origin::without_number;
use super::power::may_have;
use super::proof::Proof;
use super::register::{Present, Register, Word};
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

    fn name_class(&mut self, class: Class) -> Vec<u32> {
        let described = |folder: &&mut Folder| folder.class == class && folder.device.is_some();
        let mut present: Vec<Present> = self
            .folders
            .iter()
            .filter(|folder| folder.class == class)
            .filter_map(|folder| folder.device.as_ref())
            .map(|device| Present {
                base: device.base.clone(),
                before: counted_before(&self.earlier, device),
                cut: device.cut.clone(),
                origin: device.origin.clone(),
                is_unread: device.unanswered.is_some(),
                shared: was_shared(class, &device.base, device, &self.earlier)
                    || (device.cut.is_some() && !has_series(&self.earlier, &device.base)),
            })
            .collect();
        self.register.tell_apart(class, &mut present);
        let known: Vec<bool> = present.iter().map(|thing| self.register.knows(class, thing, &present)).collect();
        let was_counted: Vec<bool> = present.iter().map(|thing| self.register.was_counted(class, thing)).collect();
        let words = self.register.name(class, &present);
        for ((thing, (known, was_counted)), word) in present.iter().zip(known.into_iter().zip(was_counted)).zip(&words)
        {
            self.note_renamed(thing, word, was_counted && !known, thing.shared && !known);
            let goes_on = words.iter().any(|word| word.word == thing.base);
            if thing.origin.says.is_some()
                && !known
                && !thing.shared
                && !goes_on
                && has_series(&self.earlier, &thing.base)
            {
                let said = "what it says of itself another says as well: it goes by its place now, the old series stay";
                self.renamed_once(&word.word, said.to_owned());
            }
        }
        let mut fresh = Vec::new();
        let at: Vec<usize> =
            self.folders.iter_mut().enumerate().filter(|(_, folder)| described(folder)).map(|(at, _)| at).collect();
        for (at, word) in at.into_iter().zip(words) {
            fresh.extend(self.settle_parts(at, word));
        }
        fresh
    }

    /// Notes that a thing has a new name, and why: earlier versions gave its name by a number, or to several.
    fn note_renamed(&mut self, thing: &Present, Word { word, twin }: &Word, was_counted: bool, was_shared: bool) {
        let before = &thing.base;
        let said = if was_counted {
            "earlier versions named it by a number that the kernel counts: its series are new, the old ones stay"
                .to_owned()
        } else if was_shared && word != before && has_series(&self.earlier, before) {
            format!("earlier versions mixed up several sensors named {before}: its series are new, the old ones stay")
        } else {
            return;
        };
        let word = twin.map_or_else(|| word.clone(), |twin| format!("{word}.{twin}"));
        self.renamed_once(&word, said);
    }

    fn renamed_once(&mut self, word: &str, said: String) {
        if !self.renamed.iter().any(|(known, _)| known == word) {
            warn!("{word}: {said}");
            self.renamed.push((word.to_owned(), said));
        }
    }

    /// Gives each part of a device its errand; one that is what it was keeps the one it has.
    fn settle_parts(&mut self, at: usize, word: Word) -> Vec<u32> {
        let Some(folder) = self.folders.get_mut(at) else { return Vec::new() };
        let Some(device) = folder.device.clone().filter(|_| folder.word.as_ref() != Some(&word)) else {
            return Vec::new();
        };
        let class = folder.class;
        folder.word = Some(word.clone());
        let path = format!("{}/{}", class.folder(), folder.name);
        let mut before = std::mem::take(&mut folder.parts);
        let named = self.name_parts(class, at, &word, &device);
        self.note_numbered(&device, &named);
        let (mut parts, mut fresh) = (Vec::new(), Vec::new());
        let watch = Watch::new(self.root.join(&path), &self.rounds);
        for ((part, ino), named) in device.parts.into_iter().zip(named) {
            let Some(named) = named.filter(|named| !self.skips(&named.name)) else { continue };
            let is_same = |old: &Measured| {
                old.part == part && old.named.name == named.name && old.ino == ino && old.proof == device.proof
            };
            let same = before.iter().position(is_same);
            if let Some(same) = same {
                parts.push(before.swap_remove(same));
                continue;
            }
            let file = Path::new("/").join(&path).join(part.file());
            let task = Task::Part(part.clone(), named.name.clone());
            self.next += 1;
            let number = self.next;
            let errand = Errand::new(class, task, (&self.root, &path));
            let errand = errand.of_one_thing(device.proof.clone(), Arc::clone(&watch));
            let (sensor, spot): (Arc<str>, _) = (Arc::from(&*named.name), errand.spot());
            self.home.add(Trip::new(number, Arc::clone(&sensor), &path, errand).of_driver(&device.base));
            // Whether another file in its place is better has to be seen.
            let old = before.iter().find(|old| old.named.name == named.name);
            let failed = old.and_then(|old| self.things.get(&old.number));
            let (failed, spoken) = failed.map_or_else(Default::default, |old| (old.failed.clone(), old.spoken.clone()));
            let mut thing = Thing::new(class, file, sensor, spot);
            (thing.failed, thing.spoken) = (failed, spoken);
            if thing.spoken.is_empty() {
                let is_of_it = |name: &&String| {
                    if class == Class::Power { may_have(&named.name, name) } else { **name == named.name }
                };
                thing.spoken = self.earlier.iter().filter(is_of_it).cloned().collect();
            }
            self.things.insert(number, thing);
            self.noted(number);
            fresh.push(number);
            parts.push(Measured { number, part, named, ino, proof: device.proof.clone() });
        }
        before.iter().for_each(|old| self.forget(old.number));
        if let Some(folder) = self.folders.get_mut(at) {
            folder.parts = parts;
        }
        fresh
    }

    /// Owner and name of each part of a device; nothing for one whose name is not known, because its label is silent.
    fn name_parts(&mut self, class: Class, at: usize, word: &Word, device: &Device) -> Vec<Option<Named>> {
        let plain = names(class, word, device, |part, label, many| {
            let says = matches!(part, Part::Hwmon(input) if matches!(input.label, Label::Says(_)));
            (says && self.register.is_taken(label, &owner(class, word, part)))
                || self.register.is_ambiguous(label, many)
        });
        let mut named: Vec<Option<Named>> = Vec::new();
        for ((part, _), plain) in device.parts.iter().zip(plain) {
            let owner = owner(class, word, part);
            let label = if let Part::Hwmon(input) = part { Some((&input.label, calls(word, input))) } else { None };
            let known = label.as_ref().and_then(|(label, calls)| self.register.labelled(label, calls, &owner));
            let name = match (known, label) {
                (Some(known), _) => Some(known),
                (None, Some((Label::Silent, _))) => None,
                (None, label) => {
                    let name = self.name_apart(class, (at, &named), &plain, &owner);
                    if let Some((_, [call, _])) = label.filter(|(label, _)| **label != Label::Missing) {
                        self.register.remember_label(&call, &owner, &name);
                    }
                    Some(name)
                }
            };
            named.push(name.map(|name| Named { owner, name }));
        }
        self.register.settle();
        named
    }

    /// One name has one source: what another device, or another part of this one, is called is not given a second time.
    fn name_apart(&mut self, class: Class, (at, named): (usize, &[Option<Named>]), plain: &str, owner: &str) -> String {
        // Of a supply it is what the names of all its sensors have in common.
        let is_same = |other: Class, name: &str| match (class == Class::Power, other == Class::Power) {
            (true, true) => false,
            (true, false) => may_have(plain, name),
            (false, true) => may_have(name, plain),
            (false, false) => name == plain,
        };
        let others = self.folders.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, folder)| folder);
        let others = others.flat_map(|folder| folder.parts.iter().map(|part| (folder.class, &part.named)));
        // While devices change their folders, one may still be in that of before.
        let mut others = others.chain(named.iter().flatten().map(|named| (class, named)));
        let holder = others.find(|(of, other)| is_same(*of, &other.name) && other.owner != owner);
        let holder = holder.map(|(_, other)| other.owner.clone());
        // Or it was here, and is away.
        let holder = holder.or_else(|| self.register.holder(class, plain));
        let holder = holder.as_deref();
        if class == Class::Power {
            let name = self.register.name_apart(class, &format!("power.{plain}"), owner, holder);
            return name.strip_prefix("power.").unwrap_or(plain).to_owned();
        }
        self.register.name_apart(class, plain, owner, holder)
    }

    /// Notes which channels had their label for a name in earlier runs, and go by their number now.
    fn note_numbered(&mut self, device: &Device, named: &[Option<Named>]) {
        for name in by_number(device, named, &self.earlier) {
            if !self.renamed.iter().any(|(known, _)| *known == name) {
                let said = "several channels have its label: it is now named by its number, the old series stay";
                warn!("{name}: {said}");
                self.renamed.push((name, said.to_owned()));
            }
        }
    }
}

/// Channels that had their label for a name in earlier runs, and go by their number now.
fn by_number(device: &Device, named: &[Option<Named>], earlier: &[String]) -> Vec<String> {
    let was = |(part, _): &(Part, u64), name: &String| {
        let Part::Hwmon(input) = part else { return false };
        let before = name.strip_suffix(&format!("-{}", input.number)).unwrap_or_default();
        before.ends_with(&format!(".{}", input.word()))
            && earlier.iter().any(|name| name == before)
            && !earlier.contains(name)
    };
    let named = device.parts.iter().zip(named).filter_map(|(part, named)| Some((part, &named.as_ref()?.name)));
    named.filter(|(part, name)| was(part, name)).map(|(_, name)| name.clone()).collect()
}

/// The word in the names of sensors of earlier runs that this device had when it went by a number that only counts, if that can
/// be no other's.
fn counted_before(earlier: &[String], device: &Device) -> Option<String> {
    if device.called == device.base || has_series(earlier, &device.base) {
        return None;
    }
    let words = earlier.iter().filter_map(|name| name.split('.').nth(1));
    let mut words = words.filter(|word| *word != device.base && without_number(word) == device.base);
    let first = words.next()?;
    words.all(|word| word == first).then(|| first.to_owned())
}

/// Whether sensors of earlier runs had this word in their names.
fn has_series(earlier: &[String], word: &str) -> bool {
    earlier.iter().any(|name| name.split('.').nth(1) == Some(word))
}
