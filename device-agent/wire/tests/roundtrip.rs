//! What one side writes the other reads; and no bytes whatever make a decoder panic.

#![allow(clippy::unwrap_used, clippy::unwrap_in_result, reason = "a test fails by panicking")]

use proptest::prelude::*;
use wire::batch::{BatchBuilder, MAX_BODY, Rows, decode};
use wire::handshake::{Initiator, JoinToken, NO_PSK, Offer, Responder, Standing, Start, Verdict, cookie_for};
use wire::ledger::{ENTRY_LIMIT, Entry, REASON_LIMIT, Report};
use wire::message::{Batch, Control, Health, Message, SourceError};
use wire::packet::Packet;
use wire::seal::Transport;
use wire::{BatchSeq, DecodeError, Epoch, Hour, Inserted, KeyPair, Lane, Reading, SensorNo, SeqSet, UnixMillis};

const OFFER: Offer = Offer { counter: 1 << 32, token: 7, start: Start { number: 0x1234, before: 9 }, mtu: 1232 };
const VERDICT: Verdict =
    Verdict { now: UnixMillis(1_700_000_000_000), credit: 64, known_sensors: 3, standing: Standing::Adopted };

fn handshake(device_psk: &[u8; 32], hub_psk: &[u8; 32]) -> Result<(Transport, Transport), DecodeError> {
    let (device, hub) = (KeyPair::generate().unwrap(), Responder::new(KeyPair::generate().unwrap()));
    let mut initiator = Initiator::start(&device, hub.public(), device_psk, &OFFER, 11).unwrap();
    let hs1 = initiator.datagram().to_vec();
    let Ok(Packet::Hs1(hs1)) = Packet::parse(&hs1) else { panic!("own datagram") };
    assert!(hub.knows_us(&hs1));
    let received = hub.read(&hs1)?;
    assert_eq!((received.device, received.offer), (device.public, OFFER));
    let (at_hub, hs2) = received.accept(hub_psk, &VERDICT, 22).unwrap();
    let Ok(Packet::Hs2(hs2)) = Packet::parse(&hs2) else { panic!("own datagram") };
    let (at_device, verdict) = initiator.finish(&hs2)?;
    assert_eq!(verdict, VERDICT);
    assert_eq!((at_device.peer(), at_hub.peer()), (22, 11));
    Ok((at_device, at_hub))
}

fn open(to: &mut Transport, datagram: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let Packet::Data(data) = Packet::parse(datagram)? else { return Err(DecodeError::UnknownType(datagram[0])) };
    let mut plain = Vec::new();
    to.open(&data, &mut plain).map(|()| plain)
}

#[test]
fn a_session_carries_messages_both_ways_once() {
    let (mut device, mut hub) = handshake(&NO_PSK, &NO_PSK).unwrap();
    let mut datagram = Vec::new();
    for (from, to) in [(0, 1), (1, 0)] {
        let pair = [&mut device, &mut hub];
        let text = format!("from {from} to {to}");
        let [device, hub] = pair;
        let (sender, receiver) = if from == 0 { (device, hub) } else { (hub, device) };
        sender.seal(text.as_bytes(), &mut datagram).unwrap();
        assert_eq!(open(receiver, &datagram), Ok(text.into_bytes()));
        assert_eq!(open(receiver, &datagram), Err(DecodeError::Replayed));
    }
}

#[test]
fn a_hub_without_the_token_cannot_answer() {
    let token = JoinToken::new(7, [9; 16]);
    assert!(handshake(&token.psk(), &token.psk()).is_ok());
    assert_eq!(handshake(&token.psk(), &NO_PSK).err(), Some(DecodeError::NotAuthentic));
}

#[test]
fn a_token_reads_back_and_a_mistyped_one_is_caught() {
    let token = JoinToken::new(1234, *b"0123456789abcdef");
    let text = token.to_string();
    assert_eq!(text.parse(), Ok(token));
    let wrong = text.replacen('6', "7", 1);
    assert!(wrong == text || wrong.parse::<JoinToken>().is_err());
    assert!("thj1_1_short".parse::<JoinToken>().is_err());
}

