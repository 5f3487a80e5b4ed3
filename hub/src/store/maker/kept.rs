//! What the keeper remembers from one look to the next.

use super::trust::Trust;
use crate::model::UnixMillis;
use crate::model::retention::Retention;
use crate::store::stats::Look;

/// What was done last, and need not be done again today.
#[derive(Debug, Default)]
pub(in crate::store) struct Kept {
    /// Rollups were let go as of this day by this policy.
    pub(super) rollups: Option<(UnixMillis, Retention)>,
    pub(super) looks: Vec<Look>,
    /// Whether the clock can be believed.
    pub(in crate::store) trust: Trust,
    /// Bytes the process had written at the last look that is kept, and the sum of all before it.
    pub(super) written: (u64, u64),
}
