//! Places of connections: so many in all, so many of one address (of one network of an IPv6 host), and a few that only this
//! machine itself can take.
//!
//! A connection by HTTP/2 carries several requests at once, and takes a place for each: what is bounded by the number of
//! connections is bounded all the same.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::state::Config;
use super::throttle::household;

/// Connections of this machine beside all others: whoever fills the hub does not lock its owner out.
const RESERVE: usize = 32;

/// All of them.
#[derive(Debug)]
pub(super) struct Places {
    room: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    guests: Guests,
}

/// Those of one connection; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    room: Arc<Semaphore>,
    permit: OwnedSemaphorePermit,
    guest: Guest,
}

impl Places {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            room: Arc::new(Semaphore::new(config.connections.min(affordable()))),
            reserve: Arc::new(Semaphore::new(RESERVE)),
            guests: Guests { open: Arc::default(), most: config.connections_per_ip },
        }
    }

    /// A place for a connection, if there is one. `carries_all`: through this address come others, as many as they are.
    pub(super) fn admit(&self, ip: IpAddr, carries_all: bool) -> Option<Place> {
        let guest = self.guests.admit(ip, carries_all)?;
        let permit = match Arc::clone(&self.room).try_acquire_owned() {
            Err(_) if ip.to_canonical().is_loopback() => Arc::clone(&self.reserve).try_acquire_owned().ok()?,
            permit => permit.ok()?,
        };
        Some(Place { room: Arc::clone(&self.room), permit, guest })
    }
}

impl Place {
    /// Takes so many places more, or none.
    pub(super) fn widen(&mut self, more: u32) -> bool {
        let Ok(permit) = Arc::clone(&self.room).try_acquire_many_owned(more) else { return false };
        // Of the reserve: nothing is added to those.
        let is_of_the_room = Arc::ptr_eq(self.permit.semaphore(), permit.semaphore());
        let widened = is_of_the_room && self.guest.widen(more as usize);
        if widened {
            self.permit.merge(permit);
        }
        widened
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
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut open = self.guests.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.ip) {
            *count -= self.places;
            if *count == 0 {
                open.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn one_address_has_so_many_connections_and_loopback_any_number() {
        let guests = Guests { most: 2, ..Guests::default() };
        let lan = IpAddr::from([192, 168, 0, 9]);
        let first = guests.admit(lan, false);
        let _second = guests.admit(lan, false);
        assert!(guests.admit(lan, false).is_none());
        drop(first);
        assert!(guests.admit(lan, false).is_some());
        for local in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into(), "::ffff:127.0.0.1".parse().unwrap()] {
            let local: Vec<_> = (0..9).map(|_| guests.admit(local, false)).collect();
            assert!(local.iter().all(Option::is_some));
        }
        assert_eq!(guests.open.lock().unwrap().len(), 1);
        let host = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        let _neighbours = [guests.admit(host(1), false), guests.admit(host(2), false)];
        assert!(guests.admit(host(3), false).is_none(), "one network");
    }

    #[test]
    fn who_asks_for_several_things_at_once_takes_as_many_places() {
        let places = Places::new(&Config { connections: 20, connections_per_ip: 10, ..Config::default() });
        let lan = IpAddr::from([192, 168, 0, 9]);
        let mut first = places.admit(lan, false).unwrap();
        assert!(first.widen(7) && places.room.available_permits() == 12);
        let mut second = places.admit(lan, false).unwrap();
        assert!(!second.widen(7), "the address has no more");
        assert_eq!(places.room.available_permits(), 11, "nothing is kept of what was not had");
        drop(first);
        assert!(second.widen(7));
        let mut local = places.admit(Ipv4Addr::LOCALHOST.into(), false).unwrap();
        assert!(local.widen(7) && !local.widen(7), "there are no more in all");
        drop((second, local));
        assert_eq!((places.room.available_permits(), places.guests.open.lock().unwrap().len()), (20, 0));
    }

    #[test]
    fn this_machine_has_places_of_its_own() {
        let places = Places::new(&Config { connections: 1, ..Config::default() });
        let _all = places.admit(IpAddr::from([192, 168, 0, 9]), false).unwrap();
        assert!(places.admit(IpAddr::from([192, 168, 0, 8]), false).is_none());
        let mut local = places.admit(Ipv4Addr::LOCALHOST.into(), false).unwrap();
        assert!(!local.widen(1) && places.reserve.available_permits() == RESERVE - 1);
    }
}
