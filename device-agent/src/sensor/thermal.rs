//! Thermal zones, from `/sys/class/thermal`.
//!
//! Whether a zone's `mode` is `disabled` does not matter: by the kernel's ABI it says who cools, not whether the thermometer
//! works.

use super::Error;
use super::files::Files;
use super::limits::{Level, TEMPERATURE};

/// The temperature of a zone.
pub(super) fn sample(files: &mut Files) -> Result<Level, Error> {
    Ok(TEMPERATURE.level(files.number("temp")?))
}
