//! Bytes and errors of network cards, from `/proc/net/dev`.
//!
//! A card's name may hold what a sensor's may not: `eth0.7` is `eth0_7`, and there may be an `eth0_7` as well. So each card is
//! named once, see [`name`], and one that has no name yet is asked for before anything is told.

use std::collections::BTreeMap;

use super::origin::Origin;
use super::register::{Present, Register};
use super::{Class, Error, Files, Samples, cut_part, name_part};

/// The part of the sensors' names of each card that is known.
pub(super) type Names = BTreeMap<String, String>;

/// Adds `net.<card>.rx_bytes`, `.tx_bytes` and `.errors`, for every card that has moved a byte; loopback is left out. Where one
/// has no name, returns all of them instead.
pub(super) fn sample(names: &Names, files: &mut Files, samples: &mut Samples) -> Result<Option<Vec<String>>, Error> {
    let text = files.text("proc/net/dev")?;
    let mut cards: Vec<(&str, [f64; 3])> = Vec::new();
    for line in text.lines().skip(2) {
        // A card may have a colon in its name (`eth0:1`); numbers have none.
        let (card, rest) = line.rsplit_once(':').ok_or_else(|| Error::Format(files.named("proc/net/dev")))?;
        let fields: Result<Vec<f64>, _> = rest.split_whitespace().take(11).map(str::parse).collect();
        let Some(fields) = fields.ok().filter(|fields| fields.len() == 11) else {
            let why = "left out: its line in /proc/net/dev is not of numbers";
            samples.leave_out(&format!("net.{}", name_part(card.trim())), why);
            continue;
        };
        if card.trim() == "lo" || fields[0] + fields[8] <= 0.0 {
            continue;
        }
        cards.push((card.trim(), [fields[0], fields[8], fields[2] + fields[10]]));
    }
    if cards.iter().any(|(card, _)| !names.contains_key(*card)) {
        return Ok(Some(cards.into_iter().map(|(card, _)| card.to_owned()).collect()));
    }
    for (card, [received, sent, errors]) in cards {
        let Some(name) = names.get(card) else { continue };
        samples.counter(format_args!("net.{name}.rx_bytes"), "By", received);
        samples.counter(format_args!("net.{name}.tx_bytes"), "By", sent);
        samples.counter(format_args!("net.{name}.errors"), "1", errors);
    }
    Ok(None)
}

/// Gives each card its name. One that is written as it is called needs no memory, unless another could be written so.
pub(super) fn name(cards: &[String], register: &mut Register, earlier: &[String]) -> Names {
    let is_plain = |card: &String| name_part(card) == *card && !card.contains('_');
    let (plain, others): (Vec<&String>, Vec<&String>) =
        cards.iter().partition(|card| is_plain(card) && !register.has(Class::Network, card));
    // What had a name while there was a memory is in it.
    let earlier = if register.is_new() { earlier } else { &[] };
    let mut present: Vec<Present> = others.iter().map(|card| present(card, earlier)).collect();
    for thing in &mut present {
        thing.shared |= plain.iter().any(|card| **card == thing.base);
    }
    let words = register.name(Class::Network, &present);
    let named = others.into_iter().cloned().zip(words.into_iter().map(|word| word.word));
    plain.into_iter().map(|card| (card.clone(), card.clone())).chain(named).collect()
}

fn present(card: &str, earlier: &[String]) -> Present {
    let (base, name) = (cut_part(card), name_part(card));
    let cut = Some(name).filter(|name| *name != base);
    // A card that is written as it is called needs no memory: one that may have been here has the short name.
    let is_plain_of_another = base != card && !base.contains('_');
    let shared = (cut.is_some() || is_plain_of_another) && !earlier.contains(&format!("net.{base}.rx_bytes"));
    Present { base, before: None, cut, origin: Origin::named(card), shared, is_unread: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(cards: &[&str], register: &mut Register) -> Vec<String> {
        let cards: Vec<String> = cards.iter().map(|card| (*card).to_owned()).collect();
        let names = name(&cards, register, &[]);
        cards.iter().map(|card| names[card].clone()).collect()
    }

    #[test]
    fn two_cards_that_are_written_alike_are_two_and_stay_who_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let mut register = Register::open(folder.path()).unwrap();
        assert_eq!(named(&["eth0", "eth0.7"], &mut register), ["eth0", "eth0_7"]);
        let other = named(&["eth0_7", "eth0.7"], &mut register);
        assert!(other[0].starts_with("eth0_7-") && other[1] == "eth0_7", "{other:?}");
        // The first is gone, and the agent starts again.
        let mut register = Register::open(folder.path()).unwrap();
        assert_eq!(named(&["eth0_7"], &mut register), other[..1]);
        assert_eq!(named(&["eth0.7", "eth0_7"], &mut register), ["eth0_7".to_owned(), other[0].clone()]);
        let (alone, both) =
            (named(&["Wan"], &mut Register::default()), named(&["Wan", "wan"], &mut Register::default()));
        assert_eq!(alone, both[..1]);
        // Only where nobody can know is it the one whose series there is.
        let (cards, earlier) = (["Wan".to_owned()], ["net.wan.rx_bytes".to_owned()]);
        assert_eq!(name(&cards, &mut register, &earlier)["Wan"], both[0]);
        let mut lost = Register::open(tempfile::tempdir().unwrap().path()).unwrap();
        assert_eq!(name(&cards, &mut lost, &earlier)["Wan"], "wan");
        assert!(both[0].starts_with("wan-") && both[1] == "wan", "{both:?}");
        let from_the_start = named(&["a.1", "a_1"], &mut Register::default());
        assert!(from_the_start.iter().all(|name| name.starts_with("a_1-")) && from_the_start[0] != from_the_start[1]);
    }
}
