//! What is wrong with the things of this machine: which give no answer, which fail, and what is to be known of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::Host;
use crate::clock::Now;
use crate::sensor::thing::HANGS;
use crate::sensor::{Class, Error, remarks};
use crate::trouble::{Change, Trouble};

impl Host {
    /// Things that are away for too long, by number. `true`: a thread hangs in one; `false`: it still waits for a thread.
    pub(super) fn overdue(&self, now: Instant) -> BTreeMap<u32, bool> {
        if !self.inventory.home.any_away() {
            return BTreeMap::new();
        }
        let is_long = |since: Option<Instant>| since.is_some_and(|at| now.saturating_duration_since(at) >= HANGS);
        let overdue = self.crew.away().into_iter().filter(|away| is_long(away.given));
        // One that a thread began only now neither hangs nor waits.
        let overdue = overdue.filter(|away| away.begun.is_none() || is_long(away.begun));
        let whose = |is_begun: bool, number| {
            self.inventory.home.whose(number, is_begun).into_iter().map(move |number| (number, is_begun))
        };
        overdue.flat_map(|away| whose(away.begun.is_some(), away.number)).collect()
    }

    /// Tells of sources that begin or cease to fail, and counts failures once a round.
    pub(super) fn judge(
        &mut self,
        now: Now,
        counts: bool,
        overdue: &BTreeMap<u32, bool>,
        changed: &mut impl FnMut(&str, Option<&str>),
    ) {
        let failing = self.failing(overdue);
        for class in Class::ALL {
            let error = failing.get(&class).map(|said| said.join("; "));
            let trouble = self.troubles.entry(class).or_default();
            let changes = trouble.is_some() != error.is_some();
            // An answer that came after its round changes the text, and is not counted.
            if let Some((trouble, error)) = trouble.as_mut().zip(error.as_deref()).filter(|_| !counts) {
                trouble.restate(error);
            }
            let change = (counts || changes).then(|| Trouble::note(trouble, class.name(), error.as_deref(), now.unix));
            let change = change.flatten();
            let news = self.named.entry(class).or_default().news(change == Some(Change::Began), error.as_deref());
            if news.is_some() || change == Some(Change::Ended) {
                changed(class.name(), news.as_deref());
            }
        }
    }

    /// What fails of each class, one thing after the other.
    fn failing(&self, overdue: &BTreeMap<u32, bool>) -> BTreeMap<Class, Vec<String>> {
        let things = &self.inventory.things;
        let mut waiting: BTreeMap<Class, usize> = BTreeMap::new();
        let waits = overdue.iter().filter(|(_, hangs)| !**hangs).filter_map(|(number, _)| things.get(number));
        waits.for_each(|thing| *waiting.entry(thing.class).or_default() += 1);
        let said = |(class, count)| (class, vec![format!("{count} not asked while so many give no answer")]);
        let mut failing: BTreeMap<Class, Vec<String>> = waiting.into_iter().map(said).collect();
        let numbers: BTreeSet<u32> = self.inventory.told.iter().chain(overdue.keys()).copied().collect();
        for (number, thing) in numbers.into_iter().filter_map(|number| Some((number, things.get(&number)?))) {
            let usual = || thing.usual().map_or_else(String::new, |usual| format!(", usually after {usual}"));
            let mut say = |text| failing.entry(thing.class).or_default().push(text);
            if overdue.get(&number) == Some(&true) {
                say(format!("{}{}", Error::NoAnswer(thing.hanging()), usual()));
                continue;
            }
            for (_, error) in thing.failed.iter().filter(|(name, _)| !self.inventory.skips(name)) {
                let usual = if matches!(error, Error::NoAnswer(_)) { usual() } else { String::new() };
                say(format!("{error}{usual}"));
            }
        }
        failing
    }

    /// Remarks on sensors that are left out, that are slow, or whose names need a word.
    pub(super) fn remark(&mut self, now: Now, overdue: &BTreeMap<u32, bool>) {
        let mut said: Vec<(String, String)> = Vec::new();
        for number in &self.inventory.told {
            let Some(thing) = self.inventory.things.get(number) else { continue };
            let hangs = overdue.get(number) == Some(&true);
            if let Some(usual) = thing.usual().filter(|_| !hangs && thing.failed.is_empty()) {
                let text = format!("{}: slow, usually takes {usual}", thing.file.display());
                said.push((thing.class.name().to_owned(), text));
            }
            said.extend(thing.left_out.iter().filter(|(name, _)| !self.inventory.skips(name)).cloned());
        }
        said.extend(self.inventory.naming());
        said.extend(self.inventory.mute());
        remarks::update(&mut self.remarks, said, now.unix);
    }
}
