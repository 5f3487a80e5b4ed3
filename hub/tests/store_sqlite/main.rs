//! What only SQLite has: files, room under a cap in pages, backups of the file, and what damage leaves of it.

#![expect(clippy::unwrap_used, reason = "the scenes below the tests fail as loudly as the tests")]

mod backups;
mod files;
mod recovers;
mod room;
#[path = "../store_contract/scene.rs"]
#[allow(dead_code, reason = "the suite of every engine uses all of it")]
mod scene;
mod sealed;

/// The store of a directory.
pub(crate) const CONFIG: fn(&std::path::Path) -> telemetry_hub::store::Config =
    |dir| telemetry_hub::store::Config { dir: dir.to_owned(), ..telemetry_hub::store::Config::default() };
