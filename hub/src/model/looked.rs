//! How devices are, as the hub finds them at one look.

use std::collections::HashMap;

use super::UnixMillis;
use super::device::DeviceNo;

/// How devices are. What is not known of one is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looked {
    /// Devices that are offline; those never heard are left out.
    pub offline: Vec<Absence>,
    /// How many sources fail, of agents that are online.
    pub failing: HashMap<DeviceNo, u32>,
    /// Clocks of agents that are online minus the hub's, in milliseconds.
    pub clocks: HashMap<DeviceNo, i64>,
}

/// A device that is offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    pub device: DeviceNo,
    /// When it was last heard.
    pub heard: UnixMillis,
    /// Milliseconds of silence that are usual for it, three times what it announced or is known for: nobody is told earlier.
    pub usual_ms: i64,
    /// When they are over, counted from when it was last heard, or from the start of the hub where that could hear of it only since.
    pub missed_at: UnixMillis,
}
