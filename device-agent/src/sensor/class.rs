//! The kinds of sources that the kernel offers.

use serde::{Deserialize, Serialize};
use wire::SensorSpec;

/// The kinds and their list are written once: one that is missing in the list would never be read.
macro_rules! classes {
    ($($(#[$doc:meta])* $class:ident,)*) => {
        /// A kind of source.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub(crate) enum Class {
            $($(#[$doc])* $class,)*
        }

        impl Class {
            /// All of them, in the order in which they are told.
            pub(super) const ALL: [Self; [$(Self::$class,)*].len()] = [$(Self::$class,)*];
        }
    };
}

classes! {
    /// `/proc/stat`: share of time spent working.
    Cpu,
    /// `/proc/meminfo`.
    Memory,
    /// `/proc/loadavg` and `/proc/uptime`.
    Load,
    /// `/proc/self/mountinfo` and `statvfs`.
    Disk,
    /// `/proc/net/dev`.
    Network,
    /// `/sys/class/hwmon`: monitoring chips.
    Hwmon,
    /// `/sys/class/thermal`: thermal zones.
    Thermal,
    /// `/sys/bus/iio`.
    Iio,
    /// `/sys/class/power_supply`.
    Power,
}

impl Class {
    /// What to say in logs and in `status`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Load => "load",
            Self::Disk => "disk",
            Self::Network => "network",
            Self::Hwmon => "hwmon",
            Self::Thermal => "thermal",
            Self::Iio => "iio",
            Self::Power => "power",
        }
    }

    /// What to call a device that says no name.
    pub(super) const fn unnamed(self) -> &'static str {
        match self {
            Self::Hwmon => "chip",
            Self::Thermal => "zone",
            Self::Power => "supply",
            Self::Disk => "root",
            Self::Iio | Self::Cpu | Self::Memory | Self::Load | Self::Network => "device",
        }
    }

    /// The folder in which the kernel lists its devices; for what is no list of devices that of the whole machine.
    pub(super) const fn folder(self) -> &'static str {
        match self {
            Self::Hwmon => "sys/class/hwmon",
            Self::Thermal => "sys/class/thermal",
            Self::Iio => "sys/bus/iio/devices",
            Self::Power => "sys/class/power_supply",
            Self::Cpu | Self::Memory | Self::Load | Self::Disk | Self::Network => "",
        }
    }

    /// How the folders of its devices are called, before their number; supplies have names.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Hwmon => "hwmon",
            Self::Thermal => "thermal_zone",
            Self::Iio => "iio:device",
            Self::Power | Self::Cpu | Self::Memory | Self::Load | Self::Disk | Self::Network => "",
        }
    }

    /// The longest name of a part, in bytes; of a supply it is `power.<supply>`, before `.charge_pct` and what is shorter.
    pub(super) const fn longest_name(self) -> usize {
        if matches!(self, Self::Power) { SensorSpec::NAME_LIMIT - ".charge_pct".len() } else { SensorSpec::NAME_LIMIT }
    }
}
