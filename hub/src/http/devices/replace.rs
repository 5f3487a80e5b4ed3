//! `/devices/{id}/replace`: new hardware takes over a device, and `/devices/{id}/swaps`: when that happened.
//!
//! ```text
//!   old hardware silent? ──▶ both part: nothing is taken, what is under way arrives ──▶ one transaction ──▶ the endpoint follows
//!         └ no: refused              └ not within PARTS_WITHIN, or refused: both go on as they were
//! ```

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::dto::{Device, ReplaceRequest, Swap};
use super::fleet::Fleet;
use super::found::{Hardware, follow, follow_with, newcomer, note_heard, unknown, view};
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::{MayOperate, MayReadSome};
use crate::http::request::body::Body;
use crate::http::request::page::Page;
use crate::http::request::params::{Asked, Nothing};
use crate::http::request::path::InPath;
use crate::live::Update;
use crate::model::device::{self, Introduction, NewDevice, Standing};
use crate::model::{DeviceId, UnixMillis, when};
use crate::proto::command::Command;
use crate::store::Replaced;
use crate::store::Store;

/// Hardware that was not heard for this long is off: an agent sends every five seconds.
const SILENT_MS: i64 = 10_000;
/// Longest wait for batches on the way to the disk: they are there sooner, unless the disk hangs.
const PARTS_WITHIN: Duration = Duration::from_secs(10);

