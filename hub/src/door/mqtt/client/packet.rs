//! The packets of both versions of MQTT as the door needs them. PURE.
//!
//! `rumqttc` reads and writes the bytes. A packet that is too large is passed over without being kept, so that no sender of one keeps
//! the door from all others.

use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::{QoS as Qos4, v4};
use rumqttc::v5::mqttbytes::{QoS as Qos5, v5};

use crate::door::mqtt::spoken::Publish;

/// Largest packet that is read, in bytes: what Zigbee2MQTT says of some hundred devices.
pub(super) const LARGEST: usize = 8 << 20;
/// Messages that the broker may send before one of them is acknowledged, where the version lets us say so.
const IN_FLIGHT: u16 = 1_000;
/// How long the broker keeps what comes while the hub is away, in seconds, where the version lets us say so: a week.
const KEPT_FOR: u32 = 7 * 86_400;

/// What the broker says of a hub that is gone, and a hub that is there of itself.
const OFFLINE: &str = "offline";

/// A version of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// 3.1.1
    Three,
    Five,
}

impl Version {
    /// As people write it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Three => "3.1.1",
            Self::Five => "5",
        }
    }
}

/// Who connects, and how.
#[derive(Debug, Clone)]
pub(super) struct Hello<'h> {
    pub(super) client: &'h str,
    pub(super) user: Option<&'h str>,
    pub(super) password: Option<&'h str>,
    /// Whether the broker keeps what comes while we are away.
    pub(super) is_kept: bool,
    /// Seconds.
    pub(super) keep_alive: u16,
    /// The topic on which the broker says `offline` once we are gone.
    pub(super) will: Option<&'h str>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    /// Whether the broker had it from before we subscribed.
    pub(super) is_retained: bool,
    /// By which it is acknowledged, where it is to be.
    pub(super) id: Option<u16>,
}

/// What the broker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Packet {
    Welcome,
    /// With why.
    Refused(Refused),
    Message(Message),
    /// Whether we hear anything.
    Subscribed {
        is_granted: bool,
    },
    Pong,
    /// With why.
    Goodbye(String),
    /// Passed over: it was too large.
    TooLarge,
    /// Nothing that we need.
    Other,
}

/// Why a broker lets us not in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// It does not speak this version.
    Version,
    /// User or password.
    Password,
    /// Anything else.
    Other(String),
}

/// Bytes that are no packets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the broker sent what is no MQTT: {0}")]
pub(super) struct NoMqtt(String);

/// Takes packets from bytes as they come.
#[derive(Debug)]
pub(super) struct Reader {
    version: Version,
    /// Bytes of a packet that is passed over which are still to come.
    passing: usize,
}

impl Reader {
    pub(super) const fn of(version: Version) -> Self {
        Self { version, passing: 0 }
    }

    /// The next packet, if all of it is there.
    ///
    /// # Errors
    /// These are no packets.
    pub(super) fn next(&mut self, bytes: &mut BytesMut) -> Result<Option<Packet>, NoMqtt> {
        let now = self.passing.min(bytes.len());
        let _ = bytes.split_to(now);
        self.passing -= now;
        if self.passing > 0 {
            return Ok(None);
        }
        let Some((is_message, length)) = frame(bytes)? else { return Ok(None) };
        if length > LARGEST {
            if !is_message {
                return Err(NoMqtt(format!("a packet of {length} bytes")));
            }
            self.passing = length.saturating_sub(bytes.len());
            bytes.clear();
            return Ok(Some(Packet::TooLarge));
        }
        if bytes.len() < length {
            bytes.reserve(length - bytes.len());
            return Ok(None);
        }
        match self.version {
            Version::Three => {
                let packet = v4::Packet::read(bytes, LARGEST).map_err(|error| NoMqtt(error.to_string()))?;
                Ok(Some(of_three(packet)))
            }
            Version::Five => {
                let packet =
                    v5::Packet::read(bytes, Some(LARGEST as u32)).map_err(|error| NoMqtt(error.to_string()))?;
                Ok(Some(of_five(packet)))
            }
        }
    }
}

/// Whether a packet is a message, and how long it is with its head; `None` until that is known.
fn frame(bytes: &[u8]) -> Result<Option<(bool, usize)>, NoMqtt> {
    let Some((first, rest)) = bytes.split_first() else { return Ok(None) };
    let mut length = 0_usize;
    for (index, byte) in rest.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some((first >> 4 == 3, length + index + 2)));
        }
    }
    if rest.len() >= 4 { Err(NoMqtt("a length without end".to_owned())) } else { Ok(None) }
}

