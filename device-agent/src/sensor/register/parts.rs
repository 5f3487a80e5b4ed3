//! Names of the parts of things: channels that say a label, and sensors that are called like one of another thing.

use super::{Given, Register};
use crate::sensor::Class;
use crate::sensor::hwmon::Label;
use crate::sensor::power::may_have;
use crate::sensor::spelling::apart;

impl Register {
    /// Whether several channels have this label. `many`: several have it now, which is remembered.
    pub(in crate::sensor) fn is_ambiguous(&mut self, label: &str, many: bool) -> bool {
        let of_label = |given: &&mut Given| given.class == Class::Hwmon && given.word.is_empty() && given.base == label;
        let known = self.given.iter_mut().find(of_label);
        if let Some(known) = known {
            known.seen = true;
            return true;
        }
        if many {
            self.put(Given::new(Class::Hwmon, label, "", ""));
            self.settle();
        }
        many
    }

    /// The name that a channel with a label was given: with this label, or before it said one; whatever it was, where it says
    /// none. `calls` are what the channel is called by its label and by its number.
    pub(in crate::sensor) fn labelled(&mut self, label: &Label, calls: &[String; 2], owner: &str) -> Option<String> {
        let says = matches!(label, Label::Says(_));
        let is_meant = |given: &&mut Given| {
            given.class == Class::Hwmon
                && given.identity == owner
                && given.fits()
                && (!says || calls.contains(&given.base))
        };
        // The last is as it was the last time.
        let known = self.given.iter_mut().rev().find(is_meant)?;
        known.seen = true;
        Some(known.word.clone())
    }

    /// Remembers that a channel that is called so by its label has this name. To be followed by [`Register::settle`].
    pub(in crate::sensor) fn remember_label(&mut self, call: &str, owner: &str, name: &str) {
        self.put(Given::new(Class::Hwmon, call, owner, name));
    }

    /// Whether another channel was given this name with its label.
    pub(in crate::sensor) fn is_taken(&self, name: &str, owner: &str) -> bool {
        let is_other = |given: &Given| given.word == name && given.base == name && given.identity != owner;
        self.given.iter().any(|given| is_other(given) && given.is_of_part())
    }

    /// The chip's channel whose name a supply's sensor would have, or the supply whose sensor's name a channel would have.
    pub(in crate::sensor) fn holder(&self, class: Class, name: &str) -> Option<String> {
        let is_channel = |given: &&Given| {
            let of_chip = given.class == Class::Hwmon && given.identity.starts_with(Class::Hwmon.name());
            of_chip && may_have(name, &given.word)
        };
        let is_supply =
            |given: &&Given| given.class == Class::Power && !given.is_of_part() && may_have(&given.word, name);
        let mut given = self.given.iter();
        let holder = if class == Class::Power { given.find(is_channel) } else { given.find(is_supply) };
        holder.map(|given| given.identity.clone())
    }

    /// A name of its own for a part that is called like one of another thing: `owner` says which part it is.
    pub(in crate::sensor) fn name_apart(
        &mut self,
        class: Class,
        name: &str,
        owner: &str,
        holder: Option<&str>,
    ) -> String {
        let of_owner = |given: &&mut Given| given.base == name && given.identity == owner && given.fits();
        if let Some(known) = self.given.iter_mut().find(of_owner) {
            known.seen = true;
            return known.word.clone();
        }
        let of_other = |given: &Given| given.base == name && given.word == name;
        let is_known = self.given.iter().any(of_other);
        if holder.is_none() && !is_known {
            return name.to_owned();
        }
        let apart = apart(name, owner, class.longest_name());
        let before = holder.filter(|_| !is_known).map(|holder| (holder, name));
        for (owner, word) in before.into_iter().chain([(owner, &*apart)]) {
            self.put(Given::new(class, name, owner, word));
        }
        self.settle();
        apart
    }
}
