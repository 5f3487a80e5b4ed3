//! Which number each sensor has: given once, kept across boots, because batches in the spool carry numbers only.
//!
//! The file is append-only, one JSON object a line, in the order of the numbers. A line that a power cut tore off was
//! never used in a batch on disk (the table is synced before the number is), so cutting it loses nothing.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use wire::{SensorKind, SensorNo, SensorSpec};

use crate::durable;

/// The device has [`SensorNo::LIMIT`] sensors already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no room for another sensor: a device has at most {}", SensorNo::LIMIT)]
pub struct TableFull;

/// The sensors of the device, by number and by name.
#[derive(Debug, Default)]
pub struct SensorTable {
    specs: Vec<SensorSpec>,
    numbers: HashMap<String, SensorNo>,
    file: Option<(PathBuf, File)>,
    /// Numbers given since the last [`SensorTable::sync`].
    unsynced: bool,
}

impl SensorTable {
    /// Opens the table in the state folder.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join("sensors");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut table = Self::default();
        let mut whole = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let spec = line.ends_with(b"\n").then(|| serde_json::from_slice::<SensorSpec>(line).ok()).flatten();
            match spec.filter(SensorSpec::is_valid) {
                Some(spec) if table.numbers.len() < usize::from(SensorNo::LIMIT) => table.put(spec),
                _ => break,
            }
            whole += line.len();
        }
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        if whole < bytes.len() {
            file.set_len(whole as u64)?;
        }
        durable::sync_folder_of(&path)?;
        table.file = Some((path, file));
        Ok(table)
    }

    /// The number of a sensor, giving it one if it has none.
    ///
    /// # Errors
    /// [`TableFull`] when there are too many, or the name breaks the limits.
    pub fn number(
        &mut self,
        name: &str,
        unit: &str,
        kind: SensorKind,
        interval_ms: u32,
    ) -> Result<SensorNo, TableFull> {
        if let Some(number) = self.numbers.get(name) {
            return Ok(*number);
        }
        let spec = SensorSpec { name: name.to_owned(), unit: unit.to_owned(), kind, interval_ms };
        if self.specs.len() >= usize::from(SensorNo::LIMIT) || !spec.is_valid() {
            return Err(TableFull);
        }
        if let Some((_, file)) = &mut self.file {
            let mut line = serde_json::to_vec(&spec).unwrap_or_default();
            line.push(b'\n');
            // A full disk costs the number its durability, not the reading: the spool cannot be written then either.
            let _ = file.write_all(&line);
            self.unsynced = true;
        }
        self.put(spec);
        Ok(SensorNo(self.specs.len() as u16 - 1))
    }

    /// Makes the numbers given so far durable; to be called before a batch with them goes to disk.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn sync(&mut self) -> io::Result<()> {
        if let Some((_, file)) = self.file.as_ref().filter(|_| self.unsynced) {
            file.sync_data()?;
        }
        self.unsynced = false;
        Ok(())
    }

    /// Every sensor, in the order of the numbers.
    #[must_use]
    pub fn specs(&self) -> &[SensorSpec] {
        &self.specs
    }

    fn put(&mut self, spec: SensorSpec) {
        self.numbers.insert(spec.name.clone(), SensorNo(self.specs.len() as u16));
        self.specs.push(spec);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(table: &mut SensorTable, name: &str) -> Result<SensorNo, TableFull> {
        table.number(name, "1", SensorKind::Gauge, 1000)
    }

    #[test]
    fn numbers_stay_across_boots_and_a_torn_line_is_given_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut table = SensorTable::open(folder.path()).unwrap();
        assert_eq!((number(&mut table, "a"), number(&mut table, "b")), (Ok(SensorNo(0)), Ok(SensorNo(1))));
        assert_eq!(number(&mut table, "a"), Ok(SensorNo(0)));
        table.sync().unwrap();
        drop(table);

        let path = folder.path().join("sensors");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        let mut table = SensorTable::open(folder.path()).unwrap();
        assert_eq!((number(&mut table, "c"), number(&mut table, "a")), (Ok(SensorNo(1)), Ok(SensorNo(0))));
        drop(table);
        assert_eq!(SensorTable::open(folder.path()).unwrap().specs().len(), 2);
    }

    #[test]
    fn the_table_has_a_last_number() {
        let mut table = SensorTable::default();
        for sensor in 0..SensorNo::LIMIT {
            assert_eq!(number(&mut table, &format!("s{sensor}")), Ok(SensorNo(sensor)));
        }
        assert_eq!(number(&mut table, "one more"), Err(TableFull));
        assert_eq!(number(&mut SensorTable::default(), &"x".repeat(65)), Err(TableFull));
    }
}
