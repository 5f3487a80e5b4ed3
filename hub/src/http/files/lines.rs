//! Reads the lines of a file of readings: those that `/export` writes, and files that people make by hand with the same
//! columns.
//!
//! There is one row a line. In CSV the first line names the columns, in any order: `device`, `sensor`, `at` and `value`
//! are required, `unit`, `kind` and `device_name` optional. `device` is an id, or a name in a file
//! without ids.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::rows::{Format, unguarded};
use crate::http::devices::kind::Kind;
use crate::http::error::ApiError;
use crate::http::request::text;
use crate::ingest::gather::{Gathered, SensorSlot};
use crate::model::{DeviceId, UnixMillis, pushed, when};

/// Wrong lines that are listed in an answer.
const TOLD: usize = 20;
/// Device names in an answer.
const NAMED: usize = 1_000;

/// What was imported, or would be.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Imported {
    /// Whether it was a dry run: nothing was stored.
    pub dry_run: bool,
    /// Lines read.
    pub lines: u64,
    /// Readings in them; they are on disk, unless it was a dry run.
    pub readings: u64,
    /// Names of their devices, at most 1,000.
    pub devices: BTreeSet<String>,
    /// Those that were not known before.
    pub new_devices: BTreeSet<String>,
    /// Time of the earliest reading; null when there is none.
    pub from: Option<String>,
    /// Time of the latest.
    pub to: Option<String>,
    /// The first wrong lines of a dry run; otherwise the first one ends the import.
    pub errors: Vec<WrongLine>,
    /// Wrong lines besides.
    pub more_errors: u64,
}

/// A line that cannot be imported.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct WrongLine {
    /// Its number, from 1.
    pub line: u64,
    /// The column.
    pub field: Option<String>,
    /// What is wrong, and what would be right.
    pub detail: String,
}

impl Imported {
    /// Takes note of a wrong line.
    pub(crate) fn wrong(&mut self, line: u64, error: &ApiError) {
        if self.errors.len() < TOLD {
            let (field, detail) = (error.named().map(str::to_owned), error.detail().to_owned());
            self.errors.push(WrongLine { line, field, detail });
        } else {
            self.more_errors += 1;
        }
    }

    /// Takes note of the devices in a gathering whose names were looked up.
    pub(crate) fn note_devices(&mut self, gathered: &Gathered) {
        for (name, is_known) in gathered.names() {
            if self.devices.len() < NAMED {
                self.devices.insert(name.to_owned());
                if !is_known {
                    self.new_devices.insert(name.to_owned());
                }
            }
        }
    }
}

/// Reads a file, a part after the other; each part ends with a whole line.
#[derive(Debug)]
pub(crate) struct LineReader {
    format: Format,
    /// Whether impossible times are taken if they are written as RFC 3339: an export holds such times where a device's clock was
    /// wrong.
    any_time: bool,
    columns: Option<Columns>,
    /// Number of the last line that was read.
    pub lines: u64,
    pub read: u64,
    /// First and last moment of readings so far.
    pub span: Option<(UnixMillis, UnixMillis)>,
}

/// Places of the columns in a line of CSV.
#[derive(Debug, Clone, Copy)]
struct Columns {
    count: usize,
    device: usize,
    sensor: usize,
    at: usize,
    value: usize,
    unit: Option<usize>,
    kind: Option<usize>,
    device_name: Option<usize>,
}

/// A row as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row<'a> {
    #[serde(borrow)]
    device: Cow<'a, str>,
    #[serde(borrow)]
    sensor: Cow<'a, str>,
    #[serde(borrow, default)]
    unit: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "written")]
    at: Cow<'a, str>,
    value: f64,
    #[serde(borrow, default)]
    device_name: Option<Cow<'a, str>>,
}

/// A time as it stands there, a text or a number.
fn written<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Cow<'a, str>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "RFC 3339, or epoch milliseconds")]
    enum Written<'a> {
        Text(#[serde(borrow)] Cow<'a, str>),
        Number(serde_json::Number),
    }
    Written::deserialize(from).map(|written| match written {
        Written::Text(text) => text,
        Written::Number(number) => number.to_string().into(),
    })
}

