//! Looks up a device as far as the caller may see it, and publishes what was changed about it.

use std::sync::Arc;

use super::dto::Device;
use super::fleet::Fleet;
use crate::http::error::ApiError;
use crate::live::Update;
use crate::model::catalog::Catalog;
use crate::model::device::{self, NewDevice, Pending};
use crate::model::view::View;
use crate::model::{DeviceId, UnixMillis};
use crate::proto::command::{Command, Known};
use crate::store::DeviceNote;

pub(super) fn unknown(id: DeviceId) -> ApiError {
    ApiError::not_found(format!("there is no device {id}"))
}

pub(super) fn view(fleet: &Fleet, id: DeviceId) -> Option<Device> {
    within(fleet, &View::ALL, id)
}

/// A device, if it is in a view. One that waits to be adopted has no labels yet, so only the view of everything shows it.
pub(super) fn within(fleet: &Fleet, view: &View, id: DeviceId) -> Option<Device> {
    let catalog = fleet.store.catalog();
    let is_shown = |_: &&Pending| view.is_all() && is_stranger(&catalog, id);
    let waiting = fleet.presence.read().pending.get(&id).filter(is_shown).map(Device::from);
    let stored =
        || view.device(&catalog, id).map(|device| Device::of(device, &catalog, &fleet.presence, fleet.clock.wall()));
    waiting.or_else(stored)
}

/// Whether the hub lacks the key of the device with this id: of an imported device it has only the history.
pub(super) fn is_stranger(catalog: &Catalog, id: DeviceId) -> bool {
    catalog.device_by_id(id).is_none_or(|device| !device.has_key())
}

pub(super) fn newcomer(pending: &Pending, at: UnixMillis) -> NewDevice {
    NewDevice {
        key: pending.key,
        introduction: pending.introduction.clone(),
        address: Some(pending.address),
        at,
        join_token: None,
        handshake_counter: pending.handshake_counter,
    }
}

/// Saves when and where these devices were last heard. Their links know it and it is saved only now and then, so it would be
/// lost with the link.
pub(super) async fn note_heard(fleet: &Fleet, devices: &[device::Device]) -> Result<(), ApiError> {
    let notes: Vec<DeviceNote> = {
        let now = fleet.presence.read();
        let note = |device: &device::Device| {
            now.links.get(&device.no).map(|link| DeviceNote {
                no: device.no,
                address: link.address,
                last_seen: link.last_seen,
                pushed_every_ms: None,
                introduction: None,
                handshake_counter: 0,
            })
        };
        devices.iter().filter_map(note).collect()
    };
    if notes.is_empty() { Ok(()) } else { fleet.store.note_devices(notes).await.map_err(ApiError::from) }
}

/// What the endpoint needs to know when a device has other hardware.
#[derive(Debug, Default)]
pub(super) struct Hardware {
    /// Who speaks for it.
    pub(super) claim: Option<device::Claim>,
    /// Since when it is the device's.
    pub(super) since: Option<UnixMillis>,
}

/// Tells the endpoint and the live listeners what was committed.
pub(super) async fn follow(fleet: &Fleet, device: device::Device) -> Result<(), ApiError> {
    follow_with(fleet, device, Hardware::default()).await
}

/// The same of a device with other hardware.
pub(super) async fn follow_with(fleet: &Fleet, device: device::Device, hardware: Hardware) -> Result<(), ApiError> {
    let (id, no) = (device.id, device.no);
    if device.has_key() {
        let (sensors, numbering) = {
            let catalog = fleet.store.catalog();
            (catalog.own_numbers(no).to_vec(), catalog.numbering(no))
        };
        let windows = fleet.store.windows().into_iter().filter(|(owner, ..)| *owner == no);
        let windows = windows.map(|(_, epoch, set)| (epoch, set)).collect();
        let Hardware { claim, since } = hardware;
        let known = Known { device, sensors, numbering, windows, digests: Vec::new(), claim, since };
        fleet.endpoint.tell(Command::Known(Box::new(known))).await?;
    }
    // Name, labels and interval decide which rules watch it, and how late it may be.
    fleet.rules_changed.tell();
    fleet.bus.publish(Arc::new(Update::Device(id)));
    Ok(())
}
