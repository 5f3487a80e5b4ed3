//! The channel from the task of a source to the agent's loop.

use tokio::sync::mpsc;

use super::content::Taken;
use super::lost::Lost;
use super::measured::Measured;
use crate::clock::{self, Now};

/// What a source gave at once.
#[derive(Debug)]
pub struct Arrived {
    pub(super) source: usize,
    pub at: Now,
    pub readings: Vec<Measured>,
    /// How often they come, in milliseconds; 0 if they come as they please.
    pub interval_ms: u32,
    pub(super) trouble: Option<String>,
    /// What came and is no reading.
    pub lost: Lost,
    /// What is to be known of the source though it does not fail.
    pub(super) remark: Option<String>,
}

/// A task's way to the loop.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) source: usize,
    pub(super) interval_ms: u32,
    pub(super) sender: mpsc::Sender<Arrived>,
}

impl Outlet {
    /// `false` when nobody listens any more.
    pub(super) async fn give(&self, taken: Taken) -> bool {
        let Taken { readings, trouble, lost, remark } = taken;
        let Self { source, interval_ms, .. } = *self;
        let arrived = Arrived { source, at: clock::now(), readings, interval_ms, trouble, lost, remark };
        self.sender.send(arrived).await.is_ok()
    }
}
