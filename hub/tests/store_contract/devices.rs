//! Devices and their sensors.

use telemetry_hub::model::device::{DeviceNo, Standing};
use telemetry_hub::model::{BatchSeq, DeviceId, Epoch, Numbering, SensorKind, SensorNo, SensorSpec};
use telemetry_hub::store::Error;

use super::scene::{Hub, T0, new_device, sensor};

#[tokio::test]
async fn names_are_made_unique_and_blocking_and_deleting_are_remembered() {
    let mut hub = Hub::new().await;
    let second = hub.store.adopt(new_device(2, "pump")).await.unwrap();
    let third = hub.store.adopt(new_device(3, "pump")).await.unwrap();
    let nameless = hub.store.adopt(new_device(4, " ")).await.unwrap();
    assert_eq!((&*hub.device.name, &*second.name, &*third.name), ("pump", "pump-2", "pump-3"));
    assert!(nameless.name.starts_with("device-"));
    assert_eq!(hub.store.block(second.id, None).await.unwrap().standing, Standing::Blocked);
    let stranger = new_device(9, "stranger");
    let id = DeviceId::of(&stranger.key);
    assert!(matches!(hub.store.block(id, None).await, Err(Error::NotFound { .. })));
    assert_eq!(hub.store.block(id, Some(stranger)).await.unwrap().standing, Standing::Blocked);
    let again = hub.store.adopt(new_device(2, "ignored")).await.unwrap();
    assert_eq!((again.no, again.standing, &*again.name), (second.no, Standing::Adopted, "pump-2"));
    hub.store.delete_device(third.id).await.unwrap();
    hub.restart().await;
    let catalog = hub.store.catalog();
    assert_eq!(catalog.devices().count(), 4);
    assert_eq!(catalog.device(second.no), Some(&again));
    assert!(catalog.device(third.no).is_none());
}

#[tokio::test]
async fn sensor_numbers_are_dense_and_a_name_keeps_its_series() {
    let hub = Hub::new().await;
    let no = hub.device.no;
    let register = |first, names: &[&str]| {
        let sensors = names.iter().map(|name| sensor(name)).collect();
        hub.store.register_sensors(no, SensorNo(first), sensors)
    };
    assert_eq!(register(0, &["a", "b", "c"]).await.unwrap(), hub.series);
    let more = register(2, &["c", "a", "d"]).await.unwrap();
    assert_eq!((more.len(), more[3]), (5, hub.series[0]));
    assert!(matches!(register(0, &["z"]).await, Err(Error::Conflict { .. })));
    assert!(matches!(register(9, &["z"]).await, Err(Error::Conflict { .. })));
    let changed = SensorSpec { unit: "K".to_owned(), kind: SensorKind::State, ..sensor("b") };
    hub.store.register_sensors(no, SensorNo(1), vec![changed]).await.unwrap();
    let catalog = hub.store.catalog();
    let series = catalog.series(hub.series[1]).unwrap();
    assert_eq!((&*series.unit, series.kind), ("K", SensorKind::State));
    assert_eq!((catalog.own_numbers(no), catalog.series_count()), (&more[..], 4));
}

#[tokio::test]
async fn a_number_that_stands_for_another_sensor_leaves_what_it_stood_for_where_it_was() {
    let mut hub = Hub::new().await;
    let no = hub.device.no;
    hub.put(0, &[(0, 0, 1.0), (1, 0, 2.0)]).await;
    let numbering = Numbering { epoch: Epoch(1), seq: BatchSeq(1) };
    hub.store.renumber(no, numbering).await.unwrap();
    assert_eq!((hub.store.catalog().own_numbers(no).len(), hub.store.catalog().numbering(no)), (0, numbering));
    let sensors = ["new", "b"].map(sensor).to_vec();
    let series = hub.store.register_sensors(no, SensorNo(0), sensors).await.unwrap();
    let before = std::mem::replace(&mut hub.series, series);
    assert!(hub.series[0] != before[0] && hub.series[1] == before[1]);
    hub.put(1, &[(0, 1_000, 10.0), (1, 1_000, 20.0)]).await;
    // Kept in the journal, and in blocks: each by the name it was sent under.
    for blocks in [false, true] {
        hub.restart().await;
        assert_eq!(hub.store.catalog().numbering(no), numbering, "in blocks: {blocks}");
        assert_eq!((hub.values(0, 0, 9_000).await, hub.values(1, 0, 9_000).await), (vec![10.0], vec![2.0, 20.0]));
        let old = hub.store.readings(before[0], T0, T0.plus(9_000), 10).await.unwrap();
        assert_eq!(old.points.iter().map(|point| point.value).collect::<Vec<_>>(), [1.0]);
        hub.store.make_blocks().await.unwrap();
    }
    assert!(matches!(hub.store.renumber(DeviceNo(99), numbering).await, Err(Error::NotFound { .. })));
}