/// The series of the row before: files are sorted by series.
#[derive(Default)]
struct Last {
    device: String,
    sensor: String,
    unit: Option<String>,
    kind: Option<String>,
    slot: Option<SensorSlot>,
}

impl LineReader {
    /// Begins with the first line, which has this number.
    #[must_use]
    pub(crate) const fn new(format: Format, any_time: bool, first: u64) -> Self {
        Self { format, any_time, columns: None, lines: first.saturating_sub(1), read: 0, span: None }
    }

    /// Reads lines; `wrong` hears of those that are wrong, by number, and says whether to go on.
    pub(crate) fn read(
        &mut self,
        lines: &str,
        gathered: &mut Gathered,
        now: UnixMillis,
        mut wrong: impl FnMut(u64, ApiError) -> bool,
    ) {
        let mut last = Last::default();
        for line in lines.lines() {
            self.lines = self.lines.saturating_add(1);
            self.read += 1;
            if line.trim().is_empty() {
                continue;
            }
            if let Err(error) = self.line(line, gathered, now, &mut last)
                && !wrong(self.lines, error)
            {
                return;
            }
        }
    }

    fn line(&mut self, line: &str, gathered: &mut Gathered, now: UnixMillis, last: &mut Last) -> Result<(), ApiError> {
        let row = match (self.format, self.columns) {
            (Format::Ndjson, _) => json_row(line)?,
            (Format::Csv, Some(columns)) => columns.row(line)?,
            (Format::Csv, None) => {
                self.columns = Some(Columns::named(line)?);
                return Ok(());
            }
        };
        let at = self.moment(row.at.trim(), now).map_err(|detail| ApiError::invalid("at", detail))?;
        if !row.value.is_finite() {
            return Err(ApiError::invalid("value", "`value` must be a finite number"));
        }
        let is_last = last.device == row.device
            && last.sensor == row.sensor
            && last.unit.as_deref() == row.unit.as_deref()
            && last.kind.as_deref() == row.kind.as_deref();
        let slot = match last.slot.filter(|_| is_last) {
            Some(slot) => slot,
            None => {
                let slot = slot(&row, gathered)?;
                let (device, sensor) = (row.device.into_owned(), row.sensor.into_owned());
                let [unit, kind] = [row.unit, row.kind].map(|said| said.map(Cow::into_owned));
                *last = Last { device, sensor, unit, kind, slot: Some(slot) };
                slot
            }
        };
        gathered.push(slot, at, row.value);
        let (first, end) = self.span.unwrap_or((at, at));
        self.span = Some((first.min(at), end.max(at)));
        Ok(())
    }

    /// A moment as files have it: it means the same whenever it is read.
    fn moment(&self, text: &str, now: UnixMillis) -> Result<UnixMillis, String> {
        let at = when::moment_in_file(text)?;
        if self.any_time && text.parse::<f64>().is_err() {
            return Ok(at);
        }
        pushed::moment(at, now).map(|()| at).map_err(|detail| match text.parse::<f64>() {
            Ok(_) => detail,
            Err(_) => {
                format!("{detail}; any_time=true (import --any-time) accepts what a device with a wrong clock reported")
            }
        })
    }
}

fn slot(row: &Row<'_>, gathered: &mut Gathered) -> Result<SensorSlot, ApiError> {
    pushed::sensor(&row.sensor).map_err(|detail| ApiError::invalid("sensor", detail))?;
    if let Some(unit) = &row.unit {
        pushed::unit(unit).map_err(|detail| ApiError::invalid("unit", detail))?;
    }
    let device = match row.device.parse::<DeviceId>() {
        Ok(id) => {
            let given = row.device_name.as_deref().filter(|name| !name.is_empty() && name.parse() != Ok(id));
            let name = given.map(|name| text::device_name("device_name", name.to_owned())).transpose()?;
            gathered.device_by_id(id, &row.device, name.as_deref().unwrap_or(&row.device))
        }
        Err(_) => gathered.device(&text::name("device", row.device.clone().into_owned())?),
    };
    let kind = row.kind.as_deref().map(str::trim).filter(|kind| !kind.is_empty());
    let kind = kind.map(|kind| Kind::named("kind", kind)).transpose()?;
    Ok(gathered.sensor(device, &row.sensor, row.unit.as_deref(), kind.map(Into::into)))
}

