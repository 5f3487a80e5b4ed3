//! What the maker is asked to do.

use tokio::sync::oneshot;

use super::error::Result;
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;

/// What the maker is asked to do besides its own looks.
pub(super) enum Order {
    /// Pack and merge everything there is, sweep, let go what is too old at this moment (if one is given), give back free
    /// space.
    All(Option<UnixMillis>, oneshot::Sender<Result<()>>),
    /// Pack everything there is of one device, and sweep: no row of the journal is to need its sensor numbers any longer.
    One(DeviceNo, oneshot::Sender<Result<()>>),
}
