//! Room, copies and checks of the file.

use std::path::Path;

use rusqlite::Connection;

use crate::store::engine::upkeep::{CatalogState, ChangeUpkeep, Upkeep};
use crate::store::error::Result;
use crate::store::sqlite::file::checkpoint;
use crate::store::sqlite::recover::salvage;

const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";

impl Upkeep for Connection {
    fn used_pages(&self) -> Result<i64> {
        Ok(checkpoint::pages_in_use(self)?)
    }

    fn spare_pages(&self) -> Result<i64> {
        Ok(checkpoint::spare_pages(self)?)
    }

    fn catalog_state(&self) -> Result<CatalogState> {
        salvage::state(self)
    }

    fn copy_catalog(&self) -> Result<()> {
        let dir = self.path().and_then(|file| Path::new(file).parent());
        dir.map_or(Ok(()), |dir| salvage::keep_copy(dir, self))
    }

    fn parts(&self) -> Result<Vec<String>> {
        let mut statement = self.prepare(TABLES)?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    fn check_part(&self, part: &str) -> Result<Option<String>> {
        let verdict: String = self.query_row(&format!("PRAGMA quick_check('{part}')"), [], |row| row.get(0))?;
        Ok((verdict != "ok").then_some(verdict))
    }
}

impl ChangeUpkeep for Connection {
    fn give_back(&self, pages: i64) -> Result<bool> {
        checkpoint::give_back(self, pages)
    }
}
