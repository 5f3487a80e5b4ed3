//! Rows of what is kept of the moment at which alerts fired.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::alerts::{self, FIRED_BETWEEN};
use super::outbox::{self, ABOUT, ATTEMPTS_IN_LIST};
use super::{alert_parts, rules};
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId};
use crate::model::explain::{Circumstances, Explanation, Loss, MOST_COUNTED, Tally, Vital};
use crate::model::rule::{Rule, RuleId};
use crate::model::webhook::Delivery;
use crate::store::engine::nouns::{ChangeExplained, Explained};
use crate::store::error::Result;
use crate::store::pairs::{read_pairs, write_pairs};

const ONE: &str = "SELECT alert, rule_version, late_ms, online, heard_at, taken, lost, clock_offset_ms, agent, vitals
    FROM alert_explained WHERE alert = :alert";
/// An alert of a device that was deleted has no row.
const ADD: &str = "INSERT INTO alert_explained
    (alert, rule_version, late_ms, online, heard_at, taken, lost, clock_offset_ms, agent, vitals)
    SELECT id, :rule_version, :late_ms, :online, :heard_at, :taken, :lost, :clock_offset_ms, :agent, :vitals
    FROM alert WHERE id = :alert ON CONFLICT (alert) DO NOTHING";
/// No further than anybody reads; rules of the hub have one number and differ by name.
const TALLY: &str = "SELECT COUNT(*), COALESCE(SUM(device IS :device AND series IS :series), 0) FROM (
    SELECT device, series FROM alert WHERE rule = :rule AND rule_name = CASE :rule WHEN 0 THEN :rule_name ELSE rule_name END
    AND fired_at >= :from AND fired_at <= :to ORDER BY fired_at DESC LIMIT :most)";
const IS_TOLD_OF: &str = "SELECT EXISTS (SELECT 1 FROM alert JOIN alert_explained ON alert_explained.alert = alert.id
    WHERE alert.rule = :rule AND alert.fired_at IS NOT NULL AND alert_explained.rule_version = :version)";
const NEXT_VERSION: &str = "UPDATE rule SET version = version + 1, version_since = :now WHERE id = :rule";
const EXPIRE: &str = "DELETE FROM rule WHERE id < 0 AND (of, version) NOT IN (
    SELECT alert.rule, alert_explained.rule_version FROM alert_explained JOIN alert ON alert.id = alert_explained.alert
    WHERE alert_explained.rule_version IS NOT NULL)";

impl Explained for Connection {
    fn explanation(&self, alert: AlertId) -> Result<Option<Explanation>> {
        Ok(self.prepare_cached(ONE)?.query_row(named_params! { ":alert": alert }, from_row).optional()?)
    }

    fn rule_version(&self, rule: RuleId, version: u32) -> Result<Option<Rule>> {
        rules::version(self, rule, version)
    }

    fn fired_between(&self, from: UnixMillis, to: UnixMillis, most: usize) -> Result<Vec<Alert>> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut statement = self.prepare_cached(FIRED_BETWEEN)?;
        let params = named_params! { ":from": from.0, ":to": to.0, ":most": most };
        let fired = statement.query_map(params, |row| alert_parts::with(self, alerts::from_row(row)?))?;
        Ok(fired.collect::<rusqlite::Result<_>>()?)
    }

    fn tally(&self, alert: &Alert, from: UnixMillis) -> Result<Tally> {
        let params = named_params! {
            ":rule": alert.rule,
            ":rule_name": alert.rule_name,
            ":device": alert.device(),
            ":series": alerts::series_of(alert),
            ":from": from.0,
            ":to": alert.fired_at.unwrap_or(alert.started_at).0,
            ":most": MOST_COUNTED,
        };
        let tally = |row: &Row<'_>| Ok(Tally { anywhere: row.get(0)?, here: row.get(1)? });
        Ok(self.prepare_cached(TALLY)?.query_row(params, tally)?)
    }

    fn deliveries_about(&self, alert: AlertId, most: usize) -> Result<Vec<Delivery>> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut statement = self.prepare_cached(ABOUT)?;
        let found = statement.query_map(named_params! { ":alert": alert, ":most": most }, outbox::from_row)?;
        let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
        found.into_iter().map(|delivery| outbox::with_attempts(self, ATTEMPTS_IN_LIST, delivery)).collect()
    }
}

impl ChangeExplained for Connection {
    fn explain_alert(&self, explanation: &Explanation) -> Result<()> {
        let now = explanation.circumstances.as_ref();
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let loss = now.and_then(|now| now.loss);
        let vitals = now.map_or(&[][..], |now| &now.vitals);
        let vitals: Vec<_> =
            vitals.iter().map(|vital| (vital.sensor.clone(), format!("{} {}", vital.value, vital.unit))).collect();
        self.prepare_cached(ADD)?.execute(named_params! {
            ":alert": explanation.alert,
            ":rule_version": explanation.rule_version,
            ":late_ms": explanation.late_ms,
            ":online": now.map(|now| now.is_online),
            ":heard_at": now.and_then(|now| now.heard_at).map(|at| at.0),
            ":taken": loss.map(|loss| count(loss.taken)),
            ":lost": loss.map(|loss| count(loss.lost)),
            ":clock_offset_ms": now.and_then(|now| now.clock_offset_ms),
            ":agent": now.map_or("", |now| &now.agent),
            ":vitals": write_pairs(vitals.iter().map(|(sensor, value)| (sensor, value))),
        })?;
        Ok(())
    }

    fn supersede_rule(&self, before: &Rule, now: UnixMillis) -> Result<()> {
        let params = named_params! { ":rule": before.id, ":version": before.version };
        if self.prepare_cached(IS_TOLD_OF)?.query_row(params, |row| row.get(0))? {
            rules::keep_version(self, before)?;
        }
        self.prepare_cached(NEXT_VERSION)?.execute(named_params! { ":rule": before.id, ":now": now.0 })?;
        Ok(())
    }

    fn expire_rule_versions(&self) -> Result<usize> {
        Ok(self.prepare_cached(EXPIRE)?.execute([])?)
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Explanation> {
    let count = |column| row.get::<_, Option<i64>>(column).map(|number| number.map(i64::unsigned_abs));
    let vitals: Vec<(String, String)> = read_pairs(row.get_ref("vitals")?.as_str()?);
    let vital = |(sensor, text): (String, String)| {
        let (value, unit) = text.split_once(' ')?;
        Some(Vital { sensor, value: value.parse().ok()?, unit: unit.to_owned() })
    };
    let circumstances = match row.get("online")? {
        None => None,
        Some(is_online) => Some(Circumstances {
            is_online,
            heard_at: row.get::<_, Option<i64>>("heard_at")?.map(UnixMillis),
            loss: count("taken")?.zip(count("lost")?).map(|(taken, lost)| Loss { taken, lost }),
            clock_offset_ms: row.get("clock_offset_ms")?,
            agent: row.get("agent")?,
            vitals: vitals.into_iter().filter_map(vital).collect(),
        }),
    };
    Ok(Explanation {
        alert: row.get("alert")?,
        rule_version: row.get("rule_version")?,
        late_ms: row.get("late_ms")?,
        circumstances,
    })
}
