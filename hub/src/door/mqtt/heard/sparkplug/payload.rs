//! Payloads of Sparkplug B: metrics as they come, and the one command that is sent. PURE.
//!
//! <https://github.com/eclipse-tahu/tahu/blob/master/sparkplug_b/sparkplug_b.proto>. Negative whole numbers travel as two's complement
//! in fields without a sign.

use crate::door::protobuf::{Broken, Fields, Value};
use crate::model::UnixMillis;

/// Metrics of one payload that are read.
const MOST: usize = 10_000;

/// A payload.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Payload {
    pub(super) at: Option<UnixMillis>,
    /// Counts the messages of an edge node from 0 to 255 and again.
    pub(super) seq: Option<u64>,
    pub(super) metrics: Vec<Metric>,
}

/// A metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Metric {
    pub(super) name: Option<String>,
    pub(super) alias: Option<u64>,
    pub(super) at: Option<UnixMillis>,
    pub(super) datatype: Option<u64>,
    pub(super) is_null: bool,
    /// `engUnit` of its properties.
    pub(super) unit: Option<String>,
    pub(super) raw: Option<Raw>,
}

/// A value before it is known what it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Raw {
    Whole(u64),
    Real(f64),
    Truth(bool),
}

/// What a metric is, by its datatype.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Int(u32),
    Unsigned,
    Real,
    Truth,
    /// A time, a text, a table: no reading.
    Other,
}

impl Type {
    pub(super) const fn of(datatype: u64) -> Self {
        match datatype {
            1 => Self::Int(8),
            2 => Self::Int(16),
            3 => Self::Int(32),
            4 => Self::Int(64),
            5..=8 => Self::Unsigned,
            9 | 10 => Self::Real,
            11 => Self::Truth,
            _ => Self::Other,
        }
    }

    /// The number of a value of this type.
    pub(super) fn number(self, raw: Raw) -> Option<f64> {
        let number = match (self, raw) {
            (Self::Int(8), Raw::Whole(bits)) => f64::from(bits as u8 as i8),
            (Self::Int(16), Raw::Whole(bits)) => f64::from(bits as u16 as i16),
            (Self::Int(32), Raw::Whole(bits)) => f64::from(bits as u32 as i32),
            (Self::Int(_), Raw::Whole(bits)) => bits as i64 as f64,
            (Self::Unsigned, Raw::Whole(bits)) => bits as f64,
            (Self::Truth, Raw::Whole(bits)) => f64::from(u8::from(bits != 0)),
            (Self::Int(_) | Self::Unsigned | Self::Real, Raw::Real(number)) => number,
            (Self::Real, Raw::Whole(bits)) => bits as f64,
            (Self::Int(_) | Self::Unsigned | Self::Real | Self::Truth, Raw::Truth(is_true)) => {
                f64::from(u8::from(is_true))
            }
            (Self::Truth, Raw::Real(_)) | (Self::Other, _) => return None,
        };
        number.is_finite().then_some(number)
    }
}

impl Payload {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Broken> {
        let mut payload = Self::default();
        for field in Fields::of(bytes) {
            match field? {
                (1, Value::Varint(at)) => payload.at = moment(at),
                (2, Value::Bytes(metric)) if payload.metrics.len() < MOST => {
                    payload.metrics.push(Metric::read(metric)?)
                }
                (3, Value::Varint(seq)) => payload.seq = Some(seq),
                _ => {}
            }
        }
        Ok(payload)
    }
}

impl Metric {
    fn read(bytes: &[u8]) -> Result<Self, Broken> {
        let mut metric = Self::default();
        for field in Fields::of(bytes) {
            match field? {
                (1, Value::Bytes(name)) => metric.name = text(name),
                (2, Value::Varint(alias)) => metric.alias = Some(alias),
                (3, Value::Varint(at)) => metric.at = moment(at),
                (4, Value::Varint(datatype)) => metric.datatype = Some(datatype),
                (7, Value::Varint(is_null)) => metric.is_null = is_null != 0,
                (9, Value::Bytes(properties)) => metric.unit = unit(properties)?,
                (10 | 11, Value::Varint(bits)) => metric.raw = Some(Raw::Whole(bits)),
                (12, Value::Fixed(bits)) => metric.raw = Some(Raw::Real(f64::from(f32::from_bits(bits as u32)))),
                (13, Value::Fixed(bits)) => metric.raw = Some(Raw::Real(f64::from_bits(bits))),
                (14, Value::Varint(bits)) => metric.raw = Some(Raw::Truth(bits != 0)),
                _ => {}
            }
        }
        Ok(metric)
    }
}

