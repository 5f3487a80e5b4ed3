//! Names of things: each is given once, remembered in the state folder, and never given to another thing.
//!
//! A chip that calls itself `nvme` is `nvme` as long as it is the only one that ever did. Where several do, each gets what
//! tells it from the others: `nvme-pci-0100`, `nvme-s6b0nx0r`. The first keeps the short name when a second comes later, also
//! while the first is away. Where nothing tells them apart they are counted, `acpitz` and `acpitz.2`, and that is said.

mod parts;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracing::warn;
use wire::SensorSpec;

use super::Class;
use super::adapter::plain;
use super::origin::{Origin, without_number};
use super::spelling::apart;
use crate::durable;

/// Things remembered of a class, and parts of things: as many as a device has sensors. One that has not been seen since the start
/// makes room.
const MOST: usize = 256;
/// Name of the file in the state folder.
const FILE: &str = "things";

/// A thing that is there, in the order in which the kernel counts.
#[derive(Debug, Clone)]
pub(super) struct Present {
    /// What it calls itself.
    pub(super) base: String,
    /// The name that an earlier version gave it by the kernel's numbering, which changes between boots.
    pub(super) before: Option<String>,
    /// Its name where `base` is only the start of it.
    pub(super) cut: Option<String>,
    /// What stays of it.
    pub(super) origin: Origin,
    /// Earlier versions of this program may have given its short name to several.
    pub(super) shared: bool,
    /// Some of what it says of itself is there and cannot be read.
    pub(super) is_unread: bool,
}

impl Present {
    /// Where it is, by what earlier versions knew, without numbers that only count.
    fn place(&self) -> Option<String> {
        self.origin.earlier.as_ref().or(self.origin.identity.as_ref()).map(|identity| plain(identity))
    }
}

/// Whether this name was given by an earlier version to a thing at the place of this one, by a number that only counts.
fn is_counted(given: &Given, class: Class, thing: &Present) -> bool {
    given.class == class
        && matches!(class, Class::Hwmon | Class::Thermal | Class::Iio)
        && !given.is_of_part()
        && !given.word.is_empty()
        && (given.base != thing.base || plain(&given.identity) != given.identity || thing.origin.earlier.is_some())
        && without_number(&given.base) == thing.base
        && Some(plain(&given.identity)) == thing.place()
}

/// The name of a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// The part of its sensors' names.
    pub(super) word: String,
    /// Number among things that nothing tells apart, from 2 on; `None` for the first.
    pub(super) twin: Option<usize>,
}

/// The names given so far.
#[derive(Debug, Default)]
pub(super) struct Register {
    given: Vec<Given>,
    path: Option<PathBuf>,
    /// Whatever was there before this start, it did not see.
    is_new: bool,
    /// Something was remembered that is not on disk.
    is_unkept: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Given {
    class: Class,
    base: String,
    identity: String,
    /// Nothing where a label stands for several: then `base` is that label.
    word: String,
    /// For a thing named by what it says of itself, its place; for one named by its place, because others say the same, its word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    also: Option<String>,
    /// Where it was in earlier runs, if it is elsewhere since the start.
    #[serde(skip)]
    was: Option<String>,
    /// Whether the thing was seen since the start.
    #[serde(skip)]
    seen: bool,
}

impl Given {
    fn new(class: Class, base: &str, identity: &str, word: &str) -> Self {
        let [base, identity, word] = [base, identity, word].map(str::to_owned);
        Self { class, base, identity, word, also: None, was: None, seen: true }
    }

    /// Whether it is the name of a part, and not of a device.
    fn is_of_part(&self) -> bool {
        self.base.contains('.')
    }

    /// Whether it is the name of something that calls itself so.
    fn is_of(&self, class: Class, base: &str) -> bool {
        // What the kernel calls a supply is no more than a place in a list.
        self.class == class && (class == Class::Power || self.base == base)
    }

    /// Notes where the thing is that has this name; says whether that is new.
    fn note_place(&mut self, origin: &Origin) -> bool {
        let Some(place) = origin.where_it_is().filter(|place| self.also.as_ref() != Some(*place)) else { return false };
        let before = self.also.replace(place.clone());
        self.was = self.was.take().or(before);
        true
    }

