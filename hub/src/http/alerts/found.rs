//! An alert, as far as a caller may see it.

use crate::http::error::ApiError;
use crate::http::request::text;
use crate::model::alert::{Alert, AlertId};
use crate::model::view::View;
use crate::store::Store;

/// An alert that is in this view.
///
/// # Errors
/// 404 where there is none, or it is of another device; those of any read.
pub(super) async fn found(store: &Store, view: &View, id: AlertId) -> Result<Alert, ApiError> {
    let alert = store.alert(id).await?;
    if view.among(&store.catalog()).has(alert.device()) {
        return Ok(alert);
    }
    Err(ApiError::not_found(format!("there is no alert {}", text::id(id))))
}
