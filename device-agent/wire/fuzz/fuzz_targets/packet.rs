//! Any datagram parses or fails quietly; a probe and an answer that parse encode back to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::packet::{MAX_DATAGRAM, Packet};

fuzz_target!(|datagram: &[u8]| {
    match Packet::parse(datagram) {
        Ok(Packet::Probe(probe)) => assert_eq!(probe.encode(), datagram),
        Ok(Packet::Answer(answer)) => assert_eq!(answer.encode(), datagram),
        Ok(Packet::Data(data)) => assert!(data.sealed.len() >= 16 && datagram.len() <= MAX_DATAGRAM),
        Ok(Packet::Hs1(_) | Packet::Hs2(_) | Packet::Cookie(_)) | Err(_) => {}
    }
});