    /// Earlier versions gave some that are too long for a sensor.
    fn fits(&self) -> bool {
        !self.word.is_empty() && self.word.len() <= SensorSpec::NAME_LIMIT
    }
}

impl Register {
    /// Remembers from now on, and again what was remembered before, in the state folder.
    ///
    /// # Errors
    /// Whatever the file system says; a line that makes no sense is passed over.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        let (text, is_new) = match fs::read_to_string(&path) {
            Ok(text) => (text, false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (String::new(), true),
            Err(error) => return Err(error),
        };
        let given =
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).take(2 * MOST * Class::ALL.len()).collect();
        Ok(Self { given, path: Some(path), is_new, is_unkept: false })
    }

    /// Of several that say the same of themselves at different places, each goes by its place, and so does from then on whatever
    /// says it. The name of the first stays with the one that is where the first was.
    pub(super) fn tell_apart(&mut self, class: Class, present: &mut [Present]) {
        let alike = |one: &Present, other: &Present| {
            (class == Class::Power || one.base == other.base) && one.origin.identity == other.origin.identity
        };
        let several = |thing: &Present| {
            let place = thing.origin.where_it_is();
            let of_several = |given: &Given| given.is_of(class, &thing.base) && given.also == thing.origin.identity;
            let is_other = |other: &Present| alike(thing, other) && other.origin.where_it_is() != place;
            place.is_some() && (present.iter().any(is_other) || self.given.iter().any(of_several))
        };
        let several: Vec<bool> = present.iter().map(several).collect();
        for (at, _) in several.iter().enumerate().filter(|(_, several)| **several) {
            let Some(thing) = present.get(at).cloned() else { continue };
            let is_here = |place: &String| {
                present.iter().any(|other| alike(&thing, other) && other.origin.where_it_is() == Some(place))
            };
            let by_number = |given: &&mut Given| {
                given.is_of(class, &thing.base) && Some(&given.identity) == thing.origin.identity.as_ref()
            };
            if let Some(given) = self.given.iter_mut().find(by_number) {
                if let Some(place) = given.was.take().filter(is_here).or_else(|| given.also.take()) {
                    given.also = Some(std::mem::replace(&mut given.identity, place));
                    self.is_unkept = true;
                }
            }
        }
        for (thing, _) in present.iter_mut().zip(several).filter(|(_, several)| *several) {
            thing.origin.go_by_place();
        }
    }

    /// The name of each thing of a class that is there, in their order.
    pub(super) fn name(&mut self, class: Class, present: &[Present]) -> Vec<Word> {
        // Two that say the same of themselves are told apart by nothing.
        let is_one = |thing: &Present| {
            let same = |other: &&Present| other.base == thing.base && other.origin.identity == thing.origin.identity;
            thing.origin.identity.is_some() && present.iter().filter(same).count() == 1
        };
        let known = present.iter().map(|thing| is_one(thing).then(|| self.known(class, thing, present)).flatten());
        let mut words: Vec<Option<Word>> = known.map(|word| word.map(|word| Word { word, twin: None })).collect();
        for (word, thing) in words.iter_mut().zip(present).filter(|(word, thing)| word.is_none() && is_one(thing)) {
            let fresh = self.fresh(class, thing, present);
            self.give(class, thing, fresh.clone());
            *word = Some(Word { word: fresh, twin: None });
        }
        self.settle();
        let mut counted: Vec<&String> = Vec::new();
        for (word, thing) in words.iter_mut().zip(present).filter(|(word, _)| word.is_none()) {
            let alone = present.iter().filter(|other| other.base == thing.base).count() == 1;
            let before = thing.before.as_ref().filter(|_| alone);
            let name = before.or(thing.cut.as_ref()).unwrap_or(&thing.base);
            let taken = self.given.iter().any(|given| given.class == class && given.word == *name);
            counted.push(name);
            let twin = counted.iter().filter(|other| **other == name).count() + usize::from(taken);
            *word = Some(Word { word: name.clone(), twin: Some(twin).filter(|twin| *twin > 1) });
        }
        words.into_iter().flatten().collect()
    }

    /// Whether a thing may have a name that this does not know: one of earlier versions, or of before the memory was lost.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Whether a thing has a name from before.
    pub(super) fn knows(&mut self, class: Class, thing: &Present, present: &[Present]) -> bool {
        self.known(class, thing, present).is_some()
    }

    /// Whether an earlier version gave a name to things at its place by a number that only counts.
    pub(super) fn was_counted(&self, class: Class, thing: &Present) -> bool {
        self.given.iter().any(|given| is_counted(given, class, thing))
    }

    fn known(&mut self, class: Class, thing: &Present, present: &[Present]) -> Option<String> {
        let known = |given: &&mut Given| {
            given.is_of(class, &thing.base) && Some(&given.identity) == thing.origin.identity.as_ref()
        };
        if let Some(given) = self.given.iter_mut().find(known) {
            given.seen = true;
            self.is_unkept |= given.note_place(&thing.origin);
            return Some(given.word.clone());
        }
        if let Some(given) = self.by_place(class, thing, present).and_then(|at| self.given.get_mut(at)) {
            given.seen = true;
            return Some(given.word.clone());
        }
        let at = self.inherited(class, thing, present)?;
        let (given, identity) = (self.given.get_mut(at)?, thing.origin.identity.clone()?);
        (given.base, given.identity, given.seen) = (thing.base.clone(), identity, true);
        given.also = thing.origin.beside();
        self.is_unkept = true;
        Some(given.word.clone())
    }

    /// The name given at the place of a thing whose own name or serial number cannot be read this time.
    fn by_place(&self, class: Class, thing: &Present, present: &[Present]) -> Option<usize> {
        let place = thing.origin.identity.as_ref().filter(|_| thing.is_unread && class != Class::Power)?;
        let is_another = |given: &Given| {
            present.iter().any(|other| {
                other.base == given.base
                    && Some(&given.identity) == other.origin.identity.as_ref()
                    && other.base != thing.base
            })
        };
        let was_here = |given: &&Given| {
            given.class == class
                && !given.is_of_part()
                && !given.word.is_empty()
                && (given.base == thing.base || thing.base == class.unnamed())
                && (given.identity == *place || given.also.as_ref() == Some(place))
                && !is_another(given)
        };
        let mut found = self.given.iter().enumerate().filter(|(_, given)| was_here(given)).map(|(at, _)| at);
        found.next().filter(|_| found.next().is_none())
    }

    /// The name that an earlier version gave it, which took for a part of it what only counts: if it is the only one there that
    /// this can be, and one place had it.
    fn inherited(&self, class: Class, thing: &Present, present: &[Present]) -> Option<usize> {
        let same = |other: &&Present| other.base == thing.base && other.place() == thing.place();
        let counted = self.given.iter().enumerate().filter(|(_, given)| is_counted(given, class, thing));
        let counted: Vec<(usize, &Given)> = counted.collect();
        // The last is as it was the last time.
        let (at, last) = counted.last()?;
        let one_place = counted.iter().all(|(_, given)| given.identity == last.identity);
        (one_place && present.iter().filter(same).count() == 1).then_some(*at)
    }

    /// A free name: short for a thing that is and was the only one of its kind, else with a word that tells it from the others.
    fn fresh(&self, class: Class, thing: &Present, present: &[Present]) -> String {
        let base = &thing.base;
        let alone = present.iter().filter(|other| other.base == *base).count() == 1;
        let was = |given: &Given| given.class == class && given.base == *base;
        if alone && !thing.shared && !self.given.iter().any(was) {
            return thing.before.as_ref().unwrap_or(base).clone();
        }
        let is_free = |word: &String| !self.given.iter().any(|given| given.class == class && given.word == *word);
        if let Some(name) = thing.cut.as_ref().filter(|name| is_free(name)) {
            return name.clone();
        }
        let others = present.iter().filter(|other| other.base == *base && other.origin != thing.origin);
        let others: Vec<&Present> = others.collect();
        let hints = thing.origin.hints.iter().enumerate();
        let free = |level: usize, hint: &String, word: &String| {
            !others.iter().any(|other| other.origin.hints.get(level) == Some(hint)) && is_free(word)
        };
        let told_apart = hints.map(|(level, hint)| (level, hint, format!("{base}-{hint}")));
        let found = told_apart.filter(|(level, hint, word)| free(*level, hint, word)).map(|(_, _, word)| word).next();
        let identity = thing.origin.identity.as_deref().unwrap_or_default();
        found.unwrap_or_else(|| apart(base, identity, SensorSpec::NAME_LIMIT))
    }

    fn give(&mut self, class: Class, thing: &Present, word: String) {
        let identity = thing.origin.identity.clone().unwrap_or_default();
        let also = thing.origin.beside();
        self.put(Given { also, ..Given::new(class, &thing.base, &identity, &word) });
    }

    fn put(&mut self, given: Given) {
        let is_like = |other: &Given| other.class == given.class && other.is_of_part() == given.is_of_part();
        if self.given.iter().filter(|other| is_like(other)).count() >= MOST {
            let oldest = self.given.iter().position(|other| is_like(other) && !other.seen);
            // Where all of them are here, the next start finds names anew.
            let Some(oldest) = oldest else { return };
            self.given.remove(oldest);
        }
        self.given.push(given);
        self.is_unkept = true;
    }

    /// Saves the names if any changed since the last call.
    pub(super) fn settle(&mut self) {
        if std::mem::take(&mut self.is_unkept) {
            self.keep();
        }
    }

    /// Whether a thing has this name.
    pub(super) fn has(&self, class: Class, word: &str) -> bool {
        self.given.iter().any(|given| given.class == class && given.word == word)
    }

    fn keep(&self) {
        let Some(path) = &self.path else { return };
        let lines = self.given.iter().filter_map(|given| serde_json::to_string(given).ok());
        let text: String = lines.map(|line| line + "\n").collect();
        if let Err(error) = durable::replace(path, text.as_bytes()) {
            warn!("cannot save which sensor has which name, names may change at the next start: {error}");
        }
    }
}
