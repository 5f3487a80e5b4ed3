//! Rows of rules.

use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::UnixMillis;
use crate::model::rule::{Condition, DeviceState, Figure, Join, Message, Op, Part, Rule, RuleId, RuleSpec, Source};
use crate::model::webhook::WebhookId;
use crate::store::engine::nouns::{ChangeRules, Rules};
use crate::store::error::{Error, Result};
use crate::store::pairs::{read_pairs, write_pairs};
use crate::store::sqlite::column::{self, read_span, write_span};

/// The columns that [`from_row`] reads, and what follows. A version that is over has the id of its rule, and a row below zero.
macro_rules! select_rule {
    ($rest:literal) => {
        concat!(
            "SELECT id AS place, COALESCE(of, id) AS id, version, name, device, sensor, labels, condition, op, value, clear, over_ms,
            per_ms, least, silence_ms, other, within_ms, hold_ms, clear_for_ms, severity, tags, all_webhooks, enabled, message_title, message_text,
            file, line, created_at, updated_at, EXISTS (SELECT 1 FROM made_rule WHERE made_rule.rule = rule.id) AS made_by_hub, version_since FROM rule ",
            $rest
        )
    };
}
const ALL: &str = select_rule!("WHERE rule.id > 0 ORDER BY rule.id");
const ONE: &str = select_rule!("WHERE rule.id = :id");
const VERSION: &str = select_rule!("WHERE (rule.id = :rule OR of = :rule) AND version = :version");
const MADE: &str = "SELECT kind FROM made_rule";
const MAKE: &str = "INSERT INTO made_rule (kind, rule) VALUES (:kind, :rule)";
const WEBHOOKS: &str = "SELECT webhook FROM rule_webhook WHERE rule = :rule ORDER BY position";

impl Rules for Connection {
    fn rules(&self) -> Result<Vec<Rule>> {
        let mut statement = self.prepare_cached(ALL)?;
        let rules = statement.query_map([], from_row)?.collect::<rusqlite::Result<Vec<_>>>()?;
        rules.into_iter().map(|rule| with_the_rest(self, rule)).collect()
    }

