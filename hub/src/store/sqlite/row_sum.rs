//! Checksums of rows. SQLite checks the structure of its pages, never their content: without sums, a flipped bit in a value or in
//! the number of a series would be returned as a reading.
//!
//! ```text
//!   readings (journal, times, latest, receive_window): summed where they are written, believed or left out where read
//!   whose they are (device, series, ..): a change clears the sum by trigger ──▶ the writer sums before it commits
//! ```
//!
//! A row without a sum is believed: it was written before sums were. Blocks and rollups carry their own in their data.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ToSql};

use crate::store::error::{Error, Result};

/// A table that the writer sums.
pub(in crate::store) struct Summed {
    /// Its name, also for people.
    pub(in crate::store) name: &'static str,
    columns: &'static [&'static str],
    key: &'static [&'static str],
}

/// Those that say whose readings are.
pub(in crate::store) const SUMMED: [Summed; 5] = [
    Summed {
        name: "device",
        columns: &[
            "no",
            "id",
            "key",
            "name",
            "standing",
            "labels",
            "model",
            "version",
            "address",
            "first_seen_at",
            "last_seen_at",
            "interval_ms",
            "handshake_counter",
        ],
        key: &["no"],
    },
    Summed { name: "series", columns: &["id", "device", "sensor", "unit", "kind", "interval_ms"], key: &["id"] },
    Summed { name: "sensor_number", columns: &["device", "number", "series"], key: &["device", "number"] },
    Summed { name: "cut", columns: &["device", "row", "rolled_to", "minutes_from"], key: &["device"] },
    Summed { name: "setting", columns: &["key", "value"], key: &["key"] },
];

impl Summed {
    /// Those that the sum is over, in order.
    pub(in crate::store) const fn columns(&self) -> &'static [&'static str] {
        self.columns
    }

    /// The summed columns, then the sum.
    pub(in crate::store) fn select(&self) -> String {
        format!("SELECT {}, crc FROM {}", self.columns.join(", "), self.name)
    }

    /// Whether a row of [`Summed::select`] is as it was written.
    pub(in crate::store) fn holds(&self, row: &rusqlite::Row<'_>) -> rusqlite::Result<bool> {
        let stored: Option<i64> = row.get(self.columns.len())?;
        let values = (0..self.columns.len()).map(|column| row.get_ref(column)).collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(stored.is_none_or(|stored| stored == of(&values)))
    }

    fn stamp(&self, conn: &Connection) -> Result<()> {
        let select = format!("{} WHERE crc IS NULL", self.select());
        let place = self.key.iter().zip(2..).map(|(column, n)| format!("{column} = ?{n}")).collect::<Vec<_>>();
        let update = format!("UPDATE {} SET crc = ?1 WHERE {}", self.name, place.join(" AND "));
        let mut sums = Vec::new();
        let mut statement = conn.prepare_cached(&select)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let values =
                (0..self.columns.len()).map(|column| row.get_ref(column)).collect::<rusqlite::Result<Vec<_>>>()?;
            let key = self.key.iter().map(|key| row.get::<_, rusqlite::types::Value>(*key));
            sums.push((of(&values), key.collect::<rusqlite::Result<Vec<_>>>()?));
        }
        drop(rows);
        let mut update = conn.prepare_cached(&update)?;
        for (sum, key) in &sums {
            let mut params: Vec<&dyn ToSql> = vec![sum];
            params.extend(key.iter().map(|value| value as &dyn ToSql));
            update.execute(params.as_slice())?;
        }
        Ok(())
    }
}

/// Sums what was changed. In the transaction that changed it.
pub(in crate::store) fn stamp(conn: &Connection) -> Result<()> {
    SUMMED.iter().try_for_each(|table| table.stamp(conn))
}

/// Checks every row that says whose readings are.
///
/// # Errors
/// `Corrupt`, naming the table.
pub(in crate::store) fn check(conn: &Connection) -> Result<()> {
    for table in &SUMMED {
        let mut statement = conn.prepare(&table.select())?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if !table.holds(row)? {
                return Err(Error::Corrupt { what: table.name });
            }
        }
    }
    Ok(())
}

