//! Reads the nine bytes of a 1-Wire thermometer: a temperature, or that there is none. Pure.
//!
//! Temperature (two bytes), alarms (two), configuration, two reserved, one constant, checksum. The kernel prints them twice in
//! `w1_slave`, with `crc=.. YES` where the checksum is right and `t=` in thousandths of a degree. Two readings with a right
//! checksum are none: all zeros, which is a bus that somebody holds low, and the 85 degrees of a chip that lost its power and
//! has not measured since, whose seventh byte still is 0x0c. After a measurement of 85 degrees that byte is 0x10, except in a
//! DS18S20 (family 10), which cannot tell the two apart. Where bytes and `t=` are of two temperatures neither is believed.

use crate::sensor::told;

/// What a chip says before it has measured, in thousandths of a degree.
const POWER_ON: f64 = 85_000.0;
/// Seventh byte before a chip has measured.
const NOT_MEASURED: u8 = 0x0c;
/// Family of the converters for thermocouples, MAX31850, beside the DS1825.
const THERMOCOUPLES: &str = "3b-";

/// Degrees by the text of `w1_slave`.
///
/// # Errors
/// Why there are none.
pub(super) fn degrees(serial: &str, text: &str) -> Result<f64, String> {
    let malformed = || "w1_slave does not have the form that the kernel writes".to_owned();
    let (first, second) = text.trim_end().split_once('\n').ok_or_else(malformed)?;
    if !first.trim_end().ends_with("YES") {
        return Err("wrong checksum".to_owned());
    }
    let thousandths: f64 = second.split_once("t=").and_then(|(_, t)| t.trim().parse().ok()).ok_or_else(malformed)?;
    let bytes: Vec<u8> = first.split_whitespace().map_while(|byte| u8::from_str_radix(byte, 16).ok()).take(9).collect();
    let [low, high, _, _, _, _, seventh, _, _] = bytes[..] else { return of_thousandths(serial, thousandths) };
    if bytes.iter().all(|byte| *byte == 0) {
        return Err("all its bytes are zero".to_owned());
    }
    // Sixteenths of a degree, or halves.
    let power_on = if serial.starts_with("10-") { (low, high) == (0xaa, 0x00) } else { (low, high) == (0x50, 0x05) };
    if power_on && seventh == NOT_MEASURED {
        return Err("85 Cel before it has measured: it lost power for a moment".to_owned());
    }
    if let Some((by_bytes, _)) =
        by_bytes(serial, &bytes).filter(|(by_bytes, off)| (by_bytes - thousandths).abs() > *off)
    {
        let [by_bytes, by_text] = [by_bytes, thousandths].map(|thousandths| told(thousandths / 1_000.0));
        return Err(format!("its bytes say {by_bytes} Cel, and t= says {by_text}"));
    }
    possible(serial, thousandths)
}

/// Thousandths of a degree that the bytes of a family with a known form say, and by how much the kernel's number may be
/// another one.
fn by_bytes(serial: &str, bytes: &[u8]) -> Option<(f64, f64)> {
    let [low, high, _, _, configuration, ..] = *bytes else { return None };
    let number = i16::from_le_bytes([low, high]);
    match serial.get(..3)? {
        // Halves, which the kernel makes finer by what was left of the last one.
        "10-" => Some((f64::from(number) * 500.0, 1_000.0)),
        // Of a GX20MH01 with two bits more, which are in the configuration.
        "28-" | "22-" | "42-" if configuration & 0x80 != 0 => {
            let fine = number.wrapping_shl(2) | i16::from(configuration & 3);
            Some((f64::from(fine) * 1_000.0 / 64.0, 63.0))
        }
        "28-" | "22-" | "42-" => Some((f64::from(number) * 62.5, 63.0)),
        // The two lowest bits of a converter for thermocouples are no part of the number.
        THERMOCOUPLES => Some((f64::from(number) * 62.5, 250.0)),
        _ => None,
    }
}

/// Degrees by the number in `temperature`, in which each driver counts as it pleases.
///
/// # Errors
/// Why there are none.
pub(super) fn without_bytes(serial: &str, number: f64) -> Result<f64, String> {
    let thousandths = match serial.split('-').next().unwrap_or_default() {
        // Smart battery monitors, DS2438: the kernel's w1_ds2438 gives 256ths of a degree.
        "26" => return possible(serial, number * 1_000.0 / 256.0),
        "10" | "22" | "28" | "3b" | "42" => number,
        family => return Err(format!("the unit of temperatures of family {family} is not known")),
    };
    of_thousandths(serial, thousandths)
}

fn of_thousandths(serial: &str, thousandths: f64) -> Result<f64, String> {
    // A room of exactly 85 degrees is rarer than a chip that lost its power for a moment.
    if thousandths == POWER_ON {
        return Err("85 Cel, which it also says before it has measured".to_owned());
    }
    possible(serial, thousandths)
}