fn of_three(packet: v4::Packet) -> Packet {
    match packet {
        v4::Packet::ConnAck(ack) => match ack.code {
            v4::ConnectReturnCode::Success => Packet::Welcome,
            v4::ConnectReturnCode::RefusedProtocolVersion => Packet::Refused(Refused::Version),
            v4::ConnectReturnCode::BadUserNamePassword | v4::ConnectReturnCode::NotAuthorized => {
                Packet::Refused(Refused::Password)
            }
            code @ (v4::ConnectReturnCode::BadClientId | v4::ConnectReturnCode::ServiceUnavailable) => {
                Packet::Refused(Refused::Other(format!("{code:?}")))
            }
        },
        v4::Packet::Publish(message) => Packet::Message(Message {
            id: (message.qos != Qos4::AtMostOnce).then_some(message.pkid),
            topic: message.topic,
            payload: message.payload,
            is_retained: message.retain,
        }),
        v4::Packet::SubAck(ack) => {
            let is_granted = ack.return_codes.iter().any(|code| matches!(code, v4::SubscribeReasonCode::Success(_)));
            Packet::Subscribed { is_granted }
        }
        v4::Packet::PingResp => Packet::Pong,
        v4::Packet::Disconnect => Packet::Goodbye("it says goodbye".to_owned()),
        v4::Packet::Connect(_)
        | v4::Packet::PubAck(_)
        | v4::Packet::PubRec(_)
        | v4::Packet::PubRel(_)
        | v4::Packet::PubComp(_)
        | v4::Packet::Subscribe(_)
        | v4::Packet::Unsubscribe(_)
        | v4::Packet::UnsubAck(_)
        | v4::Packet::PingReq => Packet::Other,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "each code but some says why in a word of its own")]
fn of_five(packet: v5::Packet) -> Packet {
    match packet {
        v5::Packet::ConnAck(ack) => match ack.code {
            v5::ConnectReturnCode::Success => Packet::Welcome,
            v5::ConnectReturnCode::RefusedProtocolVersion | v5::ConnectReturnCode::UnsupportedProtocolVersion => {
                Packet::Refused(Refused::Version)
            }
            v5::ConnectReturnCode::BadUserNamePassword | v5::ConnectReturnCode::NotAuthorized => {
                Packet::Refused(Refused::Password)
            }
            code => {
                let said = ack.properties.and_then(|properties| properties.reason_string);
                Packet::Refused(Refused::Other(said.unwrap_or_else(|| format!("{code:?}"))))
            }
        },
        v5::Packet::Publish(message) => match String::from_utf8(message.topic.into()) {
            Ok(topic) => Packet::Message(Message {
                id: (message.qos != Qos5::AtMostOnce).then_some(message.pkid),
                topic,
                payload: message.payload,
                is_retained: message.retain,
            }),
            Err(_) => Packet::Other,
        },
        v5::Packet::SubAck(ack) => {
            let is_granted = ack.return_codes.iter().any(|code| matches!(code, v5::SubscribeReasonCode::Success(_)));
            Packet::Subscribed { is_granted }
        }
        v5::Packet::PingResp(_) => Packet::Pong,
        v5::Packet::Disconnect(said) => {
            let reason = said.properties.and_then(|properties| properties.reason_string);
            Packet::Goodbye(reason.unwrap_or_else(|| format!("{:?}", said.reason_code)))
        }
        v5::Packet::Auth(_)
        | v5::Packet::Connect(..)
        | v5::Packet::PubAck(_)
        | v5::Packet::PubRec(_)
        | v5::Packet::PubRel(_)
        | v5::Packet::PubComp(_)
        | v5::Packet::Subscribe(_)
        | v5::Packet::Unsubscribe(_)
        | v5::Packet::UnsubAck(_)
        | v5::Packet::PingReq(_) => Packet::Other,
    }
}

/// Writes packets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer(pub(super) Version);

