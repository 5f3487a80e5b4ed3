//! What a salvage brought.

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
