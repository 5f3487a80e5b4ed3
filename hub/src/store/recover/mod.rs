//! Salvages readings from a database that was set aside, or from any other of a hub's, into this one.
//!
//! ```text
//!   old file ──▶ times and blocks whose checksums hold ─┐
//!                journal rows whose sums hold ──────────┼──▶ blocks that rank below all that is here ──▶ one step, one
//!                rollups whose checksums hold ──────────┘                                                transaction
//! ```
//!
//! Devices are told apart by their ids and sensors by their names, so numbers need not agree. What is here already wins
//! over what comes back at the same time; figures of the same readings count once, as far as `again` can tell. Each step
//! notes in its own transaction how far the salvage is: one that was interrupted goes on where it was, and one that was
//! finished is not done twice. One whose file has devices that are not known here is not finished.
//!
//! Reading, comparing and packing happen beside the writer: an acknowledgement waits for the insertion of finished rows at
//! most, or for a few rows of figures that are joined to those here.

pub(super) mod step;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::Store;
use super::catalog::sensors;
use super::engine::salvage::{Loaded, OldSensor, Recovered, STRIDE};
use super::error::{Error, Result};
use super::write::inbox::OpenWrite;
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;

impl Store {
    /// Databases that were set aside as damaged and not yet salvaged, oldest first.
    #[must_use]
    pub fn set_aside(&self) -> Vec<PathBuf> {
        self.inner.engine.set_aside()
    }

    /// Salvages what can be read of another database of a hub. Works beside a running hub.
    ///
    /// # Errors
    /// The file is no database of a hub; those of any write.
    pub async fn recover(&self, file: &Path) -> Result<Recovered> {
        if file.canonicalize().ok() == self.inner.engine.place().canonicalize().ok() {
            return Err(Error::BadFile { path: file.to_owned(), detail: "this is the hub's own database" });
        }
        let (path, memory, engine) = (file.to_owned(), self.memory_shared(), self.inner.engine.clone());
        let (name, mut old) = blocking(move || {
            let name = format!("recovered {:08x}", fingerprint(&path)?);
            Ok((name, engine.salvage(&path, &memory.catalog())?))
        })
        .await?;
        let progress = match self.setting(&name).await? {
            Some(text) if text == DONE => return Ok(Recovered { done_before: true, ..Recovered::default() }),
            Some(text) => Progress::parse(&text),
            None => None,
        };
        let progress = match progress {
            Some(progress) => progress,
            None => Progress { step: 0, base: self.base(old.packing_steps()).await? },
        };
        let mut readings = 0;
        for step in progress.step..old.steps() {
            let (back, loaded) = blocking(move || {
                let loaded = old.load(step, progress.base);
                Ok((old, loaded?))
            })
            .await?;
            old = back;
            readings += self.join(loaded, name.clone(), Progress { step: step + 1, ..progress }).await?;
        }
        let found = old.close();
        if found.strangers.is_empty() {
            self.put_setting(&name, DONE.to_vec()).await?;
            self.inner.engine.settled(file)?;
        } else {
            // Begins anew when it is asked for again.
            self.put_setting(&name, PARTLY.to_vec()).await?;
        }
        Ok(Recovered { readings, ..found })
    }

    /// Joins what a step brings to what is here, and notes how far the salvage is.
    async fn join(&self, loaded: Loaded, name: String, next: Progress) -> Result<u64> {
        let series = match loaded.device {
            Some(device) => self.series_of(device, &loaded.sensors).await?,
            None => Vec::new(),
        };
        let (engine, now) = (self.inner.engine.clone(), self.clock().wall());
        let packed = blocking(move || step::pack(loaded, engine.reader()?.ask(), series, now)).await?;
        let written = self.change(move |open| {
            let brought = packed.map_or(Ok(0), |packed| packed.write(open))?;
            open.tx.put_setting(&name, next.text().as_bytes())?;
            Ok(brought)
        });
        written.await
    }

    /// The series of some sensors of a device, made where there is none.
    async fn series_of(&self, device: DeviceNo, sensors: &[OldSensor]) -> Result<Vec<SeriesId>> {
        let known: Vec<(String, SeriesId)> =
            self.catalog().series_of(device).map(|series| (series.sensor.clone(), series.id)).collect();
        let of = |old: &OldSensor| known.iter().find(|(name, _)| *name == old.spec.name).map(|(_, series)| *series);
        if let Some(all) = sensors.iter().map(of).collect() {
            return Ok(all);
        }
        let sensors = sensors.to_vec();
        let put = move |open: &mut OpenWrite<'_>, old: &OldSensor| {
            sensors::put_missing(open, device, &old.spec, old.by_owner)
        };
        self.change(move |open| sensors.iter().map(|old| put(open, old)).collect()).await
    }

    /// Lowest number of `times` for a salvage of so many steps: below all there are, so that what is here wins.
    async fn base(&self, steps: usize) -> Result<i64> {
        let lowest = self.readers().run(|reader| reader.ask()?.lowest_span()).await?;
        let base = lowest - i64::try_from(steps).unwrap_or(i64::MAX / STRIDE) * STRIDE;
        // Its key is shared with the number of a series.
        if base < -(1 << 31) {
            return Err(Error::Corrupt { what: "range of block numbers: too many salvages" });
        }
        Ok(base)
    }
}

const DONE: &[u8] = b"done";
const PARTLY: &[u8] = b"partly";

/// How far a salvage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Progress {
    step: usize,
    base: i64,
}

impl Progress {
    /// Which way a salvage is cut into steps. One that was interrupted when they were cut another way begins anew, which
    /// brings nothing twice.
    const CUT: &str = "2:";

    fn text(self) -> String {
        format!("{}{} {}", Self::CUT, self.step, self.base)
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let (step, base) = std::str::from_utf8(text).ok()?.strip_prefix(Self::CUT)?.split_once(' ')?;
        Some(Self { step: step.parse().ok()?, base: base.parse().ok()? })
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Corrupt { what: "file to recover" })?
}

/// Tells files apart, wherever they lie.
fn fingerprint(path: &Path) -> Result<u32> {
    let read = || {
        let (mut file, mut buffer, mut sum) = (std::fs::File::open(path)?, vec![0; 1 << 20], 0);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(sum),
                read => sum = crc32c::crc32c_append(sum, buffer.get(..read).unwrap_or_default()),
            }
        }
    };
    read().map_err(|source| Error::File { path: path.to_owned(), source })
}
