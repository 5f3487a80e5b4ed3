//! The files of a data directory: what a closed store leaves, and what a power cut does.

use std::collections::BTreeMap;
use std::time::Duration;

use telemetry_hub::model::BatchSeq;
use telemetry_hub::model::rule::{Condition, Message, RuleSpec, Severity};

use crate::scene::{Hub, T0, open, point};

#[tokio::test]
async fn a_closed_store_leaves_its_directory_alone() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..5 {
        open(dir.path(), None).unwrap().close().await.unwrap();
        // What the maker begins with was under way when the store was closed.
        assert!(dir.path().join("catalog.db").exists() && !dir.path().join("catalog.db.new").exists());
        std::fs::remove_file(dir.path().join("catalog.db")).unwrap();
    }
}

#[tokio::test]
async fn a_store_that_was_not_closed_is_rebuilt_from_its_journal() {
    let hub = Hub::new().await;
    hub.put(0, &[(0, 0, 1.0), (1, 10, 2.0)]).await;
    let copy = tempfile::tempdir().unwrap();
    // The files as a power cut would leave them: nothing was closed, nothing checkpointed.
    for file in ["telemetry.db", "telemetry.db-wal", "secret.key"] {
        std::fs::copy(hub.dir.path().join(file), copy.path().join(file)).unwrap();
    }
    let store = open(copy.path(), None).unwrap();
    assert_eq!(store.latest(&hub.series), [Some(point(0, 1.0)), Some(point(10, 2.0)), None]);
    assert_eq!(store.windows()[0].2.mark(), BatchSeq(1));
}

#[tokio::test]
async fn a_condition_that_is_not_known_is_named_and_never_taken_for_another() {
    let hub = Hub::new().await;
    let spec = RuleSpec {
        name: "hot".to_owned(),
        device: "*".to_owned(),
        sensor: "*".to_owned(),
        labels: BTreeMap::new(),
        condition: Condition::Silence { after: Duration::from_secs(90) },
        hold: Duration::ZERO,
        clear_for: Duration::ZERO,
        severity: Severity::Critical,
        tags: BTreeMap::new(),
        webhooks: Vec::new(),
        all_webhooks: false,
        enabled: true,
        message: Message::default(),
    };
    let rule = hub.store.create_rule(spec, T0).await.unwrap();
    let conn = rusqlite::Connection::open(hub.dir.path().join("telemetry.db")).unwrap();
    conn.execute_batch("PRAGMA ignore_check_constraints = ON; UPDATE rule SET condition = 'moody'").unwrap();
    let error = hub.store.rule(rule.id).await.unwrap_err().to_string();
    assert!(error.contains("rule rul_1 has the condition `moody`, which this hub does not know"), "{error}");
    assert_eq!(hub.store.list_rules().await.unwrap_err().to_string(), error);
}
