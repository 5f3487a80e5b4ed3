//! Brings a database to the schema this binary knows, one step a transaction. See `migrations/README.md`.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::beside_file;
use super::room;
use crate::durable;
use crate::store::error::{Error, Result};

/// Every step, oldest first; the schema number is the count of steps taken.
const STEPS: &[&str] = &[
    include_str!("../../../../../migrations/sqlite/0001_first.sql"),
    include_str!("../../../../../migrations/sqlite/0002_blocks.sql"),
    include_str!("../../../../../migrations/sqlite/0003_rollups.sql"),
    include_str!("../../../../../migrations/sqlite/0004_rates_and_deviations.sql"),
    include_str!("../../../../../migrations/sqlite/0005_cells.sql"),
    include_str!("../../../../../migrations/sqlite/0006_silences.sql"),
    include_str!("../../../../../migrations/sqlite/0007_row_sums.sql"),
    include_str!("../../../../../migrations/sqlite/0008_ledger.sql"),
    include_str!("../../../../../migrations/sqlite/0009_cells_apart.sql"),
    include_str!("../../../../../migrations/sqlite/0010_receipt.sql"),
    include_str!("../../../../../migrations/sqlite/0011_merging.sql"),
    include_str!("../../../../../migrations/sqlite/0012_alerts_of_the_hub.sql"),
    include_str!("../../../../../migrations/sqlite/0013_historical_alerts.sql"),
    include_str!("../../../../../migrations/sqlite/0014_late_readings.sql"),
    include_str!("../../../../../migrations/sqlite/0015_alerts_that_were_over.sql"),
    include_str!("../../../../../migrations/sqlite/0016_claims.sql"),
    include_str!("../../../../../migrations/sqlite/0017_numbering.sql"),
    include_str!("../../../../../migrations/sqlite/0018_kinds.sql"),
    include_str!("../../../../../migrations/sqlite/0019_headers_sealed.sql"),
    include_str!("../../../../../migrations/sqlite/0020_notes.sql"),
    include_str!("../../../../../migrations/sqlite/0021_swaps.sql"),
    include_str!("../../../../../migrations/sqlite/0022_what_fired.sql"),
    include_str!("../../../../../migrations/sqlite/0023_url_sealed.sql"),
    include_str!("../../../../../migrations/sqlite/0024_sessions.sql"),
    include_str!("../../../../../migrations/sqlite/0025_ingest_tokens.sql"),
    include_str!("../../../../../migrations/sqlite/0026_audit.sql"),
    include_str!("../../../../../migrations/sqlite/0027_users.sql"),
    include_str!("../../../../../migrations/sqlite/0028_limited_tokens.sql"),
    include_str!("../../../../../migrations/sqlite/0029_webhook_kinds.sql"),
    include_str!("../../../../../migrations/sqlite/0030_pushes.sql"),
    include_str!("../../../../../migrations/sqlite/0031_who_acknowledged.sql"),
    include_str!("../../../../../migrations/sqlite/0032_webhook_problems.sql"),
    include_str!("../../../../../migrations/sqlite/0033_more_conditions.sql"),
    include_str!("../../../../../migrations/sqlite/0034_deliveries_of_any_event.sql"),
    include_str!("../../../../../migrations/sqlite/0035_deliveries_by_time.sql"),
    include_str!("../../../../../migrations/sqlite/0036_notices.sql"),
    include_str!("../../../../../migrations/sqlite/0037_several_sensors.sql"),
    include_str!("../../../../../migrations/sqlite/0038_summaries.sql"),
    include_str!("../../../../../migrations/sqlite/0039_weekly_silences.sql"),
    include_str!("../../../../../migrations/sqlite/0040_courses.sql"),
    include_str!("../../../../../migrations/sqlite/0041_tags.sql"),
    include_str!("../../../../../migrations/sqlite/0042_groups.sql"),
    include_str!("../../../../../migrations/sqlite/0043_messages_of_rules.sql"),
    include_str!("../../../../../migrations/sqlite/0044_templates_of_webhooks.sql"),
    include_str!("../../../../../migrations/sqlite/0045_rules_about_devices.sql"),
    include_str!("../../../../../migrations/sqlite/0046_rules_in_files.sql"),
    include_str!("../../../../../migrations/sqlite/0047_hearing.sql"),
    include_str!("../../../../../migrations/sqlite/0048_explained.sql"),
    include_str!("../../../../../migrations/sqlite/0049_versions_of_rules.sql"),
    include_str!("../../../../../migrations/sqlite/0050_what_is_usual.sql"),
    include_str!("../../../../../migrations/sqlite/0051_outbox_by_webhook.sql"),
];

fn known() -> u32 {
    u32::try_from(STEPS.len()).unwrap_or(u32::MAX)
}