    fn made_rules(&self) -> Result<Vec<String>> {
        let mut statement = self.prepare_cached(MADE)?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    fn rule(&self, id: RuleId) -> Result<Option<Rule>> {
        let rule = self.prepare_cached(ONE)?.query_row(named_params! { ":id": id }, from_row).optional()?;
        rule.map(|rule| with_the_rest(self, rule)).transpose()
    }
}

/// A version of a rule.
pub(super) fn version(conn: &Connection, rule: RuleId, version: u32) -> Result<Option<Rule>> {
    let params = named_params! { ":rule": rule, ":version": version };
    let found = conn.prepare_cached(VERSION)?.query_row(params, from_row).optional()?;
    found.map(|found| with_the_rest(conn, found)).transpose()
}

const LOWEST: &str = "SELECT MIN(0, COALESCE(MIN(id), 0)) - 1 FROM rule";
const OF: &str = "UPDATE rule SET of = :of, version = :version, version_since = :since,
    created_at = :created_at, enabled = 0 WHERE id = :id";

/// Keeps a version of a rule that is over, without its webhooks.
pub(super) fn keep_version(conn: &Connection, rule: &Rule) -> Result<()> {
    let place: i64 = conn.prepare_cached(LOWEST)?.query_row([], |row| row.get(0))?;
    write(conn, INSERT, Some(place), &rule.spec, rule.updated_at)?;
    write_parts(conn, place, &rule.spec.condition)?;
    conn.prepare_cached(OF)?.execute(named_params! {
        ":of": rule.id, ":version": rule.version, ":since": rule.version_since.0, ":created_at": rule.created_at.0, ":id": place,
    })?;
    Ok(())
}

fn with_the_rest(conn: &Connection, (place, mut rule): (i64, Rule)) -> Result<Rule> {
    let mut statement = conn.prepare_cached(WEBHOOKS)?;
    let webhooks = statement.query_map(named_params! { ":rule": place }, |row| row.get(0))?;
    rule.spec.webhooks = webhooks.collect::<rusqlite::Result<_>>()?;
    if let Condition::Count { of, .. } = &mut rule.spec.condition {
        let state = |row: &Row<'_>| condition(rule.id, row);
        **of = conn.prepare_cached(PARTS)?.query_row(named_params! { ":rule": place }, state)?;
    }
    if let Condition::Joined { parts, .. } = &mut rule.spec.condition {
        let part = |row: &Row<'_>| Ok(Part { sensor: row.get("sensor")?, condition: condition(rule.id, row)? });
        let mut statement = conn.prepare_cached(PARTS)?;
        *parts = statement.query_map(named_params! { ":rule": place }, part)?.collect::<rusqlite::Result<_>>()?;
    }
    Ok(rule)
}

const SET_SOURCE: &str = "UPDATE rule SET file = :file, line = :line WHERE id = :id";
const DELETE: &str = "DELETE FROM rule WHERE id = :id";

const INSERT: &str = "INSERT INTO rule
    (id, name, device, sensor, labels, condition, op, value, clear, over_ms, per_ms, least, silence_ms, other, within_ms,
    hold_ms, clear_for_ms, severity, tags, all_webhooks, enabled, message_title,
    message_text, created_at, updated_at, version_since)
    VALUES (:id, :name, :device, :sensor, :labels, :condition, :op, :value, :clear, :over_ms, :per_ms, :least,
    :silence_ms, :other, :within_ms, :hold_ms, :clear_for_ms, :severity, :tags, :all_webhooks, :enabled,
    :message_title, :message_text, :now, :now, :now)";
const REPLACE: &str = "UPDATE rule SET name = :name, device = :device, sensor = :sensor, labels = :labels,
    condition = :condition, op = :op, value = :value, clear = :clear, over_ms = :over_ms, per_ms = :per_ms,
    least = :least, silence_ms = :silence_ms, other = :other, within_ms = :within_ms, hold_ms = :hold_ms, clear_for_ms = :clear_for_ms, severity = :severity, tags = :tags,
    all_webhooks = :all_webhooks, enabled = :enabled, message_title = :message_title,
    message_text = :message_text, updated_at = :now WHERE id = :id";

const PARTS: &str =
    "SELECT sensor, condition, op, value, clear, over_ms, over_ms AS silence_ms, per_ms, least, within_ms FROM rule_part WHERE rule = :rule
    ORDER BY position";
const CLEAR_PARTS: &str = "DELETE FROM rule_part WHERE rule = :rule";
const ADD_PART: &str =
    "INSERT INTO rule_part (rule, position, sensor, condition, op, value, clear, over_ms, per_ms, least, within_ms)
    VALUES (:rule, :position, :sensor, :condition, :op, :value, :clear, :over_ms, :per_ms, :least, :within_ms)";

const CLEAR_WEBHOOKS: &str = "DELETE FROM rule_webhook WHERE rule = :rule";
const ADD_WEBHOOK: &str = "INSERT INTO rule_webhook (rule, position, webhook)
    SELECT :rule, :position, id FROM webhook WHERE id = :webhook";

impl ChangeRules for Connection {
    fn add_rule(&self, spec: &RuleSpec, now: UnixMillis) -> Result<RuleId> {
        write(self, INSERT, None, spec, now)?;
        let id = RuleId(column::unsigned(self.last_insert_rowid()));
        write_parts(self, number(id)?, &spec.condition)?;
        Ok(id)
    }

    fn remember_made(&self, kind: &str, id: RuleId) -> Result<()> {
        self.prepare_cached(MAKE)?.execute(named_params! { ":kind": kind, ":rule": id })?;
        Ok(())
    }

