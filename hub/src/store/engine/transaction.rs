//! How the database is changed, inside the writer's open transaction.

use super::nouns::ChangeNouns;
use super::snapshot::Snapshot;

/// Everything that is changed.
pub(in crate::store) trait Transaction: Snapshot + ChangeNouns {}
