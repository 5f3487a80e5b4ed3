//! The audit log as it is read: newest first.

use rusqlite::{Connection, Row, named_params};

use crate::model::audit::{Actor, Entry, Field};
use crate::model::{DeviceId, UnixMillis};
use crate::store::Store;
use crate::store::error::Result;
use crate::store::sqlite::column::{signed, unsigned};

impl Store {
    /// At most `limit` entries older than `before`, newest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<Entry>> {
        self.readers()
            .run(move |reader| {
                let conn = reader.conn()?;
                let mut statement = conn.prepare_cached(ENTRIES)?;
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                let params = named_params! { ":before": before.map_or(i64::MAX, signed), ":limit": limit };
                let entries = statement.query_map(params, from_row)?.collect::<rusqlite::Result<Vec<_>>>()?;
                entries.into_iter().map(|entry| with_fields(conn, entry)).collect()
            })
            .await
    }
}

const ENTRIES: &str = "SELECT id, at, kind, who, address, action, subject, name FROM audit WHERE id < :before
    ORDER BY id DESC LIMIT :limit";
const FIELDS: &str = "SELECT field, before, after FROM audit_field WHERE entry = :entry ORDER BY field";

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
