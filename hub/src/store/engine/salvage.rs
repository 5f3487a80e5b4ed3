//! Another database of a hub, whose readings are brought back step by step.

use crate::model::device::DeviceNo;
use crate::model::{Epoch, SensorKind, SensorSpec};
use crate::store::error::Result;
use crate::store::pack::rollup::Row;
use crate::store::tier::{RolledUpTo, Table};

/// Numbers of `times` kept free for one step: each span and series of it may need one.
pub(in crate::store) const STRIDE: i64 = 16_384;

/// What a salvage brought, and what it could not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Readings brought back that were in no block here, each once: a file may have them in blocks and in its journal.
    pub readings: u64,
    /// Blocks that were read.
    pub blocks: u64,
    /// Batches of the journal that were read.
    pub batches: u64,
    /// Figures of minutes and hours brought back.
    pub figures: u64,
    /// Blocks whose checksum or page is bad.
    pub bad_blocks: u64,
    /// Batches whose checksum or page is bad.
    pub bad_batches: u64,
    /// Tables with pages that could not be read: there may have been more.
    pub torn: Vec<&'static str>,
    /// Devices of the file that this hub does not know: what is theirs stays where it is, and the salvage can be done again
    /// once they are adopted.
    pub strangers: Vec<String>,
    /// It was salvaged before, and nothing was changed.
    pub done_before: bool,
}

/// A sensor as the file knows it.
#[derive(Debug, Clone)]
pub(in crate::store) struct OldSensor {
    pub(in crate::store) spec: SensorSpec,
    /// What its owner said it is.
    pub(in crate::store) by_owner: Option<SensorKind>,
}

/// What one step brings, as it was read.
#[derive(Default)]
pub(in crate::store) struct Loaded {
    pub(in crate::store) device: Option<DeviceNo>,
    /// By the sensor numbers that the payloads use.
    pub(in crate::store) sensors: Vec<OldSensor>,
    pub(in crate::store) payloads: Vec<(Epoch, Vec<u8>)>,
    pub(in crate::store) next_times: i64,
    pub(in crate::store) rollups: Vec<(usize, Table, Row)>,
    /// Where the file says that it has figures.
    pub(in crate::store) rolled: RolledUpTo,
}

/// A database that is salvaged.
pub(in crate::store) trait Salvage: Send {
    /// Steps it is salvaged in.
    fn steps(&self) -> usize;
    /// Those of them that bring readings: the first ones.
    fn packing_steps(&self) -> usize;
    /// Reads what a step brings; spans are numbered from `base` on.
    fn load(&mut self, step: usize, base: i64) -> Result<Loaded>;
    /// Closes it, and returns what was found in it.
    fn close(self: Box<Self>) -> Recovered;
}
