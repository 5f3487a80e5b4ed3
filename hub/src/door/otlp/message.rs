//! The innermost messages of OTLP, as protobuf and as JSON have them. What is not read here is skipped.
//!
//! What is one of several in OTLP is a field each here, which is the same on the wire.
//!
//! <https://github.com/open-telemetry/opentelemetry-proto/tree/main/opentelemetry/proto>

use std::fmt::Write as _;

use serde::Deserialize;

use super::loose;

/// An attribute.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
pub(super) struct KeyValue {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<AnyValue>,
}

/// The value of an attribute.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct AnyValue {
    #[prost(string, optional, tag = "1")]
    string_value: Option<String>,
    #[prost(bool, optional, tag = "2")]
    bool_value: Option<bool>,
    #[prost(int64, optional, tag = "3")]
    #[serde(deserialize_with = "loose::whole")]
    int_value: Option<i64>,
    #[prost(double, optional, tag = "4")]
    #[serde(deserialize_with = "loose::real")]
    double_value: Option<f64>,
    #[prost(message, optional, tag = "5")]
    array_value: Option<ArrayValue>,
    #[prost(message, optional, tag = "6")]
    kvlist_value: Option<KeyValueList>,
}

#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
struct ArrayValue {
    #[prost(message, repeated, tag = "1")]
    values: Vec<AnyValue>,
}

#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
struct KeyValueList {
    #[prost(message, repeated, tag = "1")]
    values: Vec<KeyValue>,
}

impl AnyValue {
    /// A text.
    #[cfg(test)]
    pub(super) fn of(text: &str) -> Self {
        Self { string_value: Some(text.to_owned()), ..Self::default() }
    }

    /// As a part of a name; bytes are none.
    pub(super) fn text(self) -> String {
        if let Some(text) = self.string_value {
            return text;
        }
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, to: &mut String) {
        // Writing to a text does not fail.
        let _ = match self {
            Self { string_value: Some(text), .. } => write!(to, "{text}"),
            Self { bool_value: Some(value), .. } => write!(to, "{value}"),
            Self { int_value: Some(value), .. } => write!(to, "{value}"),
            Self { double_value: Some(value), .. } => write!(to, "{value}"),
            Self { array_value: Some(ArrayValue { values }), .. } => {
                let mut sign = '[';
                for value in values {
                    to.push(std::mem::replace(&mut sign, ','));
                    value.write(to);
                }
                write!(to, "]")
            }
            Self { kvlist_value: Some(KeyValueList { values }), .. } => {
                let mut sign = '[';
                for KeyValue { key, value } in values {
                    to.push(std::mem::replace(&mut sign, ','));
                    let _ = write!(to, "{key}=");
                    if let Some(value) = value {
                        value.write(to);
                    }
                }
                write!(to, "]")
            }
            _ => Ok(()),
        };
    }
}

/// What something is about: a device, a program.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
pub(super) struct Resource {
    #[prost(message, repeated, tag = "1")]
    #[serde(deserialize_with = "loose::or_nothing")]
    pub(super) attributes: Vec<KeyValue>,
}

/// A value of a gauge or a sum.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct NumberPoint {
    #[prost(message, repeated, tag = "7")]
    #[serde(deserialize_with = "loose::or_nothing")]
    pub(super) attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "3")]
    #[serde(deserialize_with = "loose::count")]
    pub(super) time_unix_nano: u64,
    #[prost(double, optional, tag = "4")]
    #[serde(deserialize_with = "loose::real")]
    pub(super) as_double: Option<f64>,
    #[prost(sfixed64, optional, tag = "6")]
    #[serde(deserialize_with = "loose::whole")]
    pub(super) as_int: Option<i64>,
    #[prost(uint32, tag = "8")]
    pub(super) flags: u32,
}

