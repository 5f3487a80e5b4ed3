//! Units of a monitoring chip's numbers, and the limits of what it can measure. Pure.
//!
//! Units and scales are those of the kernel's `Documentation/hwmon/sysfs-interface.rst`. A driver that has no value
//! often prints a number all the same: all bits of a register, zero kelvin, the lowest number there is. What no such chip can
//! measure is left out, with the reason; what is only unusual (a processor at 150 degrees, a fan that stands) is kept.

use rustix::io::Errno;
use wire::SensorKind;

use super::Content;
use super::number::told;

/// What a channel of a chip measures.
#[derive(Debug, PartialEq)]
pub(super) struct Quantity {
    /// How its files begin: `temp` in `temp1_input`.
    pub(super) file: &'static str,
    /// How its sensors begin.
    pub(super) word: &'static str,
    /// UCUM-like code.
    pub(super) unit: &'static str,
    /// Gauge or counter.
    pub(super) kind: SensorKind,
    /// What the kernel's number is divided by.
    divisor: f64,
    /// The lowest and the highest value there can be, in the unit.
    between: (f64, f64),
    /// Numbers of the kernel's that mean that there is none.
    none: &'static [f64],
}

/// All bits set, and the highest and the lowest number, in 32 bits.
const NONE_32: [f64; 3] = [4_294_967_295.0, 2_147_483_647.0, -2_147_483_648.0];

/// Every quantity of the kernel's monitoring chips that is told.
pub(super) const QUANTITIES: [Quantity; 7] = [
    // Up to what silicon carbide and thermocouples at a board stand; the lowest number in 16 bits is no frost.
    Quantity {
        file: "temp",
        word: "temp",
        unit: "Cel",
        kind: SensorKind::Gauge,
        divisor: 1e3,
        between: (-100.0, 250.0),
        none: &[-32_768.0],
    },
    Quantity {
        file: "fan",
        word: "fan",
        unit: "/min",
        kind: SensorKind::Gauge,
        divisor: 1.0,
        between: (0.0, 65_534.0),
        none: &[],
    },
    Quantity {
        file: "in",
        word: "voltage",
        unit: "V",
        kind: SensorKind::Gauge,
        divisor: 1e3,
        between: (-1_500.0, 1_500.0),
        none: &[65_535.0, -32_768.0],
    },
    Quantity {
        file: "curr",
        word: "current",
        unit: "A",
        kind: SensorKind::Gauge,
        divisor: 1e3,
        between: (-10_000.0, 10_000.0),
        none: &[],
    },
    Quantity {
        file: "power",
        word: "power",
        unit: "W",
        kind: SensorKind::Gauge,
        divisor: 1e6,
        between: (-1e6, 1e6),
        none: &NONE_32,
    },
    Quantity {
        file: "energy",
        word: "energy",
        unit: "J",
        kind: SensorKind::Counter,
        divisor: 1e6,
        between: (0.0, 1e13),
        none: &[],
    },
    // A polymer sensor in wet air tells a little more than there is.
    Quantity {
        file: "humidity",
        word: "humidity",
        unit: "%",
        kind: SensorKind::Gauge,
        divisor: 1e3,
        between: (-10.0, 120.0),
        none: &[],
    },
];

/// The temperature among them, which thermal zones and converters tell too.
pub(super) const TEMPERATURE: &Quantity = &QUANTITIES[0];

/// What a channel says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Level {
    /// So much of it.
    Value(&'static Quantity, f64),
    /// What cannot be, and why.
    LeftOut(String),
    /// The driver says that there is nothing to measure.
    Silent(Errno),
    /// There is no such file.
    Nothing,
}

impl Quantity {
    /// What a channel's file says.
    pub(super) fn level(&'static self, content: Content) -> Level {
        match content {
            Content::Number(raw) => self.read(raw).map_or_else(Level::LeftOut, |value| Level::Value(self, value)),
            Content::Nothing(errno) => Level::Silent(errno),
            Content::NoFile => Level::Nothing,
        }
    }

    /// What the kernel's number says, in the unit.
    ///
    /// # Errors
    /// It says nothing: a text that names the number.
    pub(super) fn read(&self, raw: f64) -> Result<f64, String> {
        let value = raw / self.divisor;
        let (least, most) = self.between;
        if self.none.contains(&raw) {
            return Err(format!("left out: {} stands for no value", told(raw)));
        }
        if !(least..=most).contains(&value) {
            return Err(format!("left out: {} {} cannot be", told(value), self.unit));
        }
        Ok(if self.unit == "%" { value.clamp(0.0, 100.0) } else { value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, raw: f64) -> Option<f64> {
        QUANTITIES.iter().find(|quantity| quantity.file == file).and_then(|quantity| quantity.read(raw).ok())
    }

    #[test]
    fn what_is_only_unusual_is_kept() {
        for (file, raw, value) in [
            ("temp", 125_000.0, 125.0),
            ("temp", 150_000.0, 150.0),
            ("temp", 85_000.0, 85.0),
            ("temp", 127_000.0, 127.0),
            ("temp", 0.0, 0.0),
            ("temp", -55_000.0, -55.0),
            ("fan", 0.0, 0.0),
            ("fan", 30_000.0, 30_000.0),
            ("in", -12_000.0, -12.0),
            ("in", 0.0, 0.0),
            ("curr", -1_250.0, -1.25),
            ("power", 15_000_000.0, 15.0),
            ("energy", 123_456_789.0, 123.456_789),
            ("humidity", 45_000.0, 45.0),
            ("humidity", 100_900.0, 100.0),
            ("humidity", -300.0, 0.0),
        ] {
            assert_eq!(read(file, raw), Some(value), "{file} {raw}");
        }
    }

    #[test]
    fn what_no_chip_can_measure_is_left_out() {
        for (file, raw) in [
            ("temp", 3_892_314_000.0),
            ("temp", 65_261_850.0),
            ("temp", -128_000.0),
            ("temp", -273_150.0),
            ("temp", -274_000.0),
            ("temp", -32_768.0),
            ("temp", 255_000.0),
            ("temp", 2_147_483_647.0),
            ("fan", 65_535.0),
            ("fan", 4_294_967_295.0),
            ("fan", -1.0),
            ("in", 65_535.0),
            ("in", 4_294_967_295.0),
            ("curr", 4_294_967_295.0),
            ("power", 4_294_967_295.0),
            ("energy", -1.0),
            ("humidity", 255_000.0),
            ("humidity", -45_000.0),
        ] {
            assert_eq!(read(file, raw), None, "{file} {raw}");
        }
    }

    #[test]
    fn a_reason_names_the_number() {
        assert_eq!(TEMPERATURE.read(3_892_314_000.0).err(), Some("left out: 3892314 Cel cannot be".to_owned()));
        assert_eq!(TEMPERATURE.read(1e20).err(), Some("left out: 1e17 Cel cannot be".to_owned()));
        assert!(TEMPERATURE.read(-32_768.0).is_err_and(|why| why.contains("-32768")));
    }
}
