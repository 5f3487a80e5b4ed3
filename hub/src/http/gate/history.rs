//! Whether queries over the past are answered at the moment.

use std::sync::Arc;

use axum::http::StatusCode;

use crate::http::error::ApiError;
use crate::pressure::{Pressure, Shed};

/// Asked before the store is read for a query over the past.
#[derive(Debug, Clone)]
pub(in crate::http) struct History(pub(in crate::http) Arc<Pressure>);

impl History {
    /// Refuses such a query while the hub is overloaded: devices come first.
    ///
    /// # Errors
    /// 503, to be tried again in a few seconds.
    pub(in crate::http) fn admits(&self) -> Result<(), ApiError> {
        if !self.0.sheds(Shed::History) {
            return Ok(());
        }
        let detail = "the hub is overloaded: queries of stored readings are paused until it has caught up";
        Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail).retry_after(5))
    }
}