fn possible(serial: &str, thousandths: f64) -> Result<f64, String> {
    let degrees = thousandths / 1_000.0;
    let between = if serial.starts_with(THERMOCOUPLES) { -270.0..=1_800.0 } else { -55.0..=125.0 };
    if between.contains(&degrees) { Ok(degrees) } else { Err(format!("{} Cel cannot be", told(degrees))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(serial: &str, bytes: &str, checksum: &str, thousandths: i32) -> Option<f64> {
        degrees(serial, &format!("{bytes} : crc={checksum}\n{bytes} t={thousandths}\n")).ok()
    }

    #[test]
    fn the_bytes_decide_what_is_a_reading() {
        for (serial, bytes, thousandths, degrees) in [
            ("28-1", "50 01 4b 46 7f ff 10 10 49", 21_000, Some(21.0)),
            ("28-2", "00 00 00 00 00 00 00 00 00", 0, None),
            ("28-3", "50 05 4b 46 7f ff 0c 10 1c", 85_000, None),
            ("28-4", "50 05 4b 46 7f ff 10 10 bd", 85_000, Some(85.0)),
            ("28-5", "ff 07 4b 46 7f ff 01 10 2f", 127_937, None),
            ("28-6", "ff ff 4b 46 7f ff 01 10 9a", -62, Some(-0.062)),
            ("28-7", "00 00 4b 46 7f ff 0c 10 c8", 0, Some(0.0)),
            ("28-8", "4f 05 4b 46 7f ff 01 10 3b", 84_937, Some(84.937)),
            ("22-9", "50 05 4b 46 7f ff 0c 10 1c", 85_000, None),
            ("42-a", "50 05 4b 46 7f ff 0c 10 1c", 85_000, None),
            ("10-b", "aa 00 4b 46 ff ff 0c 10 87", 85_000, None),
            ("10-c", "32 00 4b 46 ff ff 0c 10 87", 25_000, Some(25.0)),
            // 0x0550 in halves of a degree is not 85.
            ("10-d", "50 05 4b 46 ff ff 0c 10 87", 680_000, None),
            ("3b-e", "00 19 00 10 f0 ff ff ff 00", 400_000, Some(400.0)),
        ] {
            assert_eq!(read(serial, bytes, "xx YES", thousandths), degrees, "{serial}");
            assert_eq!(read(serial, bytes, "xx NO", thousandths), None, "{serial} with a wrong checksum");
        }
    }

    #[test]
    fn bytes_and_text_of_two_temperatures_are_no_reading() {
        for (serial, bytes, thousandths, degrees) in [
            ("28-1", "5e ff 4b 46 7f ff 02 10 00", 99_999, None),
            ("28-1", "5e ff 4b 46 7f ff 02 10 00", -10_125, Some(-10.125)),
            ("28-1", "50 01 4b 46 7f ff 10 10 49", 0, None),
            ("28-1", "50 01 4b 46 7f ff 10 10 49", 21_062, Some(21.062)),
            ("22-2", "50 01 4b 46 7f ff 10 10 49", 22_000, None),
            // In the mode of 14 bits: 0x0150 and two bits more are 1346 / 64.
            ("28-3", "50 01 4b 46 e2 ff 10 10 49", 21_031, Some(21.031)),
            // Halves, with what the two counters make of them.
            ("10-4", "32 00 4b 46 ff ff 0c 10 87", 25_000, Some(25.0)),
            ("10-4", "33 00 4b 46 ff ff 02 10 87", 25_625, Some(25.625)),
            ("10-4", "ce ff 4b 46 ff ff 0c 10 87", -25_000, Some(-25.0)),
            ("10-4", "32 00 4b 46 ff ff 0c 00 87", 0, None),
            ("3b-5", "03 19 00 10 f0 ff ff ff 00", 400_000, Some(400.0)),
            ("3b-5", "03 19 00 10 f0 ff ff ff 00", 40_000, None),
            ("77-6", "5e ff 4b 46 7f ff 02 10 00", 99_999, Some(99.999)),
        ] {
            assert_eq!(read(serial, bytes, "xx YES", thousandths), degrees, "{serial} {bytes} {thousandths}");
        }
        let text = "5e ff 4b 46 7f ff 02 10 00 : crc=00 YES\n5e ff 4b 46 7f ff 02 10 00 t=99999\n";
        assert_eq!(degrees("28-1", text), Err("its bytes say -10.125 Cel, and t= says 99.999".to_owned()));
    }

    #[test]
    fn without_bytes_a_round_85_is_not_believed() {
        assert!(without_bytes("28-1", 85_000.0).is_err() && without_bytes("28-1", 126_000.0).is_err());
        assert_eq!((without_bytes("28-1", 0.0), without_bytes("28-1", -62.0)), (Ok(0.0), Ok(-0.062)));
        assert_eq!((without_bytes("26-1", 6_400.0), without_bytes("26-1", -128.0)), (Ok(25.0), Ok(-0.5)));
        assert_eq!(without_bytes("26-1", 21_760.0), Ok(85.0));
        assert!(without_bytes("30-1", 6_400.0).is_err_and(|why| why.contains("family 30")));
        assert_eq!(degrees("28-1", "crc=49 YES\nt=21000\n"), Ok(21.0));
        for text in ["", "\n", "50 01 : crc=49 YES", "50 01 : crc=49 YES\nno number", "50 01 : crc=49 YES\nt=x"] {
            assert!(degrees("28-1", text).is_err(), "{text}");
        }
    }
}
