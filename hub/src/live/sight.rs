//! Which devices one listener may see, and which it therefore knows of. PURE.
//!
//! Labels decide whether a device is in a [`View`], and people change labels while somebody listens. When a device
//! leaves the view, its listener is told once that it is gone. Of a device that it never saw it is told nothing, not
//! even that.

use std::collections::HashSet;

use crate::model::DeviceId;
use crate::model::catalog::Catalog;
use crate::model::view::View;

/// What a listener is told of a device that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// How it is now.
    Now,
    /// That it is gone.
    Gone,
    Never,
}

/// See the module's header.
#[derive(Debug)]
pub(crate) struct Sight {
    view: View,
    /// Devices in the view, as the listener knows; empty where the view is everything. At the cap of 20,000 devices half a
    /// megabyte.
    known: HashSet<DeviceId>,
}

impl Sight {
    /// Of somebody who begins to listen.
    #[must_use]
    pub(crate) fn new(view: View, catalog: &Catalog) -> Self {
        let known = Self::in_view(&view, catalog);
        Self { view, known }
    }

    /// What may be seen.
    #[must_use]
    pub(crate) const fn view(&self) -> &View {
        &self.view
    }

    /// A device changed, came, or asks to be adopted.
    pub(crate) fn changed(&mut self, id: DeviceId, catalog: &Catalog) -> Seen {
        if self.view.is_all() { Seen::Now } else { self.look(id, catalog) }
    }

    /// A device is gone, or one that waited: that may have had the id of one that is there by its readings alone.
    pub(crate) fn removed(&mut self, id: DeviceId, catalog: &Catalog) -> Seen {
        if self.view.is_all() { Seen::Gone } else { self.look(id, catalog) }
    }

    fn look(&mut self, id: DeviceId, catalog: &Catalog) -> Seen {
        if self.view.device(catalog, id).is_some() {
            self.known.insert(id);
            return Seen::Now;
        }
        if self.known.remove(&id) { Seen::Gone } else { Seen::Never }
    }

    /// Some changes were missed: devices that left the view meanwhile.
    pub(crate) fn missed(&mut self, catalog: &Catalog) -> Vec<DeviceId> {
        let known = Self::in_view(&self.view, catalog);
        let before = std::mem::replace(&mut self.known, known);
        before.into_iter().filter(|id| !self.known.contains(id)).collect()
    }

    fn in_view(view: &View, catalog: &Catalog) -> HashSet<DeviceId> {
        let some = catalog.devices().filter(|device| !view.is_all() && view.has(device));
        some.map(|device| device.id).collect()
    }
}
