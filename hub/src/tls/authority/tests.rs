use std::net::IpAddr;

use super::*;

fn names(dns: &[&str]) -> Names {
    let listed: Vec<String> = dns.iter().map(|name| (*name).to_owned()).collect();
    Names::of(Some("my_pc"), &listed, [IpAddr::from([192, 168, 1, 20])])
}

fn wanted(data: &Path, dns: &'static [&'static str]) -> Wanted {
    Wanted { data: data.to_owned(), hub: "one two three".to_owned(), names: Box::new(move || names(dns)) }
}

#[test]
fn a_certificate_is_made_anew_in_time_and_for_what_it_lacks() {
    let dir = tempfile::tempdir().unwrap();
    let (authority, pair) = Authority::open(&wanted(dir.path(), &[]), Clock).unwrap();
    let now = Clock.wall();
    assert!(authority.fits(&pair, &names(&[]), now), "also for a name with `_`");
    assert!(pair.life.ends_at.since(now) <= 398 * DAY_MS);
    assert!(!authority.fits(&pair, &names(&[]), now.plus(336 * DAY_MS)), "it will soon expire");
    assert!(authority.fits(&pair, &names(&[]), UnixMillis(0)), "a clock that was not set says nothing");
    let more = Names { addresses: [IpAddr::from([10, 0, 0, 1])].into(), ..names(&[]) };
    assert!(!authority.fits(&pair, &more, now));
    let fewer = Names { addresses: Default::default(), ..names(&[]) };
    assert!(authority.fits(&pair, &fewer, now));
    let again = Authority::open(&wanted(dir.path(), &[]), Clock).unwrap();
    assert_eq!((again.0.told(), again.1.leaf()), (authority.told(), pair.leaf()));
}

#[test]
fn the_authority_stays_while_it_can_and_a_part_of_it_is_no_authority() {
    let dir = tempfile::tempdir().unwrap();
    let open = |dns| Authority::open(&wanted(dir.path(), dns), Clock);
    let first = open(&[]).unwrap().0.told();
    assert_eq!(open(&["hub.lan", "attic.test"]).unwrap().0.told(), first);
    let second = open(&["hub.example.org"]).unwrap().0.told();
    assert_ne!(second, first);
    assert_eq!(open(&[]).unwrap().0.told(), second);
    // A start that was cut off between the two files.
    std::fs::remove_file(dir.path().join("tls/hub.crt")).unwrap();
    std::fs::write(dir.path().join("tls/ca.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    assert_ne!(open(&[]).unwrap().0.told(), second);
    for (file, text) in [("ca.key", "nothing"), ("ca.crt", "")] {
        std::fs::write(dir.path().join("tls").join(file), text).unwrap();
        let error = format!("{:#}", open(&[]).err().unwrap());
        assert!(error.contains(&format!("tls/{file}: ")) && error.contains("bring it back from a copy"), "{error}");
    }
}
