//! Rows of claims.

use std::collections::HashMap;
use std::net::SocketAddr;

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::UnixMillis;
use crate::model::device::{Claim, Conflict, DeviceNo};
use crate::store::engine::nouns::{ChangeClaims, Claims};
use crate::store::error::Result;
use crate::store::sqlite::column::signed;

const SAVE: &str = "INSERT INTO claim (device, start, refused, holder, other, since_at)
    SELECT no, :start, :refused, :holder, :other, :since_at FROM device WHERE no = :device
    ON CONFLICT (device) DO UPDATE SET start = excluded.start, refused = excluded.refused, holder = excluded.holder,
    other = excluded.other, since_at = excluded.since_at";
const COUNT: &str = "UPDATE device SET handshake_counter = :counter WHERE no = :device";
const ALL: &str = "SELECT device, start, refused, holder, other, since_at FROM claim";
const ONE: &str = "SELECT device, start, refused, holder, other, since_at FROM claim WHERE device = :device";

impl Claims for Connection {
    fn claims(&self) -> Result<HashMap<DeviceNo, Claim>> {
        let mut statement = self.prepare_cached(ALL)?;
        let claims = statement.query_map([], from_row)?;
        Ok(claims.collect::<rusqlite::Result<_>>()?)
    }

    fn claim(&self, device: DeviceNo) -> Result<Option<Claim>> {
        let found = self.prepare_cached(ONE)?.query_row(named_params! { ":device": device }, from_row).optional()?;
        Ok(found.map(|(_, claim)| claim))
    }
}

impl ChangeClaims for Connection {
    fn save_claim(&self, device: DeviceNo, claim: &Claim) -> Result<bool> {
        let refused: Vec<String> = claim.refused.iter().map(u16::to_string).collect();
        let saved = self.prepare_cached(SAVE)?.execute(named_params! {
            ":device": device,
            ":start": claim.start,
            ":refused": refused.join(" "),
            ":holder": claim.conflict.map(|conflict| conflict.holder.to_string()),
            ":other": claim.conflict.map(|conflict| conflict.other.to_string()),
            ":since_at": claim.conflict.map(|conflict| conflict.since.0),
        })?;
        // Not the highest: another machine may have counted further than the one that goes on.
        if saved > 0 {
            let counter = signed(claim.handshake_counter);
            self.prepare_cached(COUNT)?.execute(named_params! { ":device": device, ":counter": counter })?;
        }
        Ok(saved > 0)
    }
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
