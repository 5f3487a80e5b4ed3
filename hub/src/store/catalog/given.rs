//! Devices and sensors of pushed and imported readings: created if they do not exist, and numbered by the hub.
//!
//! Everything that one request needs is created in one change: all of it, or nothing.

use super::device_rows::changed;
use super::devices::insert;
use super::sensors::{push_number, put_series};
use crate::model::catalog::Series;
use crate::model::device::{DeviceNo, Introduction, NewDevice, Standing, no_key};
use crate::model::reading::SeriesId;
use crate::model::view::View;
use crate::model::{DeviceId, SensorKind, SensorNo, SensorSpec, UnixMillis, numbering};
use crate::store::Store;
use crate::store::engine::nouns::Numbers;
use crate::store::error::{Error, Result};
use crate::store::write::inbox::OpenWrite;

/// A device and those of its sensors that readings came for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Its id; it is made by it where there is none.
    pub id: DeviceId,
    /// What it is called then.
    pub name: String,
    /// What whoever sends may see: it has the labels of that then, and where it is there already it must have them.
    pub view: View,
    /// Its sensors by name.
    pub sensors: Vec<(String, Said)>,
}

/// What readings say of their sensor; what they do not say stays as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// Unit code.
    pub unit: Option<String>,
    /// What it is, unless its owner said so.
    pub kind: Option<SensorKind>,
}

impl Said {
    /// Whether all of it is known.
    #[must_use]
    pub fn is_of(&self, series: &Series) -> bool {
        self.unit.as_ref().is_none_or(|unit| *unit == series.unit)
            && self.kind.is_none_or(|kind| kind == series.kind || series.kind_by_owner)
    }
}

/// Whose readings they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Pushed as they are measured: not of a sensor that the device itself sends.
    Pushed,
    /// History, of whatever it is.
    Imported,
}

impl Store {
    /// Makes devices and sensors that are missing and gives sensors a number of the hub's; repeating it changes nothing.
    ///
    /// # Errors
    /// `Conflict` when a device is blocked or not in the view of whoever wishes, has as many of these sensors as there are
    /// numbers, or sends one of them itself;
    /// `Limit` when the hub has no place for all of them. Then nothing of it is done.
    pub async fn give_numbers(&self, wishes: Vec<Wish>, origin: Origin, now: UnixMillis) -> Result<()> {
        self.change(move |open| wishes.iter().try_for_each(|wish| grant(open, wish, origin, now))).await
    }
}

fn grant(open: &mut OpenWrite<'_>, wish: &Wish, origin: Origin, now: UnixMillis) -> Result<()> {
    let device = match open.tx.device_by_id(wish.id)? {
        Some(no) => no,
        None => {
            let new = NewDevice {
                key: no_key(wish.id),
                introduction: Introduction { name: wish.name.clone(), ..Introduction::default() },
                address: None,
                at: now,
                join_token: None,
                handshake_counter: 0,
            };
            let no = insert(open, &new, Standing::Adopted, wish.view.labels())?;
            changed(open, no)?;
            no
        }
    };
    let known = open.tx.device(device)?;
    // Looked at before, in the catalog: it came or changed meanwhile.
    if !wish.view.has(&known) {
        return Err(Error::conflict(
            "device",
            format!("{} changed while its readings arrived: send them again", wish.name),
        ));
    }
    if known.standing == Standing::Blocked {
        return Err(Error::conflict("device", format!("{} is blocked", wish.name)));
    }
    for (sensor, said) in &wish.sensors {
        let series = series(open, device, sensor, said)?;
        let Numbers { own, given, next } = open.tx.numbers_of(device, series)?;
        if own && origin == Origin::Pushed {
            let detail =
                format!("{sensor} of {} is sent by the device's own agent: use another sensor name", wish.name);
            return Err(Error::conflict("sensor", detail));
        }
        if given {
            continue;
        }
        if next >= numbering::LIMIT.0 {
            let most = numbering::LIMIT.0 - numbering::FIRST.0;
            return Err(Error::conflict("sensor", format!("{} has {most} sensors, the maximum", wish.name)));
        }
        push_number(open, device, SensorNo(next), series)?;
    }
    Ok(())
}

/// The series of a sensor's name, made where there is none; of one that is known what is said follows.
fn series(open: &mut OpenWrite<'_>, device: DeviceNo, sensor: &str, said: &Said) -> Result<SeriesId> {
    let known = open.tx.series_by_name(device, sensor)?;
    if let Some(known) = &known
        && said.is_of(known)
    {
        return Ok(known.id);
    }
    let (unit, kind, interval_ms) = known.map(|known| (known.unit, known.kind, known.interval_ms)).unwrap_or_default();
    let (unit, kind) = (said.unit.clone().unwrap_or(unit), said.kind.unwrap_or(kind));
    put_series(open, device, &SensorSpec { name: sensor.to_owned(), unit, kind, interval_ms })
}
