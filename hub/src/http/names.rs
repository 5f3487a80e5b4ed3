//! The names by which the hub is called, and what the log says of requests by others.

use crate::clock::Clock;
use crate::http::error::ApiError;
use crate::http::shares::throttle::Lines;

/// The hub's own names; besides them it answers to every IP address and to `localhost`.
#[derive(Debug, Default)]
pub(in crate::http) struct Names {
    /// Names that the operator gave; pages that one of them leads to are the hub's own as well.
    pub(in crate::http) listed: Vec<String>,
    /// The machine's host name; it and `<hostname>.local` are answered to.
    pub(in crate::http) hostname: Option<String>,
    /// The hub's page as others open it, where the operator said so.
    pub(in crate::http) url: Option<String>,
    /// Lines about requests by foreign names and from foreign pages.
    pub(in crate::http) foreign_lines: Lines,
    pub(in crate::http) clock: Clock,
}

impl Names {
    /// Logs a refusal that a setting could prevent, unless there were too many such lines.
    pub(in crate::http) fn note(&self, refusal: &ApiError) {
        if let Some(left_out) = self.foreign_lines.line(self.clock.now()) {
            tracing::warn!(left_out, "refused: {}", refusal.detail());
        }
    }
}
