//! Readings as files: exports, and imports of files that were exported here or written elsewhere.

pub(super) mod export;
pub(super) mod import;
pub(super) mod lines;
pub(super) mod rows;
#[cfg(test)]
mod tests;

use crate::http::state::Routes;
use utoipa_axum::routes;

/// Readings as files.
pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(export::download)).routes(routes!(import::upload))
}