/// The sum of some values in order.
pub(in crate::store) fn of(values: &[ValueRef<'_>]) -> i64 {
    let mut sum = Sum { crc: 0, held: [0; 64], length: 0 };
    for value in values {
        match value {
            ValueRef::Null => sum.add(0, &[]),
            ValueRef::Integer(integer) => sum.add(1, &integer.to_le_bytes()),
            ValueRef::Real(real) => sum.add(2, &real.to_bits().to_le_bytes()),
            ValueRef::Text(text) => sum.add(3, text),
            ValueRef::Blob(blob) => sum.add(4, blob),
        }
    }
    sum.finish()
}

/// A sum on its way: short values are gathered, as every call costs more than the bytes of one.
struct Sum {
    crc: u32,
    held: [u8; 64],
    length: usize,
}

impl Sum {
    fn add(&mut self, kind: u8, bytes: &[u8]) {
        // The length keeps apart what ends one value and begins the next.
        self.put(&[kind]);
        self.put(&(bytes.len() as u64).to_le_bytes());
        self.put(bytes);
    }

    fn put(&mut self, bytes: &[u8]) {
        if bytes.len() > self.held.len() - self.length {
            self.flush();
        }
        if let Some(room) = self.held.get_mut(self.length..self.length + bytes.len()) {
            room.copy_from_slice(bytes);
            self.length += bytes.len();
        } else {
            self.crc = crc32c::crc32c_append(self.crc, bytes);
        }
    }

    fn flush(&mut self) {
        self.crc = crc32c::crc32c_append(self.crc, self.held.get(..self.length).unwrap_or_default());
        self.length = 0;
    }

    fn finish(mut self) -> i64 {
        self.flush();
        i64::from(self.crc)
    }
}

/// Whether a stored sum is that of the values; a row without one is believed.
pub(in crate::store) fn holds(stored: Option<i64>, values: &[ValueRef<'_>]) -> bool {
    stored.is_none_or(|stored| stored == of(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_that_were_written_before_values_were_gathered() {
        let (long, short) = ([7; 200], [9; 50]);
        let values =
            [ValueRef::Integer(-5), ValueRef::Blob(&short), ValueRef::Null, ValueRef::Text(&long), ValueRef::Real(0.5)];
        let mut plain = Vec::new();
        for (kind, bytes) in
            [(1_u8, &(-5_i64).to_le_bytes()[..]), (4, &short), (0, &[]), (3, &long), (2, &0.5_f64.to_le_bytes())]
        {
            plain.push(kind);
            plain.extend((bytes.len() as u64).to_le_bytes());
            plain.extend(bytes);
        }
        assert_eq!(of(&values), i64::from(crc32c::crc32c(&plain)));
    }

    #[test]
    fn values_do_not_run_into_each_other() {
        assert_ne!(
            of(&[ValueRef::Text(b"ab"), ValueRef::Text(b"c")]),
            of(&[ValueRef::Text(b"a"), ValueRef::Text(b"bc")])
        );
        assert_ne!(of(&[ValueRef::Integer(1)]), of(&[ValueRef::Real(f64::from_bits(1))]));
        assert_ne!(of(&[ValueRef::Null]), of(&[]));
    }

    #[test]
    fn a_changed_row_is_summed_anew_and_a_flipped_one_is_found() {
        let mut conn = Connection::open_in_memory().unwrap();
        crate::store::sqlite::file::migrate::run(&mut conn).unwrap();
        conn.execute_batch("INSERT INTO setting (key, value) VALUES ('a', x'01'), ('b', x'02')").unwrap();
        stamp(&conn).unwrap();
        conn.execute_batch("UPDATE setting SET value = x'03' WHERE key = 'b'").unwrap();
        check(&conn).unwrap();
        stamp(&conn).unwrap();
        let without: i64 =
            conn.query_row("SELECT COUNT(*) FROM setting WHERE crc IS NULL", [], |row| row.get(0)).unwrap();
        assert_eq!(without, 0);
        conn.execute_batch("DROP TRIGGER setting_changed; UPDATE setting SET value = x'04' WHERE key = 'b'").unwrap();
        assert!(matches!(check(&conn), Err(Error::Corrupt { what: "setting" })));
    }
}
