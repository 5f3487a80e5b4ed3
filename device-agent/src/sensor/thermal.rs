//! Thermal zones, from `/sys/class/thermal`.
//!
//! Whether a zone's `mode` is `disabled` does not matter: by the kernel's ABI it says who cools, not whether the thermometer
//! works.

use super::files::{Content, Files};
use super::limits::TEMPERATURE;
use super::{Error, Samples};

/// Adds the temperature of a zone, called `name`.
pub(super) fn sample(files: &mut Files, name: &str, samples: &mut Samples) -> Result<(), Error> {
    if let Content::Number(raw) = files.number("temp")? {
        match TEMPERATURE.read(raw) {
            Ok(value) => samples.gauge(format_args!("{name}"), TEMPERATURE.unit, value),
            Err(why) => samples.leave_out(name, why),
        }
    }
    Ok(())
}
