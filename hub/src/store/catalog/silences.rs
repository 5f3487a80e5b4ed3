//! Silences, and the alerts nobody was told of because of one.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::alerts::{self, select_alert};
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId};
use crate::model::silence::{Silence, SilenceId, SilenceSpec};
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::sqlite::column::{read_pairs, unsigned, write_pairs};

/// Silences there may be: each alert is held against all of them.
const MOST_SILENCES: usize = 1_000;

impl Store {
    /// All silences, oldest first: also those that are over, until somebody deletes them.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn silences(&self) -> Result<Vec<Silence>> {
        self.readers()
            .run(|reader| {
                let mut statement = reader.conn()?.prepare_cached(ALL)?;
                Ok(statement.query_map([], from_row)?.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// Adds a silence; one that has been over for longest makes room.
    ///
    /// # Errors
    /// `Conflict` when there are too many that are not over.
    pub async fn create_silence(&self, spec: SilenceSpec, now: UnixMillis) -> Result<Silence> {
        self.change(move |scope| {
            let conn = scope.conn;
            let count: i64 = conn.prepare_cached(COUNT)?.query_row([], |row| row.get(0))?;
            if unsigned(count) >= MOST_SILENCES as u64
                && conn.prepare_cached(MAKE_ROOM)?.execute(named_params! { ":now": now.0 })? == 0
            {
                return Err(Error::conflict(
                    "until",
                    format!("there are already {MOST_SILENCES} silences, the maximum: delete one first"),
                ));
            }
            conn.prepare_cached(INSERT)?.execute(named_params! {
                ":rule": spec.rule,
                ":device": spec.device,
                ":sensor": spec.sensor,
                ":labels": write_pairs(&spec.labels),
                ":from": spec.from.0,
                ":until": spec.until.0,
                ":comment": spec.comment,
                ":now": now.0,
            })?;
            let id = SilenceId(unsigned(conn.last_insert_rowid()));
            let made = conn.prepare_cached(ONE)?.query_row(named_params! { ":id": id }, from_row).optional()?;
            made.ok_or(Error::missing("silence"))
        })
        .await
    }

    /// Deletes a silence.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_silence(&self, id: SilenceId) -> Result<()> {
        self.change(move |scope| match scope.conn.prepare_cached(DELETE)?.execute(named_params! { ":id": id })? {
            0 => Err(Error::missing("silence")),
            _ => Ok(()),
        })
        .await
    }

    /// Alerts that are open and that nobody was told of.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn muted_alerts(&self) -> Result<Vec<Alert>> {
        self.readers()
            .run(|reader| {
                let mut statement = reader.conn()?.prepare_cached(MUTED)?;
                Ok(statement.query_map([], alerts::from_row)?.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }
}

/// Writes into the open transaction whether an alert is muted.
pub(in crate::store) fn mark(conn: &Connection, (alert, muted): (AlertId, bool)) -> Result<()> {
    conn.prepare_cached(MARK)?.execute(named_params! { ":id": alert, ":muted": muted })?;
    Ok(())
}

const ALL: &str = "SELECT id, rule, device, sensor, labels, from_at, until_at, comment, created_at FROM silence
    ORDER BY id";
const ONE: &str = "SELECT id, rule, device, sensor, labels, from_at, until_at, comment, created_at FROM silence
    WHERE id = :id";
const COUNT: &str = "SELECT COUNT(*) FROM silence";
const MAKE_ROOM: &str = "DELETE FROM silence
    WHERE id = (SELECT id FROM silence WHERE until_at <= :now ORDER BY until_at, id LIMIT 1)";
const INSERT: &str = "INSERT INTO silence (rule, device, sensor, labels, from_at, until_at, comment, created_at)
    VALUES (:rule, :device, :sensor, :labels, :from, :until, :comment, :now)";
const DELETE: &str = "DELETE FROM silence WHERE id = :id";
const MARK: &str = "UPDATE alert SET muted = :muted WHERE id = :id";
const MUTED: &str = select_alert!("WHERE state IN ('pending', 'firing') AND muted ORDER BY id");

fn from_row(row: &Row<'_>) -> rusqlite::Result<Silence> {
    let labels: String = row.get("labels")?;
    Ok(Silence {
        id: row.get("id")?,
        spec: SilenceSpec {
            rule: row.get("rule")?,
            device: row.get("device")?,
            sensor: row.get("sensor")?,
            labels: read_pairs(&labels),
            from: UnixMillis(row.get("from_at")?),
            until: UnixMillis(row.get("until_at")?),
            comment: row.get("comment")?,
        },
        created_at: UnixMillis(row.get("created_at")?),
    })
}
