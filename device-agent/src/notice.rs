//! Log messages for people: the device joined, waits for approval, lost the hub, found it again.

use std::net::SocketAddr;
use std::time::Instant;

use tracing::{error, info, warn};
use wire::message::Claimed;
use wire::{Epoch, PublicKey};

use crate::clock::Now;
use crate::feed::Feed;
use crate::identity::{Identity, Origin, Pin as HubPin, claimed_words};
use crate::uplink::{Event, words_of};

/// How the device came by its identity, where that is news.
pub(crate) fn origin(identity: &Identity) {
    match identity.origin() {
        Origin::Kept => {}
        Origin::Made => info!("first start: made an identity in {}", identity.folder().display()),
        Origin::Cloned { aside } => {
            warn!(
                "this state was copied from another machine: made a new identity, kept the old as {}",
                aside.display()
            );
        }
        Origin::Damaged { aside } => {
            error!(
                "the identity was damaged: made a new one, kept the old as {}; the hub sees a new device",
                aside.display()
            );
        }
    }
    if identity.is_volatile() {
        warn!("{} is in memory: identity and unsent readings are lost at reboot", identity.folder().display());
    }
}

/// Another machine uses this identity: said once, and again when that changes.
pub(crate) fn claimed(told: &Claimed, before: &mut Option<(Claimed, Instant)>, identity: &Identity, now: Now) {
    let known = before.as_ref().is_some_and(|(known, _)| known.since == told.since && known.goes_on == told.goes_on);
    if !known {
        warn!("{}", claimed_words(&told.other, told.goes_on, &identity.folder().display().to_string()));
    }
    *before = Some((told.clone(), now.mono));
}

/// The hub was silent for half a minute of handshakes and answered one that counts its starts higher: it knew of later
/// starts than this folder does, or its silence had another reason.
pub(crate) fn set_back(identity: &mut Identity, epoch: Epoch) {
    if identity.boot() >= epoch.0 {
        return;
    }
    warn!(
        "the hub answered only once the starts of this agent were counted higher: was the state folder restored from a backup or \
         a snapshot? (if not, the hub was too busy to answer; nothing is lost either way)"
    );
    if let Err(error) = identity.skip_to(epoch) {
        error!("cannot save that: {error}");
    }
}

/// What happened on the way to the hub; from adoption on the hub is pinned.
pub(crate) fn event(
    event: &Event,
    feed: &Feed,
    identity: &Identity,
    token: u64,
    lost_at: &mut Option<Instant>,
    now: Now,
) {
    let own = words_of(&identity.keys().public);
    match event {
        Event::Found { hub, address } => info!("found a hub at {address}: {}", words_of(hub)),
        Event::Several { hubs } => {
            let list: Vec<String> =
                hubs.iter().map(|(hub, address)| format!("{} (at {address})", words_of(hub))).collect();
            warn!(
                "{} hubs answer and nothing says which one this device shall join, so it waits: {}. Compare these words with those \
                 that your hub shows, and start the agent with --hub-words '...', or with a join token of it",
                hubs.len(),
                list.join("; ")
            );
        }
        Event::Foreign { hub } => info!("ignored another hub, this device does not belong to it: {}", words_of(hub)),
        Event::Silent { hub, address } => silent(identity, hub, address),
        Event::Pending { hub, address } => {
            info!(
                "waiting for approval on the page of the hub at {address} ({}); there, compare this device's six words: {own}",
                words_of(hub)
            )
        }
        Event::Adopted { hub, address } => {
            let pin = HubPin { hub: *hub, token, address: Some(*address) };
            joined(identity, &pin, address, feed, lost_at.take(), now);
        }
        // Who was never let in has lost nothing; why it is kept out is said by `Silent`.
        Event::Lost { was_adopted: false } => {}
        Event::Lost { was_adopted: true } => {
            lost_at.get_or_insert(now.mono);
            warn!("lost connection to the hub, storing readings until it is back");
        }
        Event::Acked { .. } | Event::Recorded { .. } | Event::Claimed(_) => {}
    }
}

/// A hub does not answer, or not this device.
fn silent(identity: &Identity, hub: &PublicKey, address: &SocketAddr) {
    if identity.pinned_hub().is_some_and(|pin| pin.hub == *hub) {
        warn!(
            "the hub at {address} does not answer, or this device was deleted, blocked or replaced there; storing readings until it does (device-agent doctor says more)"
        );
    } else {
        warn!(
            "the hub at {address} does not accept this device: is it closed to new devices or full, or is the join token used up, expired or from another hub?"
        );
    }
}

/// The device belongs to a hub from here on, or does again after it was lost at some time.
fn joined(identity: &Identity, pin: &HubPin, address: &SocketAddr, feed: &Feed, lost_at: Option<Instant>, now: Now) {
    let before = identity.pinned_hub();
    if before != Some(*pin) {
        if let Err(error) = identity.pin_hub(pin) {
            error!("cannot save the hub's address: {error}");
        }
    }
    let waiting = feed.spool.len();
    match lost_at {
        Some(since) => {
            let away = now.mono.saturating_duration_since(since).as_secs();
            let batches = if waiting == 1 { "1 batch" } else { &*format!("{waiting} batches") };
            info!(waiting, "hub is back at {address} after {away} s, {batches} to send");
        }
        None if before.is_some_and(|before| before.hub == pin.hub) => {
            info!("hub found at {address}: {}", words_of(&pin.hub))
        }
        None => info!("joined the hub at {address}: {}", words_of(&pin.hub)),
    }
}
