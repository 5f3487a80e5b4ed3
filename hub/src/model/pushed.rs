//! What a reading that comes by name must be: its moment, its sensor, its unit. PURE.

use super::reading::AHEAD_MS;
use super::text::SENSOR_BYTES;
use super::{UnixMillis, text, when};

/// Longest unit of a pushed sensor, in bytes. Longer than what an agent may say: of the Zigbee devices that people have, some measure
/// in `minutes or litres`.
const UNIT_BYTES: usize = 32;
/// A reading from before this moment has a wrong unit of time: 2000-01-01.
const EARLIEST: UnixMillis = UnixMillis(946_684_800_000);

/// Checks the moment of a reading that is pushed.
///
/// # Errors
/// What is wrong with it.
pub fn moment(at: UnixMillis, now: UnixMillis) -> Result<(), String> {
    if at.since(now) > AHEAD_MS {
        let (at, now) = (when::moment(at), when::moment(now));
        return Err(format!(
            "{at} is in the future: the hub's clock says {now}, and at most 5 minutes ahead are accepted"
        ));
    }
    if at < EARLIEST {
        let guess = when::guess::day(at.0 as f64).map(|guess| format!(": it {guess}")).unwrap_or_default();
        return Err(format!("{} is before the year 2000{guess}", when::moment(at)));
    }
    Ok(())
}

/// Whether such a moment could be one of a reading.
#[must_use]
pub fn is_likely(at: UnixMillis, now: UnixMillis) -> bool {
    at >= EARLIEST && at.since(now) <= AHEAD_MS
}

/// Checks the name of a sensor that is pushed or imported.
///
/// # Errors
/// What is wrong with it.
pub fn sensor(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > SENSOR_BYTES {
        return Err(format!("the name of a sensor must have 1 to {SENSOR_BYTES} bytes"));
    }
    text::hidden(name).map_or(Ok(()), |hidden| Err(format!("the name of the sensor has {hidden}")))
}

/// Checks a unit.
///
/// # Errors
/// What is wrong with it.
pub fn unit(unit: &str) -> Result<(), String> {
    if unit.len() > UNIT_BYTES {
        return Err(format!("a unit must have at most {UNIT_BYTES} bytes"));
    }
    text::hidden(unit).map_or(Ok(()), |hidden| Err(format!("the unit has {hidden}")))
}
