//! Third step of a start: the sockets that devices speak to.

use std::sync::Arc;

use wire::handshake::Responder;

use super::endpoint::{Machines, new_endpoint, random};
use super::wires::{UdpEnds, Wires};
use crate::proto::discovery::{self, Card};
use crate::udp::Driver;
use crate::udp::discovery::{Groups, run};

/// Starts the endpoint, which knows every stored device, and answers whoever searches.
///
/// # Errors
/// The store cannot be read, or the operating system has no randomness.
pub(super) async fn start(wires: &mut Wires, ends: UdpEnds) -> anyhow::Result<()> {
    let UdpEnds { keys, socket, events, receipts, commands } = ends;
    let card = Card { hub: wires.id, key: keys.public, port: wires.udp.port(), accepting: Arc::default() };
    let machines = Machines::of(&wires.store).await?;
    let conflicts = machines.claims.iter().filter_map(|(device, claim)| Some((*device, claim.conflict?)));
    wires.presence.write().conflicts = conflicts.collect();
    let counts = (&wires.counters, &wires.pressure);
    let responder = Responder::new(keys);
    let endpoint = new_endpoint(&wires.store, wires.clock, wires.join, responder, card.clone(), counts, machines)?;
    let driver = Driver {
        endpoint,
        socket,
        batches: wires.entrance.clone(),
        events,
        receipts,
        commands,
        pressure: Arc::clone(&wires.pressure),
        clock: wires.clock,
    };
    let stop = wires.supervisor.stop();
    wires.supervisor.spawn("udp", driver.run(stop));
    if wires.config.discovery { search(wires, card) } else { Ok(()) }
}

/// Answers agents that search by multicast or broadcast, where the network has that.
fn search(wires: &mut Wires, card: Card) -> anyhow::Result<()> {
    match Groups::join() {
        Ok(groups) => {
            let counters = Arc::clone(&wires.counters);
            let responder = discovery::Responder::new(card, wires.clock.now(), random()?, counters);
            let stop = wires.supervisor.stop();
            wires.supervisor.spawn("discovery", run(groups, responder, wires.clock, stop));
        }
        Err(error) => tracing::warn!(%error, "no multicast here ({error}): agents need --hub"),
    }
    Ok(())
}
