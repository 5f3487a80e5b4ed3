//! PURE. Receive windows by device and boot: which batches of a boot are stored.

use std::collections::{HashMap, HashSet};

use crate::model::device::DeviceNo;
use crate::model::{Epoch, SeqSet};

/// Whose receive window, of which boot.
pub(super) type Key = (DeviceNo, Epoch);
/// Receive windows.
pub(super) type Windows = HashMap<Key, SeqSet>;
/// Windows that grew by journal rows since they were saved.
pub(super) type Unsaved = HashSet<Key>;
