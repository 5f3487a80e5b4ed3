//! The device's sensors as the hub is to know them: in the order of their numbers, what those are of, and which of them changed.
//! PURE.

use std::time::Instant;

use wire::{Numbering, SensorNo, SensorSpec};

use super::restated::Restated;

/// What the hub is told of sensors.
#[derive(Debug)]
pub(super) struct Catalog {
    pub(super) sensors: Vec<SensorSpec>,
    /// What their numbers are of, and how often what they stand for changed.
    pub(super) numbering: Numbering,
    revision: u64,
    /// Which of them are another thing than the hub was told.
    pub(super) restated: Restated,
    /// Whether to find out if the hub knows how to follow another numbering.
    pub(super) asks: bool,
}

impl Default for Catalog {
    fn default() -> Self {
        let restated = Restated::default();
        Self { sensors: Vec::new(), numbering: Numbering::FIRST, revision: 0, restated, asks: false }
    }
}

impl Catalog {
    /// More sensors, behind those that are known.
    pub(super) fn set_sensors(&mut self, sensors: &[SensorSpec]) {
        let known = self.sensors.len();
        self.sensors.extend(sensors.iter().skip(known).cloned());
    }

    /// Sensors of which numbers may stand for others than before; whether the numbering is another one.
    pub(super) fn set_numbering(&mut self, sensors: &[SensorSpec], revision: u64, numbering: Numbering) -> bool {
        if revision == self.revision && numbering == self.numbering {
            self.set_sensors(sensors);
            return false;
        }
        let before = std::mem::replace(&mut self.sensors, sensors.to_vec());
        self.revision = revision;
        // A number that another sensor has is told by what describes that.
        let name = |of: &[SensorSpec], number: u16| of.get(usize::from(number)).map(|sensor| sensor.name.clone());
        self.restated.retain(|number| name(&before, number) == name(sensors, number));
        let is_another = std::mem::replace(&mut self.numbering, numbering) != numbering;
        if is_another {
            self.restated.forget();
        }
        is_another
    }

    /// A sensor is another thing than it was.
    pub(super) fn restate(&mut self, number: SensorNo, spec: SensorSpec, now: Instant) {
        if let Some(sensor) = self.sensors.get_mut(usize::from(number.0)) {
            *sensor = spec;
            self.restated.note(number.0, now);
        }
    }
}