    fn replace_rule(&self, id: RuleId, spec: &RuleSpec, now: UnixMillis) -> Result<bool> {
        let is_there = write(self, REPLACE, Some(number(id)?), spec, now)? > 0;
        if is_there {
            write_parts(self, number(id)?, &spec.condition)?;
        }
        Ok(is_there)
    }

    fn set_webhooks_of_rule(&self, id: RuleId, webhooks: &[WebhookId]) -> Result<Option<WebhookId>> {
        self.prepare_cached(CLEAR_WEBHOOKS)?.execute(named_params! { ":rule": id })?;
        let mut add = self.prepare_cached(ADD_WEBHOOK)?;
        for (webhook, position) in webhooks.iter().zip(0_i64..) {
            if add.execute(named_params! { ":rule": id, ":position": position, ":webhook": webhook })? == 0 {
                return Ok(Some(*webhook));
            }
        }
        Ok(None)
    }

    fn set_source_of_rule(&self, id: RuleId, source: &Source) -> Result<()> {
        let place = named_params! { ":id": id, ":file": source.file, ":line": source.line };
        self.prepare_cached(SET_SOURCE)?.execute(place)?;
        Ok(())
    }

    fn delete_rule(&self, id: RuleId) -> Result<bool> {
        Ok(self.prepare_cached(DELETE)?.execute(named_params! { ":id": id })? > 0)
    }
}

/// A condition as columns.
#[derive(Default)]
struct Columns<'a> {
    condition: &'static str,
    op: Option<Op>,
    value: Option<f64>,
    clear: Option<f64>,
    over: Option<Duration>,
    per: Option<Duration>,
    least: Option<f64>,
    silence: Option<Duration>,
    other: Option<&'a str>,
    within: Option<Duration>,
}

impl<'a> From<&'a Condition> for Columns<'a> {
    fn from(condition: &'a Condition) -> Self {
        let none = Self::default();
        match *condition {
            Condition::Difference { ref other, within, op, value, clear } => {
                let (op, value, other, within) = (Some(op), Some(value), Some(other.as_str()), Some(within));
                Self { condition: "difference", op, value, clear, other, within, ..none }
            }
            Condition::Joined { join, within, .. } => {
                let condition = match join {
                    Join::All => "all",
                    Join::Any => "any",
                };
                Self { condition, within: Some(within), ..none }
            }
            Condition::Threshold { op, value, clear } => {
                Self { condition: "threshold", op: Some(op), value: Some(value), clear, ..none }
            }
            Condition::Rate { op, value, per, over, clear } => {
                let (op, value, over, per) = (Some(op), Some(value), Some(over), Some(per));
                Self { condition: "rate", op, value, clear, over, per, ..none }
            }
            Condition::Increase { op, value, over, clear } => {
                Self { condition: "increase", op: Some(op), value: Some(value), clear, over: Some(over), ..none }
            }
            Condition::Figure { figure, op, value, over, clear } => {
                let condition = match figure {
                    Figure::Average => "average",
                    Figure::Minimum => "minimum",
                    Figure::Maximum => "maximum",
                };
                Self { condition, op: Some(op), value: Some(value), clear, over: Some(over), ..none }
            }
            Condition::Stuck { least, after } => {
                Self { condition: "stuck", least: Some(least), over: Some(after), ..none }
            }
            Condition::Seasonal { sigmas, clear, least } => {
                Self { condition: "seasonal", op: Some(Op::Above), value: Some(sigmas), clear, least, ..none }
            }
            Condition::Deviation { sigmas, over, clear, least } => {
                let (op, value, over) = (Some(Op::Above), Some(sigmas), Some(over));
                Self { condition: "deviation", op, value, clear, over, least, ..none }
            }
            Condition::Forecast { op, value, within, over, clear } => {
                let (op, value, over, within) = (Some(op), Some(value), Some(over), Some(within));
                Self { condition: "forecast", op, value, clear, over, within, ..none }
            }
            Condition::Count { op, value, clear, .. } => {
                Self { condition: "count", op: Some(op), value: Some(value), clear, ..none }
            }
            Condition::Silence { after } => Self { condition: "silence", silence: Some(after), ..none },
            Condition::Device(DeviceState::Offline { after }) => {
                Self { condition: "offline", silence: Some(after), ..none }
            }
            Condition::Device(DeviceState::SourceFailing) => Self { condition: "source_failing", ..none },
            Condition::Device(DeviceState::ClockOff { by }) => {
                Self { condition: "clock_off", within: Some(by), ..none }
            }
        }
    }
}

