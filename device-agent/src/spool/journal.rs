//! The batch that is being filled, on disk once a second while the hub is away.
//!
//! Two slots of one flash page each, written in turn into space that the file has from the start: a write costs the page
//! and no metadata, and a torn one leaves the other slot. A slot holds a segment of one record, padded with zeros.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use wire::Epoch;

use super::segment::{self, Record};
use crate::durable;

/// One page: holds any body that fits a datagram.
const SLOT: usize = 4096;

/// The journal file; made at the first write, because most agents never need it.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: Option<File>,
    slot: u64,
    /// What is in it may differ from nothing.
    dirty: bool,
}

impl Journal {
    /// The journal in the spool folder, and the batch an earlier run left in it.
    pub(super) fn open(folder: &Path) -> (Self, Option<(Epoch, Record, Vec<u8>)>) {
        let path = folder.join("open");
        let mut bytes = Vec::new();
        let _ = File::open(&path).and_then(|file| file.take(2 * SLOT as u64).read_to_end(&mut bytes));
        let newest = bytes
            .chunks(SLOT)
            .filter_map(|slot| {
                let contents = segment::read(slot)?;
                let (record, body) = contents.records.into_iter().next()?;
                Some((contents.epoch, record, slot.get(body)?.to_vec()))
            })
            .max_by_key(|(epoch, record, _)| (*epoch, record.seq, record.readings));
        (Self { path, file: None, slot: 0, dirty: newest.is_some() }, newest)
    }

    /// Replaces the older slot.
    pub(super) fn write(&mut self, epoch: Epoch, record: &Record, body: &[u8]) -> io::Result<()> {
        let mut bytes = segment::header(epoch).to_vec();
        if segment::put(record, body, &mut bytes).is_none() || bytes.len() > SLOT {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        bytes.resize(SLOT, 0);
        self.put(&bytes)
    }

    /// What it held is in a segment or with the hub.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        if self.dirty {
            for _ in 0..2 {
                self.put(&[0; SLOT])?;
            }
            self.dirty = false;
        }
        Ok(())
    }

    fn put(&mut self, slot: &[u8]) -> io::Result<()> {
        let file = match &self.file {
            Some(file) => file,
            None => {
                let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.path)?;
                if file.metadata()?.len() < 2 * SLOT as u64 {
                    file.write_all_at(&[0; 2 * SLOT], 0)?;
                    file.sync_all()?;
                    durable::sync_folder_of(&self.path)?;
                }
                self.file.insert(file)
            }
        };
        file.write_all_at(slot, self.slot * SLOT as u64)?;
        file.sync_data()?;
        self.slot = 1 - self.slot;
        self.dirty = true;
        Ok(())
    }
}
