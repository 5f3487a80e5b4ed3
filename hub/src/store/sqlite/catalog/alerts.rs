//! Rows of alerts.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::alert_parts;
use crate::model::UnixMillis;
use crate::model::alert::{Ack, Ailment, Alert, AlertId, AlertState, Measure, Subject, Transition};
use crate::model::device::{DeviceNo, Labels};
use crate::model::notice::Mark;
use crate::model::reading::SeriesId;
use crate::model::rule::RuleId;
use crate::store::engine::nouns::{AlertQuery, Alerts, ChangeAlerts, OfRule};
use crate::store::error::Result;
use crate::store::pairs::{read_pairs, write_pairs};
use crate::store::sqlite::column::{self, measure_word, read_measure, read_span, read_usual, write_span, write_usual};

/// The columns that [`from_row`] reads, and what follows.
macro_rules! select_alert {
    ($rest:literal) => {
        concat!(
            "SELECT id, rule, rule_name, severity, tags, device, series, state, measure, per_ms, value, worst, last, threshold,
            started_at, fired_at, resolved_at, acked_at, acked_by, ack_comment, new_normal, unknown_since, usual, well_since, learned_at
            FROM alert ",
            $rest
        )
    };
}
const OPEN: &str = select_alert!("WHERE state IN ('pending', 'firing') ORDER BY id");
const ONE: &str = select_alert!("WHERE id = :id");
const LIST: &str = select_alert!(
    "WHERE (:before IS NULL OR id < :before)
    AND CASE WHEN state IN ('pending', 'firing') AND unknown_since NOTNULL THEN :unknown
        WHEN state = 'pending' THEN :pending WHEN state = 'firing' THEN :firing WHEN state = 'resolved' THEN :resolved
        ELSE :historical END
    AND (:device IS NULL OR device = :device)
    AND (:rule IS NULL OR rule = :rule) AND (:rule_name IS NULL OR rule_name = :rule_name)
    AND (:severity IS NULL OR severity = :severity)
    AND (:from IS NULL OR started_at >= :from) AND (:to IS NULL OR started_at < :to)
    ORDER BY id DESC"
);
const DURING: &str = select_alert!(
    "WHERE device = :device AND series = :series AND rule = :rule
    AND started_at <= :to AND (resolved_at IS NULL OR resolved_at >= :from) ORDER BY started_at, id"
);
/// The index of open alerts finds them: of all that were, there may be many.
const OFFLINE: &str = "SELECT device, id FROM alert
    WHERE state IN ('pending', 'firing') AND state = 'firing' AND series = 0 AND measure = 'silence' ORDER BY id";
/// Those that fired in some time, the oldest first.
pub(super) const FIRED_BETWEEN: &str =
    select_alert!("WHERE fired_at >= :from AND fired_at <= :to ORDER BY fired_at, id LIMIT :most");
const MUTED: &str = select_alert!("WHERE state IN ('pending', 'firing') AND muted ORDER BY id");
const FLAPPING: &str = select_alert!("WHERE flapping ORDER BY id");
const UNTOLD_ACKS: &str = select_alert!("WHERE ack_untold AND state = 'firing' ORDER BY id LIMIT :most");
const OLD: &str = "SELECT COUNT(*) FROM alert
    WHERE state IN ('resolved', 'historical') AND NOT flapping AND learned_at < :before";
const NEXT_ID: &str = "SELECT COALESCE(MAX(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'alert'";
/// Stands for the series where an alert is about a whole device: SQLite numbers them from 1.
const NO_SERIES: SeriesId = SeriesId(0);

impl Alerts for Connection {
    fn open_alerts(&self) -> Result<Vec<Alert>> {
        let mut statement = self.prepare_cached(OPEN)?;
        let alerts = statement.query_map([], |row| alert_parts::with(self, from_row(row)?))?;
        Ok(alerts.collect::<rusqlite::Result<_>>()?)
    }

    fn offline_alerts(&self) -> Result<Vec<(DeviceNo, AlertId)>> {
        let mut statement = self.prepare_cached(OFFLINE)?;
        let of = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(of.collect::<rusqlite::Result<_>>()?)
    }

    fn muted_alerts(&self) -> Result<Vec<Alert>> {
        let mut statement = self.prepare_cached(MUTED)?;
        let alerts = statement.query_map([], |row| alert_parts::with(self, from_row(row)?))?;
        Ok(alerts.collect::<rusqlite::Result<_>>()?)
    }

    fn flapping_alerts(&self) -> Result<Vec<Alert>> {
        let mut statement = self.prepare_cached(FLAPPING)?;
        Ok(statement.query_map([], from_row)?.collect::<rusqlite::Result<_>>()?)
    }

    fn untold_acks(&self, most: usize) -> Result<Vec<Alert>> {
        let mut statement = self.prepare_cached(UNTOLD_ACKS)?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        Ok(statement.query_map(named_params! { ":most": most }, from_row)?.collect::<rusqlite::Result<_>>()?)
    }

