//! Which devices a caller may see: all, or those with certain labels. The others are for that caller as if they did not
//! exist.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::DeviceId;
use super::catalog::Catalog;
use super::device::{Device, DeviceNo, Labels, carry};

/// Devices that somebody may see. A device is in it by the labels it has at the moment. Clones share the labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View(Option<Arc<Labels>>);

impl View {
    /// Everything, the hub itself and who waits to be adopted included.
    pub const ALL: Self = Self(None);

    /// Devices that have all of these labels; everything where there are none.
    #[must_use]
    pub fn of(labels: Labels) -> Self {
        Self((!labels.is_empty()).then(|| Arc::new(labels)))
    }

    /// Whether nothing is left out.
    #[must_use]
    pub const fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// The labels that a device needs; none where everything is seen.
    #[must_use]
    pub fn labels(&self) -> Labels {
        self.0.as_deref().cloned().unwrap_or_default()
    }

    /// Whether a device is in it.
    #[must_use]
    pub fn has(&self, device: &Device) -> bool {
        self.0.as_deref().is_none_or(|wanted| carry(&device.labels, wanted))
    }

    /// The device with this id, if it is in it.
    #[must_use]
    pub fn device<'a>(&self, catalog: &'a Catalog, id: DeviceId) -> Option<&'a Device> {
        catalog.device_by_id(id).filter(|device| self.has(device))
    }

    /// Whether it has what is about this device, or about none: the hub itself.
    #[must_use]
    pub fn sees(&self, catalog: &Catalog, device: Option<DeviceNo>) -> bool {
        self.is_all() || device.and_then(|no| catalog.device(no)).is_some_and(|device| self.has(device))
    }

    /// Its devices by number, as they are now.
    #[must_use]
    pub fn among(&self, catalog: &Catalog) -> Among {
        if self.is_all() {
            return Among(None);
        }
        Among(Some(catalog.devices().filter(|device| self.has(device)).map(|device| device.no).collect()))
    }
}

/// `site=south, floor=2`
impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (key, value)) in self.0.iter().flat_map(|labels| labels.iter()).enumerate() {
            write!(f, "{}{key}={value}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// Devices by number, for what is read far from the catalog: all, with what is about none, or these alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Among(Option<HashSet<DeviceNo>>);

impl Among {
    /// Whether what is about this device, or about none, belongs to it.
    #[must_use]
    pub fn has(&self, device: Option<DeviceNo>) -> bool {
        self.0.as_ref().is_none_or(|these| device.is_some_and(|device| these.contains(&device)))
    }
}
