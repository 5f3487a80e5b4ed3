//! A device of one of the kernel's classes, as its folder describes it.

use super::origin::Origin;
use super::proof::Proof;
use super::{Error, hwmon, iio};

/// What of a device is read by an errand of its own.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// A channel of a monitoring chip.
    Hwmon(hwmon::Input),
    Zone,
    /// A channel of an I/O device.
    Iio(iio::Channel),
    Supply,
}

impl Part {
    /// The file that holds its value, as far as it is one.
    pub(super) fn file(&self) -> String {
        match self {
            Self::Hwmon(input) => input.file.clone(),
            Self::Zone => "temp".to_owned(),
            Self::Iio(channel) => channel.file.clone(),
            Self::Supply => String::new(),
        }
    }

    /// What the register knows it by; stays as it is written.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Iio(channel) => format!("in_{}", channel.name),
            Self::Hwmon(_) | Self::Zone | Self::Supply => self.file(),
        }
    }
}

/// Tells one state of the folder of a device from any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Print {
    pub(super) own: u64,
    /// The same of the folder `device` in it, where the files of a chip are there.
    pub(super) beside: Option<u64>,
}

/// A device, as its folder describes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Device {
    /// Tells this state of the folder from any other.
    pub(super) print: Print,
    /// What it calls itself, as earlier versions wrote it, without a number that only counts.
    pub(super) base: String,
    /// The same with a number that only counts, if there is one in it.
    pub(super) called: String,
    /// What it calls itself without that, where they cut it.
    pub(super) cut: Option<String>,
    /// What stays of it.
    pub(super) origin: Origin,
    /// Tells whether its folder is still its own.
    pub(super) proof: Proof,
    /// What it has, and what tells the files of each from others of the same name.
    pub(super) parts: Vec<(Part, u64)>,
    /// Why some of what it has is not among them.
    pub(super) unanswered: Option<Error>,
}
