//! SQLite: one file in WAL mode with `synchronous=FULL`. All SQL of the hub is below this folder.
//!
//! ```text
//!   journal  blocks  rollups  windows  latest  ..    rows of the tables          trail     who changed what
//!   reader, writer  connections                      column, row_sum, fault      values, the sum of a row, errors
//!   file     the file, its log and its disk          recover  backups, and what damage left
//! ```

pub(super) mod file;
pub(super) mod open;
pub(super) mod recover;

mod block_changes;
mod blocks;
mod catalog;
mod column;
mod fault;
mod greedy;
mod growth;
mod journal;
mod latest;
mod reader;
mod rollups;
mod row_sum;
mod trail;
mod upkeep;
mod windows;
mod writer;

use rusqlite::Connection;

use super::engine::nouns::{ChangeNouns, Nouns};
use super::engine::snapshot::Snapshot;
use super::engine::transaction::Transaction;

impl Nouns for Connection {}
impl ChangeNouns for Connection {}
impl Snapshot for Connection {}
impl Transaction for Connection {}