    fn next_alert_id(&self) -> Result<u64> {
        Ok(column::unsigned(self.query_row(NEXT_ID, [], |row| row.get(0))?))
    }

    fn alerts(&self, query: &AlertQuery) -> Result<Vec<Alert>> {
        let asks_any = query.states.is_empty() && !query.unknown;
        let asked = |state| asks_any || query.states.contains(&state);
        let (rule, rule_name) = match &query.rule {
            None => (None, None),
            Some(OfRule::Id(id)) => (Some(*id), None),
            Some(OfRule::Name(name)) => (None, Some(name)),
        };
        let mut statement = self.prepare_cached(LIST)?;
        let mut rows = statement.query(named_params! {
            ":unknown": asks_any || query.unknown,
            ":pending": asked(AlertState::Pending),
            ":firing": asked(AlertState::Firing),
            ":resolved": asked(AlertState::Resolved),
            ":historical": asked(AlertState::Historical),
            ":device": query.device,
            ":rule": rule,
            ":rule_name": rule_name,
            ":severity": query.severity,
            ":from": query.from.map(|from| from.0),
            ":to": query.to.map(|to| to.0),
            ":before": query.before,
        })?;
        // Counted here and not in SQL: a page is full of alerts of these devices and tags, however many of others lie between.
        let mut alerts = Vec::new();
        while alerts.len() < query.limit
            && let Some(row) = rows.next()?
        {
            if query.among.has(row.get("device")?) && has_all(&*tags(row)?, &query.tags) {
                alerts.push(alert_parts::with(self, from_row(row)?)?);
            }
        }
        Ok(alerts)
    }

    fn alerts_during(
        &self,
        rule: RuleId,
        (device, series): (DeviceNo, SeriesId),
        (from, to): (UnixMillis, UnixMillis),
    ) -> Result<Vec<Alert>> {
        let mut statement = self.prepare_cached(DURING)?;
        let params = named_params! {
            ":rule": rule, ":device": device, ":series": series, ":from": from.0, ":to": to.0,
        };
        let alerts = statement.query_map(params, |row| alert_parts::with(self, from_row(row)?))?;
        Ok(alerts.collect::<rusqlite::Result<_>>()?)
    }

    fn old_alerts(&self, before: UnixMillis) -> Result<u64> {
        let count = self.prepare_cached(OLD)?.query_row(named_params! { ":before": before.0 }, |row| row.get(0))?;
        Ok(column::unsigned(count))
    }

    fn alert(&self, id: AlertId) -> Result<Option<Alert>> {
        let alert = self.prepare_cached(ONE)?.query_row(named_params! { ":id": id }, from_row).optional()?;
        Ok(alert.map(|alert| alert_parts::with(self, alert)).transpose()?)
    }
}

const ACK: &str = "UPDATE alert SET acked_at = :at, acked_by = :by, ack_comment = :comment, ack_untold = 1
    WHERE id = :id AND acked_at IS NULL";
const MUTE: &str = "UPDATE alert SET muted = :on WHERE id = :id";
const FLAP: &str = "UPDATE alert SET flapping = :on WHERE id = :id";
const ACK_TOLD: &str = "UPDATE alert SET ack_untold = :on WHERE id = :id";
/// Who acknowledged it is not the engine's to say: its copy of the alert may be older.
const PUT: &str = "INSERT INTO alert
    (id, rule, rule_name, severity, tags, device, series, state, measure, per_ms, value, worst, last, threshold, started_at, fired_at,
    resolved_at, new_normal, unknown_since, usual, well_since, learned_at)
    SELECT :id, :rule, :rule_name, :severity, :tags, :device, :series, :state, :measure, :per_ms, :value, :worst, :last, :threshold,
    :started_at, :fired_at, :resolved_at, :new_normal, :unknown_since, :usual, :well_since, :learned_at
    WHERE :device IS NULL OR EXISTS (SELECT 1 FROM device WHERE no = :device)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, value = excluded.value, worst = excluded.worst,
    last = excluded.last, threshold = excluded.threshold, started_at = excluded.started_at, fired_at = excluded.fired_at, resolved_at = excluded.resolved_at,
    new_normal = excluded.new_normal, unknown_since = excluded.unknown_since, usual = excluded.usual,
    well_since = excluded.well_since, learned_at = excluded.learned_at";
const EXPIRE: &str = "DELETE FROM alert WHERE id IN (SELECT id FROM alert
    WHERE state IN ('resolved', 'historical') AND NOT flapping AND learned_at < :before LIMIT :at_most)";
const CANCEL: &str = "DELETE FROM alert WHERE id = :id AND state IN ('pending', 'historical')";