/// A histogram with explicit bounds.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct HistogramPoint {
    #[prost(message, repeated, tag = "9")]
    #[serde(deserialize_with = "loose::or_nothing")]
    pub(super) attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "3")]
    #[serde(deserialize_with = "loose::count")]
    pub(super) time_unix_nano: u64,
    #[prost(fixed64, tag = "4")]
    #[serde(deserialize_with = "loose::count")]
    pub(super) count: u64,
    #[prost(double, optional, tag = "5")]
    #[serde(deserialize_with = "loose::real")]
    pub(super) sum: Option<f64>,
    #[prost(fixed64, repeated, tag = "6")]
    #[serde(deserialize_with = "loose::counts")]
    pub(super) bucket_counts: Vec<u64>,
    #[prost(double, repeated, tag = "7")]
    pub(super) explicit_bounds: Vec<f64>,
    #[prost(uint32, tag = "10")]
    pub(super) flags: u32,
    #[prost(double, optional, tag = "11")]
    #[serde(deserialize_with = "loose::real")]
    pub(super) min: Option<f64>,
    #[prost(double, optional, tag = "12")]
    #[serde(deserialize_with = "loose::real")]
    pub(super) max: Option<f64>,
}

/// A histogram whose bounds are powers of a base.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ExponentialPoint {
    #[prost(message, repeated, tag = "1")]
    #[serde(deserialize_with = "loose::or_nothing")]
    pub(super) attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "3")]
    #[serde(deserialize_with = "loose::count")]
    pub(super) time_unix_nano: u64,
    #[prost(fixed64, tag = "4")]
    #[serde(deserialize_with = "loose::count")]
    pub(super) count: u64,
    #[prost(double, optional, tag = "5")]
    #[serde(deserialize_with = "loose::real")]
    pub(super) sum: Option<f64>,
    #[prost(sint32, tag = "6")]
    pub(super) scale: i32,
    #[prost(fixed64, tag = "7")]
    #[serde(deserialize_with = "loose::count")]
    pub(super) zero_count: u64,
    #[prost(message, optional, tag = "8")]
    pub(super) positive: Option<Buckets>,
    #[prost(message, optional, tag = "9")]
    pub(super) negative: Option<Buckets>,
    #[prost(uint32, tag = "10")]
    pub(super) flags: u32,
    #[prost(double, optional, tag = "12")]
    #[serde(deserialize_with = "loose::real")]
    pub(super) min: Option<f64>,
    #[prost(double, optional, tag = "13")]
    #[serde(deserialize_with = "loose::real")]
    pub(super) max: Option<f64>,
}

/// Counts of neighbouring buckets, from one on.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Buckets {
    #[prost(sint32, tag = "1")]
    pub(super) offset: i32,
    #[prost(uint64, repeated, tag = "2")]
    #[serde(deserialize_with = "loose::counts")]
    pub(super) bucket_counts: Vec<u64>,
}

/// Quantiles that a program computed itself.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SummaryPoint {
    #[prost(message, repeated, tag = "7")]
    #[serde(deserialize_with = "loose::or_nothing")]
    pub(super) attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "3")]
    #[serde(deserialize_with = "loose::count")]
    pub(super) time_unix_nano: u64,
    #[prost(fixed64, tag = "4")]
    #[serde(deserialize_with = "loose::count")]
    pub(super) count: u64,
    #[prost(double, optional, tag = "5")]
    #[serde(deserialize_with = "loose::real")]
    pub(super) sum: Option<f64>,
    #[prost(message, repeated, tag = "6")]
    pub(super) quantile_values: Vec<Quantile>,
    #[prost(uint32, tag = "8")]
    pub(super) flags: u32,
}

/// A quantile.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
pub(super) struct Quantile {
    #[prost(double, tag = "1")]
    pub(super) quantile: f64,
    #[prost(double, optional, tag = "2")]
    #[serde(deserialize_with = "loose::real")]
    pub(super) value: Option<f64>,
}

/// The answer to a request.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Response {
    #[prost(message, optional, tag = "1")]
    pub(super) partial_success: Option<PartialSuccess>,
}

/// What was not taken.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PartialSuccess {
    #[prost(int64, tag = "1")]
    pub(super) rejected_data_points: i64,
    #[prost(string, tag = "2")]
    pub(super) error_message: String,
}

/// `google.rpc.Status`: why a request was refused.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Status {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
}
