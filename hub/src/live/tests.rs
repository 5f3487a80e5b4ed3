//! What one listener is sent, and how much of it waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::filter::Filter;
use super::room::{LENT_ROWS, LISTENER_ROWS, OWN_ROWS, Room};
use super::subscription::{PRESSED_EVERY, Subscription};
use super::waiting::Frame;
use super::{Told, Update};
use crate::model::catalog::{Catalog, Series};
use crate::model::device::Device;
use crate::model::device::DeviceNo;
use crate::model::glob::Glob;
use crate::model::reading::BatchId;
use crate::model::reading::{Batch, Point, SeriesId};
use crate::model::view::View;
use crate::model::webhook::{Delivery, DeliveryId, DeliveryState, Event, WebhookId};
use crate::model::{BatchSeq, DeviceId, Epoch, PublicKey, SensorKind};
use crate::model::{Lane, UnixMillis};

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for (no, name) in [(1, "shed"), (2, "house")] {
        let key = PublicKey([no as u8; 32]);
        catalog.put_device(Device { id: DeviceId::of(&key), key, name: name.to_owned(), ..Device::adopted(no) });
        for (offset, sensor) in ["temp", "hum"].into_iter().enumerate() {
            catalog.put_series(Series {
                id: SeriesId(no * 10 + offset as u32),
                device: DeviceNo(no),
                sensor: sensor.to_owned(),
                unit: String::new(),
                kind: SensorKind::Gauge,
                kind_by_owner: false,
                interval_ms: 0,
            });
        }
    }
    catalog
}

fn batch(lane: Lane, rows: &[(u32, i64, f64)]) -> Batch {
    Batch {
        id: BatchId { device: DeviceNo(1), epoch: Epoch(0), seq: BatchSeq(0) },
        lane,
        received_at: UnixMillis(0),
        payload: Vec::new(),
        series: rows.iter().map(|row| SeriesId(row.0)).collect(),
        at: rows.iter().map(|row| UnixMillis(row.1)).collect(),
        value: rows.iter().map(|row| row.2).collect(),
    }
}

fn filter(device: &str, sensor: &str) -> Filter {
    Filter { device: Glob::new(device), sensor: Glob::new(sensor), view: View::ALL }
}

/// The room of a listener that was lent all it may have.
fn full() -> Room {
    let mut room = Room::default();
    room.lend(room.wants(LISTENER_ROWS));
    room
}

#[expect(clippy::disallowed_methods, reason = "a start for virtual time")]
fn start() -> Instant {
    Instant::now()
}

#[test]
fn only_wanted_series_pass_by_name_and_by_id() {
    let (catalog, now, mut room) = (catalog(), start(), full());
    let id = DeviceId::of(&PublicKey([1; 32])).to_string();
    for device in ["sh*", id.as_str()] {
        let mut subscription = Subscription::new(filter(device, "t*"), 10.0);
        subscription.observe(
            now,
            &batch(Lane::Live, &[(10, 1, 1.0), (11, 1, 2.0), (20, 1, 3.0), (99, 1, 4.0)]),
            &catalog,
            &mut room,
        );
        let frames = subscription.poll(now, &mut room);
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0].rows, [(SeriesId(10), Point { at: UnixMillis(1), value: 1.0 })]);
    }
    assert_eq!(filter("*", "temp").series(&catalog).count(), 2);
}

#[test]
fn frames_leave_at_most_max_hz_times_a_second() {
    let (catalog, now, mut room) = (catalog(), start(), full());
    let mut subscription = Subscription::new(filter("*", "*"), 10.0);
    subscription.observe(now, &batch(Lane::Live, &[(10, 1, 1.0)]), &catalog, &mut room);
    assert_eq!(subscription.poll(now, &mut room).len(), 1);
    subscription.observe(now, &batch(Lane::Live, &[(10, 2, 1.0)]), &catalog, &mut room);
    assert_eq!(subscription.poll(now, &mut room), []);
    assert_eq!(subscription.poll_timeout(), Some(now + Duration::from_millis(100)));
    assert_eq!(subscription.poll(now + Duration::from_millis(100), &mut room).len(), 1);
    assert_eq!(subscription.poll_timeout(), None);
}

#[test]
fn too_many_rows_leave_as_the_newest_of_each_series_and_a_gap() {
    let (catalog, now, mut room) = (catalog(), start(), full());
    let mut subscription = Subscription::new(filter("*", "*"), 10.0);
    for at in 0..5_000 {
        subscription.observe(now, &batch(Lane::Live, &[(10, at, at as f64)]), &catalog, &mut room);
    }
    subscription.observe(now, &batch(Lane::Live, &[(20, 7, 7.0)]), &catalog, &mut room);
    let frames = subscription.poll(now, &mut room);
    assert_eq!(frames[0].rows.len(), 2);
    assert_eq!(frames[0].rows[0].1.at, UnixMillis(4_999));
    assert_eq!(frames[0].gap, Some(UnixMillis(0)));
    subscription.observe(now, &batch(Lane::Live, &[(10, 6_000, 1.0)]), &catalog, &mut room);
    assert_eq!(subscription.poll(now + Duration::from_secs(1), &mut room)[0].gap, None);
}