impl ChangeAlerts for Connection {
    fn write_alert(&self, transition: &Transition) -> Result<()> {
        match transition {
            Transition::Cancel(id, _) => self.prepare_cached(CANCEL)?.execute(named_params! { ":id": id })?,
            Transition::TellPast { .. } => 0,
            Transition::Put { alert, .. } | Transition::Amend(alert) => {
                self.prepare_cached(PUT)?.execute(named_params! {
                    ":id": alert.id,
                    ":rule": alert.rule,
                    ":rule_name": alert.rule_name,
                    ":severity": alert.severity,
                    ":tags": write_pairs(alert.tags.as_ref()),
                    ":device": alert.device(),
                    ":series": series_of(alert),
                    ":state": alert.state,
                    ":measure": measure_word(alert.measure),
                    ":per_ms": match alert.measure {
                        Measure::Rate { per } => Some(write_span(per)),
                        Measure::Value
                        | Measure::Sigmas
                        | Measure::Stuck
                        | Measure::Parts | Measure::Devices
                        | Measure::Forecast
                        | Measure::Sources
                        | Measure::Clock
                        | Measure::Silence => None,
                    },
                    ":value": alert.value,
                    ":worst": alert.worst,
                    ":last": alert.last,
                    ":threshold": alert.threshold,
                    ":started_at": alert.started_at.0,
                    ":fired_at": alert.fired_at.map(|at| at.0),
                    ":resolved_at": alert.resolved_at.map(|at| at.0),
                    ":new_normal": alert.new_normal,
                    ":unknown_since": alert.unknown_since.map(|at| at.0),
                    ":usual": alert.usual.map(write_usual),
                    ":well_since": alert.well_since.map(|at| at.0),
                    ":learned_at": alert.learned_at.0,
                })?;
                alert_parts::write(self, alert)?;
                0
            }
        };
        Ok(())
    }

    fn ack_alert(&self, id: AlertId, ack: &Ack) -> Result<bool> {
        let params = named_params! { ":id": id, ":at": ack.at.0, ":by": ack.by, ":comment": ack.comment };
        Ok(self.prepare_cached(ACK)?.execute(params)? > 0)
    }

    fn expire_alerts(&self, before: UnixMillis, at_most: usize) -> Result<usize> {
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let params = named_params! { ":before": before.0, ":at_most": at_most };
        Ok(self.prepare_cached(EXPIRE)?.execute(params)?)
    }

    fn mark_alert(&self, mark: Mark) -> Result<()> {
        let (update, id, on) = match mark {
            Mark::Muted(id, muted) => (MUTE, id, muted),
            Mark::Flapping(id, flaps) => (FLAP, id, flaps),
            Mark::AckTold(id) => (ACK_TOLD, id, false),
        };
        self.prepare_cached(update)?.execute(named_params! { ":id": id, ":on": on })?;
        Ok(())
    }
}

fn has_all(tags: &Labels, wanted: &[(String, String)]) -> bool {
    wanted.iter().all(|(key, value)| tags.get(key) == Some(value))
}

/// Most alerts have none.
fn tags(row: &Row<'_>) -> rusqlite::Result<Arc<Labels>> {
    let tags = row.get_ref("tags")?.as_str()?;
    Ok(if tags.is_empty() { Arc::default() } else { Arc::new(read_pairs(tags)) })
}

/// The series in the row of an alert.
pub(super) fn series_of(alert: &Alert) -> Option<SeriesId> {
    alert.series().or_else(|| alert.device().map(|_| NO_SERIES))
}

/// An alert without its parts.
pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Alert> {
    let maybe = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(UnixMillis));
    let (rule, rule_name): (RuleId, String) = (row.get("rule")?, row.get("rule_name")?);
    let about = match (row.get("device")?, row.get("series")?) {
        (Some(device), Some(NO_SERIES)) => Subject::Device(device),
        (Some(device), Some(series)) => Subject::Series { device, series },
        _ if rule != RuleId::HUB => Subject::Selection,
        // Of a later version, perhaps: better under a name that is known than not at all.
        _ => Subject::Hub(Ailment::of_rule(&rule_name).unwrap_or(Ailment::DatabaseDamaged)),
    };
    Ok(Alert {
        id: row.get("id")?,
        rule,
        rule_name,
        severity: row.get("severity")?,
        tags: tags(row)?,
        about,
        state: row.get("state")?,
        measure: read_measure(row.get_ref("measure")?.as_str()?, read_span(row.get("per_ms")?))?,
        value: row.get("value")?,
        worst: row.get("worst")?,
        last: row.get("last")?,
        threshold: row.get("threshold")?,
        started_at: UnixMillis(row.get("started_at")?),
        parts: Arc::default(),
        usual: row.get_ref("usual")?.as_str_or_null()?.and_then(read_usual),
        well_since: maybe("well_since")?,
        fired_at: maybe("fired_at")?,
        resolved_at: maybe("resolved_at")?,
        acked: match maybe("acked_at")? {
            Some(at) => Some(Arc::new(Ack { at, by: row.get("acked_by")?, comment: row.get("ack_comment")? })),
            None => None,
        },
        new_normal: row.get("new_normal")?,
        unknown_since: maybe("unknown_since")?,
        learned_at: UnixMillis(row.get("learned_at")?),
    })
}
