//! Rows of silences.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::UnixMillis;
use crate::model::silence::{Silence, SilenceId, SilenceSpec};
use crate::model::weekly::Weekly;
use crate::store::engine::nouns::{ChangeSilences, Silences};
use crate::store::error::Result;
use crate::store::pairs::{read_pairs, write_pairs};
use crate::store::sqlite::column::unsigned;

const ALL: &str = "SELECT id, rule, device, sensor, labels, from_at, until_at, days, day_from, day_until, zone,
    comment, created_at FROM silence
    ORDER BY id";
const ONE: &str = "SELECT id, rule, device, sensor, labels, from_at, until_at, days, day_from, day_until, zone,
    comment, created_at FROM silence
    WHERE id = :id";
const COUNT: &str = "SELECT COUNT(*) FROM silence";

impl Silences for Connection {
    fn silences(&self) -> Result<Vec<Silence>> {
        let mut statement = self.prepare_cached(ALL)?;
        Ok(statement.query_map([], from_row)?.collect::<rusqlite::Result<_>>()?)
    }

    fn silence(&self, id: SilenceId) -> Result<Option<Silence>> {
        Ok(self.prepare_cached(ONE)?.query_row(named_params! { ":id": id }, from_row).optional()?)
    }

    fn silence_count(&self) -> Result<u64> {
        Ok(unsigned(self.prepare_cached(COUNT)?.query_row([], |row| row.get(0))?))
    }
}

const MAKE_ROOM: &str = "DELETE FROM silence
    WHERE id = (SELECT id FROM silence WHERE until_at <= :now ORDER BY until_at, id LIMIT 1)";
const INSERT: &str =
    "INSERT INTO silence (rule, device, sensor, labels, from_at, until_at, days, day_from, day_until, zone,
    comment, created_at)
    VALUES (:rule, :device, :sensor, :labels, :from, :until, :days, :day_from, :day_until, :zone, :comment, :now)";
const DELETE: &str = "DELETE FROM silence WHERE id = :id";

impl ChangeSilences for Connection {
    fn add_silence(&self, spec: &SilenceSpec, now: UnixMillis) -> Result<SilenceId> {
        let weekly = spec.weekly.as_ref();
        self.prepare_cached(INSERT)?.execute(named_params! {
            ":rule": spec.rule,
            ":device": spec.device,
            ":sensor": spec.sensor,
            ":labels": write_pairs(&spec.labels),
            ":from": spec.from.0,
            ":until": spec.until.0,
            ":days": weekly.map(|weekly| weekly.days),
            ":day_from": weekly.map(|weekly| weekly.from),
            ":day_until": weekly.map(|weekly| weekly.until),
            ":zone": weekly.map(|weekly| &weekly.zone),
            ":comment": spec.comment,
            ":now": now.0,
        })?;
        Ok(SilenceId(unsigned(self.last_insert_rowid())))
    }

    fn drop_old_silence(&self, now: UnixMillis) -> Result<bool> {
        Ok(self.prepare_cached(MAKE_ROOM)?.execute(named_params! { ":now": now.0 })? > 0)
    }

    fn delete_silence(&self, id: SilenceId) -> Result<bool> {
        Ok(self.prepare_cached(DELETE)?.execute(named_params! { ":id": id })? > 0)
    }
}

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
            weekly: match row.get("days")? {
                Some(days) => Some(Weekly {
                    days,
                    from: row.get("day_from")?,
                    until: row.get("day_until")?,
                    zone: row.get("zone")?,
                }),
                None => None,
            },
            comment: row.get("comment")?,
        },
        created_at: UnixMillis(row.get("created_at")?),
    })
}
