//! Rows of the audit log. What changes while somebody acts is written by the triggers of `trail`, which read the table `acting`.

use rusqlite::{Connection, Row, named_params};

use crate::model::audit::{Actor, Entry, Field};
use crate::model::{DeviceId, UnixMillis};
use crate::store::engine::nouns::{Audit, ChangeAudit};
use crate::store::error::Result;
use crate::store::sqlite::column::{signed, unsigned};

const ENTRIES: &str = "SELECT id, at, kind, who, address, action, subject, name FROM audit WHERE id < :before
    ORDER BY id DESC LIMIT :limit";
const FIELDS: &str = "SELECT field, before, after FROM audit_field WHERE entry = :entry ORDER BY field";

impl Audit for Connection {
    fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<Entry>> {
        let mut statement = self.prepare_cached(ENTRIES)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let params = named_params! { ":before": before.map_or(i64::MAX, signed), ":limit": limit };
        let entries = statement.query_map(params, from_row)?.collect::<rusqlite::Result<Vec<_>>>()?;
        entries.into_iter().map(|entry| with_fields(self, entry)).collect()
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        id: unsigned(row.get("id")?),
        at: UnixMillis(row.get("at")?),
        actor: Actor { kind: row.get("kind")?, who: row.get("who")?, address: row.get("address")? },
        action: row.get("action")?,
        subject: subject(row.get("subject")?),
        name: row.get("name")?,
        fields: Vec::new(),
    })
}

/// As people write it: that of a device lies there as SQLite wrote its bytes.
fn subject(stored: String) -> String {
    let digits = stored.strip_prefix("dev_").filter(|digits| digits.len() == 32);
    let number = digits.and_then(|digits| u128::from_str_radix(digits, 16).ok());
    number.map_or(stored, |number| DeviceId::from_bytes(number.to_be_bytes()).to_string())
}

fn with_fields(conn: &Connection, mut entry: Entry) -> Result<Entry> {
    let mut statement = conn.prepare_cached(FIELDS)?;
    let fields = statement.query_map(named_params! { ":entry": signed(entry.id) }, |row| {
        Ok(Field { field: row.get("field")?, before: row.get("before")?, after: row.get("after")? })
    })?;
    entry.fields = fields.collect::<rusqlite::Result<_>>()?;
    Ok(entry)
}

/// Made beside the triggers that read it.
pub(in crate::store) const ACTING_TABLE: &str = "CREATE TEMP TABLE acting
    (at INTEGER NOT NULL, kind TEXT NOT NULL, who TEXT NOT NULL, address TEXT NOT NULL, since INTEGER NOT NULL)";
const BEGIN: &str = "INSERT INTO acting (at, kind, who, address, since)
    SELECT :at, :kind, :who, :address, COALESCE(MAX(id), 0) FROM audit";
const NOTE: &str = "INSERT INTO audit (at, kind, who, address, action, subject, name)
    SELECT at, kind, who, address, :action, '', :name FROM acting";
/// What one deed did to many things: the entries of each give way to one that counts them.
const EACH: &str = "DELETE FROM audit WHERE id > (SELECT since FROM acting) AND action = :action";
const ALL: &str = "INSERT INTO audit_field (entry, field, before, after)
    SELECT MAX(id), :field, NULL, :after FROM audit HAVING MAX(id) > (SELECT since FROM acting)";
/// What was written anew as it was.
const SAME: &str = "DELETE FROM audit_field WHERE entry > (SELECT since FROM acting) AND before IS after
    AND before IS NOT '(hidden)'";
const NOTHING: &str = "DELETE FROM audit WHERE id > (SELECT since FROM acting) AND action LIKE '%.changed'
    AND NOT EXISTS (SELECT 1 FROM audit_field WHERE entry = audit.id)";
const TOO_OLD: &str = "DELETE FROM audit WHERE at < :before";
const TOO_MANY: &str = "DELETE FROM audit WHERE id IN (SELECT id FROM audit
    WHERE (kind, who) = (SELECT kind, who FROM audit GROUP BY kind, who ORDER BY COUNT(*) DESC LIMIT 1)
    ORDER BY id LIMIT MAX(0, (SELECT COUNT(*) FROM audit) - :most))";
const END: &str = "DELETE FROM acting";

impl ChangeAudit for Connection {
    fn begin_acting(&self, actor: &Actor, now: UnixMillis) -> Result<()> {
        self.prepare_cached(BEGIN)?.execute(named_params! {
            ":at": now.0,
            ":kind": actor.kind,
            ":who": actor.who,
            ":address": actor.address,
        })?;
        Ok(())
    }

    fn end_acting(&self, before: UnixMillis, most: usize) -> Result<()> {
        for end in [SAME, NOTHING] {
            self.prepare_cached(end)?.execute([])?;
        }
        self.prepare_cached(TOO_OLD)?.execute(named_params! { ":before": before.0 })?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.prepare_cached(TOO_MANY)?.execute(named_params! { ":most": most })?;
        self.prepare_cached(END)?.execute([])?;
        Ok(())
    }

    fn note(&self, action: &str, name: &str) -> Result<()> {
        self.prepare_cached(NOTE)?.execute(named_params! { ":action": action, ":name": name })?;
        Ok(())
    }

    fn one_entry(&self, action: &str, name: &str, fields: &[(&str, Option<&str>)]) -> Result<()> {
        self.prepare_cached(EACH)?.execute(named_params! { ":action": action })?;
        ChangeAudit::note(self, action, name)?;
        for (field, after) in fields {
            if after.is_some() {
                self.prepare_cached(ALL)?.execute(named_params! { ":field": field, ":after": after })?;
            }
        }
        Ok(())
    }
}
