//! Who sends a request, for those who learn it after they have passed it on.

use std::sync::{Arc, OnceLock};

use super::places::Place;
use crate::http::principal::{By, Principal};

/// Who sends a request, once that is known: a middleware that asks afterwards puts this into it, and what looks at credentials
/// fills it.
#[derive(Debug, Clone)]
pub(in crate::http) struct Asker(Arc<OnceLock<Principal>>, Option<Place>);

impl Asker {
    /// On a connection with this place, if it has one.
    pub(in crate::http) fn at(place: Option<Place>) -> Self {
        Self(Arc::default(), place)
    }

    pub(in crate::http) fn is(&self, who: Principal) {
        if let Some(place) = &self.1 {
            place.is_of(who.by);
        }
        // Whoever looks a second time sees the same.
        let _ = self.0.set(who);
    }

    pub(in crate::http) fn known(&self) -> Option<By> {
        self.who().map(|who| who.by)
    }

    pub(in crate::http) fn who(&self) -> Option<&Principal> {
        self.0.get()
    }
}
