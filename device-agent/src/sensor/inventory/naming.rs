//! Gives devices and their parts names that mean one thing, and says what is called otherwise than in earlier runs.

use std::path::Path;
use std::sync::Arc;

use tracing::warn;

use super::{Folder, Inventory, Measured, Named};
use crate::sensor::Class;
use crate::sensor::device::{Device, Part};
use crate::sensor::errand::{Errand, Task};
use crate::sensor::hwmon::Label;
use crate::sensor::naming::{calls, names, owner, was_shared};
use crate::sensor::open::Watch;
use crate::sensor::origin::without_number;
use crate::sensor::power::may_have;
use crate::sensor::register::{Present, Word};
use crate::sensor::thing::Thing;
use crate::sensor::trip::Trip;

impl Inventory {
    pub(super) fn name_class(&mut self, class: Class) -> Vec<u32> {
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
