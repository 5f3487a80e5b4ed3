//! The errors of bucket edges.

use crate::http::error::ApiError;

/// Buckets of one series at most: a screen has a few thousand pixels.
pub(in crate::http) const MOST: usize = 10_000;
pub(super) fn too_many() -> ApiError {
    ApiError::invalid(
        "every",
        format!("that makes more than {MOST} buckets: choose a longer `every` or a shorter range"),
    )
}

pub(super) fn out_of_range() -> ApiError {
    ApiError::invalid("from", "the range must be within the years -9998 to 9999")
}