#[test]
fn only_the_owner_of_an_address_passes_the_cookie() {
    let (device, hub) = (KeyPair::generate().unwrap(), Responder::new(KeyPair::generate().unwrap()));
    let mut initiator = Initiator::start(&device, hub.public(), &NO_PSK, &OFFER, 1).unwrap();
    let cookie = cookie_for(&[3; 32], &"10.0.0.7:4000".parse().unwrap());
    let first = initiator.datagram().to_vec();
    let Ok(Packet::Hs1(hs1)) = Packet::parse(&first) else { panic!("own datagram") };
    assert!(!hub.owns_address(&hs1, &cookie));
    let reply = hub.cookie_reply(&hs1, &cookie, &[5; 24]).unwrap();
    assert!(reply.len() <= first.len());
    let Ok(Packet::Cookie(reply)) = Packet::parse(&reply) else { panic!("own datagram") };
    initiator.take_cookie(&reply).unwrap();
    let Ok(Packet::Hs1(again)) = Packet::parse(initiator.datagram()) else { panic!("own datagram") };
    assert!(hub.owns_address(&again, &cookie));
    assert!(!hub.owns_address(&again, &cookie_for(&[3; 32], &"10.0.0.7:4001".parse().unwrap())));
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let (device, hub) = (KeyPair::generate().unwrap(), Responder::new(KeyPair::generate().unwrap()));
    let initiator = Initiator::start(&device, hub.public(), &NO_PSK, &OFFER, 1).unwrap();
    let good = initiator.datagram().to_vec();
    // mac2 may be anything until a cookie is asked for; everything else is covered.
    for bit in (0..good.len() * 8).filter(|bit| !(142..158).contains(&(bit / 8))) {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let accepted =
            matches!(Packet::parse(&bad), Ok(Packet::Hs1(hs1)) if hub.knows_us(&hs1) && hub.read(&hs1).is_ok());
        assert!(!accepted, "bit {bit}");
    }
    let (mut from, mut to) = handshake(&NO_PSK, &NO_PSK).unwrap();
    let mut good = Vec::new();
    from.seal(b"forty-two", &mut good).unwrap();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let same_session = bit / 8 < 4 || bit / 8 >= 8;
        assert!(!same_session || open(&mut to, &bad).is_err(), "bit {bit}");
    }
    assert!(open(&mut to, &good).is_ok());
}

#[test]
fn a_forged_answer_does_not_spoil_the_true_one() {
    let (device, hub) = (KeyPair::generate().unwrap(), Responder::new(KeyPair::generate().unwrap()));
    let mut initiator = Initiator::start(&device, hub.public(), &NO_PSK, &OFFER, 1).unwrap();
    let first = initiator.datagram().to_vec();
    let Ok(Packet::Hs1(hs1)) = Packet::parse(&first) else { panic!("own datagram") };
    let cookie = hub.cookie_reply(&hs1, &[3; 16], &[5; 24]).unwrap();
    for bit in 64..cookie.len() * 8 {
        let mut bad = cookie.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let Ok(Packet::Cookie(bad)) = Packet::parse(&bad) else { panic!("bit {bit}") };
        assert!(initiator.take_cookie(&bad).is_err(), "bit {bit}");
    }
    assert_eq!(initiator.datagram(), first);
    // By someone who knows the device's key but not the token: everything fits until the cipher says no.
    let (_, forged) = hub.read(&hs1).unwrap().accept(&[1; 32], &VERDICT, 22).unwrap();
    let (_, answer) = hub.read(&hs1).unwrap().accept(&NO_PSK, &VERDICT, 22).unwrap();
    let flipped = (0..answer.len() * 8).map(|bit| {
        let mut bad = answer.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        bad
    });
    for bad in flipped.chain([forged]) {
        let Ok(Packet::Hs2(hs2)) = Packet::parse(&bad) else { continue };
        assert!(initiator.finish(&hs2).is_err());
    }
    let Ok(Packet::Hs2(hs2)) = Packet::parse(&answer) else { panic!("own datagram") };
    assert!(initiator.finish(&hs2).is_ok());
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |value| value.is_finite()),
        (-100_000_i64..100_000, 0_u32..7).prop_map(|(mantissa, scale)| mantissa as f64 / 10_f64.powi(scale as i32)),
        (-5_i8..5).prop_map(f64::from),
    ]
}

fn any_reading() -> impl Strategy<Value = Reading> {
    let at = prop_oneof![any::<i64>(), 1_700_000_000_000_i64..1_700_000_100_000];
    (0_u16..SensorNo::LIMIT, at, any_value()).prop_map(|(sensor, at, value)| Reading {
        sensor: SensorNo(sensor),
        at: UnixMillis(at),
        value,
    })
}

