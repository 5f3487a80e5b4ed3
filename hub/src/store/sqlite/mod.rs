//! SQLite: one file in WAL mode with `synchronous=FULL`. All SQL of the hub is below this folder, or on its way here.
//!
//! ```text
//!   journal  blocks  rollups  windows  latest  ..    rows of the tables          trail     who changed what
//!   readers  read-only connections                   column, row_sum             values, and the sum of a row
//!   file     the file, its log and its disk          recover  backups, and what damage left
//! ```

pub(super) mod blocks;
pub(super) mod catalog;
pub(super) mod column;
pub(super) mod file;
pub(super) mod greedy;
pub(super) mod journal;
pub(super) mod latest;
pub(super) mod readers;
pub(super) mod recover;
pub(super) mod rolled;
pub(super) mod row_sum;
pub(super) mod trail;
pub(super) mod windows;

use rusqlite::Connection;

use super::engine::nouns::{ChangeNouns, Nouns};
use super::engine::snapshot::Snapshot;
use super::engine::transaction::Transaction;

impl Nouns for Connection {}
impl ChangeNouns for Connection {}
impl Snapshot for Connection {}
impl Transaction for Connection {}
