//! The port: the questions and changes that the store asks of a database. The meaning of readings, rules and devices is decided above
//! it; only the code below it knows tables.
//!
//! ```text
//!   write, query, maker, catalog ..      ask           decide what is stored, found, let go
//!   ───────────────────────────────────────────────────────────────────────────────────────
//!   engine   snapshot  transaction  nouns  upkeep  salvage      traits: questions and changes
//!   ───────────────────────────────────────────────────────────────────────────────────────
//!   sqlite                               answers       rows, SQL, the file
//! ```
//!
//! Three rules:
//!
//! - A call is a question, never a row: "the values of this series in these spans", "the rules". An engine across a network
//!   answers one call by one message.
//! - The port is synchronous. It is called on the store's own threads, which may wait.
//! - An engine knows the nouns of `model` and packed data. It never sees the open write (`OpenWrite`), the memory or the store.

pub(super) mod nouns;
pub(super) mod salvage;
pub(super) mod snapshot;
pub(super) mod transaction;
pub(super) mod upkeep;

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use super::cap::Cap;
use super::error::Result;
use crate::model::UnixMillis;
use crate::model::catalog::Catalog;
use crate::model::room::Room;
use salvage::Salvage;
use snapshot::Snapshot;
use transaction::Transaction;
use upkeep::Seen;

/// Who opens a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The hub that owns it: it checks, checkpoints and packs.
    Owner,
    /// A command beside a hub: leaves a mark that it wrote.
    Beside,
}

/// A database that is open.
pub(super) trait Engine: Debug + Send + Sync {
    /// Opens another connection that reads.
    fn reader(&self) -> Result<Box<dyn Reads>>;
    /// Where it lies.
    fn place(&self) -> &Path;
    /// What its disk says of it. May wait for the disk.
    fn seen(&self) -> Seen;
    /// Room on its disk, where the system says.
    fn room(&self) -> Option<Room>;
    /// Whether there is so little room that steps have to be small.
    fn is_scarce(&self) -> bool;
    /// Damaged databases beside it that wait to be salvaged, oldest first.
    fn set_aside(&self) -> Vec<PathBuf>;
    /// Notes that one of them was salvaged.
    fn settled(&self, file: &Path) -> Result<()>;
    /// Opens another database, to bring back what can be read of it.
    fn salvage(&self, file: &Path, catalog: &Catalog) -> Result<Box<dyn Salvage>>;
    /// Notes that it was found damaged at a moment: the next start sets it aside.
    fn note_damage(&self, at: UnixMillis, why: &str) -> Result<()>;
}

/// A connection that reads.
pub(super) trait Reads: Send {
    /// What questions are put to, each answered as of its own moment.
    fn ask(&self) -> &dyn Snapshot;
    /// From here on all questions are answered as of the first, until what is returned is dropped.
    fn hold(&self) -> Result<Box<dyn Held + '_>>;
    /// What stops the question that is being answered, from another thread.
    fn stop(&self) -> Box<dyn Stop>;
}

/// One moment, as long as it is not dropped.
pub(super) trait Held {}

/// Stops a question.
pub(super) trait Stop: Send + Sync {
    /// The question that is being answered, if any, fails as one that took too long.
    fn stop(&self);
}

/// The connection that writes.
pub(super) trait Writes: Send {
    /// What is asked and changed.
    fn tx(&self) -> &dyn Transaction;
    /// Begins a transaction, waiting for a command beside the hub as long as it takes.
    fn begin(&mut self) -> Result<()>;
    /// Makes it durable.
    fn commit(&self) -> Result<()>;
    /// Takes it back, as far as it did not end by itself.
    fn roll_back(&self) -> Result<()>;
    /// Begins one write of it.
    fn begin_write(&self) -> Result<()>;
    /// Keeps that write.
    fn keep_write(&self) -> Result<()>;
    /// Takes that write back; the others stay.
    fn undo_write(&self) -> Result<()>;
    /// Sums what was changed, so that damage is found.
    fn sum_changes(&self) -> Result<()>;
    /// Leaves a mark that a command beside the hub wrote.
    fn mark_beside(&self) -> Result<()>;
    /// Tidies up after a group, as far as that is due; more when nobody waits. An error ends the writer.
    fn tidy(&self, is_idle: bool, cap: Cap) -> Result<()>;
    /// Tidies up for the next start.
    fn finish(&self) -> Result<()>;
    /// The disk was found full.
    fn found_full(&mut self);
    /// Whether the disk is full, so that readings have to wait.
    fn is_full(&mut self) -> bool;
}
