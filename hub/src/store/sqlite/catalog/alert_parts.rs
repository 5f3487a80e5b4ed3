//! Rows of what the conditions measured that a rule joins.

use rusqlite::{Connection, Row, named_params};

use crate::model::alert::{Alert, Measure, Part};
use crate::store::sqlite::column::{measure_word, read_measure, read_span, read_usual, write_span, write_usual};

const CLEAR: &str = "DELETE FROM alert_part WHERE alert = :alert";
/// An alert of a device that was deleted has no row.
const ADD: &str = "INSERT INTO alert_part (alert, position, sensor, unit, measure, per_ms, value, threshold, is_true, usual)
    SELECT id, :position, :sensor, :unit, :measure, :per_ms, :value, :threshold, :is_true, :usual FROM alert WHERE id = :alert";
const OF: &str =
    "SELECT sensor, unit, measure, per_ms, value, threshold, is_true, usual FROM alert_part WHERE alert = :alert
    ORDER BY position";

/// Writes the parts of an alert that was written.
pub(super) fn write(conn: &Connection, alert: &Alert) -> rusqlite::Result<()> {
    if !matches!(alert.measure, Measure::Parts | Measure::Devices) {
        return Ok(());
    }
    conn.prepare_cached(CLEAR)?.execute(named_params! { ":alert": alert.id })?;
    for (part, position) in alert.parts.iter().zip(0_i64..) {
        conn.prepare_cached(ADD)?.execute(named_params! {
            ":alert": alert.id,
            ":position": position,
            ":sensor": part.sensor,
            ":unit": part.unit,
            ":measure": measure_word(part.measure),
            ":per_ms": match part.measure {
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
            ":value": part.value,
            ":threshold": part.threshold,
            ":is_true": part.is_true,
            ":usual": part.usual.map(write_usual),
        })?;
    }
    Ok(())
}

/// An alert with its parts.
pub(super) fn with(conn: &Connection, alert: Alert) -> rusqlite::Result<Alert> {
    if !matches!(alert.measure, Measure::Parts | Measure::Devices) {
        return Ok(alert);
    }
    let mut statement = conn.prepare_cached(OF)?;
    let parts = statement.query_map(named_params! { ":alert": alert.id }, from_row)?;
    Ok(Alert { parts: parts.collect::<rusqlite::Result<Vec<_>>>()?.into(), ..alert })
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Part> {
    Ok(Part {
        sensor: row.get("sensor")?,
        unit: row.get("unit")?,
        measure: read_measure(row.get_ref("measure")?.as_str()?, read_span(row.get("per_ms")?))?,
        value: row.get("value")?,
        threshold: row.get("threshold")?,
        is_true: row.get("is_true")?,
        usual: row.get_ref("usual")?.as_str_or_null()?.and_then(read_usual),
    })
}
