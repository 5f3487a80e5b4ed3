//! Rows of late readings that wait.

use rusqlite::{Connection, named_params};

use crate::model::UnixMillis;
use crate::model::reading::{SeriesId, Stretch};
use crate::store::engine::nouns::{ChangeLate, Late};
use crate::store::error::Result;

/// Of what was imported, which versions before this one noted as `told = 0`, nothing is looked at.
const ALL: &str = "SELECT series, from_at, to_at FROM late WHERE told ORDER BY series";
const PUT: &str = "INSERT INTO late (series, from_at, to_at, told)
    SELECT :series, :from, :to, 1 WHERE EXISTS (SELECT 1 FROM series WHERE id = :series)
    ON CONFLICT (series) DO UPDATE SET from_at = excluded.from_at, to_at = excluded.to_at, told = excluded.told";
const REMOVE: &str = "DELETE FROM late WHERE series = :series";

impl Late for Connection {
    fn late(&self) -> Result<Vec<(SeriesId, Stretch)>> {
        let mut statement = self.prepare_cached(ALL)?;
        let rows = statement.query_map([], |row| {
            let (from, to) = (UnixMillis(row.get("from_at")?), UnixMillis(row.get("to_at")?));
            Ok((row.get("series")?, Stretch { from, to }))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl ChangeLate for Connection {
    fn write_late(&self, series: SeriesId, waiting: Option<Stretch>) -> Result<()> {
        match waiting {
            Some(Stretch { from, to }) => {
                let put = named_params! { ":series": series, ":from": from.0, ":to": to.0 };
                self.prepare_cached(PUT)?.execute(put)?
            }
            None => self.prepare_cached(REMOVE)?.execute(named_params! { ":series": series })?,
        };
        Ok(())
    }
}