fn moment(at: u64) -> Option<UnixMillis> {
    i64::try_from(at).ok().filter(|at| *at > 0).map(UnixMillis)
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

/// `engUnit` of a set of properties: names and values are two lists.
fn unit(bytes: &[u8]) -> Result<Option<String>, Broken> {
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for field in Fields::of(bytes) {
        match field? {
            (1, Value::Bytes(name)) if names.len() < 100 => names.push(name),
            (2, Value::Bytes(value)) if values.len() < 100 => values.push(value),
            _ => {}
        }
    }
    let at = names.iter().position(|name| name.eq_ignore_ascii_case(b"engUnit"));
    let Some(value) = at.and_then(|at| values.get(at)) else { return Ok(None) };
    for field in Fields::of(value) {
        if let (8, Value::Bytes(unit)) = field? {
            return Ok(text(unit));
        }
    }
    Ok(None)
}

/// The command that asks an edge node to say again what it has.
pub(super) fn rebirth(now: UnixMillis) -> Vec<u8> {
    let now = u64::try_from(now.0).unwrap_or_default();
    let name = b"Node Control/Rebirth";
    let mut metric = vec![1 << 3 | 2, name.len() as u8];
    metric.extend_from_slice(name);
    metric.push(3 << 3);
    varint(now, &mut metric);
    // A boolean, and it is true.
    metric.extend_from_slice(&[4 << 3, 11, 14 << 3, 1]);
    let mut payload = vec![1 << 3];
    varint(now, &mut payload);
    payload.extend_from_slice(&[2 << 3 | 2, metric.len() as u8]);
    payload.extend_from_slice(&metric);
    payload
}

fn varint(mut number: u64, into: &mut Vec<u8>) {
    while number >= 0x80 {
        into.push(number as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A metric to write: name, alias, datatype, value.
    pub(crate) type Written<'w> = (Option<&'w str>, Option<u64>, Option<u64>, Raw);

    /// Writes a payload.
    pub(crate) fn written(seq: Option<u64>, at: u64, metrics: &[Written<'_>]) -> Vec<u8> {
        let mut payload = vec![1 << 3];
        varint(at, &mut payload);
        for (name, alias, datatype, raw) in metrics {
            let mut metric = Vec::new();
            if let Some(name) = name {
                metric.extend_from_slice(&[1 << 3 | 2, name.len() as u8]);
                metric.extend_from_slice(name.as_bytes());
            }
            for (tag, number) in [(2_u8, *alias), (4, *datatype)] {
                if let Some(number) = number {
                    metric.push(tag << 3);
                    varint(number, &mut metric);
                }
            }
            match raw {
                Raw::Whole(bits) => {
                    metric.push(11 << 3);
                    varint(*bits, &mut metric);
                }
                Raw::Real(number) => {
                    metric.push(13 << 3 | 1);
                    metric.extend_from_slice(&number.to_le_bytes());
                }
                Raw::Truth(is_true) => metric.extend_from_slice(&[14 << 3, u8::from(*is_true)]),
            }
            payload.push(2 << 3 | 2);
            varint(metric.len() as u64, &mut payload);
            payload.extend_from_slice(&metric);
        }
        if let Some(seq) = seq {
            payload.push(3 << 3);
            varint(seq, &mut payload);
        }
        payload
    }

    #[test]
    fn negative_numbers_are_twos_complement() {
        for (datatype, bits, number) in [
            (1, 0xff, -1.0),
            (1, 0xffff_fffe, -2.0),
            (2, 0xfffe, -2.0),
            (3, 0xffff_fffd, -3.0),
            (4, (-4_i64) as u64, -4.0),
            (8, u64::MAX, u64::MAX as f64),
            (11, 1, 1.0),
        ] {
            assert_eq!(Type::of(datatype).number(Raw::Whole(bits)), Some(number), "{datatype}");
        }
        assert_eq!(Type::of(13).number(Raw::Whole(1)), None, "a time");
        assert_eq!(Type::of(10).number(Raw::Real(f64::NAN)), None);
    }

    #[test]
    fn the_command_says_what_it_should() {
        let payload = Payload::read(&rebirth(UnixMillis(1_796_054_400_000))).unwrap();
        assert_eq!((payload.at, payload.seq), (Some(UnixMillis(1_796_054_400_000)), None));
        let metric = &payload.metrics[0];
        assert_eq!(metric.name.as_deref(), Some("Node Control/Rebirth"));
        assert_eq!((metric.datatype, metric.raw), (Some(11), Some(Raw::Truth(true))));
    }

    #[test]
    fn what_is_cut_is_no_payload() {
        let whole = written(Some(1), 1, &[(Some("a"), None, Some(10), Raw::Real(1.5))]);
        assert!(Payload::read(&whole).is_ok());
        let cut = (1..whole.len()).filter(|length| Payload::read(&whole[..*length]).is_err()).count();
        assert!(cut > whole.len() / 2, "{cut} of {}", whole.len());
    }
}
