//! Looks at how fast the database grows.

use rusqlite::{Connection, named_params};

use crate::model::UnixMillis;
use crate::store::engine::snapshot::Looks;
use crate::store::engine::transaction::ChangeLooks;
use crate::store::error::Result;
use crate::store::sqlite::column::{signed, unsigned};
use crate::store::stats::Look;

const LOOKS: &str = "SELECT at, used, written FROM growth ORDER BY at";
const KEEP: &str = "INSERT INTO growth (at, used, written) VALUES (:at, :used, :written)
    ON CONFLICT (at) DO UPDATE SET used = excluded.used, written = excluded.written";
const FORGET: &str = "DELETE FROM growth WHERE at < :from OR at > :at";

impl Looks for Connection {
    fn looks(&self) -> Result<Vec<Look>> {
        let mut statement = self.prepare(LOOKS)?;
        let looks = statement.query_map([], |row| {
            Ok(Look { at: UnixMillis(row.get(0)?), used: unsigned(row.get(1)?), written: unsigned(row.get(2)?) })
        })?;
        Ok(looks.collect::<rusqlite::Result<_>>()?)
    }
}

impl ChangeLooks for Connection {
    fn keep_look(&self, look: Look, from: UnixMillis) -> Result<()> {
        self.prepare_cached(FORGET)?.execute(named_params! { ":from": from.0, ":at": look.at.0 })?;
        self.prepare_cached(KEEP)?.execute(named_params! {
            ":at": look.at.0,
            ":used": signed(look.used),
            ":written": signed(look.written),
        })?;
        Ok(())
    }
}
