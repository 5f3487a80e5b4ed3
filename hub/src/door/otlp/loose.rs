//! Numbers of OTLP's JSON as its clients write them. PURE.
//!
//! By its rules whole numbers of 64 bits are texts. The exporter of npm writes counts as numbers, and `null` for a number that is none,
//! because JavaScript's JSON has no other way to write it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A number that is written in any of these ways.
enum Number {
    Whole(i128),
    Real(f64),
}

impl Number {
    /// As one that may be a fraction.
    fn real(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Real(value) => value,
        }
    }

    /// As a whole one; JavaScript writes large ones with an exponent.
    fn whole<T: TryFrom<i128>, E: Error>(self) -> Result<T, E> {
        let value = match self {
            Self::Whole(value) => value,
            Self::Real(value) if value.fract() == 0.0 => value as i128,
            Self::Real(value) => return Err(E::custom(format!("{value} is not a whole number"))),
        };
        T::try_from(value).map_err(|_| E::custom(format!("{value} does not fit into 64 bits")))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or one as a text")
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Number, E> {
                Ok(Number::Real(value))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
                Ok(Number::Whole(value.into()))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number::Whole(value.into()))
            }
            fn visit_unit<E: Error>(self) -> Result<Number, E> {
                Ok(Number::Real(f64::NAN))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                let whole = text.parse().map(Number::Whole);
                // "NaN", "Infinity" and "-Infinity" are numbers here as well.
                whole
                    .or_else(|_| text.parse().map(Number::Real))
                    .map_err(|_| E::custom(format!("`{text}` is no number")))
            }
        }
        from.deserialize_any(Any)
    }
}

/// What is left out and what is `null` are the same.
pub(super) fn or_nothing<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// A number that may be left out.
pub(super) fn real<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Number::deserialize(from).map(|number| Some(number.real()))
}

/// A whole number that may be left out.
pub(super) fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Number::deserialize(from)?.whole().map(Some)
}

/// A count, or a moment in nanoseconds.
pub(super) fn count<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    Number::deserialize(from)?.whole()
}

/// Counts.
pub(super) fn counts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
    Vec::<Number>::deserialize(from)?.into_iter().map(Number::whole).collect()
}
