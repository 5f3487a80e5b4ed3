//! Alerts: written with the readings that caused them, read by people and by the rule engine at its start.

use super::Store;
use super::error::Result;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState};
use crate::model::device::DeviceNo;

/// Which alerts to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertQuery {
    /// In one of these states; empty for any.
    pub states: Vec<AlertState>,
    /// Of this device.
    pub device: Option<DeviceNo>,
    /// Began at or after.
    pub from: Option<UnixMillis>,
    /// Began before.
    pub to: Option<UnixMillis>,
    /// At most so many.
    pub limit: usize,
    /// Older than this one: the next page.
    pub before: Option<AlertId>,
}

impl Store {
    /// Every pending and firing alert, oldest first: what the rule engine starts with.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn open_alerts(&self) -> Result<Vec<Alert>> {
        todo!()
    }

    /// A number above that of every alert there ever was: what the rule engine counts on from.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn next_alert_id(&self) -> Result<u64> {
        todo!()
    }

    /// Alerts, newest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn alerts(&self, query: AlertQuery) -> Result<Vec<Alert>> {
        let _ = query;
        todo!()
    }

    /// One alert.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn alert(&self, id: AlertId) -> Result<Alert> {
        let _ = id;
        todo!()
    }

    /// Notes that a person has seen it; the first acknowledgement stays.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn ack_alert(&self, id: AlertId, now: UnixMillis, comment: Option<String>) -> Result<Alert> {
        let _ = (id, now, comment);
        todo!()
    }
}
