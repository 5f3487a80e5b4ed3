//! `/devices`: one list of adopted, blocked and waiting devices.

pub(super) mod dto;
pub(super) mod fleet;
mod found;
pub(super) mod kind;
pub(super) mod ledger;
pub(super) mod replace;
pub(super) mod sensors;
pub(super) mod sets;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::{MayAdmin, MayOperate, MayReadSome};
use crate::http::request::body::Body;
use crate::http::request::page::{Page, Pages, Paging};
use crate::http::request::params::{Asked, FromParams, Nothing, Params};
use crate::http::request::path::InPath;
use crate::http::request::text;
use crate::http::state::Routes;
use crate::live::Update;
use crate::model::catalog::Catalog;
use crate::model::device::{self, NewDevice, Pending, Standing};
use crate::model::{DeviceId, UnixMillis};
use crate::presence::Presence;
use crate::proto::command::Command;
use dto::{AdoptRequest, Device, DevicePatch, Status};
use fleet::Fleet;
use found::{follow, is_stranger, newcomer, note_heard, unknown, view, within};
use utoipa_axum::routes;

/// Devices, their sensors, their hardware, and what became of their readings.
pub(super) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list))
        .routes(routes!(show, change, delete))
        .routes(routes!(adopt))
        .routes(routes!(block))
        .routes(routes!(forget))
        .routes(routes!(replace::replace))
        .routes(routes!(replace::swaps))
        .routes(routes!(sensors::list))
        .routes(routes!(sensors::change))
        .routes(routes!(sets::list))
        .routes(routes!(ledger::show))
}

/// What to list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListDevices {
    /// Only these; repeat it for several.
    #[param(required = false)]
    status: Vec<Status>,
    /// Only devices with this label, as `key=value`; repeat it for several.
    #[param(value_type = Vec<String>, required = false)]
    label: Vec<(String, String)>,
    /// Whose six words are told: `all`, or `pending` for only those of devices that wait to be adopted; `all` when left out.
    #[param(value_type = String, required = false)]
    words: Words,
    /// Only devices with this text in id, name, model, address or a label; capitals do not matter.
    q: Option<String>,
    #[param(ignore)]
    paging: Paging,
}

/// Whose six words a list tells: of three hundred devices they are a third of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    All,
    Pending,
}

impl FromParams for ListDevices {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        let status = |text: String| {
            let detail = || format!("`{text}` is not a status: write online, offline, pending or blocked");
            text.parse().map_err(|()| ApiError::invalid("status", detail()))
        };
        let label = |text: String| {
            let pair = text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
            pair.ok_or_else(|| ApiError::invalid("label", format!("`{text}` is not a label: write key=value")))
        };
        Ok(Self {
            status: params.all("status").into_iter().map(status).collect::<Result<_, _>>()?,
            label: params.all("label").into_iter().map(label).collect::<Result<_, _>>()?,
            words: match params.one("words")?.as_deref() {
                None | Some("all") => Words::All,
                Some("pending") => Words::Pending,
                Some(other) => {
                    return Err(ApiError::invalid("words", format!("`{other}` is not known: write all or pending")));
                }
            },
            q: params.one("q")?.map(|q| q.to_lowercase()),
            paging: params.paging(100, 1_000)?,
        })
    }
}

/// A device of the list: with a row, or waiting.
enum Listed<'a> {
    Stored(&'a device::Device),
    Waiting(&'a Pending),
}

impl Listed<'_> {
    fn key(&self) -> String {
        match self {
            Self::Stored(device) => format!("{}\0{}", device.name, device.id),
            Self::Waiting(pending) => format!("{}\0{}", pending.introduction.name, pending.id),
        }
    }

    fn labels(&self) -> &device::Labels {
        match self {
            Self::Stored(device) => &device.labels,
            Self::Waiting(pending) => &pending.introduction.labels,
        }
    }

    fn mentions(&self, q: &str, presence: &Presence) -> bool {
        let (id, name, model, address) = match self {
            Self::Stored(device) => {
                let heard = presence.read().links.get(&device.no).map(|link| link.address);
                (device.id, &device.name, &device.model, heard.or(device.address))
            }
            Self::Waiting(pending) => {
                (pending.id, &pending.introduction.name, &pending.introduction.model, Some(pending.address))
            }
        };
        let has = |text: &str| text.to_lowercase().contains(q);
        has(name)
            || has(model)
            || has(&id.to_string())
            || address.is_some_and(|address| has(&address.to_string()))
            || self.labels().iter().any(|(key, value)| has(key) || has(value))
    }
}

