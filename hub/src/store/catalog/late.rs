//! Late readings that the rules were not held against yet: of each series, the time they lie in.

use rusqlite::{Connection, named_params};

use crate::model::UnixMillis;
use crate::model::reading::{SeriesId, Stretch};
use crate::store::Store;
use crate::store::error::Result;

impl Store {
    /// What waits: what the rule engine starts with.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn late(&self) -> Result<Vec<(SeriesId, Stretch)>> {
        self.readers()
            .run(|reader| {
                let mut statement = reader.conn()?.prepare_cached(ALL)?;
                let rows = statement.query_map([], |row| {
                    let (from, to) = (UnixMillis(row.get("from_at")?), UnixMillis(row.get("to_at")?));
                    Ok((row.get("series")?, Stretch { from, to }))
                })?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }
}

/// Of what was imported, which versions before this one noted as `told = 0`, nothing is looked at.
const ALL: &str = "SELECT series, from_at, to_at FROM late WHERE told ORDER BY series";
const PUT: &str = "INSERT INTO late (series, from_at, to_at, told)
    SELECT :series, :from, :to, 1 WHERE EXISTS (SELECT 1 FROM series WHERE id = :series)
    ON CONFLICT (series) DO UPDATE SET from_at = excluded.from_at, to_at = excluded.to_at, told = excluded.told";
const REMOVE: &str = "DELETE FROM late WHERE series = :series";

/// Writes into the open transaction what waits of a series; of a deleted one it goes nowhere.
pub(in crate::store) fn write(conn: &Connection, (series, waiting): (SeriesId, Option<Stretch>)) -> Result<()> {
    match waiting {
        Some(Stretch { from, to }) => {
            let put = named_params! { ":series": series, ":from": from.0, ":to": to.0 };
            conn.prepare_cached(PUT)?.execute(put)?
        }
        None => conn.prepare_cached(REMOVE)?.execute(named_params! { ":series": series })?,
    };
    Ok(())
}
