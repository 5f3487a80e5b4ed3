//! Joins and sensors that the store refuses.

use super::*;
use crate::model::device::{Introduction, NewDevice};
use crate::model::limits::Limits;
use crate::model::{PublicKey, SensorKind, SensorNo, SensorSpec};
use crate::store::{Config, Error, SecretKey};

fn newcomer(n: u8) -> NewDevice {
    NewDevice {
        key: PublicKey([n; 32]),
        introduction: Introduction::default(),
        address: None,
        at: Clock.wall(),
        join_token: None,
        handshake_counter: 1,
    }
}

fn sensors(names: &[&str]) -> Vec<SensorSpec> {
    let spec = |name: &&str| SensorSpec {
        name: (*name).to_owned(),
        unit: String::new(),
        kind: SensorKind::Gauge,
        interval_ms: 0,
    };
    names.iter().map(spec).collect()
}

#[tokio::test]
async fn the_endpoint_hears_when_sensors_are_not_registered_and_a_full_hub_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let key = SecretKey::load_or_create(dir.path()).unwrap();
    let limits = Limits { devices: 2, series: 3 };
    let store = Store::open(&Config { dir: dir.path().to_owned(), limits, ..Config::default() }, &key).unwrap();
    let (commands, mut told) = mpsc::channel(64);
    let registrar = Registrar {
        commands,
        floors: mpsc::channel(1).0,
        tokens_used: Arc::default(),
        reports: Arc::default(),
        parted: broadcast::channel(1).0,
        access_ended: watch::Sender::new(()),
        store: store.clone(),
        rules_changed: Arc::default(),
        presence: Arc::default(),
        bus: Bus::default(),
        clock: Clock,
    };
    let (events, heard) = mpsc::channel(64);
    let no = store.adopt(newcomer(1)).await.unwrap().no;
    let describe =
        |first, names: &[&str]| Event::Sensors { device: no, first: SensorNo(first), sensors: sensors(names) };
    // Two have a place; two more have not, so none of them is taken; a number too far on is another matter; the third.
    for event in [
        describe(0, &["a", "b"]),
        describe(2, &["c", "d"]),
        describe(9, &["c"]),
        describe(2, &["c"]),
        describe(3, &["d"]),
    ] {
        events.send(event).await.unwrap();
    }
    drop(events);
    registrar.run(heard).await.unwrap();
    let mut refused = Vec::new();
    while let Some(command) = told.recv().await {
        if let Command::NotRegistered { device, no_place } = command {
            refused.push((device, no_place));
        }
    }
    assert_eq!(refused, [(no, true), (no, false), (no, true)]);
    assert_eq!((store.catalog().series_count(), store.trouble().is_some()), (3, true));
    // What is known may be said again; a second device joins, a third does not, the second may be adopted again.
    store.register_sensors(no, SensorNo(0), sensors(&["a", "b", "c"])).await.unwrap();
    store.adopt(newcomer(2)).await.unwrap();
    let third = store.adopt(newcomer(3)).await;
    assert!(matches!(third, Err(Error::Limit { what: "devices", most: 2 })), "{third:?}");
    store.adopt(newcomer(2)).await.unwrap();
    // A deleted device leaves its places.
    let id = DeviceId::of(&newcomer(1).key);
    store.delete_device(id).await.unwrap();
    let third = store.adopt(newcomer(3)).await.unwrap().no;
    store.register_sensors(third, SensorNo(0), sensors(&["x", "y", "z"])).await.unwrap();
}