/// The place of a rule in force.
fn number(id: RuleId) -> Result<i64> {
    i64::try_from(id.0).map_err(|_| Error::missing("rule"))
}

/// Writes what a rule joins.
fn write_parts(conn: &Connection, id: i64, condition: &Condition) -> Result<()> {
    conn.prepare_cached(CLEAR_PARTS)?.execute(named_params! { ":rule": id })?;
    let parts: Vec<(Option<&str>, &Condition)> = if let Condition::Joined { parts, .. } = condition {
        parts.iter().map(|part| (part.sensor.as_deref(), &part.condition)).collect()
    } else if let Condition::Count { of, .. } = condition {
        vec![(None, of)]
    } else {
        return Ok(());
    };
    for ((sensor, condition), position) in parts.into_iter().zip(0_i64..) {
        let columns = Columns::from(condition);
        conn.prepare_cached(ADD_PART)?.execute(named_params! {
            ":rule": id,
            ":position": position,
            ":sensor": sensor,
            ":condition": columns.condition,
            ":op": columns.op,
            ":value": columns.value,
            ":clear": columns.clear,
            // A part has one time of its own, whatever it is called.
            ":over_ms": columns.over.or(columns.silence).map(write_span),
            ":per_ms": columns.per.map(write_span),
            ":least": columns.least,
            ":within_ms": columns.within.map(write_span),
        })?;
    }
    Ok(())
}

fn write(conn: &Connection, sql: &str, id: Option<i64>, spec: &RuleSpec, now: UnixMillis) -> Result<usize> {
    let columns = Columns::from(&spec.condition);
    Ok(conn.prepare_cached(sql)?.execute(named_params! {
        ":id": id,
        ":name": spec.name,
        ":device": spec.device,
        ":sensor": spec.sensor,
        ":labels": write_pairs(&spec.labels),
        ":condition": columns.condition,
        ":op": columns.op,
        ":value": columns.value,
        ":clear": columns.clear,
        ":over_ms": columns.over.map(write_span),
        ":per_ms": columns.per.map(write_span),
        ":least": columns.least,
        ":silence_ms": columns.silence.map(write_span),
        ":other": columns.other,
        ":within_ms": columns.within.map(write_span),
        ":hold_ms": write_span(spec.hold),
        ":clear_for_ms": write_span(spec.clear_for),
        ":severity": spec.severity,
        ":tags": write_pairs(&spec.tags),
        ":all_webhooks": spec.all_webhooks,
        ":enabled": spec.enabled,
        ":message_title": spec.message.title,
        ":message_text": spec.message.text,
        ":now": now.0,
    })?)
}

/// The place of a rule, and the rule without its webhooks and what it joins, which have tables of their own.
fn from_row(row: &Row<'_>) -> rusqlite::Result<(i64, Rule)> {
    let (labels, tags): (String, String) = (row.get("labels")?, row.get("tags")?);
    let duration = |column| row.get(column).map(read_span);
    let id = row.get("id")?;
    let condition = condition(id, row)?;
    let rule = Rule {
        id,
        version: row.get("version")?,
        version_since: UnixMillis(row.get("version_since")?),
        spec: RuleSpec {
            name: row.get("name")?,
            device: row.get("device")?,
            sensor: row.get("sensor")?,
            labels: read_pairs(&labels),
            condition,
            hold: duration("hold_ms")?,
            clear_for: duration("clear_for_ms")?,
            severity: row.get("severity")?,
            tags: read_pairs(&tags),
            webhooks: Vec::new(),
            all_webhooks: row.get("all_webhooks")?,
            enabled: row.get("enabled")?,
            message: Message { title: row.get("message_title")?, text: row.get("message_text")? },
        },
        made_by_hub: row.get("made_by_hub")?,
        created_at: UnixMillis(row.get("created_at")?),
        updated_at: UnixMillis(row.get("updated_at")?),
        source: source(row)?,
    };
    Ok((row.get("place")?, rule))
}

