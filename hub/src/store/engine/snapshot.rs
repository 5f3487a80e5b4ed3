//! What is asked of one moment of the database.

use super::nouns::Nouns;

/// Everything that is asked.
pub(in crate::store) trait Snapshot: Nouns {}
