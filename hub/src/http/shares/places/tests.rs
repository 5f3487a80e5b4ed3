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

fn places(connections: usize, connections_per_ip: usize) -> Places {
    Places::new(&Config { connections, connections_per_ip, ..Config::default() }, Arc::default())
}

fn lan(host: u8) -> IpAddr {
    IpAddr::from([192, 168, 0, host])
}

fn stays(place: &Place) -> bool {
    !place.0.way.is_cancelled()
}

#[test]
fn who_asks_for_several_things_at_once_takes_as_many_places() {
    let places = places(80, 10);
    let first = places.admit(lan(9), false).unwrap();
    assert!(first.widen(7) && places.room.available_permits() == 72);
    let second = places.admit(lan(9), false).unwrap();
    assert!(!second.widen(7), "the address has no more");
    assert_eq!(places.room.available_permits(), 71, "nothing is kept of what was not had");
    drop(first);
    assert!(second.widen(7));
    let local = places.admit(Ipv4Addr::LOCALHOST.into(), false).unwrap();
    assert!(local.widen(7) && !local.widen(13), "strangers have twenty");
    assert!(stays(&second));
    let clone = local.clone();
    drop((second, local));
    assert_eq!(places.room.available_permits(), 72, "one that is held elsewhere too");
    drop(clone);
    assert_eq!((places.room.available_permits(), places.guests.open.lock().unwrap().len()), (80, 0));
}

#[test]
fn this_machine_has_places_of_its_own() {
    let places = places(1, 64);
    let _all = places.admit(lan(9), false).unwrap();
    assert!(places.admit(lan(8), false).is_none());
    let local = places.admit(Ipv4Addr::LOCALHOST.into(), false).unwrap();
    assert!(!local.widen(1) && places.reserve.available_permits() == RESERVE - 1);
}

#[test]
fn who_is_known_keeps_the_place_and_strangers_give_way_to_strangers() {
    let places = places(32, 64);
    let known = places.admit(lan(1), false).unwrap();
    known.is_of(By::Token(1));
    let flood: Vec<_> = (2..40).map(|n| places.admit(lan(n), false)).collect();
    assert!(flood.iter().rev().take(8).flatten().all(stays), "a quarter is theirs");
    let alive = flood.iter().flatten().filter(|place| stays(place)).count();
    assert_eq!((stays(&known), alive), (true, 8));
    drop(flood);
    // One token does not have all the places of those who are known.
    let many: Vec<_> = (0..12).map(|_| places.admit(lan(1), false).unwrap()).collect();
    many.iter().for_each(|place| place.is_of(By::Token(1)));
    let _flood: Vec<_> = (2..18).map(|n| places.admit(lan(n), false)).collect();
    assert_eq!((stays(&known), many.iter().filter(|place| stays(place)).count()), (true, 3));
    let other = places.admit(lan(2), false).unwrap();
    other.is_of(By::Token(2));
    assert!(matches!(other.0.lock().standing, Standing::Known { .. }));
}
