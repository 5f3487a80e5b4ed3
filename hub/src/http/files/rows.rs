//! Writes readings as lines of a file: CSV (RFC 4180) or one JSON object a line. Written by hand, because there are
//! millions.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::devices::kind::Kind;
use crate::http::request::number;
use crate::model::catalog::Series;
use crate::model::device::Device;
use crate::model::reading::Point;
use crate::model::when;

/// What an export is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Format {
    /// Comma-separated values with a line of names, RFC 4180.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

impl Format {
    /// By the name it is asked for.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "csv" => Some(Self::Csv),
            "ndjson" => Some(Self::Ndjson),
            _ => None,
        }
    }

    /// Ending of a file's name.
    #[must_use]
    pub(crate) const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// The media type.
    #[must_use]
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    /// What stands before the first row.
    #[must_use]
    pub(crate) const fn head(self) -> &'static str {
        match self {
            Self::Csv => "device,sensor,unit,at,value,device_name,kind\r\n",
            Self::Ndjson => "",
        }
    }

    /// A line that says why the file ends before its end, where the format has room for one.
    #[must_use]
    pub(crate) fn cut(self, why: &str) -> Option<String> {
        match self {
            Self::Csv => None,
            Self::Ndjson => Some(format!("{{\"error\":{}}}\n", quoted(why))),
        }
    }
}

/// One reading, as NDJSON has it; CSV has the same columns.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ExportRow {
    /// Id of the device.
    pub device: String,
    /// Sensor.
    pub sensor: String,
    /// Unit code; empty when dimensionless.
    pub unit: String,
    /// Device time.
    pub at: String,
    /// Value.
    pub value: f64,
    /// Name of the device when it was exported.
    pub device_name: String,
    /// What its values are, also for an import of it.
    pub kind: Kind,
}

/// Writes the rows of one series: what they share is made once.
#[derive(Debug)]
pub(crate) struct Rows {
    before: String,
    between: &'static str,
    after: String,
}

impl Rows {
    /// The rows of a series of a device.
    #[must_use]
    pub(crate) fn of(format: Format, device: &Device, series: &Series) -> Self {
        let (id, sensor, unit, name) = (&device.id, &series.sensor, &series.unit, &device.name);
        let kind = Kind::from(series.kind).name();
        match format {
            Format::Csv => Self {
                before: format!("{id},{},{},", field(&guarded(sensor)), field(&guarded(unit))),
                between: ",",
                after: format!(",{},{kind}\r\n", field(&guarded(name))),
            },
            Format::Ndjson => Self {
                before: format!(r#"{{"device":"{id}","sensor":{},"unit":{},"at":""#, quoted(sensor), quoted(unit)),
                between: r#"","value":"#,
                after: format!(",\"device_name\":{},\"kind\":\"{kind}\"}}\n", quoted(name)),
            },
        }
    }

    /// Adds the row of one reading.
    pub(crate) fn write(&self, point: Point, text: &mut String) {
        text.push_str(&self.before);
        text.push_str(&when::moment(point.at));
        text.push_str(self.between);
        // What is stored is finite.
        number::write(text, point.value);
        text.push_str(&self.after);
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Characters with which a spreadsheet takes a cell for a formula, and the one that protects against it.
const FORMULA: [char; 5] = ['=', '+', '-', '@', GUARD];
const GUARD: char = '\'';

/// A name as it stands in CSV. A device chooses the names of its sensors, and a spreadsheet runs what begins like a formula,
/// so such a name has an apostrophe before it, which spreadsheets take for "this is text". One that begins with an apostrophe
/// has one more, so that the import takes off exactly what was put there.
fn guarded(name: &str) -> Cow<'_, str> {
    if name.starts_with(FORMULA) { Cow::Owned(format!("{GUARD}{name}")) } else { Cow::Borrowed(name) }
}

/// The name that stands in a field of CSV.
#[must_use]
pub(crate) fn unguarded(field: Cow<'_, str>) -> Cow<'_, str> {
    match field.strip_prefix(GUARD) {
        Some(name) if name.starts_with(FORMULA) => Cow::Owned(name.to_owned()),
        _ => field,
    }
}

/// A field of CSV: in quotes, and its own quotes doubled, where it holds what would end it.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_begins_like_a_formula_and_every_name_comes_back() {
        for name in ["temp", "", "=1+1", "+3.3V", "-5V rail", "@SUM(A1)", "'", "'quoted'", "'=1", "''-1", "a=b"] {
            let written = guarded(name);
            assert!(!written.starts_with(['=', '+', '-', '@']), "{written}");
            assert_eq!(unguarded(written), name);
        }
        assert_eq!((&*guarded("+3.3V"), &*guarded("temp")), ("'+3.3V", "temp"));
        // Made by hand, and no formula behind it.
        assert_eq!(unguarded(Cow::Borrowed("'twas")), "'twas");
    }

    #[test]
    fn a_field_is_quoted_where_it_has_to_be() {
        let cases =
            [("temp", "temp"), ("", ""), ("a,b", "\"a,b\""), ("a \"b\"", "\"a \"\"b\"\"\""), ("a\nb", "\"a\nb\"")];
        for (text, written) in cases {
            assert_eq!(field(text), written);
        }
    }
}