fn json_row(line: &str) -> Result<Row<'_>, ApiError> {
    // Most lines are right, and naming a field costs more than reading all.
    serde_json::from_str(line).or_else(|_| {
        if let Ok(Cut { error }) = crate::http::request::body::parse(line.as_bytes()) {
            return Err(ApiError::invalid("error", format!("this export is incomplete: {error}")));
        }
        crate::http::request::body::parse(line.as_bytes())
    })
}

/// The last line of an export that was cut.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cut {
    error: String,
}

impl Columns {
    fn named(line: &str) -> Result<Self, ApiError> {
        let names = fields(line.trim_start_matches('\u{feff}'))?;
        let known = ["device", "sensor", "at", "value", "unit", "kind", "device_name"];
        for (index, name) in names.iter().enumerate() {
            if !known.contains(&&**name) || names.iter().take(index).any(|earlier| earlier == name) {
                let detail = format!("the first line must name the columns, each once: {}", known.join(", "));
                return Err(ApiError::invalid(name.clone().into_owned(), detail));
            }
        }
        let find = |wanted: &str| names.iter().position(|name| name == wanted);
        let place = |wanted: &str| {
            let detail = || format!("the first line has no column `{wanted}`");
            find(wanted).ok_or_else(|| ApiError::invalid(wanted, detail()))
        };
        Ok(Self {
            count: names.len(),
            device: place("device")?,
            sensor: place("sensor")?,
            at: place("at")?,
            value: place("value")?,
            unit: find("unit"),
            kind: find("kind"),
            device_name: find("device_name"),
        })
    }

    fn row(self, line: &str) -> Result<Row<'_>, ApiError> {
        let fields = fields(line)?;
        if fields.len() != self.count {
            let detail = format!("{} fields in this line, {} in the first", fields.len(), self.count);
            return Err(ApiError::new(axum::http::StatusCode::BAD_REQUEST, "invalid", detail));
        }
        let field = |place: usize| fields.get(place).cloned().unwrap_or_default();
        let name = |place: usize| unguarded(field(place));
        let value = field(self.value);
        let value =
            value.trim().parse().map_err(|_| ApiError::invalid("value", format!("`{value}` is not a number")))?;
        Ok(Row {
            device: name(self.device),
            sensor: name(self.sensor),
            unit: self.unit.map(name),
            kind: self.kind.map(field),
            at: field(self.at),
            value,
            device_name: self.device_name.map(name),
        })
    }
}

/// The fields of a line of CSV, RFC 4180 without line ends in quotes.
fn fields(line: &str) -> Result<Vec<Cow<'_, str>>, ApiError> {
    if !line.contains('"') {
        return Ok(line.split(',').map(Cow::Borrowed).collect());
    }
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (Cow::Borrowed(&rest[..end]), &rest[end..])
            }
            Some(quoted) => {
                let mut field = String::new();
                let mut quoted = quoted;
                loop {
                    let Some((part, after)) = quoted.split_once('"') else {
                        let detail = "a quote has no end: a row stands on one line";
                        return Err(ApiError::new(axum::http::StatusCode::BAD_REQUEST, "invalid", detail));
                    };
                    field.push_str(part);
                    match after.strip_prefix('"') {
                        Some(after) => {
                            field.push('"');
                            quoted = after;
                        }
                        None => break (Cow::Owned(field), after),
                    }
                }
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(after) => rest = after,
            None if after.is_empty() => return Ok(fields),
            None => {
                let detail = "after a quote comes a comma or the end of the line";
                return Err(ApiError::new(axum::http::StatusCode::BAD_REQUEST, "invalid", detail));
            }
        }
    }
}
