use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn the_key_stays_and_the_epoch_goes_up_at_each_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Identity::open_on(folder.path(), "m").unwrap();
    assert_eq!((first.origin().clone(), first.begin_epoch(Epoch(0)).unwrap()), (Origin::Made, Epoch(1)));
    let id = first.id();
    drop(first);
    let mut second = Identity::open_on(folder.path(), "m").unwrap();
    assert_eq!((second.id(), second.begin_epoch(Epoch(0)).unwrap()), (id, Epoch(2)));
    let mode = fs::metadata(folder.path().join("identity")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn ten_clones_of_an_image_become_ten_devices() {
    let image = tempfile::tempdir().unwrap();
    let original = Identity::open_on(image.path(), "factory").unwrap().id();
    let mut ids = std::collections::HashSet::from([original]);
    for clone in 0..10 {
        let device = tempfile::tempdir().unwrap();
        fs::copy(image.path().join("identity"), device.path().join("identity")).unwrap();
        let identity = Identity::open_on(device.path(), &format!("device {clone}")).unwrap();
        assert!(matches!(identity.origin(), Origin::Cloned { aside } if aside.exists()));
        ids.insert(identity.id());
    }
    assert_eq!(ids.len(), 11);
}

#[test]
fn a_damaged_file_is_set_aside_at_every_length_and_flip() {
    let folder = tempfile::tempdir().unwrap();
    let id = Identity::open_on(folder.path(), "m").unwrap().id();
    let path = folder.path().join("identity");
    let whole = fs::read(&path).unwrap();
    for length in (0..whole.len()).step_by(7) {
        fs::write(&path, &whole[..length]).unwrap();
        let identity = Identity::open_on(folder.path(), "m").unwrap();
        assert!(matches!(identity.origin(), Origin::Damaged { aside } if aside.exists()));
        assert_ne!(identity.id(), id);
    }
    for at in (0..whole.len()).step_by(11) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&path, &flipped).unwrap();
        assert_ne!(*Identity::open_on(folder.path(), "m").unwrap().origin(), Origin::Kept, "flip at {at}");
    }
}

#[test]
fn two_agents_cannot_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Identity::open_on(folder.path(), "m").unwrap();
    assert!(matches!(Identity::open_on(folder.path(), "m"), Err(Error::Locked(_))));
}

#[test]
fn a_pinned_hub_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::open_on(folder.path(), "m").unwrap();
    assert_eq!(identity.pinned_hub(), None);
    for address in [None, Some("192.0.2.1:5770".parse().unwrap()), Some("[fe80::1%3]:5770".parse().unwrap())] {
        let pin = Pin { hub: PublicKey([9; 32]), token: 7, address };
        identity.pin_hub(&pin).unwrap();
        assert_eq!(identity.pinned_hub(), Some(pin));
    }
}