fn source(row: &Row<'_>) -> rusqlite::Result<Option<Source>> {
    let Some(file) = row.get("file")? else { return Ok(None) };
    Ok(Some(Source { file, line: row.get("line")? }))
}

/// The condition of a rule, or of a part of it; without what it joins.
fn condition(of: RuleId, row: &Row<'_>) -> rusqlite::Result<Condition> {
    let duration = |column| row.get(column).map(read_span);
    let figure = |figure| -> rusqlite::Result<Condition> {
        let (op, value, over, clear) = (row.get("op")?, row.get("value")?, duration("over_ms")?, row.get("clear")?);
        Ok(Condition::Figure { figure, op, value, over, clear })
    };
    Ok(match row.get_ref("condition")?.as_str()? {
        "threshold" => Condition::Threshold { op: row.get("op")?, value: row.get("value")?, clear: row.get("clear")? },
        "increase" => Condition::Increase {
            op: row.get("op")?,
            value: row.get("value")?,
            over: duration("over_ms")?,
            clear: row.get("clear")?,
        },
        "rate" => Condition::Rate {
            op: row.get("op")?,
            value: row.get("value")?,
            per: duration("per_ms")?,
            over: duration("over_ms")?,
            clear: row.get("clear")?,
        },
        "average" => figure(Figure::Average)?,
        "minimum" => figure(Figure::Minimum)?,
        "maximum" => figure(Figure::Maximum)?,
        "stuck" => Condition::Stuck { least: row.get("least")?, after: duration("over_ms")? },
        "seasonal" => {
            Condition::Seasonal { sigmas: row.get("value")?, clear: row.get("clear")?, least: row.get("least")? }
        }
        "difference" => Condition::Difference {
            other: row.get("other")?,
            within: duration("within_ms")?,
            op: row.get("op")?,
            value: row.get("value")?,
            clear: row.get("clear")?,
        },
        "count" => {
            // Its state is a part of it.
            let of = Box::new(Condition::Silence { after: Duration::ZERO });
            Condition::Count { of, op: row.get("op")?, value: row.get("value")?, clear: row.get("clear")? }
        }
        "all" => Condition::Joined { join: Join::All, parts: Vec::new(), within: duration("within_ms")? },
        "any" => Condition::Joined { join: Join::Any, parts: Vec::new(), within: duration("within_ms")? },
        "deviation" => Condition::Deviation {
            sigmas: row.get("value")?,
            over: duration("over_ms")?,
            clear: row.get("clear")?,
            least: row.get("least")?,
        },
        "forecast" => Condition::Forecast {
            op: row.get("op")?,
            value: row.get("value")?,
            within: duration("within_ms")?,
            over: duration("over_ms")?,
            clear: row.get("clear")?,
        },
        "silence" => Condition::Silence { after: duration("silence_ms")? },
        "offline" => Condition::Device(DeviceState::Offline { after: duration("silence_ms")? }),
        "source_failing" => Condition::Device(DeviceState::SourceFailing),
        "clock_off" => Condition::Device(DeviceState::ClockOff { by: duration("within_ms")? }),
        // No other condition may stand in for it: the rule would watch something else than the page says.
        other => {
            let detail = format!("rule rul_{} has the condition `{other}`, which this hub does not know", of.0);
            let column = row.as_ref().column_index("condition")?;
            return Err(rusqlite::Error::FromSqlConversionFailure(column, Type::Text, detail.into()));
        }
    })
}
