//! Which series a listener wants. PURE.

use crate::model::catalog::Catalog;
use crate::model::device::Device;
use crate::model::glob::Glob;
use crate::model::reading::SeriesId;
use crate::model::view::View;

/// Which series a listener wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Glob over the names of devices; an id is matched whole, or by more than eight characters.
    pub device: Glob,
    /// Glob over sensor names.
    pub sensor: Glob,
    /// What the listener may see.
    pub view: View,
}

impl Filter {
    /// Whether a device is meant, by its id or its name, and may be seen.
    #[must_use]
    pub(crate) fn wants_device(&self, device: &Device) -> bool {
        self.view.has(device) && self.device.matches_device(&device.name, &device.id)
    }

    /// Whether a series is meant. A series the catalog does not know is not.
    #[must_use]
    pub(crate) fn wants(&self, series: SeriesId, catalog: &Catalog) -> bool {
        let Some(series) = catalog.series(series) else { return false };
        self.sensor.matches(&series.sensor)
            && catalog.device(series.device).is_some_and(|device| self.wants_device(device))
    }

    /// All series meant that exist.
    pub(crate) fn series<'a>(&'a self, catalog: &'a Catalog) -> impl Iterator<Item = SeriesId> + 'a {
        catalog
            .devices()
            .filter(|device| self.wants_device(device))
            .flat_map(|device| catalog.series_of(device.no))
            .filter(|series| self.sensor.matches(&series.sensor))
            .map(|series| series.id)
    }
}