/// All devices by name.
#[utoipa::path(get, path = "/api/v1/devices", tag = "devices", params(ListDevices, Pages),
    responses((status = 200, body = Page<Device>), (status = 400, body = Problem)))]
pub(super) async fn list(
    State(fleet): State<Fleet>,
    MayReadSome(view): MayReadSome,
    Asked(asked): Asked<ListDevices>,
) -> Json<Page<Device>> {
    let now = fleet.clock.wall();
    let catalog = fleet.store.catalog();
    let pending = fleet.presence.read().pending.values().filter(|_| view.is_all()).cloned().collect::<Vec<Pending>>();
    let status = |entry: &Listed<'_>| match entry {
        Listed::Stored(device) => dto::status(device, &catalog, &fleet.presence, now),
        Listed::Waiting(_) => Status::Pending,
    };
    let waiting: HashMap<_, _> = pending
        .iter()
        .filter(|pending| is_stranger(&catalog, pending.id))
        .map(|pending| (pending.id, pending))
        .collect();
    let stored = catalog.devices().filter(|device| view.has(device) && !waiting.contains_key(&device.id));
    let entries = stored.map(Listed::Stored).chain(waiting.values().map(|pending| Listed::Waiting(pending)));
    let wanted = entries.filter(|entry| {
        (asked.status.is_empty() || asked.status.contains(&status(entry)))
            && asked.label.iter().all(|(key, value)| entry.labels().get(key) == Some(value))
            && asked.q.as_ref().is_none_or(|q| entry.mentions(q, &fleet.presence))
    });
    Json(asked.paging.cut(wanted.collect(), Listed::key, |entry| match entry {
        Listed::Stored(device) => {
            let told = Device::of(device, &catalog, &fleet.presence, now);
            if asked.words == Words::All { told } else { Device { words: Vec::new(), ..told } }
        }
        Listed::Waiting(pending) => pending.into(),
    }))
}

/// One device.
#[utoipa::path(get, path = "/api/v1/devices/{id}", tag = "devices", params(("id" = String, Path, description = "Device id")),
    responses((status = 200, body = Device), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(fleet): State<Fleet>,
    MayReadSome(view): MayReadSome,
    InPath(id): InPath,
    _: Asked<Nothing>,
) -> Result<Json<Device>, ApiError> {
    within(&fleet, &view, id).map(Json).ok_or_else(|| unknown(id))
}

/// Renames a device, sets its labels, its expected interval or the notes about it.
#[utoipa::path(patch, path = "/api/v1/devices/{id}", tag = "devices", params(("id" = String, Path, description = "Device id")),
    request_body = Option<DevicePatch>, responses((status = 200, body = Device), (status = 400, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn change(
    State(fleet): State<Fleet>,
    _: MayOperate,
    InPath(id): InPath,
    Body(patch): Body<DevicePatch>,
) -> Result<Json<Device>, ApiError> {
    let device = fleet.store.patch_device(id, patch.try_into()?, fleet.clock.wall()).await?;
    follow(&fleet, device).await?;
    view(&fleet, id).map(Json).ok_or_else(|| unknown(id))
}

/// Forgets the key of a device and keeps its readings: it stays in the list, offline.
#[utoipa::path(post, path = "/api/v1/devices/{id}/forget", tag = "devices", params(("id" = String, Path, description = "Device id")),
    responses((status = 200, body = Device), (status = 404, body = Problem)))]
pub(super) async fn forget(
    State(fleet): State<Fleet>,
    _: MayOperate,
    InPath(id): InPath,
) -> Result<Json<Device>, ApiError> {
    let known = fleet.store.catalog().device_by_id(id).cloned().ok_or_else(|| unknown(id))?;
    note_heard(&fleet, &[known]).await?;
    let device = fleet.store.forget_device(id).await?;
    fleet.endpoint.tell(Command::Forgotten(id)).await?;
    fleet.presence.write().links.remove(&device.no);
    tracing::info!(device.id = %id, "device {id} was forgotten; its readings stay");
    follow(&fleet, device).await?;
    view(&fleet, id).map(Json).ok_or_else(|| unknown(id))
}

