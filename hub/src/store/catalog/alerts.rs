//! Alerts: written with the readings that caused them, read by people and by the rule engine at its start.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::UnixMillis;
use crate::model::alert::{Ailment, Alert, AlertId, AlertState, Measure, Subject, Transition};
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::model::rule::RuleId;
use crate::model::view::Among;
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::sqlite::column::{self, measure_word, read_measure, read_span, write_span};
use crate::store::write::acting::one_entry;

/// Alerts that one entry of the audit log names by their ids.
const NAMED: usize = 20;

/// Which alerts to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertQuery {
    /// In one of these states; empty for any.
    pub states: Vec<AlertState>,
    /// Of these devices.
    pub among: Among,
    /// Of this device.
    pub device: Option<DeviceNo>,
    /// Began at or after.
    pub from: Option<UnixMillis>,
    /// Began before.
    pub to: Option<UnixMillis>,
    /// At most so many.
    pub limit: usize,
    /// Older than this one: the next page.
    pub before: Option<AlertId>,
}

/// The columns that [`from_row`] reads, and what follows.
macro_rules! select_alert {
    ($rest:literal) => {
        concat!(
            "SELECT id, rule, rule_name, severity, device, series, state, measure, per_ms, value, worst, last, threshold,
            started_at, fired_at, resolved_at, acked_at, new_normal, learned_at FROM alert ",
            $rest
        )
    };
}
pub(super) use select_alert;