impl Writer {
    pub(super) fn connect(self, hello: &Hello<'_>, into: &mut BytesMut) -> Result<(), NoMqtt> {
        let login = |user: &str| (user.to_owned(), hello.password.unwrap_or_default().to_owned());
        let login = hello.user.map(login);
        match self.0 {
            Version::Three => {
                let mut connect = v4::Connect::new(hello.client);
                (connect.keep_alive, connect.clean_session) = (hello.keep_alive, !hello.is_kept);
                connect.last_will = hello.will.map(|topic| v4::LastWill::new(topic, OFFLINE, Qos4::AtLeastOnce, true));
                connect.login = login.map(|(username, password)| v4::Login { username, password });
                self.three(&v4::Packet::Connect(connect), into)
            }
            Version::Five => {
                let mut properties = v5::ConnectProperties::new();
                properties.session_expiry_interval = hello.is_kept.then_some(KEPT_FOR);
                properties.receive_maximum = Some(IN_FLIGHT);
                properties.max_packet_size = Some(LARGEST as u32);
                let connect = v5::Connect {
                    keep_alive: hello.keep_alive,
                    client_id: hello.client.to_owned(),
                    clean_start: !hello.is_kept,
                    properties: Some(properties),
                };
                let login = login.map(|(username, password)| v5::Login { username, password });
                let will = hello.will.map(|topic| v5::LastWill::new(topic, OFFLINE, Qos5::AtLeastOnce, true, None));
                self.five(&v5::Packet::Connect(connect, will, login), into)
            }
        }
    }

    /// Asks for topics, at least once each message where somebody sends it so.
    pub(super) fn subscribe(self, topics: &[String], into: &mut BytesMut) -> Result<(), NoMqtt> {
        match self.0 {
            Version::Three => {
                let filters = topics.iter().map(|topic| v4::SubscribeFilter::new(topic.clone(), Qos4::AtLeastOnce));
                let mut subscribe = v4::Subscribe::new_many(filters);
                subscribe.pkid = 1;
                self.three(&v4::Packet::Subscribe(subscribe), into)
            }
            Version::Five => {
                let filters = topics.iter().map(|topic| v5::Filter::new(topic.clone(), Qos5::AtLeastOnce));
                let mut subscribe = v5::Subscribe::new_many(filters, None);
                subscribe.pkid = 1;
                self.five(&v5::Packet::Subscribe(subscribe), into)
            }
        }
    }

    pub(super) fn acknowledge(self, id: u16, into: &mut BytesMut) -> Result<(), NoMqtt> {
        match self.0 {
            Version::Three => self.three(&v4::Packet::PubAck(v4::PubAck::new(id)), into),
            Version::Five => self.five(&v5::Packet::PubAck(v5::PubAck::new(id, None)), into),
        }
    }

    /// A message of our own, once at most.
    pub(super) fn publish(self, message: Publish, into: &mut BytesMut) -> Result<(), NoMqtt> {
        let Publish { topic, payload, is_kept } = message;
        match self.0 {
            Version::Three => {
                let mut publish = v4::Publish::new(topic, Qos4::AtMostOnce, payload);
                publish.retain = is_kept;
                self.three(&v4::Packet::Publish(publish), into)
            }
            Version::Five => {
                let mut publish = v5::Publish::new(topic, Qos5::AtMostOnce, payload, None);
                publish.retain = is_kept;
                self.five(&v5::Packet::Publish(publish), into)
            }
        }
    }

    pub(super) fn ping(self, into: &mut BytesMut) -> Result<(), NoMqtt> {
        match self.0 {
            Version::Three => self.three(&v4::Packet::PingReq, into),
            Version::Five => self.five(&v5::Packet::PingReq(v5::PingReq), into),
        }
    }

    pub(super) fn goodbye(self, into: &mut BytesMut) {
        // Both versions understand it without a reason.
        into.extend_from_slice(&[0xe0, 0]);
    }

    #[expect(clippy::unused_self, reason = "beside the other version's")]
    fn three(self, packet: &v4::Packet, into: &mut BytesMut) -> Result<(), NoMqtt> {
        packet.write(into, LARGEST).map(drop).map_err(|error| NoMqtt(error.to_string()))
    }

    #[expect(clippy::unused_self, reason = "beside the other version's")]
    fn five(self, packet: &v5::Packet, into: &mut BytesMut) -> Result<(), NoMqtt> {
        packet.write(into, None).map(drop).map_err(|error| NoMqtt(error.to_string()))
    }
}

#[cfg(test)]
mod tests;