fn found(conn: &Connection) -> Result<u32> {
    Ok(conn.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Whether steps are to be run on a database that somebody used.
pub(in crate::store) fn is_due(conn: &Connection) -> Result<bool> {
    Ok((1..known()).contains(&found(conn)?))
}

/// Whether tables, indices and triggers are what the steps made that were taken, but for a table of a backup's own: a bit in the
/// text that says so gives a column another name, which SQLite's own check does not mind; a trigger that somebody added does
/// what they like.
pub(in crate::store) fn is_as_made(conn: &Connection) -> Result<bool> {
    const SCHEMA: &str = "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || sql FROM sqlite_schema
        WHERE sql IS NOT NULL AND NOT (type = 'table' AND name = 'backup') ORDER BY 1";
    let taken = STEPS.get(..found(conn)? as usize).unwrap_or_default();
    // Bytes, because damage need not be text.
    let texts = |conn: &Connection| -> Result<Vec<Vec<u8>>> {
        let mut statement = conn.prepare(SCHEMA)?;
        let texts = statement.query_map([], |row| Ok(row.get_ref(0)?.as_bytes()?.to_vec()))?;
        Ok(texts.collect::<rusqlite::Result<_>>()?)
    };
    let made = Connection::open_in_memory()?;
    taken.iter().try_for_each(|step| made.execute_batch(step))?;
    Ok(texts(conn)? == texts(&made)?)
}

/// Refuses a database of a later version.
pub(in crate::store) fn refuse_newer(conn: &Connection) -> Result<()> {
    let (found, known) = (found(conn)?, known());
    if found > known { Err(Error::Newer { found, known }) } else { Ok(()) }
}

/// Room that must be left beside a copy.
const SPARE: u64 = 64 << 20;

/// Copies the database before its schema is changed, to `telemetry.db.schema-N`: with it the older hub goes on where it was.
/// Where there is no room for it, says so and goes on: the steps themselves are safe, each is one transaction.
pub(in crate::store) fn copy_before(conn: &Connection, file: &Path) -> Result<()> {
    if !is_due(conn)? {
        return Ok(());
    }
    let found = found(conn)?;
    let copy = beside_file(file, &format!(".schema-{found}"));
    let need = fs::metadata(file).map_or(0, |file| file.len()) + SPARE;
    if copy.exists() {
        // Of an upgrade that did not come to its end, or that was taken back.
        return Ok(());
    }
    let dir = file.parent().unwrap_or_else(|| Path::new("."));
    if let Some(room) = room::on(dir).filter(|room| room.free < need) {
        let (free, need) = (room.free >> 20, need >> 20);
        tracing::warn!(
            free,
            need,
            "no copy of the database before the upgrade: it needs {need} MiB, {free} MiB are free"
        );
        return Ok(());
    }
    let part = beside_file(&copy, ".part");
    let at_copy = |source| Error::File { path: copy.clone(), source };
    match fs::remove_file(&part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(at_copy(error)),
        _ => {}
    }
    conn.execute("VACUUM INTO ?1", [part.to_string_lossy()])?;
    durable::place(&part, &copy).map_err(at_copy)?;
    tracing::info!("the database as it was before the upgrade is kept in {}", copy.display());
    Ok(())
}

/// Runs the steps the database has not seen; tells the schema it has then, if there were any.
pub(in crate::store) fn run(conn: &mut Connection) -> Result<Option<u32>> {
    let mut stepped = None;
    loop {
        // IMMEDIATE before looking: a command beside the hub may be at the same step.
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        refuse_newer(&tx)?;
        let found = found(&tx)?;
        let Some(step) = STEPS.get(found as usize) else { return Ok(stepped) };
        tx.execute_batch(step)?;
        tx.pragma_update(None, "user_version", found + 1)?;
        tx.commit()?;
        stepped = Some(found + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_and_the_list_agree() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/sqlite");
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let texts: Vec<_> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        assert_eq!(texts, STEPS);
    }

    #[test]
    fn every_table_is_strict() {
        let mut conn = Connection::open_in_memory().unwrap();
        run(&mut conn).unwrap();
        run(&mut conn).unwrap();
        let loose: i64 = conn
            .query_row(
                "SELECT COUNT(*) FROM pragma_table_list WHERE type = 'table' AND NOT strict AND name NOT LIKE 'sqlite_%'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(loose, 0);
    }

    /// A database as the hub of a schema left it.
    fn as_of(schema: usize, held: &str) -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        STEPS[..schema].iter().for_each(|step| conn.execute_batch(step).unwrap());
        conn.pragma_update(None, "user_version", schema as u32).unwrap();
        conn.execute_batch(held).unwrap();
        conn
    }

    #[test]
    fn the_one_password_becomes_that_of_an_admin_and_nobody_is_signed_out() {
        let mut conn = as_of(
            26,
            "INSERT INTO setting (key, value) VALUES ('admin_password', CAST('$argon2id$' AS BLOB)), ('join_policy', X'6F70');
             INSERT INTO session (id, hash, scope, created_at, used_at, expires_at, address, browser)
                VALUES (7, zeroblob(32), 'admin', 1, 2, 3, '::1', 'Firefox');
             INSERT INTO token (id, name, scope, hash, created_at) VALUES (5, 'ci', 'ingest', zeroblob(32), 1);",
        );
        conn.pragma_update(None, "foreign_keys", true).unwrap();
        run(&mut conn).unwrap();
        let text = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(text("SELECT id || name || role || password || enabled FROM user"), "1adminadmin$argon2id$1");
        assert_eq!(text("SELECT id || ' ' || user || ' ' || used_at || browser FROM session"), "7 1 2Firefox");
        assert_eq!(text("SELECT group_concat(key) FROM setting"), "join_policy");
        assert_eq!(
            text("SELECT id || name || scope || '[' || labels || ']' FROM token"),
            "5ciingest[]",
            "for all devices"
        );
        assert_eq!(text("SELECT seq || '' FROM sqlite_sequence WHERE name = 'session'"), "7");
    }

    #[test]
    fn without_a_password_there_is_no_user() {
        for held in ["", "INSERT INTO setting (key, value) VALUES ('admin_password', X'')"] {
            let mut conn = as_of(26, held);
            run(&mut conn).unwrap();
            assert_eq!(conn.query_row("SELECT COUNT(*) FROM user", [], |row| row.get::<_, i64>(0)).unwrap(), 0);
        }
    }

    #[test]
    fn that_a_device_is_offline_becomes_a_rule_as_it_was_set_and_its_alerts_go_on() {
        let step = STEPS.iter().position(|step| step.contains("made_rule")).unwrap();
        let device = "INSERT INTO device (no, id, key, name, standing, labels, model, version, first_seen_at, handshake_counter)
            VALUES (3, zeroblob(16), zeroblob(32), 'attic', 'adopted', '', '', '', 1, 0);
            INSERT INTO webhook (id, name, kind, url, url_sealed, headers, past, enabled, created_at, updated_at)
            VALUES (1, 'ops', 'generic', '', X'', '', 1, 1, 0, 0);
            INSERT INTO alert (id, rule, rule_name, severity, device, series, state, threshold, started_at, fired_at, learned_at, measure)
            VALUES (8, 0, 'hub.device_offline', 'warning', 3, 0, 'firing', 60, 1, 2, 2, 'silence');
            INSERT INTO alert (id, rule, rule_name, severity, state, threshold, started_at, fired_at, learned_at)
            VALUES (9, 0, 'hub.disk_full', 'critical', 'firing', 100, 1, 2, 2);
            INSERT INTO delivery (webhook, alert, course, event, state, next_attempt_at, created_at, body)
            VALUES (1, 8, 'hub.device_offline:3:0', 'alert.firing', 'pending', 1, 1, X'');";
        let set = |value: &str| {
            format!("INSERT INTO setting (key, value) VALUES ('offline_after', CAST('{value}' AS BLOB));")
        };
        let made = |held: &str| {
            let mut conn = as_of(step, held);
            run(&mut conn).unwrap();
            let text = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, Option<String>>(0)).unwrap();
            let rule =
                "SELECT max(name || ' ' || condition || ' ' || silence_ms || ' ' || all_webhooks || enabled) FROM rule";
            let alerts = "SELECT group_concat(rule || ' ' || rule_name, ', ') FROM (SELECT * FROM alert ORDER BY id)";
            assert_eq!(text("SELECT group_concat(key) FROM setting"), None);
            (text(rule), text(alerts), text("SELECT max(course) FROM delivery"))
        };
        let some = |text: &str| Some(text.to_owned());
        let on = some("Device offline offline 60000 11");
        let alerts = some("1 Device offline, 0 hub.disk_full");
        assert_eq!(made(device), (on, alerts, some("1:3:0")));
        let five_minutes = made(&format!("{device}{}", set("300000")));
        assert_eq!(five_minutes.0, some("Device offline offline 300000 11"));
        assert_eq!(
            made(&set("off")).0,
            some("Device offline offline 60000 10"),
            "off stays off, also of a hub without devices"
        );
        assert_eq!(made("").0, None, "it is made with the first device");
    }

    #[test]
    fn webhooks_of_before_there_were_kinds_are_generic() {
        let kinds = STEPS.iter().position(|step| step.contains("fields_sealed")).unwrap();
        let conn = as_of(
            kinds,
            "INSERT INTO webhook (id, name, url, headers, past, enabled, created_at, updated_at)
                VALUES (1, 'ops', 'https://example.org', '', 1, 1, 0, 0)",
        );
        conn.execute_batch(STEPS[kinds]).unwrap();
        let found = conn.query_row("SELECT kind, fields_sealed FROM webhook", [], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Option<Vec<u8>>>(1)?))
        });
        assert_eq!(found.unwrap(), ("generic".to_owned(), None));
    }

    #[test]
    fn a_newer_schema_is_refused_by_number() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.pragma_update(None, "user_version", 99).unwrap();
        let error = run(&mut conn).unwrap_err();
        assert!(matches!(error, Error::Newer { found: 99, known } if known as usize == STEPS.len()), "{error}");
    }
}