impl Store {
    /// Every pending and firing alert, oldest first: what the rule engine starts with.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn open_alerts(&self) -> Result<Vec<Alert>> {
        self.readers()
            .run(|reader| {
                let mut statement = reader.conn()?.prepare_cached(OPEN)?;
                Ok(statement.query_map([], from_row)?.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// A number above that of every alert there ever was: what the rule engine counts on from.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn next_alert_id(&self) -> Result<u64> {
        self.readers()
            .run(|reader| Ok(column::unsigned(reader.conn()?.query_row(NEXT_ID, [], |row| row.get(0))?)))
            .await
    }

    /// Alerts, newest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn alerts(&self, query: AlertQuery) -> Result<Vec<Alert>> {
        self.readers()
            .run(move |reader| {
                let asked = |state| query.states.is_empty() || query.states.contains(&state);
                let mut statement = reader.conn()?.prepare_cached(LIST)?;
                let mut rows = statement.query(named_params! {
                    ":pending": asked(AlertState::Pending),
                    ":firing": asked(AlertState::Firing),
                    ":resolved": asked(AlertState::Resolved),
                    ":historical": asked(AlertState::Historical),
                    ":device": query.device,
                    ":from": query.from.map(|from| from.0),
                    ":to": query.to.map(|to| to.0),
                    ":before": query.before,
                })?;
                // Counted here and not in SQL: a page is full of alerts of these devices, however many of others lie between.
                let mut alerts = Vec::new();
                while alerts.len() < query.limit
                    && let Some(row) = rows.next()?
                {
                    if query.among.has(row.get("device")?) {
                        alerts.push(from_row(row)?);
                    }
                }
                Ok(alerts)
            })
            .await
    }

    /// Alerts of one rule on one series that were open at some time from `from` to `to`, oldest first; historical ones too.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn alerts_during(
        &self,
        rule: RuleId,
        (device, series): (DeviceNo, SeriesId),
        (from, to): (UnixMillis, UnixMillis),
    ) -> Result<Vec<Alert>> {
        self.readers()
            .run(move |reader| {
                let mut statement = reader.conn()?.prepare_cached(DURING)?;
                let params = named_params! {
                    ":rule": rule, ":device": device, ":series": series, ":from": from.0, ":to": to.0,
                };
                Ok(statement.query_map(params, from_row)?.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// One alert.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn alert(&self, id: AlertId) -> Result<Alert> {
        self.readers().run(move |reader| read(reader.conn()?, id)).await
    }

    /// Notes that a person has seen it; the first acknowledgement stays.
    ///
    /// # Errors
    /// `NotFound`, also of one that is of none of these devices.
    pub async fn ack_alert(
        &self,
        id: AlertId,
        among: Among,
        now: UnixMillis,
        comment: Option<String>,
    ) -> Result<Alert> {
        self.change(move |scope| {
            if !among.has(read(scope.conn, id)?.device()) {
                return Err(Error::missing("alert"));
            }
            let params = named_params! { ":id": id, ":now": now.0, ":comment": comment };
            scope.conn.prepare_cached(ACK)?.execute(params)?;
            read(scope.conn, id)
        })
        .await
    }

    /// Notes that a person has seen all of these; returns those that nobody had acknowledged before. What is gone, or of none of
    /// these devices, is passed over. Several are one entry of the audit log.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn ack_alerts(
        &self,
        ids: Vec<AlertId>,
        among: Among,
        now: UnixMillis,
        comment: Option<String>,
    ) -> Result<Vec<Alert>> {
        self.change(move |scope| {
            let mut ack = scope.conn.prepare_cached(ACK)?;
            let mut acked = Vec::new();
            for id in ids {
                let is_meant = match read(scope.conn, id) {
                    Ok(alert) => among.has(alert.device()),
                    Err(Error::NotFound { .. }) => false,
                    Err(error) => return Err(error),
                };
                if is_meant && ack.execute(named_params! { ":id": id, ":now": now.0, ":comment": comment })? > 0 {
                    acked.push(read(scope.conn, id)?);
                }
            }
            if acked.len() > 1 {
                let fields = [("alerts", Some(&*named(&acked))), ("comment", comment.as_deref())];
                one_entry(scope.conn, "alert.acknowledged", &counted(&acked), &fields)?;
            }
            Ok(acked)
        })
        .await
    }
}

/// How many alerts, and of which rule if it is one.
fn counted(alerts: &[Alert]) -> String {
    let rule = alerts.first().map_or("", |alert| &alert.rule_name);
    let of = if alerts.iter().all(|alert| alert.rule_name == rule) { format!(" of {rule}") } else { String::new() };
    format!("{} alerts{of}", alerts.len())
}

/// The ids of the first of them, and how many more there are.
fn named(alerts: &[Alert]) -> String {
    let ids: Vec<String> = alerts.iter().take(NAMED).map(|alert| format!("alr_{}", alert.id.0)).collect();
    let more = alerts.len().saturating_sub(NAMED);
    if more == 0 { ids.join(", ") } else { format!("{} and {more} more", ids.join(", ")) }
}

const OPEN: &str = select_alert!("WHERE state IN ('pending', 'firing') ORDER BY id");
const ONE: &str = select_alert!("WHERE id = :id");
const LIST: &str = select_alert!(
    "WHERE (:before IS NULL OR id < :before)
    AND CASE state WHEN 'pending' THEN :pending WHEN 'firing' THEN :firing WHEN 'resolved' THEN :resolved
        ELSE :historical END
    AND (:device IS NULL OR device = :device)
    AND (:from IS NULL OR started_at >= :from) AND (:to IS NULL OR started_at < :to)
    ORDER BY id DESC"
);
const DURING: &str = select_alert!(
    "WHERE device = :device AND series = :series AND rule = :rule
    AND started_at <= :to AND (resolved_at IS NULL OR resolved_at >= :from) ORDER BY started_at, id"
);
const NEXT_ID: &str = "SELECT COALESCE(MAX(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'alert'";
const ACK: &str = "UPDATE alert SET acked_at = :now, ack_comment = :comment WHERE id = :id AND acked_at IS NULL";

/// Stands for the series where an alert is about a whole device: SQLite numbers them from 1.
const NO_SERIES: SeriesId = SeriesId(0);

/// `acked_at` is the person's: the engine's copy may be older than the acknowledgement.
const PUT: &str = "INSERT INTO alert
    (id, rule, rule_name, severity, device, series, state, measure, per_ms, value, worst, last, threshold, started_at, fired_at,
    resolved_at, acked_at, new_normal, learned_at)
    SELECT :id, :rule, :rule_name, :severity, :device, :series, :state, :measure, :per_ms, :value, :worst, :last, :threshold,
    :started_at, :fired_at, :resolved_at, :acked_at, :new_normal, :learned_at
    WHERE :device IS NULL OR EXISTS (SELECT 1 FROM device WHERE no = :device)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, value = excluded.value, worst = excluded.worst,
    last = excluded.last, threshold = excluded.threshold, started_at = excluded.started_at, fired_at = excluded.fired_at, resolved_at = excluded.resolved_at,
    acked_at = COALESCE(acked_at, excluded.acked_at), new_normal = excluded.new_normal, learned_at = excluded.learned_at";
const CANCEL: &str = "DELETE FROM alert WHERE id = :id AND state IN ('pending', 'historical')";

/// Writes a change into the open transaction; one of a deleted device goes nowhere.
pub(in crate::store) fn write(conn: &Connection, transition: &Transition) -> Result<()> {
    match transition {
        Transition::Cancel(id, _) => conn.prepare_cached(CANCEL)?.execute(named_params! { ":id": id })?,
        Transition::TellPast { .. } => 0,
        Transition::Put { alert, .. } | Transition::Amend(alert) => {
            conn.prepare_cached(PUT)?.execute(named_params! {
                ":id": alert.id,
                ":rule": alert.rule,
                ":rule_name": alert.rule_name,
                ":severity": alert.severity,
                ":device": alert.device(),
                ":series": alert.series().or_else(|| alert.device().map(|_| NO_SERIES)),
                ":state": alert.state,
                ":measure": measure_word(alert.measure),
                ":per_ms": match alert.measure {
                    Measure::Rate { per } => Some(write_span(per)),
                    Measure::Value | Measure::Sigmas | Measure::Silence => None,
                },
                ":value": alert.value,
                ":worst": alert.worst,
                ":last": alert.last,
                ":threshold": alert.threshold,
                ":started_at": alert.started_at.0,
                ":fired_at": alert.fired_at.map(|at| at.0),
                ":resolved_at": alert.resolved_at.map(|at| at.0),
                ":acked_at": alert.acked_at.map(|at| at.0),
                ":new_normal": alert.new_normal,
                ":learned_at": alert.learned_at.0,
            })?
        }
    };
    Ok(())
}

fn read(conn: &Connection, id: AlertId) -> Result<Alert> {
    let alert = conn.prepare_cached(ONE)?.query_row(named_params! { ":id": id }, from_row).optional()?;
    alert.ok_or(Error::missing("alert"))
}

pub(in crate::store) fn from_row(row: &Row<'_>) -> rusqlite::Result<Alert> {
    let maybe = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(UnixMillis));
    let rule_name: String = row.get("rule_name")?;
    let about = match (row.get("device")?, row.get("series")?) {
        (Some(device), Some(NO_SERIES)) => Subject::Device(device),
        (Some(device), Some(series)) => Subject::Series { device, series },
        // Of a later version, perhaps: better under a name that is known than not at all.
        _ => Subject::Hub(Ailment::of_rule(&rule_name).unwrap_or(Ailment::DatabaseDamaged)),
    };
    Ok(Alert {
        id: row.get("id")?,
        rule: row.get("rule")?,
        rule_name,
        severity: row.get("severity")?,
        about,
        state: row.get("state")?,
        measure: read_measure(row.get_ref("measure")?.as_str()?, read_span(row.get("per_ms")?))?,
        value: row.get("value")?,
        worst: row.get("worst")?,
        last: row.get("last")?,
        threshold: row.get("threshold")?,
        started_at: UnixMillis(row.get("started_at")?),
        fired_at: maybe("fired_at")?,
        resolved_at: maybe("resolved_at")?,
        acked_at: maybe("acked_at")?,
        new_normal: row.get("new_normal")?,
        learned_at: UnixMillis(row.get("learned_at")?),
    })
}
