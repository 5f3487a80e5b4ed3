//! Names of the sensors of a device. Pure.

use super::Class;
use super::device::{Device, Part};
use super::hwmon::Input;
use super::register::Word;
use super::spelling::apart;

/// The name of each part of a device, in their order.
///
/// `temp.<chip>.<label>`, `fan.<chip>.<label>` and so on; `temp.<zone>`; `iio.<device>.<channel>`; for a supply the part of
/// its sensors' names. Devices that nothing tells apart are counted. `is_ambiguous` is asked whether a channel shares its label
/// with others, now or before, and told whether it does now: then it goes by its label and its number.
pub(super) fn names(
    class: Class,
    Word { word, twin }: &Word,
    device: &Device,
    mut is_ambiguous: impl FnMut(&Part, &str, bool) -> bool,
) -> Vec<String> {
    let twin = suffix(*twin);
    let labels = plain_names(word, &twin, device);
    let name = |((part, _), name): (&(Part, u64), &String)| {
        let many = labels.iter().filter(|other| *other == name).count() > 1;
        let name = match part {
            Part::Hwmon(input) if is_ambiguous(part, &format!("{name}{twin}"), many) => {
                format!("{name}-{}", input.number)
            }
            Part::Hwmon(_) | Part::Zone | Part::Iio(_) | Part::Supply => name.clone(),
        };
        let limit = if class == Class::Power { class.longest_name() - "power.".len() } else { class.longest_name() };
        fitting(if class == Class::Iio { name } else { name + &twin }, limit)
    };
    device.parts.iter().zip(&labels).map(name).collect()
}

/// What a channel is called by its label, or else its number; and what it is called by its number.
pub(super) fn calls(Word { word, twin }: &Word, input: &Input) -> [String; 2] {
    let twin = suffix(*twin);
    [input.word(), input.number.to_string()].map(|label| channel(word, input, &label) + &twin)
}

/// What devices that nothing tells apart are counted by.
fn suffix(twin: Option<usize>) -> String {
    twin.map_or_else(String::new, |twin| format!(".{twin}"))
}

/// A channel of a chip by one of its labels.
fn channel(word: &str, input: &Input, label: &str) -> String {
    format!("{}.{word}.{label}", input.quantity.word)
}

/// What each part is called by what it says of itself.
fn plain_names(word: &str, twin: &str, device: &Device) -> Vec<String> {
    let name = |(part, _): &(Part, u64)| match part {
        Part::Hwmon(input) => channel(word, input, &input.word()),
        Part::Zone => format!("temp.{word}"),
        Part::Iio(channel) => format!("iio.{word}{twin}.{}", channel.name),
        Part::Supply => word.to_owned(),
    };
    device.parts.iter().map(name).collect()
}

/// The names in versions that counted two of one label.
fn counted_names(word: &str, device: &Device) -> Vec<String> {
    let plain = plain_names(word, "", device);
    let counted = plain.iter().enumerate().map(|(at, name)| {
        let before = plain.iter().take(at).filter(|other| *other == name).count();
        if before == 0 { name.clone() } else { format!("{name}.{}", before + 1) }
    });
    counted.collect()
}

/// What tells a part of a device from all others.
pub(super) fn owner(class: Class, Word { word, twin }: &Word, part: &Part) -> String {
    format!("{} {word}.{} {}", class.name(), twin.unwrap_or(1), part.key())
}

/// Whether `earlier` names show that several devices had the short name `base` in versions that counted places.
pub(super) fn was_shared(class: Class, base: &str, device: &Device, earlier: &[String]) -> bool {
    let own = counted_names(base, device);
    let counted = |text: &str| text.parse::<u32>().is_ok_and(|number| number >= 2);
    earlier.iter().any(|name| match class {
        Class::Iio => {
            let rest = name.strip_prefix("iio.").and_then(|rest| rest.strip_prefix(base)?.strip_prefix('.'));
            rest.and_then(|rest| rest.split_once('.')).is_some_and(|(number, _)| counted(number))
        }
        Class::Hwmon | Class::Thermal => {
            let Some((first, number)) = name.rsplit_once('.') else { return false };
            let of_this = own.iter().any(|own| own == first)
                || (class == Class::Hwmon
                    && first.strip_prefix("temp.").is_some_and(|rest| rest.starts_with(&format!("{base}."))));
            of_this && counted(number) && !own.contains(name) && earlier.iter().any(|other| other == first)
        }
        Class::Cpu | Class::Memory | Class::Load | Class::Disk | Class::Network | Class::Power => false,
    })
}

/// A name that is too long ends in a number made of the whole of it, so that two of them stay two.
fn fitting(name: String, limit: usize) -> String {
    if name.len() <= limit { name } else { apart(&name, &name, limit) }
}
