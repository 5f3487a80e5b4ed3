//! The table's file: one JSON object a line, in the order of the numbers; before them, where there is one, the numbering.
//!
//! Sensors are appended as they appear. A line that a power cut tore off was never used in a batch on disk (the table is
//! synced before), so cutting it loses nothing. Everything else replaces the file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wire::{Numbering, SensorSpec};

use crate::durable;

/// A number: its sensor, or the last it had.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Row {
    #[serde(flatten)]
    pub(super) spec: SensorSpec,
    /// How long it was not seen, in hours of the agent at work.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) absent_hours: u32,
    /// No sensor has it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) free: bool,
    /// The hub forgot the device, and it was not seen since.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) outlived: bool,
    /// It is another thing than it was, and the hub was not told often enough yet. Earlier versions pass over it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) restated: bool,
    /// Which source gives it, see [`super::givers`]; nothing in files of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<String>,
}

const fn is_zero(number: &u32) -> bool {
    *number == 0
}

const fn is_false(truth: &bool) -> bool {
    !*truth
}

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    numbering: Numbering,
}

/// What is in the file.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) numbering: Option<Numbering>,
    pub(super) rows: Vec<Row>,
    /// There was no file.
    pub(super) is_lost: bool,
}

/// The file, open.
#[derive(Debug)]
pub(super) struct TableFile {
    path: PathBuf,
    file: File,
    /// Lines were appended since the last [`TableFile::sync`].
    unsynced: bool,
}

impl TableFile {
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Read)> {
        let path = folder.join("sensors");
        let mut read = Read::default();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                read.is_lost = true;
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        let mut whole = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n').take_while(|line| line.ends_with(b"\n")) {
            if whole == 0 {
                read.numbering = serde_json::from_slice(line).ok().map(|Head { numbering }| numbering);
            }
            if whole > 0 || read.numbering.is_none() {
                let row: Option<Row> = serde_json::from_slice(line).ok();
                let Some(row) = row.filter(|row| row.spec.is_valid()) else { break };
                read.rows.push(row);
            }
            whole += line.len();
        }
        let file = appending(&path)?;
        if whole < bytes.len() {
            file.set_len(whole as u64)?;
        }
        durable::sync_folder_of(&path)?;
        Ok((Self { path, file, unsynced: false }, read))
    }

    pub(super) fn append(&mut self, spec: &SensorSpec, by: Option<&str>) {
        let (spec, by) = (spec.clone(), by.map(str::to_owned));
        let row = Row { spec, absent_hours: 0, free: false, outlived: false, restated: false, by };
        let _ = self.file.write_all(&line_of(&row));
        self.unsynced = true;
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.unsynced) {
            self.file.sync_data()?;
        }
        Ok(())
    }

    pub(super) fn replace(&mut self, numbering: Numbering, rows: impl Iterator<Item = Row>) -> io::Result<()> {
        let mut text = if numbering == Numbering::FIRST { Vec::new() } else { line_of(&Head { numbering }) };
        rows.for_each(|row| text.extend(line_of(&row)));
        durable::replace(&self.path, &text)?;
        self.file = appending(&self.path)?;
        self.unsynced = false;
        Ok(())
    }
}

fn appending(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn line_of(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}