#[test]
fn what_waits_for_a_listener_is_bounded_whatever_it_asks_for_and_the_rest_is_a_gap() {
    let (catalog, now, mut room) = (catalog(), start(), full());
    let mut all: Vec<_> = (0..500).map(|_| Subscription::new(filter("*", "*"), 10.0)).collect();
    for at in 0..100 {
        for subscription in &mut all {
            subscription.observe(now, &batch(Lane::Live, &[(10, at, 1.0), (11, at, 2.0)]), &catalog, &mut room);
        }
    }
    let held = |all: &[Subscription]| all.iter().map(|one| one.live.rows.len()).sum::<usize>();
    assert!(held(&all) <= LISTENER_ROWS && held(&all) + room.left == room.all);
    // Whoever ends makes room; what is sent as well.
    all.remove(0).end(&mut room);
    assert_eq!(held(&all) + room.left, LISTENER_ROWS);
    let frames: Vec<_> = all.iter_mut().flat_map(|one| one.poll(now, &mut room)).collect();
    assert_eq!(room.left, LISTENER_ROWS);
    assert_eq!(frames.len(), 499, "each hears that rows are missing");
    let newest = |frame: &Frame| frame.rows.last().is_some_and(|(_, point)| point.at == UnixMillis(99));
    assert!(frames.iter().all(|frame| newest(frame) || frame.gap.is_some()));
}

#[test]
fn a_listener_has_little_room_of_its_own_and_is_lent_what_it_needs_up_to_a_bound() {
    let (catalog, now, mut room) = (catalog(), start(), Room::default());
    assert_eq!((room.wants(OWN_ROWS), room.lent_bytes()), (0, 0));
    let mut subscription = Subscription::new(filter("*", "*"), 10.0);
    let rows: Vec<_> = (0..2_000).map(|at| (10, at, at as f64)).collect();
    subscription.observe(now, &batch(Lane::Live, &rows), &catalog, &mut room);
    let frame = subscription.poll(now, &mut room).remove(0);
    assert!(frame.rows.len() <= OWN_ROWS && frame.gap.is_some(), "nothing was lent");
    let wanted = room.wants(rows.len());
    assert!((rows.len() - OWN_ROWS..rows.len() + LENT_ROWS).contains(&wanted), "{wanted}");
    room.lend(wanted);
    subscription.observe(now, &batch(Lane::Live, &rows), &catalog, &mut room);
    assert!(!room.repay(), "they wait");
    let frame = subscription.poll(now + Duration::from_secs(1), &mut room).remove(0);
    assert_eq!((frame.rows.len(), frame.gap), (2_000, None));
    assert!(room.repay() && !room.repay());
    room.lend(room.wants(1_000_000));
    assert_eq!((room.all, room.wants(1_000_000)), (LISTENER_ROWS, 0));
}

#[test]
fn while_the_hub_is_pressed_a_frame_a_second_holds_the_newest_of_each_series() {
    let (catalog, now, mut room) = (catalog(), start(), full());
    let mut subscription = Subscription::new(filter("*", "*"), 10.0);
    subscription.set_pressed(true);
    for at in 1..=3 {
        subscription.observe(now, &batch(Lane::Live, &[(10, at, 1.0), (20, at, 2.0)]), &catalog, &mut room);
    }
    let frame = subscription.poll(now, &mut room).remove(0);
    assert_eq!(frame.rows.iter().map(|row| row.1.at.0).collect::<Vec<_>>(), [3, 3]);
    assert_eq!(frame.gap, Some(UnixMillis(1)));
    subscription.observe(now, &batch(Lane::Live, &[(10, 4, 1.0)]), &catalog, &mut room);
    assert_eq!(subscription.poll_timeout(), Some(now + PRESSED_EVERY));
    subscription.set_pressed(false);
    assert_eq!(subscription.poll(now + PRESSED_EVERY, &mut room).len(), 1);
}

#[test]
fn recovered_readings_leave_in_frames_of_their_own() {
    let (catalog, now, mut room) = (catalog(), start(), full());
    let mut subscription = Subscription::new(filter("*", "*"), 10.0);
    subscription.observe(now, &batch(Lane::Recovered, &[(10, 1, 1.0)]), &catalog, &mut room);
    subscription.observe(now, &batch(Lane::Live, &[(10, 9, 1.0)]), &catalog, &mut room);
    let lanes: Vec<_> = subscription.poll(now, &mut room).iter().map(|frame| frame.lane).collect();
    assert_eq!(lanes, [Lane::Live, Lane::Recovered]);
}

#[tokio::test]
async fn a_delivery_is_read_once_for_all_listeners() {
    let delivery = Delivery {
        id: DeliveryId(1),
        webhook: WebhookId(1),
        alert: None,
        event: Event::Test,
        state: DeliveryState::Pending,
        attempts: Vec::new(),
        by_hand: 0,
        next_attempt_at: None,
        summary: None,
        urgency: crate::model::hearing::Urgency::Ordinary,
        created_at: UnixMillis(0),
        held_until: None,
        body: Vec::new(),
    };
    let told = Told::new(Arc::new(Update::Delivery(delivery.id)));
    assert_eq!(told.delivery(async { Err("busy") }).await, Err("busy"));
    // What failed is read again by the next listener, and from then on by nobody.
    assert_eq!(told.delivery(async { Ok::<_, &str>(delivery.clone()) }).await, Ok(&delivery));
    assert_eq!(told.delivery(async { Err("read a second time") }).await, Ok(&delivery));
}
