//! The ledger: each reading and each report counts once.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use telemetry_hub::model::ledger::{Ledger, Line};
use telemetry_hub::model::reading::Batch;
use telemetry_hub::model::{Epoch, Hour, Lane};
use telemetry_hub::store::Commit;
use wire::ledger::{DropReason, Entry, Report};

use super::scene::{Hub, T0};

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn the_ledger_balances_and_counts_each_report_once() {
    let mut hub = Hub::new().await;
    let (no, hour) = (hub.device.no, T0.hour());
    hub.put(0, &[(0, 0, 1.0), (1, 0, 1.0), (0, HOUR, 1.0)]).await;
    let told = report(0, Some(Hour(hour.0 + 1)), &[(hour, 10, 3), (Hour(hour.0 + 1), 4, 0)]);
    for _ in 0..2 {
        hub.store.record_ledger(vec![(no, told.clone())], T0).await.unwrap();
    }
    let all = |ledger: &Ledger| -> Vec<_> {
        let line = |(hour, line): &(Hour, Line)| (hour.0, line.taken, line.received, line.waiting, line.missing);
        ledger.hours.iter().map(line).collect()
    };
    for restarted in [false, true] {
        let ledger = hub.store.ledger(no, Hour(i64::MIN), Hour(i64::MAX)).await.unwrap();
        assert_eq!(all(&ledger), [(hour.0, 10, 2, 0, 5), (hour.0 + 1, 4, 1, 3, 0)], "restarted: {restarted}");
        assert_eq!(ledger.total().dropped.oldest, 3);
        hub.restart().await;
        // Repeats of a report and of a batch, after a restart as well.
        hub.store.record_ledger(vec![(no, told.clone())], T0).await.unwrap();
        assert_eq!(hub.put(0, &[(0, 0, 1.0)]).await, 0);
    }
    hub.store.record_ledger(vec![(no, report(1, None, &[(hour, -2, 1)]))], T0).await.unwrap();
    let ledger = hub.store.ledger(no, hour, Hour(hour.0 + 1)).await.unwrap();
    assert_eq!((all(&ledger), ledger.total().dropped.oldest), (vec![(hour.0, 8, 2, 0, 2)], 4));

    hub.store.tidy_as_of(T0.plus(6 * 365 * 24 * HOUR)).await.unwrap();
    assert_eq!(hub.store.ledger(no, Hour(i64::MIN), Hour(i64::MAX)).await.unwrap().hours, []);
    hub.store.record_ledger(vec![(no, report(2, None, &[(hour, 1, 0)]))], T0).await.unwrap();
    hub.store.delete_device(hub.device.id).await.unwrap();
    assert_eq!(hub.store.ledger(no, hour, Hour(hour.0 + 1)).await.unwrap(), Ledger::default());
    // A report on its way meanwhile goes nowhere.
    hub.store.record_ledger(vec![(no, report(3, None, &[(hour, 1, 0)]))], T0).await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Late and repeated batches of both lanes, in memory and in blocks made at any moment: each reading counts once, in its
    /// own hour.
    #[test]
    fn what_is_received_counts_once_in_its_hour(
        batches in prop::collection::vec((0_u64..25, any::<bool>(), prop::collection::vec(-20_i64..20, 1..30)), 1..40),
        blocks_after in prop::collection::btree_set(0_usize..40, 0..5),
        restart_after in 0_usize..40,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut hub = Hub::new().await;
            let (mut seen, mut expected) = (BTreeSet::new(), BTreeMap::<i64, (u64, u64)>::new());
            for (n, (seq, recovered, quarters)) in batches.into_iter().enumerate() {
                let at = |quarter: i64| quarter * HOUR / 4;
                let readings: Vec<_> = quarters.iter().map(|&quarter| (0, at(quarter), 1.0)).collect();
                let lane = if recovered { Lane::Recovered } else { Lane::Live };
                let batch = Batch { lane, ..hub.batch(seq, &readings) };
                hub.store.commit(Commit { batches: vec![batch], ..Commit::default() }).await.unwrap();
                if seen.insert(seq) {
                    for quarter in quarters {
                        let count = expected.entry(T0.plus(at(quarter)).hour().0).or_default();
                        *if recovered { &mut count.1 } else { &mut count.0 } += 1;
                    }
                }
                if blocks_after.contains(&n) {
                    hub.store.make_blocks().await.unwrap();
                }
                if restart_after == n {
                    hub.restart().await;
                }
            }
            let ledger = hub.store.ledger(hub.device.no, Hour(i64::MIN), Hour(i64::MAX)).await.unwrap();
            let found: BTreeMap<_, _> =
                ledger.hours.iter().map(|(hour, line)| (hour.0, (line.received, line.recovered))).collect();
            prop_assert_eq!(found, expected);
            Ok(())
        })?;
    }
}

fn report(number: u32, holds_from: Option<Hour>, entries: &[(Hour, i64, u64)]) -> Report {
    let entry = |&(hour, taken, oldest): &(Hour, i64, u64)| Entry {
        epoch: Epoch(1),
        hour,
        taken,
        thinned: 0,
        dropped: if oldest > 0 { vec![(DropReason::Oldest.code(), oldest)] } else { Vec::new() },
    };
    Report { epoch: Epoch(1), number, holds_from, entries: entries.iter().map(entry).collect() }
}
