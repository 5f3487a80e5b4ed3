//! Speed of the pure parts: batch encode and decode, seal and open, handshake. `cargo bench -p telemetry-wire`.
//!
//! 100 readings of ten sensors a batch, as an agent sends them; throughput is in readings (codec) and bytes (cipher).

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use divan::counter::{BytesCount, ItemsCount};
use wire::batch::{BatchBuilder, MAX_BODY, Rows, decode};
use wire::handshake::{Initiator, NO_PSK, Offer, Responder, Standing, Start, Verdict};
use wire::packet::Packet;
use wire::seal::Transport;
use wire::{KeyPair, Reading, SensorNo, UnixMillis};

fn main() {
    divan::main();
}

fn readings() -> Vec<Reading> {
    (0..100_u16)
        .map(|n| {
            let (sensor, tick) = (n % 10, i64::from(n / 10));
            let value = 20.0 + f64::from(sensor) + ((tick * 7 + i64::from(sensor)) % 5) as f64 / 10.0;
            Reading { sensor: SensorNo(sensor), at: UnixMillis(1_700_000_000_000 + tick * 1_000), value }
        })
        .collect()
}

fn body() -> Vec<u8> {
    let mut builder = BatchBuilder::new(MAX_BODY);
    assert!(readings().iter().all(|reading| builder.push(reading)));
    builder.finish()
}

#[divan::bench]
fn encode_100(bencher: divan::Bencher<'_, '_>) {
    let (readings, mut builder) = (readings(), BatchBuilder::new(MAX_BODY));
    bencher.counter(ItemsCount::new(100_usize)).bench_local(|| {
        for reading in &readings {
            builder.push(reading);
        }
        builder.finish()
    });
}

#[divan::bench]
fn decode_100(bencher: divan::Bencher<'_, '_>) {
    let (body, mut rows) = (body(), Rows::default());
    bencher.counter(ItemsCount::new(100_usize)).bench_local(|| {
        rows.clear();
        decode(&body, &mut rows)
    });
}

fn session() -> (Transport, Transport) {
    let (device, hub) = (KeyPair::generate().unwrap(), Responder::new(KeyPair::generate().unwrap()));
    let offer = Offer { counter: 1, token: 0, start: Start::default(), mtu: 1232 };
    let verdict = Verdict { now: UnixMillis(0), credit: 64, known_sensors: 0, standing: Standing::Adopted };
    let mut initiator = Initiator::start(&device, hub.public(), &NO_PSK, &offer, 1).unwrap();
    let hs1 = initiator.datagram().to_vec();
    let Ok(Packet::Hs1(hs1)) = Packet::parse(&hs1) else { unreachable!("own datagram") };
    let (at_hub, hs2) = hub.read(&hs1).unwrap().accept(&NO_PSK, &verdict, 2).unwrap();
    let Ok(Packet::Hs2(hs2)) = Packet::parse(&hs2) else { unreachable!("own datagram") };
    (initiator.finish(&hs2).unwrap().0, at_hub)
}

#[divan::bench]
fn seal_1200(bencher: divan::Bencher<'_, '_>) {
    let ((mut device, _), mut out) = (session(), Vec::new());
    bencher.counter(BytesCount::new(1_200_usize)).bench_local(|| device.seal(&[7; 1_200], &mut out));
}

#[divan::bench]
fn seal_and_open_1200(bencher: divan::Bencher<'_, '_>) {
    let ((mut device, mut hub), mut out, mut plain) = (session(), Vec::new(), Vec::new());
    bencher.counter(BytesCount::new(1_200_usize)).bench_local(|| {
        device.seal(&[7; 1_200], &mut out).unwrap();
        let Ok(Packet::Data(data)) = Packet::parse(&out) else { unreachable!("own datagram") };
        hub.open(&data, &mut plain).unwrap();
    });
}

#[divan::bench]
fn handshake_both_sides() -> (Transport, Transport) {
    session()
}
