//! What the store does by itself as time passes, by a clock that the test moves.

use std::time::Duration;

use telemetry_hub::clock::Hand;

use super::scene::{DAY, Hub, T0};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

/// Moves the clock once the store waits for it, and returns when it has done what was due and waits again.
async fn pass(hand: &Hand, time: Duration) {
    waits(hand).await;
    hand.advance(time);
    waits(hand).await;
}

async fn waits(hand: &Hand) {
    while hand.awaited().is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_reading_waits_two_hours_for_its_block() {
    let (hub, hand) = Hub::by_hand(T0).await;
    hub.put(0, &[(0, 0, 1.0)]).await;
    pass(&hand, 2 * HOUR - SECOND).await;
    assert_eq!((hub.store.stats().blocks_total, hub.store.stats().journal_rows), (0, 1));
    pass(&hand, SECOND).await;
    // One row is not worth a sweep.
    assert_eq!((hub.store.stats().blocks_total, hub.store.stats().journal_rows), (1, 1));
    assert_eq!(hub.values(0, 0, 1).await, [1.0]);
}

#[tokio::test]
async fn what_is_too_old_goes_by_itself_unless_the_clock_jumped() {
    let (hub, hand) = Hub::by_hand(T0).await;
    hub.put(0, &[(0, 0, 1.0)]).await;
    for _ in 0..14 {
        pass(&hand, 24 * HOUR).await;
    }
    assert_eq!(hub.values(0, 0, 1).await, [1.0], "14 days, by the day");
    // A year ahead: not believed for a day, and it was put right.
    hand.set_wall(T0.plus(379 * DAY));
    pass(&hand, HOUR).await;
    assert_eq!(hub.values(0, 0, 1).await, [1.0]);
    hand.set_wall(T0.plus(14 * DAY));
    pass(&hand, HOUR).await;
    assert_eq!(hub.values(0, 0, 1).await, [1.0]);
    pass(&hand, 24 * HOUR).await;
    assert_eq!(hub.values(0, 0, 1).await, Vec::<f64>::new());
}