proptest! {
    #[test]
    fn readings_come_back_bit_for_bit(readings in prop::collection::vec(any_reading(), 1..200)) {
        let mut builder = BatchBuilder::new(MAX_BODY);
        let taken = readings.iter().take_while(|reading| builder.push(reading)).count();
        let body = builder.finish();
        prop_assert!(body.len() <= MAX_BODY);
        let mut rows = Rows::default();
        decode(&body, &mut rows).unwrap();
        let bits = |r: Reading| (r.sensor, r.at, r.value.to_bits());
        prop_assert_eq!(rows.iter().map(bits).collect::<Vec<_>>(), readings[..taken].iter().copied().map(bits).collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_decode_or_fail_quietly(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut rows = Rows::default();
        let _ = decode(&bytes, &mut rows);
        prop_assert!(rows.value.iter().all(|value| value.is_finite()));
        let _ = Packet::parse(&bytes);
        let _ = Message::decode(&bytes);
    }

    #[test]
    fn a_datagram_of_the_right_size_and_type_parses_or_fails_quietly(
        kind in prop::sample::select(vec![(1_u8, 192), (2, 92), (3, 64), (4, 40), (0x10, 160), (0x11, 61)]),
        bytes in prop::collection::vec(any::<u8>(), 192),
    ) {
        let mut datagram = bytes[..kind.1].to_vec();
        datagram[0] = kind.0;
        let _ = Packet::parse(&datagram);
        datagram[1] = 1;
        datagram[2] = 0;
        datagram[3] = 0;
        let _ = Packet::parse(&datagram);
    }

    #[test]
    fn a_batch_message_reads_back(epoch: u32, seq in 0..u64::MAX, recovered: bool, body in prop::collection::vec(any::<u8>(), 0..100)) {
        let lane = if recovered { Lane::Recovered } else { Lane::Live };
        let batch = Batch { epoch: Epoch(epoch), seq: BatchSeq(seq), lane, body: &body };
        let mut out = Vec::new();
        batch.encode(&mut out);
        prop_assert_eq!(Message::decode(&out), Ok(Message::Batch(batch)));
    }

    #[test]
    fn the_sequence_set_agrees_with_a_plain_set(numbers in prop::collection::vec((0_u64..400, 1_u64..8), 0..200)) {
        let (mut set, mut model) = (SeqSet::default(), std::collections::BTreeSet::new());
        for (start, length) in numbers {
            if length == 1 {
                let new = model.insert(start);
                prop_assert_eq!(set.insert(BatchSeq(start)) == Inserted::New, new);
            } else {
                model.extend(start..start + length);
                set.insert_run(start..start + length);
            }
            for number in 0..410 {
                prop_assert_eq!(set.contains(BatchSeq(number)), model.contains(&number));
            }
            prop_assert_eq!(SeqSet::from_parts(set.mark().0, set.islands().to_vec()), Some(set.clone()));
        }
    }
}

#[test]
fn control_messages_read_back_and_keep_their_limits() {
    let hello = |name: &str| Control::Hello(wire::message::Hello { name: name.into(), ..Default::default() });
    let mut out = Vec::new();
    hello("greenhouse").encode(&mut out);
    assert_eq!(Message::decode(&out), Ok(Message::Control(hello("greenhouse"))));
    hello(&"x".repeat(65)).encode(&mut out);
    assert_eq!(Message::decode(&out), Err(DecodeError::OutOfRange));
    hello("bell\u{7}").encode(&mut out);
    assert_eq!(Message::decode(&out), Err(DecodeError::OutOfRange));
}

#[test]
fn the_health_of_a_device_always_fits_a_datagram() {
    let since = UnixMillis(i64::MIN);
    let source = |n: usize| SourceError::new(&format!("source {n}"), &"\u{e4}\n".repeat(100), since, u32::MAX);
    for failing in [0, 1, 5, 30] {
        let health = Health::new(Some(i64::MAX), (0..failing).map(source));
        assert_eq!(health.sources.len() + usize::from(health.more), failing);
        assert!(failing == 0 || !health.sources.is_empty());
        let control = Control::Health(health);
        let mut out = Vec::new();
        control.encode(&mut out);
        assert!(control.fits() && out.len() <= 1_200, "{}", out.len());
        assert_eq!(Message::decode(&out), Ok(Message::Control(control)));
    }
}

#[test]
fn a_ledger_report_keeps_its_limits() {
    let entry = |reasons: usize| Entry {
        epoch: Epoch(u32::MAX),
        hour: Hour(i64::MIN),
        taken: i64::MIN,
        thinned: u64::MAX,
        dropped: vec![(u8::MAX, u64::MAX); reasons],
    };
    let report = |entries| Control::Ledger(Report { epoch: Epoch(1), number: 0, holds_from: None, entries });
    let mut out = Vec::new();
    report(vec![entry(1); ENTRY_LIMIT]).encode(&mut out);
    assert!(Message::decode(&out).is_ok(), "a reason that is not known is no fault");
    for wrong in [report(vec![entry(0); ENTRY_LIMIT + 1]), report(vec![entry(REASON_LIMIT + 1)])] {
        wrong.encode(&mut out);
        assert_eq!(Message::decode(&out), Err(DecodeError::OutOfRange));
    }
}
