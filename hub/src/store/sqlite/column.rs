//! How the nouns of the model look in a column: ids as integers, words as text, maps as lines of `key=value`.

use std::time::Duration;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::model::SensorKind;
use crate::model::access::Scope;
use crate::model::alert::{AlertId, AlertState, Measure, Usual};
use crate::model::audit::ActorKind;
use crate::model::device::{DeviceNo, Standing};
use crate::model::reading::SeriesId;
use crate::model::rule::{Op, RuleId, Severity};
use crate::model::silence::SilenceId;
use crate::model::user::Role;
use crate::model::webhook::{DeliveryId, DeliveryState, Event, ProblemKind, WebhookId, WebhookKind};

macro_rules! number {
    ($($name:ident($inner:ty)),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                let number = i64::try_from(self.0).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
                Ok(number.into())
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let number = value.as_i64()?;
                <$inner>::try_from(number).map(Self).map_err(|_| FromSqlError::OutOfRange(number))
            }
        }
    )*};
}

number!(DeviceNo(u32), SeriesId(u32), RuleId(u64), AlertId(u64), WebhookId(u64), DeliveryId(u64), SilenceId(u64));

macro_rules! words {
    ($($name:ident { $($variant:ident = $word:literal),* })*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(match self { $(Self::$variant => $word,)* }.into())
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                match value.as_str()? {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(FromSqlError::InvalidType),
                }
            }
        }
    )*};
}

words! {
    Standing { Adopted = "adopted", Blocked = "blocked" }
    AlertState { Pending = "pending", Firing = "firing", Resolved = "resolved", Historical = "historical" }
    Severity { Info = "info", Warning = "warning", Critical = "critical" }
    Op { Above = "above", AtLeast = "at_least", Below = "below", AtMost = "at_most" }
    Scope { Ingest = "ingest", Read = "read", Write = "write", Operate = "operate", Admin = "admin" }
    Role { Viewer = "viewer", Operator = "operator", Admin = "admin" }
    ActorKind { Session = "session", Token = "token", AdminFile = "admin_file", Command = "command", SignIn = "sign_in", Nobody = "nobody" }
    DeliveryState { Pending = "pending", Delivered = "delivered", Failed = "failed", Withdrawn = "withdrawn" }
    ProblemKind { Token = "token", Address = "address", Message = "message", Policy = "policy" }
    WebhookKind {
        Generic = "generic",
        Slack = "slack",
        Discord = "discord",
        Teams = "teams",
        Ntfy = "ntfy",
        Telegram = "telegram",
        PagerDuty = "pagerduty",
        Alertmanager = "alertmanager",
        Gotify = "gotify",
        Matrix = "matrix",
        HomeAssistant = "home_assistant",
        Email = "email"
    }
}

impl ToSql for Event {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.word().into())
    }
}

impl FromSql for Event {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::of(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

/// The word of a [`Measure`]; a rate's unit of time has a column of its own.
pub(in crate::store) const fn measure_word(measure: Measure) -> &'static str {
    match measure {
        Measure::Value => "value",
        Measure::Rate { .. } => "rate",
        Measure::Sigmas => "sigmas",
        Measure::Stuck => "stuck",
        Measure::Parts => "parts",
        Measure::Forecast => "forecast",
        Measure::Sources => "sources",
        Measure::Clock => "clock",
        Measure::Devices => "devices",
        Measure::Silence => "silence",
    }
}

/// What is usual, as text.
pub(in crate::store) fn write_usual(usual: Usual) -> String {
    let Usual { is, low, high, is_growth } = usual;
    format!("{is} {low} {high}{}", if is_growth { " growth" } else { "" })
}

/// Reads [`write_usual`] back; nothing of what a later version wrote.
pub(in crate::store) fn read_usual(text: &str) -> Option<Usual> {
    let mut words = text.split(' ');
    let mut number = || words.next()?.parse().ok();
    let (is, low, high) = (number()?, number()?, number()?);
    Some(Usual { is, low, high, is_growth: words.next() == Some("growth") })
}

/// Reads [`measure_word`] back.
pub(in crate::store) fn read_measure(word: &str, per: Duration) -> FromSqlResult<Measure> {
    match word {
        "value" => Ok(Measure::Value),
        "rate" => Ok(Measure::Rate { per }),
        "sigmas" => Ok(Measure::Sigmas),
        "stuck" => Ok(Measure::Stuck),
        "parts" => Ok(Measure::Parts),
        "forecast" => Ok(Measure::Forecast),
        "sources" => Ok(Measure::Sources),
        "clock" => Ok(Measure::Clock),
        "devices" => Ok(Measure::Devices),
        "silence" => Ok(Measure::Silence),
        _ => Err(FromSqlError::InvalidType),
    }
}

/// A duration in whole milliseconds.
pub(in crate::store) fn write_span(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Reads [`write_span`] back; nothing is no time.
pub(in crate::store) fn read_span(ms: Option<i64>) -> Duration {
    Duration::from_millis(ms.unwrap_or(0).unsigned_abs())
}

/// A column of [`SensorKind`], which belongs to the wire.
pub(in crate::store) struct Kind(pub(in crate::store) SensorKind);

impl ToSql for Kind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            SensorKind::Gauge => "gauge",
            SensorKind::Counter => "counter",
            SensorKind::State => "state",
        }
        .into())
    }
}

impl FromSql for Kind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "gauge" => Ok(Self(SensorKind::Gauge)),
            "counter" => Ok(Self(SensorKind::Counter)),
            "state" => Ok(Self(SensorKind::State)),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// A number that uses all 64 bits (counters, marks): stored with the same bits, so order holds below 2^63 only.
pub(in crate::store) const fn signed(number: u64) -> i64 {
    number.cast_signed()
}

/// Reads [`signed`] back.
pub(in crate::store) const fn unsigned(number: i64) -> u64 {
    number.cast_unsigned()
}
