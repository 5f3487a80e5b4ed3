//! What the agent says to hubs that are not its own: nothing that was measured.
//!
//! The agent's real uplink and spool, in time moved by hand, against a liar that answers every probe, takes every handshake
//! it can read and listens. The other attacks are beside the code: `proto/endpoint/tests.rs`, `proto/admission.rs`,
//! `device-agent/wire/tests`, and `tests/sim`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::Duration;

use device_agent::clock::{Now, now};
use device_agent::feed::Feed;
use device_agent::spool::{Limits, Spool};
use device_agent::uplink::{Config, Uplink};
use wire::discovery::Answer;
use wire::handshake::{JoinToken, NO_PSK, Responder, Standing, Verdict};
use wire::message::Hello;
use wire::packet::Packet;
use wire::{Epoch, Id, KeyPair, Lane, PublicKey, SensorKind, SensorSpec, UnixMillis};

const BATCHES: usize = 20;
/// Long enough for every wait of the agent to come round several times.
const PATIENCE: Duration = Duration::from_secs(300);
const STEP: Duration = Duration::from_millis(100);

/// A hub that adopts whoever it can.
struct Liar {
    responder: Responder,
    /// The key it gives as its own.
    claims: PublicKey,
    psk: [u8; 32],
    address: SocketAddr,
    handshakes: usize,
    /// Sealed packets it was sent.
    heard: usize,
}

impl Liar {
    fn new(psk: [u8; 32]) -> Self {
        let keys = KeyPair::generate().unwrap();
        let claims = keys.public;
        let address = "10.0.0.66:5770".parse().unwrap();
        Self { responder: Responder::new(keys), claims, psk, address, handshakes: 0, heard: 0 }
    }

    fn receive(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        match Packet::parse(datagram).unwrap() {
            Packet::Probe(probe) => {
                let (hub, port) = (Id::of(&self.claims), self.address.port());
                Some(Answer { accepting: true, hub, key: self.claims, port, nonce: probe.nonce }.encode())
            }
            Packet::Hs1(hs1) => {
                self.handshakes += 1;
                let now = UnixMillis(1_700_000_000_000);
                let verdict = Verdict { now, credit: 256, known_sensors: 1, standing: Standing::Adopted };
                let (_, hs2) = self.responder.read(&hs1).ok()?.accept(&self.psk, &verdict, 77).ok()?;
                Some(hs2)
            }
            Packet::Data(_) => {
                self.heard += 1;
                None
            }
            Packet::Hs2(_) | Packet::Cookie(_) | Packet::Answer(_) => None,
        }
    }
}

fn token() -> JoinToken {
    JoinToken::new(7, [5; 16])
}

/// Lets an agent with something to tell live with a liar; returns what its spool still holds.
fn live_together(liar: &mut Liar, pinned: Option<PublicKey>, token: Option<JoinToken>) -> usize {
    let mut now = Now { unix: UnixMillis(1_700_000_000_000), ..now() };
    let config = Config {
        keys: KeyPair::generate().unwrap(),
        epoch: Epoch(1),
        pinned,
        token,
        only_addresses: false,
        hello: Hello::default(),
        max_in_flight: 64,
        index: 0,
        seed: 11,
    };
    let spool = Spool::in_memory(Epoch(1), Limits::default());
    let mut feed = Feed { uplink: Uplink::new(config, now), spool };
    let sensor =
        SensorSpec { name: "secret".to_owned(), unit: String::new(), kind: SensorKind::Gauge, interval_ms: 1_000 };
    feed.uplink.set_sensors(&[sensor]);
    feed.uplink.set_addresses(vec![liar.address], now);
    // It sits where the pinned hub was, too.
    if let Some(hub) = pinned {
        feed.uplink.add_known(hub, liar.address, now);
    }
    for _ in 0..BATCHES {
        feed.spool.append(vec![0; 100], 1, 1, Lane::Live, now.mono);
    }
    let mut out = Vec::new();
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        feed.uplink.handle_timeout(now);
        feed.settle(now, |_, _| {});
        let mut sent: Vec<Vec<u8>> = feed.uplink.poll_search().into_iter().collect();
        while let Some(to) = feed.uplink.poll_transmit(now, &mut out) {
            assert_eq!(to, liar.address);
            sent.push(out.clone());
        }
        for answer in sent.iter().filter_map(|datagram| liar.receive(datagram)).collect::<Vec<_>>() {
            feed.uplink.handle_input(now, liar.address, &answer);
        }
        now = now.plus(STEP);
    }
    feed.spool.len()
}

#[test]
fn a_pinned_agent_tells_another_hub_nothing() {
    let mut liar = Liar::new(NO_PSK);
    let hub = KeyPair::generate().unwrap().public;
    assert_eq!(live_together(&mut liar, Some(hub), None), BATCHES);
    assert_eq!(liar.heard, 0);
}

#[test]
fn a_pinned_agent_tells_a_hub_with_a_stolen_name_nothing() {
    let mut liar = Liar::new(NO_PSK);
    let hub = KeyPair::generate().unwrap().public;
    liar.claims = hub;
    assert_eq!(live_together(&mut liar, Some(hub), None), BATCHES);
    assert!(liar.handshakes > 10 && liar.heard == 0, "{} {}", liar.handshakes, liar.heard);
}

#[test]
fn an_agent_with_a_token_tells_a_hub_that_does_not_know_it_nothing() {
    for psk in [NO_PSK, JoinToken::new(7, [6; 16]).psk()] {
        let mut liar = Liar::new(psk);
        assert_eq!(live_together(&mut liar, None, Some(token())), BATCHES);
        assert!(liar.handshakes > 10 && liar.heard == 0, "{} {}", liar.handshakes, liar.heard);
    }
}

#[test]
fn the_hub_that_knows_the_token_is_told() {
    let mut hub = Liar::new(token().psk());
    live_together(&mut hub, None, Some(token()));
    assert!(hub.heard > BATCHES, "the scene would not notice a leak");
}
