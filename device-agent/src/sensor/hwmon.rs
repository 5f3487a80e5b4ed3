//! Monitoring chips, from `/sys/class/hwmon`: temperatures, fans, voltages, currents, power, energy, humidity.
//!
//! Every channel that the chip's folder lists is read: `temp49_input` needs no 48 others before it. A channel whose `_enable` is 0
//! or whose `_fault` is not 0 is left out and reported, and so is a value that no chip can measure.

use super::files::{Content, Files};
use super::limits::{Level, QUANTITIES, Quantity};
use super::{Error, name_part};

/// Thermometers of the 1-Wire bus are read there, by their nine bytes: each reading makes the probe measure.
const ONE_WIRE: &str = "w1_slave_temp";
/// Where the files of a chip are, if they are not in its own folder.
pub(super) const DEVICE: &str = "device/";

/// A channel of a chip.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Input {
    /// `temp1` of `temp1_input`.
    pub(super) stem: String,
    /// The file with its value.
    pub(super) file: String,
    /// What it calls itself.
    pub(super) label: Label,
    /// 1 of `temp1_input`.
    pub(super) number: u32,
    /// What it measures.
    pub(super) quantity: &'static Quantity,
    enable: Option<String>,
    fault: Option<String>,
}

/// What the label of a channel says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Label {
    Says(String),
    /// Nothing that makes a name, this time.
    Empty,
    /// It gives no answer.
    Silent,
    /// There is none.
    Missing,
}

impl Input {
    /// Its label as a part of a name, or its number.
    pub(super) fn word(&self) -> String {
        match &self.label {
            Label::Says(label) => label.clone(),
            Label::Empty | Label::Silent | Label::Missing => self.number.to_string(),
        }
    }
}

/// A chip, as its folder lists it.
#[derive(Debug)]
pub(super) struct Chip {
    /// What it calls itself.
    pub(super) name: String,
    /// Its channels, with what tells the file of each from others of the same name.
    pub(super) inputs: Vec<(Input, u64)>,
    /// Why the label of one of them gives no answer.
    pub(super) unanswered: Option<Error>,
}

/// What a chip has.
pub(super) fn describe(files: &mut Files) -> Result<Chip, Error> {
    let own = files.list("")?;
    // Drivers of old kernels have their files in the folder of the device.
    let (place, entries) =
        if own.iter().any(|(file, _)| channel(file).is_some()) { ("", own) } else { (DEVICE, files.list(DEVICE)?) };
    let name = match files.word("name")? {
        None if place == DEVICE => files.word("device/name")?,
        name => name,
    };
    let name = name.unwrap_or_default();
    if name == ONE_WIRE {
        return Ok(Chip { name, inputs: Vec::new(), unanswered: None });
    }
    let has = |file: &str| entries.binary_search_by(|(name, _)| (**name).cmp(file)).ok();
    let mut found: Vec<(usize, u32, Input, u64)> = Vec::new();
    let mut unanswered = None;
    for (file, ino) in &entries {
        let Some((order, number, stem)) = channel(file) else { continue };
        // What a meter averages is its value where it tells no other.
        if file.ends_with("_average") && has(&format!("{stem}_input")).is_some() {
            continue;
        }
        let there = |what: &str| has(&format!("{stem}_{what}")).map(|_| format!("{place}{stem}_{what}"));
        let says = |label: Option<String>| match label.map(|label| name_part(&label)) {
            Some(label) if !label.is_empty() => Label::Says(label),
            _ => Label::Empty,
        };
        let label = match there("label").map(|label| files.word(&label)) {
            Some(Ok(label)) => says(label),
            Some(Err(error)) => {
                unanswered = Some(error);
                Label::Silent
            }
            None => Label::Missing,
        };
        let input = Input {
            stem: stem.to_owned(),
            file: format!("{place}{file}"),
            label,
            number,
            quantity: &QUANTITIES[order],
            enable: there("enable"),
            fault: there("fault"),
        };
        found.push((order, number, input, *ino));
    }
    found.sort_by_key(|(order, number, _, _)| (*order, *number));
    let inputs = found.into_iter().map(|(_, _, input, ino)| (input, ino)).collect();
    Ok(Chip { name, inputs, unanswered })
}

/// `temp12_input` is number 12 of the temperatures.
fn channel(file: &str) -> Option<(usize, u32, &str)> {
    let stem = file.strip_suffix("_input").or_else(|| file.strip_suffix("_average"))?;
    let digits = stem.find(|c: char| c.is_ascii_digit())?;
    let (kind, number) = stem.split_at(digits);
    let order = QUANTITIES.iter().position(|quantity| quantity.file == kind)?;
    Some((order, number.parse().ok()?, stem))
}

/// The value of a channel.
pub(super) fn sample(input: &Input, files: &mut Files) -> Result<Level, Error> {
    if let Some(enable) = &input.enable {
        if files.number(enable)? == Content::Number(0.0) {
            return Ok(Level::LeftOut(format!("left out: {enable} is 0, it is switched off")));
        }
    }
    if let Some(fault) = &input.fault {
        if matches!(files.number(fault)?, Content::Number(fault) if fault != 0.0) {
            let why = format!("left out: {fault} says that its sensor is broken or not connected");
            return Ok(Level::LeftOut(why));
        }
    }
    Ok(input.quantity.level(files.number(&input.file)?))
}
