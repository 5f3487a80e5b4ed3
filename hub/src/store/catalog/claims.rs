//! Which start of its agent speaks for a device, and which machines were refused its identity.

use std::collections::HashMap;
use std::net::SocketAddr;

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::UnixMillis;
use crate::model::device::{Claim, Conflict, DeviceNo};
use crate::store::Store;
use crate::store::error::Result;
use crate::store::sqlite::column::signed;

impl Store {
    /// Every claim, as saved.
    ///
    /// # Errors
    /// `Busy` when too many read at once.
    pub async fn claims(&self) -> Result<HashMap<DeviceNo, Claim>> {
        self.readers()
            .run(|reader| {
                let mut statement = reader.conn()?.prepare_cached(ALL)?;
                let claims = statement.query_map([], from_row)?;
                Ok(claims.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// Saves who speaks for a device. A device that was deleted meanwhile has nobody.
    ///
    /// # Errors
    /// [`Error::Full`](crate::store::Error::Full): nothing changed. A fatal one: end the hub.
    pub async fn save_claim(&self, device: DeviceNo, claim: Claim) -> Result<()> {
        self.change(move |scope| {
            let refused: Vec<String> = claim.refused.iter().map(u16::to_string).collect();
            let saved = scope.conn.prepare_cached(SAVE)?.execute(named_params! {
                ":device": device,
                ":start": claim.start,
                ":refused": refused.join(" "),
                ":holder": claim.conflict.map(|conflict| conflict.holder.to_string()),
                ":other": claim.conflict.map(|conflict| conflict.other.to_string()),
                ":since_at": claim.conflict.map(|conflict| conflict.since.0),
            })?;
            // Not the highest: another machine may have counted further than the one that goes on.
            if saved > 0 {
                scope.conn.prepare_cached(COUNT)?.execute(named_params! {
                    ":device": device, ":counter": signed(claim.handshake_counter),
                })?;
                super::device_rows::changed(scope, device)?;
            }
            Ok(())
        })
        .await
    }
}

const SAVE: &str = "INSERT INTO claim (device, start, refused, holder, other, since_at)
    SELECT no, :start, :refused, :holder, :other, :since_at FROM device WHERE no = :device
    ON CONFLICT (device) DO UPDATE SET start = excluded.start, refused = excluded.refused, holder = excluded.holder,
    other = excluded.other, since_at = excluded.since_at";
const COUNT: &str = "UPDATE device SET handshake_counter = :counter WHERE no = :device";
const ALL: &str = "SELECT device, start, refused, holder, other, since_at FROM claim";
const ONE: &str = "SELECT device, start, refused, holder, other, since_at FROM claim WHERE device = :device";

/// That of a device.
pub(super) fn of_device(conn: &Connection, device: DeviceNo) -> Result<Option<Claim>> {
    let found = conn.prepare_cached(ONE)?.query_row(named_params! { ":device": device }, from_row).optional()?;
    Ok(found.map(|(_, claim)| claim))
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<(DeviceNo, Claim)> {
    let refused: String = row.get("refused")?;
    let address = |column| -> rusqlite::Result<Option<SocketAddr>> {
        Ok(row.get::<_, Option<String>>(column)?.and_then(|text| text.parse().ok()))
    };
    let (holder, other, since) = (address("holder")?, address("other")?, row.get::<_, Option<i64>>("since_at")?);
    let conflict = holder.zip(other).zip(since).map(|((holder, other), since)| Conflict {
        holder,
        other,
        since: UnixMillis(since),
    });
    let claim = Claim {
        start: row.get("start")?,
        refused: refused.split(' ').filter_map(|number| number.parse().ok()).collect(),
        conflict,
        handshake_counter: 0,
    };
    Ok((row.get("device")?, claim))
}
