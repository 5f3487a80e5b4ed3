//! Operators and functions of single values. PURE.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use promql_parser::parser::token::{self as t, TokenId};

/// An operator that calculates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arith {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
}

impl Arith {
    pub(super) const fn of(token: TokenId) -> Option<Self> {
        Some(match token {
            t::T_ADD => Self::Add,
            t::T_SUB => Self::Sub,
            t::T_MUL => Self::Mul,
            t::T_DIV => Self::Div,
            t::T_MOD => Self::Mod,
            t::T_POW => Self::Pow,
            t::T_ATAN2 => Self::Atan2,
            _ => return None,
        })
    }

    pub(super) fn of_two(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Add => left + right,
            Self::Sub => left - right,
            Self::Mul => left * right,
            Self::Div => left / right,
            Self::Mod => left % right,
            Self::Pow => left.powf(right),
            Self::Atan2 => left.atan2(right),
        }
    }
}

/// An operator that compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Equal,
    NotEqual,
    Above,
    Below,
    AtLeast,
    AtMost,
}

impl Compare {
    pub(super) const fn of(token: TokenId) -> Option<Self> {
        Some(match token {
            t::T_EQLC => Self::Equal,
            t::T_NEQ => Self::NotEqual,
            t::T_GTR => Self::Above,
            t::T_LSS => Self::Below,
            t::T_GTE => Self::AtLeast,
            t::T_LTE => Self::AtMost,
            _ => return None,
        })
    }

    pub(super) fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Above => left > right,
            Self::Below => left < right,
            Self::AtLeast => left >= right,
            Self::AtMost => left <= right,
        }
    }
}

/// A function of one value, by name; none that is not such a function.
pub(super) fn of_one(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "acos" => f64::acos,
        "acosh" => f64::acosh,
        "asin" => f64::asin,
        "asinh" => f64::asinh,
        "atan" => f64::atan,
        "atanh" => f64::atanh,
        "ceil" => f64::ceil,
        "cos" => f64::cos,
        "cosh" => f64::cosh,
        "deg" => |value| value * 180.0 / std::f64::consts::PI,
        "exp" => f64::exp,
        "floor" => f64::floor,
        "ln" => f64::ln,
        "log10" => f64::log10,
        "log2" => f64::log2,
        "rad" => |value| value * std::f64::consts::PI / 180.0,
        "sgn" => |value| if value == 0.0 || value.is_nan() { value } else { value.signum() },
        "sin" => f64::sin,
        "sinh" => f64::sinh,
        "sqrt" => f64::sqrt,
        "tan" => f64::tan,
        "tanh" => f64::tanh,
        _ => return None,
    })
}

/// A part of the date that a value is in seconds since 1970, in UTC; none that is not such a function.
pub(super) fn of_date(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "day_of_month" => |at| part(at, |date| date.day().into()),
        // Sunday is 0.
        "day_of_week" => |at| part(at, |date| date.weekday().to_sunday_zero_offset().into()),
        "day_of_year" => |at| part(at, |date| date.day_of_year().into()),
        "days_in_month" => |at| part(at, |date| date.days_in_month().into()),
        "hour" => |at| part(at, |date| date.hour().into()),
        "minute" => |at| part(at, |date| date.minute().into()),
        "month" => |at| part(at, |date| date.month().into()),
        "year" => |at| part(at, |date| date.year().into()),
        _ => return None,
    })
}

fn part(at: f64, of: impl Fn(DateTime) -> f64) -> f64 {
    // What is no date at all has no parts.
    let date = (at.is_finite()).then(|| Timestamp::from_second(at.trunc() as i64).ok()).flatten();
    date.map_or(f64::NAN, |date| of(TimeZone::UTC.to_datetime(date)))
}
