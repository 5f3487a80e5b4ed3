//! `/doors`: the ways that readings come by beside the hub's own agents, what came by each of them, and what was refused and why.

pub(super) mod rules;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::http::error::ApiError;
use crate::http::gate::auth::MayRead;
use crate::http::request::params::{Asked, Nothing};
use crate::http::state::{DoorState, Doors, Routes};
use crate::model::when;

/// The doors.
pub(super) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list))
        .routes(routes!(unread))
        .routes(routes!(rules::list, rules::create))
        .routes(routes!(rules::delete))
}

/// The doors of a hub.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DoorList {
    items: Vec<Door>,
    /// All of them are here: null.
    next: Option<String>,
}

/// A way that readings come by.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Door {
    /// `http`, `line_udp`, `line_tcp`, `mqtt` or `scrape`.
    name: &'static str,
    /// Whether somebody turned it on; HTTP always is.
    on: bool,
    /// Where it is open, or to whom it connects.
    address: Option<String>,
    /// Whether it takes readings of whoever can reach it.
    unauthenticated: bool,
    /// Where it connects to somebody: whether it is connected.
    connected: Option<bool>,
    /// Since when.
    connected_since: Option<String>,
    /// What came since the start: requests, lines or messages.
    came: u64,
    /// Readings of those on disk.
    readings: u64,
    /// What was refused or dropped since the start, by reason.
    refused: BTreeMap<&'static str, u64>,
    /// What went wrong last with the door as a whole.
    last_error: Option<String>,
    /// When that was.
    last_error_at: Option<String>,
}

/// Topics that are not understood.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnreadList {
    items: Vec<UnreadTopic>,
    /// All of them are here: null.
    next: Option<String>,
}

/// A topic of MQTT of whose messages no readings are made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnreadTopic {
    topic: String,
    /// `text`, `binary`, `no_number`, `too_many_numbers`, `too_many_devices`, `name` or `template`.
    why: &'static str,
    /// Messages that came.
    count: u64,
    /// The last one; at most its first 1,024 bytes.
    payload: String,
    /// When that came.
    at: String,
}

/// What came by each door, and what was refused and why.
#[utoipa::path(get, path = "/api/v1/doors", tag = "readings", responses((status = 200, body = DoorList)))]
pub(super) async fn list(
    State(doors): State<Doors>,
    _: MayRead,
    _: Asked<Nothing>,
) -> Result<Json<DoorList>, ApiError> {
    Ok(Json(DoorList { items: (doors.all)().into_iter().map(Door::of).collect(), next: None }))
}

/// What the broker of MQTT says that is not understood: the last message of each topic.
#[utoipa::path(get, path = "/api/v1/doors/mqtt/unread", tag = "readings", responses((status = 200, body = UnreadList)))]
pub(super) async fn unread(
    State(doors): State<Doors>,
    _: MayRead,
    _: Asked<Nothing>,
) -> Result<Json<UnreadList>, ApiError> {
    let topic = |unread: crate::http::state::Unread| UnreadTopic {
        topic: unread.topic,
        why: unread.why,
        count: unread.count,
        payload: unread.payload,
        at: when::moment(unread.at),
    };
    Ok(Json(UnreadList { items: (doors.unread)().into_iter().map(topic).collect(), next: None }))
}

impl Door {
    fn of(door: DoorState) -> Self {
        let (error_at, error) = door.error.unzip();
        Self {
            name: door.name,
            on: door.is_on,
            address: door.address,
            unauthenticated: door.is_unauthenticated,
            connected: door.is_connected,
            connected_since: door.connected_since.map(when::moment),
            came: door.came,
            readings: door.readings,
            refused: door.refused.into_iter().filter(|(_, count)| *count > 0).collect(),
            last_error: error,
            last_error_at: error_at.map(when::moment),
        }
    }
}
