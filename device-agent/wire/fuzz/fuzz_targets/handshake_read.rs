//! A hub reads any first message, and a device any second one and any cookie, without a panic; nothing random is accepted.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wire::KeyPair;
use wire::handshake::{Initiator, NO_PSK, Offer, Responder, Start};
use wire::packet::Packet;

static HUB: LazyLock<Responder> = LazyLock::new(|| Responder::new(KeyPair::generate().expect("randomness")));
static DEVICE: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate().expect("randomness"));

fn start() -> Initiator {
    let offer = Offer { counter: 1, token: 0, start: Start::default(), mtu: 1_232 };
    Initiator::start(&DEVICE, HUB.public(), &NO_PSK, &offer, 7).expect("a key")
}

fuzz_target!(|bytes: &[u8]| {
    // Sizes are exact, so the input is cut or filled to one of the three.
    let Some((kind, rest)) = bytes.split_first() else { return };
    let (first, length) = [(1, 192), (2, 92), (3, 64)][usize::from(kind % 3)];
    let mut datagram = vec![0; length];
    let given = rest.len().min(length);
    datagram[..given].copy_from_slice(&rest[..given]);
    datagram[0] = first;
    if first == 2 {
        datagram[8..12].copy_from_slice(&7_u32.to_le_bytes());
    }
    match Packet::parse(&datagram) {
        Ok(Packet::Hs1(hs1)) => assert!(!HUB.knows_us(&hs1) && HUB.read(&hs1).is_err()),
        Ok(Packet::Hs2(hs2)) => assert!(start().finish(&hs2).is_err()),
        Ok(Packet::Cookie(cookie)) => assert!(start().take_cookie(&cookie).is_err()),
        Ok(other) => panic!("{other:?}"),
        Err(_) => {}
    }
});
