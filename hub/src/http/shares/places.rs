//! Places of connections: so many in all, so many of one address (of one network of an IPv6 host), and a few that only this
//! machine itself can take.
//!
//! A quarter of them is for whoever has not shown who they are: there whoever comes gets one, and the oldest gives way
//! ([`strangers`](crate::http::shares::strangers)). With a session or token that holds a connection keeps its place in the rest, of which one
//! session or token has a sixth at most. So nobody without one keeps those out who have one, from wherever they come.
//!
//! A connection by HTTP/2 carries several requests at once, and takes a place for each: what is bounded by the number of
//! connections is bounded all the same. A live connection has its place until it ends.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::strangers::{Stranger, Strangers};
use super::throttle::household;
use super::{PLACE, Shares, Taken};
use crate::http::config::Config;
use crate::http::principal::By;

/// Additional connections for this machine, so that a hub full of connections does not lock its owner out.
const RESERVE: usize = 32;
/// Strangers may have one in this many of all places.
const STRANGERS: usize = 4;
/// One session or token may have one in this many of the other places.
const OF_ONE: usize = 6;

/// All of them.
#[derive(Debug)]
pub(in crate::http) struct Places {
    room: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    guests: Guests,
    strangers: Arc<Strangers>,
    known: Arc<Shares>,
}

/// Those of one connection; given back when the last clone is dropped.
#[derive(Debug, Clone)]
pub(in crate::http) struct Place(Arc<Held>);

#[derive(Debug)]
struct Held {
    room: Arc<Semaphore>,
    known: Arc<Shares>,
    /// Cancelled when it has to give way.
    way: CancellationToken,
    has: Mutex<Has>,
}

#[derive(Debug)]
struct Has {
    permit: OwnedSemaphorePermit,
    guest: Guest,
    standing: Standing,
}

#[derive(Debug)]
enum Standing {
    Stranger(Stranger),
    /// Of the share of whoever was known first.
    Known {
        _taken: Taken,
    },
}

impl Places {
    /// Those that gave way are counted.
    pub(in crate::http) fn new(config: &Config, gave_way: Arc<AtomicU64>) -> Self {
        let most = config.connections.min(affordable());
        let strangers = most.div_ceil(STRANGERS);
        let known = most - strangers;
        Self {
            room: Arc::new(Semaphore::new(most)),
            reserve: Arc::new(Semaphore::new(RESERVE)),
            guests: Guests { open: Arc::default(), most: config.connections_per_ip },
            strangers: Arc::new(Strangers::new(strangers, gave_way)),
            known: Arc::new(Shares::new(known * PLACE, known.div_ceil(OF_ONE) * PLACE)),
        }
    }

    /// A place for a connection, if there is one. `carries_all`: through this address come others, as many as they are.
    pub(in crate::http) fn admit(&self, ip: IpAddr, carries_all: bool) -> Option<Place> {
        let guest = self.guests.admit(ip, carries_all)?;
        let permit = match Arc::clone(&self.room).try_acquire_owned() {
            Err(_) if ip.to_canonical().is_loopback() => Arc::clone(&self.reserve).try_acquire_owned().ok()?,
            permit => permit.ok()?,
        };
        let stranger = self.strangers.enter();
        Some(Place(Arc::new(Held {
            room: Arc::clone(&self.room),
            known: Arc::clone(&self.known),
            way: stranger.way().clone(),
            has: Mutex::new(Has { permit, guest, standing: Standing::Stranger(stranger) }),
        })))
    }
}

impl Place {
    /// Takes so many places more, or none.
    pub(in crate::http) fn widen(&self, more: u32) -> bool {
        let Ok(more_room) = Arc::clone(&self.0.room).try_acquire_many_owned(more) else { return false };
        let more = more as usize;
        let Has { permit, guest, standing } = &mut *self.0.lock();
        // Nothing is added to those of the reserve.
        let is_of_the_room = Arc::ptr_eq(permit.semaphore(), more_room.semaphore());
        let Standing::Stranger(stranger) = standing else { return false };
        if !is_of_the_room || !guest.widen(more) {
            return false;
        }
        if !stranger.widen(more) {
            guest.narrow(more);
            return false;
        }
        permit.merge(more_room);
        true
    }

    /// Who asks is known: they keep the place, if they have not too many.
    pub(in crate::http) fn is_of(&self, by: By) {
        let mut has = self.0.lock();
        if self.0.way.is_cancelled() || matches!(has.standing, Standing::Known { .. }) {
            return;
        }
        if let Some(taken) = self.0.known.of(by).try_take(has.permit.num_permits() * PLACE) {
            has.standing = Standing::Known { _taken: taken };
        }
    }

    /// A request that is being answered, until this is dropped.
    pub(in crate::http) fn asks(&self) -> Asking {
        self.0.asks(true);
        Asking(self.clone())
    }

    /// So many bytes came by it.
    pub(in crate::http) fn begins(&self, bytes: usize) {
        if let Standing::Stranger(stranger) = &self.0.lock().standing {
            stranger.begins(bytes);
        }
    }

    /// When it has to give way.
    pub(in crate::http) async fn gave_way(&self) {
        self.0.way.cancelled().await;
    }
}

impl Held {
    fn lock(&self) -> MutexGuard<'_, Has> {
        self.has.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asks(&self, more: bool) {
        if let Standing::Stranger(stranger) = &self.lock().standing {
            stranger.asks(more);
        }
    }
}

/// See [`Place::asks`].
#[derive(Debug)]
pub(in crate::http) struct Asking(Place);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.0.asks(false);
    }
}

/// Connections that leave the rest of the hub half of the files it may open.
fn affordable() -> usize {
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |files| usize::try_from(files / 2).unwrap_or(usize::MAX))
}

/// Places by address.
#[derive(Debug, Clone, Default)]
struct Guests {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
}

impl Guests {
    fn admit(&self, ip: IpAddr, carries_all: bool) -> Option<Guest> {
        // Before its network is meant: that of `::1` is no loopback.
        let is_exempt = carries_all || ip.to_canonical().is_loopback();
        let mut guest = Guest { ip: household(ip), places: 0, is_exempt, guests: self.clone() };
        guest.widen(1).then_some(guest)
    }
}

#[derive(Debug)]
struct Guest {
    ip: IpAddr,
    places: usize,
    is_exempt: bool,
    guests: Guests,
}

impl Guest {
    fn widen(&mut self, more: usize) -> bool {
        let mut open = self.guests.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.get(&self.ip).copied().unwrap_or_default();
        let is_room = self.is_exempt || count + more <= self.guests.most;
        if is_room {
            open.insert(self.ip, count + more);
            self.places += more;
        }
        is_room
    }

    fn narrow(&mut self, less: usize) {
        let mut open = self.guests.open.lock().unwrap_or_else(PoisonError::into_inner);
        self.places -= less;
        if let Some(count) = open.get_mut(&self.ip) {
            *count -= less;
            if *count == 0 {
                open.remove(&self.ip);
            }
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.narrow(self.places);
    }
}