/// Deletes a device with all its readings. The hub no longer knows its key.
#[utoipa::path(delete, path = "/api/v1/devices/{id}", tag = "devices", params(("id" = String, Path, description = "Device id")),
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn delete(
    State(fleet): State<Fleet>,
    _: MayAdmin,
    InPath(id): InPath,
) -> Result<StatusCode, ApiError> {
    if fleet.store.catalog().device_by_id(id).is_none() && is_waiting(&fleet, id) {
        fleet.store.note("device.ignored", id.to_string()).await?;
        fleet.endpoint.tell(Command::Ignored(id)).await?;
    } else {
        let retired = fleet.store.delete_device(id).await?;
        fleet.endpoint.tell(Command::Forgotten(id)).await?;
        fleet.endpoint.tell(Command::Retired(retired)).await?;
        fleet.rules_changed.tell();
        tracing::info!(device.id = %id, "device {id} was deleted with its readings");
    }
    fleet.bus.publish(Arc::new(Update::Removed(id)));
    Ok(StatusCode::NO_CONTENT)
}

/// Adopts a device that waits for approval, or one that was blocked. Its readings are stored from now on.
#[utoipa::path(post, path = "/api/v1/devices/{id}/adopt", tag = "devices", params(("id" = String, Path, description = "Device id")),
    request_body = Option<AdoptRequest>, responses((status = 200, body = Device), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn adopt(
    State(fleet): State<Fleet>,
    _: MayOperate,
    InPath(id): InPath,
    Body(request): Body<AdoptRequest>,
) -> Result<Json<Device>, ApiError> {
    let name = request.name.map(|name| text::device_name("name", name)).transpose()?;
    let labels = text::labels(request.labels.unwrap_or_default())?;
    let is_blocked = fleet.store.catalog().device_by_id(id).is_some_and(|device| device.standing == Standing::Blocked);
    if is_blocked || is_stranger(&fleet.store.catalog(), id) {
        let new = to_adopt(&fleet, id, name, labels)?;
        let device = fleet.store.adopt(new).await?;
        tracing::info!(device.id = %id, "device {id} was adopted as {}", device.name);
        follow(&fleet, device).await?;
    }
    view(&fleet, id).map(Json).ok_or_else(|| unknown(id))
}

/// Blocks a device: its packets are ignored. Its readings stay.
#[utoipa::path(post, path = "/api/v1/devices/{id}/block", tag = "devices", params(("id" = String, Path, description = "Device id")),
    responses((status = 200, body = Device), (status = 404, body = Problem)))]
pub(super) async fn block(
    State(fleet): State<Fleet>,
    _: MayOperate,
    InPath(id): InPath,
) -> Result<Json<Device>, ApiError> {
    let now = fleet.clock.wall();
    let pending = fleet.presence.read().pending.get(&id).map(|pending| newcomer(pending, now));
    let device = fleet.store.block(id, pending).await?;
    tracing::info!(device.id = %id, "device {id} was blocked");
    follow(&fleet, device).await?;
    view(&fleet, id).map(Json).ok_or_else(|| unknown(id))
}

fn is_waiting(fleet: &Fleet, id: DeviceId) -> bool {
    fleet.presence.read().pending.contains_key(&id)
}

fn to_adopt(fleet: &Fleet, id: DeviceId, name: Option<String>, labels: device::Labels) -> Result<NewDevice, ApiError> {
    let now = fleet.clock.wall();
    let catalog = fleet.store.catalog();
    if let Some(name) = &name
        && catalog.device_by_name(name).is_some_and(|other| other.id != id)
    {
        return Err(ApiError::conflict("name", format!("another device already has the name `{name}`")));
    }
    let waiting = fleet.presence.read().pending.get(&id).map(|pending| newcomer(pending, now));
    let mut new = waiting.or_else(|| again(&catalog, id, now)).ok_or_else(|| {
        ApiError::not_found(format!(
            "no device {id} is waiting for approval; it must be running and have found this hub"
        ))
    })?;
    if let Some(name) = name {
        new.introduction.name = name;
    }
    new.introduction.labels.extend(labels);
    Ok(new)
}

/// A blocked device, to be adopted as it was.
fn again(catalog: &Catalog, id: DeviceId, at: UnixMillis) -> Option<NewDevice> {
    let device = catalog.device_by_id(id)?;
    Some(NewDevice {
        key: device.key,
        introduction: device::Introduction {
            name: device.name.clone(),
            model: device.model.clone(),
            version: device.version.clone(),
            labels: device.labels.clone(),
        },
        address: device.address,
        at,
        join_token: None,
        handshake_counter: device.handshake_counter,
    })
}
