//! What is known of a counter before the first reading at hand.

use crate::model::reading::Point;

/// Readings of a series before a moment, as far back as they matter: of a counter until it is known where it stands (see
/// [`super::is_firm`]), of others one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lead {
    /// The readings, in the order of time.
    pub before: Vec<Point>,
    /// Whether there is nothing before them: the first reading that follows, of both together, is the first there ever was.
    pub is_begin: bool,
}
