//! How what is asked at each message finds what it wants.

use rusqlite::Connection;

use super::{due, outbox, together, waiting};
use crate::store::sqlite::file::migrate;

/// How the questions that are asked again and again find what they want.
#[test]
fn what_is_asked_at_each_message_reads_no_more_than_it_takes() {
    let mut conn = Connection::open_in_memory().unwrap();
    migrate::run(&mut conn).unwrap();
    let plan = |sql: &str| {
        let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let lines = statement.raw_query().mapped(|row| row.get::<_, String>(3));
        lines.collect::<rusqlite::Result<Vec<_>>>().unwrap()
    };
    let by_time = "INDEX delivery_next (webhook=? AND next_attempt_at";
    for (sql, index) in [
        (due::NEXT, "INDEX delivery_next (webhook=?)"),
        (due::NEXT_LAPSE, "INDEX delivery_leased"),
        (due::DUE, by_time),
        (outbox::TRY_AFTER_SUCCESS, by_time),
        (waiting::FOR_SUMMARIES, "INDEX delivery_next (webhook=?)"),
        (together::GROUPS_DUE, "INDEX delivery_held (webhook=?)"),
    ] {
        let lines = plan(sql);
        assert!(lines.iter().any(|line| line.contains(index)), "{index} is not used: {lines:#?}");
        let scans = lines.iter().find(|line| line.starts_with("SCAN delivery") && !line.contains("delivery_leased"));
        assert_eq!(scans, None, "{sql}");
    }
    for sql in [due::NEXT, due::DUE] {
        assert!(!plan(sql).iter().any(|line| line.contains("TEMP B-TREE")), "all of it is sorted: {sql}");
    }
}