/// Puts new hardware in the place of a device's: it takes over name, labels, sensors with their readings, rules and id.
///
/// `by` waits to be adopted, was adopted already (what it measured until now stays as a device of its own, under a name that
/// says so), or is hardware that was replaced before. The old hardware must be off, and is not heard any more. What the new one
/// measured while the old one was still heard is left out.
#[utoipa::path(post, path = "/api/v1/devices/{id}/replace", tag = "devices", params(("id" = String, Path, description = "Device id")),
    request_body = ReplaceRequest, responses((status = 200, body = Device), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(in crate::http) async fn replace(
    State(fleet): State<Fleet>,
    _: MayOperate,
    InPath(id): InPath,
    Body(request): Body<ReplaceRequest>,
) -> Result<Json<Device>, ApiError> {
    let by: DeviceId = request.by.parse().map_err(|error| ApiError::invalid("by", format!("{error}")))?;
    // Runs to its end even when the caller goes away: a device that is only half replaced would not be heard.
    let work = {
        let fleet = fleet.clone();
        fleet.tasks.clone().spawn(async move { put_in_place(&fleet, id, by).await })
    };
    work.await.map_err(ApiError::internal)??;
    view(&fleet, id).map(Json).ok_or_else(|| unknown(id))
}

async fn put_in_place(fleet: &Fleet, id: DeviceId, by: DeviceId) -> Result<(), ApiError> {
    let _one_at_a_time = fleet.replacing.lock().await;
    let old = fleet.store.catalog().device_by_id(id).cloned().ok_or_else(|| unknown(id))?;
    let new = hardware(fleet, &old, by).await?;
    refuse_while_it_sends(fleet, &old)?;
    let known = fleet.store.catalog().devices().find(|device| device.key == new.key).cloned();
    let parting: Vec<device::Device> = [Some(old.clone()), known].into_iter().flatten().collect();
    let replaced = match part(fleet, &parting).await {
        Ok(()) => {
            let heard = last_heard(fleet, &old);
            let replaced = async {
                note_heard(fleet, &parting).await?;
                fleet.store.replace_device(id, new, heard).await.map_err(ApiError::from)
            };
            replaced.await.map(|replaced| (replaced, heard))
        }
        Err(error) => Err(error),
    };
    let (replaced, heard) = match replaced {
        Ok(replaced) => replaced,
        Err(error) => {
            for no in parting.iter().map(|device| device.no) {
                // The device as it is now; one that was deleted meanwhile is not followed.
                let device = fleet.store.catalog().device(no).cloned();
                if let Some(device) = device {
                    follow(fleet, device).await?;
                }
            }
            return Err(error);
        }
    };
    tracing::info!(device.id = %id, "device {} ({id}) continues on the hardware {by}", old.name);
    go_on(fleet, &parting, replaced, heard).await?;
    fleet.bus.publish(Arc::new(Update::Device(id)));
    Ok(())
}

/// The new hardware: it waits, is a device already, or was replaced.
async fn hardware(fleet: &Fleet, old: &device::Device, by: DeviceId) -> Result<NewDevice, ApiError> {
    let now = fleet.clock.wall();
    if old.has_key() && by == device::id_of(&old.key) {
        return Err(ApiError::invalid("by", "a device cannot replace itself: this is the hardware it has"));
    }
    let by_hardware =
        fleet.store.catalog().devices().find(|device| device.has_key() && device::id_of(&device.key) == by).cloned();
    if let Some(known) = by_hardware {
        return if_allowed(known, now);
    }
    if let Some(pending) = fleet.presence.read().pending.get(&by).filter(|_| by != old.id || !old.has_key()) {
        return Ok(newcomer(pending, now));
    }
    let retired = fleet.store.retired_hardware(by, now).await?;
    let by_device = fleet.store.catalog().device_by_id(by).filter(|device| by != old.id && device.has_key()).cloned();
    match (by_device, &retired) {
        (Some(known), None) => return if_allowed(known, now),
        (Some(known), Some(_)) => {
            let detail = format!(
                "{by} is both {} and hardware it had before: send {} for its current hardware; earlier hardware can only go back to the device it was of",
                known.name,
                device::id_of(&known.key)
            );
            return Err(ApiError::conflict("by", detail));
        }
        (None, _) => {}
    }
    retired.ok_or_else(|| {
        let detail =
            format!("no hardware {by} is known here: start its agent, so that it finds the hub and waits for approval");
        ApiError::not_found(detail).field("by")
    })
}

fn if_allowed(known: device::Device, now: UnixMillis) -> Result<NewDevice, ApiError> {
    if known.standing == Standing::Blocked {
        let detail = format!("{} is blocked: unblock it first, or choose other hardware", known.name);
        return Err(ApiError::conflict("by", detail));
    }
    Ok(as_it_is(known, now))
}

fn as_it_is(known: device::Device, at: UnixMillis) -> NewDevice {
    let device::Device { key, name, labels, model, version, address, handshake_counter, .. } = known;
    let introduction = Introduction { name, model, version, labels };
    NewDevice { key, introduction, address, at, join_token: None, handshake_counter }
}

fn refuse_while_it_sends(fleet: &Fleet, old: &device::Device) -> Result<(), ApiError> {
    let heard = fleet.presence.read().links.get(&old.no).map(|link| fleet.clock.wall().since(link.last_seen));
    let Some(ms) = heard.filter(|ms| (0..SILENT_MS).contains(ms)) else { return Ok(()) };
    let detail = format!(
        "the old hardware of {} is still on, it was heard {} s ago: turn it off, wait {} s, and try again",
        old.name,
        ms / 1_000,
        SILENT_MS / 1_000
    );
    Err(ApiError::conflict("device", detail))
}

/// When the old hardware was heard last: by its link, which is looked at now and then, and by the last it measured.
fn last_heard(fleet: &Fleet, old: &device::Device) -> Option<UnixMillis> {
    let now = fleet.clock.wall();
    let own = fleet.store.catalog().own_numbers(old.no).to_vec();
    let newest = fleet.store.latest(&own).into_iter().flatten().map(|point| point.at.min(now)).max();
    let link = fleet.presence.read().links.get(&old.no).map(|link| link.last_seen);
    newest.max(link).max(old.last_seen)
}

/// Waits until nothing of these is under way.
async fn part(fleet: &Fleet, devices: &[device::Device]) -> Result<(), ApiError> {
    let mut parted = fleet.parted.subscribe();
    for device in devices.iter().filter(|device| device.has_key()) {
        fleet.endpoint.tell(Command::Part(device.id)).await?;
        timeout(PARTS_WITHIN, hears_of(&mut parted, device.id)).await.map_err(|_| {
            let detail = format!("readings of {} are still being stored: nothing was changed, try again", device.name);
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(10)
        })?;
    }
    Ok(())
}

async fn hears_of(parted: &mut Receiver<DeviceId>, id: DeviceId) {
    loop {
        match parted.recv().await {
            Ok(heard) if heard == id => return,
            // About another device, whose replacement was given up.
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            // The hub stops, which ends the wait.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Tells the endpoint and the live listeners what was committed.
async fn go_on(
    fleet: &Fleet,
    parted: &[device::Device],
    replaced: Replaced,
    heard: Option<UnixMillis>,
) -> Result<(), ApiError> {
    let Replaced { device, left, claim, retired } = replaced;
    fleet.endpoint.tell(Command::Retired(retired)).await?;
    for device in parted {
        fleet.endpoint.tell(Command::Forgotten(device.id)).await?;
        let mut now = fleet.presence.write();
        now.links.remove(&device.no);
        now.health.remove(&device.no);
        now.conflicts.remove(&device.no);
    }
    if let Some(conflict) = claim.as_ref().and_then(|claim| claim.conflict) {
        fleet.presence.write().conflicts.insert(device.no, conflict);
    }
    let hardware = device::id_of(&device.key);
    follow_with(fleet, device, Hardware { claim, since: heard }).await?;
    match left {
        Some(left) => follow(fleet, left).await,
        None => {
            // It waits no longer; where it is a device by its readings alone, it stays in the list.
            if fleet.store.catalog().device_by_id(hardware).is_none() {
                fleet.bus.publish(Arc::new(Update::Removed(hardware)));
            }
            Ok(())
        }
    }
}

/// When the hardware of a device was replaced, oldest first: the last sixteen times.
#[utoipa::path(get, path = "/api/v1/devices/{id}/swaps", tag = "devices", params(("id" = String, Path, description = "Device id")),
    responses((status = 200, body = Page<Swap>), (status = 404, body = Problem)))]
pub(in crate::http) async fn swaps(
    State(store): State<Store>,
    MayReadSome(view): MayReadSome,
    InPath(id): InPath,
    _: Asked<Nothing>,
) -> Result<Json<Page<Swap>>, ApiError> {
    if view.device(&store.catalog(), id).is_none() {
        return Err(unknown(id));
    }
    let swaps = store.swaps(id).await?;
    let items = swaps.into_iter().map(|swap| Swap {
        at: when::moment(swap.at),
        was: swap.was.to_string(),
        last_seen: swap.heard.map(when::moment),
    });
    Ok(Json(Page { items: items.collect(), next: None }))
}
