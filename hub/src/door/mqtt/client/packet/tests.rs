//! Packets in pieces, too large ones, and bytes that are none.

use proptest::prelude::*;

use super::*;

fn message(version: Version, topic: &str, payload: &[u8], id: Option<u16>) -> BytesMut {
    let mut bytes = BytesMut::new();
    match version {
        Version::Three => {
            let qos = if id.is_some() { Qos4::AtLeastOnce } else { Qos4::AtMostOnce };
            let mut publish = v4::Publish::new(topic, qos, payload);
            publish.pkid = id.unwrap_or_default();
            v4::Packet::Publish(publish).write(&mut bytes, usize::MAX).unwrap();
        }
        Version::Five => {
            let qos = if id.is_some() { Qos5::AtLeastOnce } else { Qos5::AtMostOnce };
            let mut publish = v5::Publish::new(topic, qos, payload.to_vec(), None);
            publish.pkid = id.unwrap_or_default();
            v5::Packet::Publish(publish).write(&mut bytes, None).unwrap();
        }
    }
    bytes
}

#[test]
fn a_message_comes_whole_however_its_bytes_come() {
    for version in [Version::Three, Version::Five] {
        let whole = message(version, "a/b", b"21.5", Some(7));
        let (mut reader, mut bytes, mut got) = (Reader::of(version), BytesMut::new(), Vec::new());
        for byte in whole.iter().chain(&whole) {
            bytes.extend_from_slice(&[*byte]);
            got.extend(reader.next(&mut bytes).unwrap());
        }
        let expected =
            Message { topic: "a/b".to_owned(), payload: Bytes::from("21.5"), is_retained: false, id: Some(7) };
        assert_eq!(got, [Packet::Message(expected.clone()), Packet::Message(expected)]);
    }
}

#[test]
fn a_message_that_is_too_large_is_passed_over_and_the_next_one_is_read() {
    for version in [Version::Three, Version::Five] {
        let mut all = message(version, "big", &vec![b'x'; LARGEST + 5], None);
        all.extend_from_slice(&message(version, "a", b"1", None));
        let (mut reader, mut bytes, mut got) = (Reader::of(version), BytesMut::new(), Vec::new());
        for part in all.chunks(100_000) {
            bytes.extend_from_slice(part);
            while let Some(packet) = reader.next(&mut bytes).unwrap() {
                got.push(packet);
            }
            assert!(bytes.len() <= 100_000, "what is passed over is not kept");
        }
        assert_eq!(got.len(), 2);
        assert!(matches!(&got[..], [Packet::TooLarge, Packet::Message(message)] if message.topic == "a"));
    }
}

proptest! {
    /// Whatever a broker sends, it is read or refused.
    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..80), first in 0_u8..16) {
        for version in [Version::Three, Version::Five] {
            let mut all = BytesMut::from(&[first << 4, bytes.len() as u8][..]);
            all.extend_from_slice(&bytes);
            let mut reader = Reader::of(version);
            while let Ok(Some(_)) = reader.next(&mut all) {}
        }
    }
}
