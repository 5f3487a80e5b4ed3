//! Readings of which it is plain that what they measure is not beyond the limit: nearly all of a year. PURE.
//!
//! What is plain is less than what is so: bounds that cost little are held against the limit, and where they lie on both sides of it the
//! reading is judged as any other. Only who asks about a rule of which nothing is open may be content with that.

use crate::model::rule::Condition;
use crate::rules::condition::{Judged, beyond};

/// What became of a reading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::rules) enum Taken {
    /// It measured something that is not beyond the limit.
    Calm,
    /// What it measured, if anything.
    Judged(Option<Judged>),
}

impl Taken {
    pub(super) const NOTHING: Self = Self::Judged(None);
}

/// Whether nothing from `low` to `high` is beyond the limit of a change.
pub(super) fn stays_within(condition: &Condition, low: f64, high: f64) -> bool {
    match *condition {
        Condition::Rate { op, value, .. } | Condition::Increase { op, value, .. } => {
            low.is_finite() && high.is_finite() && !beyond(op, value, low) && !beyond(op, value, high)
        }
        Condition::Threshold { .. }
        | Condition::Deviation { .. }
        | Condition::Figure { .. }
        | Condition::Stuck { .. }
        | Condition::Seasonal { .. }
        | Condition::Difference { .. }
        | Condition::Joined { .. }
        | Condition::Count { .. }
        | Condition::Forecast { .. }
        | Condition::Silence { .. }
        | Condition::Device(_) => false,
    }
}
