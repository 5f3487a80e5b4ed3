//! How the sensors of a device are called. Pure.

use super::Class;
use super::errand::{Device, Part};
use super::register::Word;

/// Longest name of a sensor, in bytes.
const LONGEST: usize = 64;

/// The name of each part of a device, in their order.
///
/// `temp.<chip>.<label>`, `fan.<chip>.<label>` and so on; `temp.<zone>`; `iio.<device>.<channel>`; for a supply the part of
/// its sensors' names. Two of one label in one chip are told apart by a number, as are devices that nothing tells apart.
pub(super) fn names(class: Class, Word { word, twin }: &Word, device: &Device) -> Vec<String> {
    let twin = twin.map_or_else(String::new, |twin| format!(".{twin}"));
    let mut named: Vec<String> = Vec::new();
    let mut names = Vec::new();
    for (part, _) in &device.parts {
        let name = match part {
            Part::Hwmon(input) => format!("{}.{word}.{}", input.quantity.word, input.label),
            Part::Zone => format!("temp.{word}"),
            Part::Iio(channel) => format!("iio.{word}{twin}.{}", channel.name),
            Part::Supply => word.clone(),
        };
        let same = named.iter().filter(|known| **known == name).count();
        named.push(name.clone());
        let name = if same == 0 { name } else { format!("{name}.{}", same + 1) };
        names.push(fitting(if class == Class::Iio { name } else { name + &twin }));
    }
    names
}

/// Whether `earlier` names show that several devices had the short name `base` in versions that counted places.
pub(super) fn was_shared(class: Class, base: &str, device: &Device, earlier: &[String]) -> bool {
    let own = names(class, &Word { word: base.to_owned(), twin: None }, device);
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
fn fitting(name: String) -> String {
    if name.len() <= LONGEST {
        return name;
    }
    let number = format!("-{:08x}", crc32c::crc32c(name.as_bytes()));
    let start = name.get(..LONGEST - number.len()).unwrap_or_default();
    format!("{start}{number}")
}
