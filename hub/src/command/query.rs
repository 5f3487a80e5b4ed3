//! `telemetry-hub query`: shows minimum, average and maximum per interval, as tables or as the hub's JSON.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::out;
use super::out::{print, tell};
use super::outcome::{Failure, Outcome};
use super::remote::{Remote, given};
use super::selection::Selection;
use super::shown::{self, Scale};
use super::table::Table;
use crate::model::{UnixMillis, called};
use crate::zones;

/// Default number of buckets: what a terminal shows at a glance.
const USUAL_POINTS: usize = 12;
/// Figures that people add up, so they are not rounded.
const ADDS_UP: [&str; 3] = ["count", "sum", "increase"];

/// Flags of `query`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    hub: Remote,
    #[command(flatten)]
    readings: Selection,
    /// Number of intervals of equal length; 12 when neither this nor --every is given
    #[arg(long, value_name = "N", conflicts_with = "every")]
    points: Option<usize>,
    /// Length of an interval: 10s, 15m, 1h, 1d, 1w, 1mo
    #[arg(long, value_name = "LENGTH")]
    every: Option<String>,
    /// Time zone of days, weeks and months, and of the times shown, such as Europe/Berlin or +05:30 [default: this computer's]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// One table for each of these instead of minimum, average and maximum: increase (how much was counted), rate, first,
    /// last, p95, ...
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    agg: Vec<String>,
    /// Treat the sensors as this kind: counter for a total that only grows
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Most series to show; must be given when more than 1,000 match
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Name sensors as rules, filters and the API do (`mem.used_pct`), not as people do (Memory used)
    #[arg(long)]
    raw: bool,
    /// Print the hub's answer as JSON; sensors have their own names there
    #[arg(long)]
    json: bool,
}

/// The part of the answer that a table shows.
#[derive(Debug, Deserialize)]
struct Answer {
    series: Vec<Series>,
    truncated: bool,
    note: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Series {
    device: String,
    sensor: String,
    unit: String,
    t: Vec<i64>,
    count: Vec<u64>,
    min: Vec<Option<f64>>,
    avg: Vec<Option<f64>>,
    max: Vec<Option<f64>>,
    /// Other figures by their names.
    #[serde(flatten)]
    more: HashMap<String, Vec<Option<f64>>>,
}

#[derive(Debug, Deserialize)]
struct Device {
    id: String,
    name: String,
}

pub(super) async fn run(args: Args) -> Outcome {
    // Intervals and times are of one zone, or days would begin at odd hours.
    let tz = args.tz.or_else(zones::own).unwrap_or_else(|| "UTC".to_owned());
    let zone = zones::named(&tz).ok_or_else(|| {
        Failure::Use(format!("--tz: `{tz}` is not a known time zone: write Europe/Berlin, UTC or +05:30"))
    })?;
    let link = args.hub.find().await?;
    let mut params = args.readings.params(&link).await?;
    let points = args.points.or_else(|| args.every.is_none().then_some(USUAL_POINTS));
    let number = |number: Option<usize>| number.map(|number| number.to_string());
    params.extend(given([
        ("points", number(points)),
        ("every", args.every),
        ("tz", Some(tz.clone())),
        ("agg", (!args.agg.is_empty()).then(|| args.agg.join(","))),
        ("kind", args.kind),
        ("limit", number(args.limit)),
    ]));
    let text = link.text("/query", &params).await?;
    if args.json {
        print(text);
        return Ok(());
    }
    let answer: Answer = link.read(&text)?;
    let devices: Vec<Device> = if answer.series.is_empty() { Vec::new() } else { link.all("/devices", &[]).await? };
    let names: HashMap<String, String> = devices.into_iter().map(|device| (device.id, device.name)).collect();
    let tables = answer.series.iter().filter_map(|series| {
        let name = names.get(&series.device).unwrap_or(&series.device);
        let sensor = if args.raw { shown::name(&series.sensor) } else { called::sensor(&series.sensor) };
        let head = format!("{}  {sensor}", shown::name(name));
        match args.agg.as_slice() {
            [] => table(series, &head, (&tz, &zone)),
            figures => {
                let tables: Vec<_> =
                    figures.iter().filter_map(|figure| one(series, figure, &head, (&tz, &zone))).collect();
                (!tables.is_empty()).then(|| tables.join("\n"))
            }
        }
    });
    let tables: Vec<String> = tables.collect();
    if tables.is_empty() {
        if answer.series.is_empty() {
            return Err(anyhow::anyhow!("no sensor of any device fits").into());
        }
        tell("no readings in that time");
    }
    out::write(&tables.join("\n"));
    if let Some(note) = answer.note {
        tell(note);
    }
    if answer.truncated {
        tell("more series match; raise --limit to see them");
    }
    Ok(())
}

/// A line of names, and one for each interval that has readings; nothing where none has.
fn table(series: &Series, head: &str, (tz, zone): (&str, &TimeZone)) -> Option<String> {
    let figures = |column: &[Option<f64>]| column.iter().flatten().fold(0.0_f64, |most, value| most.max(value.abs()));
    let scale = Scale::of(&series.unit, figures(&series.min).max(figures(&series.max)));
    let mut table = Table::new([&format!("TIME ({tz})"), "READINGS", "MIN", "AVG", "MAX"]).right([1, 2, 3, 4]);
    for (n, (at, count)) in series.t.iter().zip(&series.count).enumerate().filter(|(_, (_, count))| **count > 0) {
        let figure = |column: &[Option<f64>]| {
            column.get(n).copied().flatten().map_or_else(|| "-".to_owned(), |value| scale.number(value))
        };
        let time = shown::moment_in(UnixMillis(*at), zone);
        table.row([time, shown::count(*count), figure(&series.min), figure(&series.avg), figure(&series.max)]);
    }
    let unit = if scale.unit().is_empty() { String::new() } else { format!(" ({})", scale.unit()) };
    (!table.is_empty()).then(|| format!("{head}{unit}\n{}", table.text()))
}

/// A line of names, and one for each interval that has this figure. What adds up is written to the last digit.
fn one(series: &Series, figure: &str, head: &str, (tz, zone): (&str, &TimeZone)) -> Option<String> {
    let counts: Vec<Option<f64>> = series.count.iter().map(|count| Some(*count as f64)).collect();
    let column = match figure {
        "count" => &counts,
        "min" => &series.min,
        "avg" => &series.avg,
        "max" => &series.max,
        other => series.more.get(other)?,
    };
    let mut table = Table::new([&format!("TIME ({tz})"), &figure.to_uppercase()]).right([1]);
    for (at, value) in series.t.iter().zip(column) {
        if let Some(value) = value {
            let number = if ADDS_UP.contains(&figure) { value.to_string() } else { shown::digits(*value) };
            table.row([shown::moment_in(UnixMillis(*at), zone), number]);
        }
    }
    let unit = match (figure, shown::sign(&series.unit)) {
        ("count", _) => String::new(),
        ("rate", unit) => format!(" ({unit}/s)"),
        (_, unit) if unit.is_empty() => unit,
        (_, unit) => format!(" ({unit})"),
    };
    (!table.is_empty()).then(|| format!("{head}{unit}\n{}", table.text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_to_the_last_digit() {
        let mut series = series("kWh", vec![3, 0], vec![None, None]);
        series.more.insert("increase".to_owned(), vec![Some(12_345.678_9), None]);
        let utc = ("UTC", &TimeZone::UTC);
        let expected = "meter  temp (kWh)\nTIME (UTC)             INCREASE\n2023-11-14 22:13:20  12345.6789\n";
        assert_eq!(one(&series, "increase", "meter  temp", utc).unwrap(), expected);
        assert_eq!(one(&series, "rate", "meter  temp", utc), None);
        series.unit = "By".to_owned();
        series.more.insert("rate".to_owned(), vec![Some(2.0), None]);
        let head = |figure| one(&series, figure, "meter  temp", utc).unwrap().lines().next().unwrap().to_owned();
        assert_eq!(["increase", "rate", "count"].map(head), ["meter  temp (B)", "meter  temp (B/s)", "meter  temp"]);
        series.unit = "1".to_owned();
        assert!(one(&series, "rate", "meter  temp", utc).unwrap().starts_with("meter  temp (/s)\n"));
        series.more.insert("p95".to_owned(), vec![Some(30.604_123), None]);
        assert!(one(&series, "p95", "meter  temp", utc).unwrap().ends_with(" 30.6\n"));
    }

    fn series(unit: &str, count: Vec<u64>, avg: Vec<Option<f64>>) -> Series {
        let t = (0..count.len() as i64).map(|n| 1_700_000_000_000 + n * 60_000).collect();
        Series {
            device: "ID".into(),
            sensor: "temp".into(),
            unit: unit.into(),
            t,
            count,
            min: avg.clone(),
            avg: avg.clone(),
            max: avg,
            more: HashMap::new(),
        }
    }

    #[test]
    fn a_table_has_names_units_local_time_and_no_empty_rows() {
        let series = series("By", vec![3, 0, 1200], vec![Some(1.5e9), None, Some(2.318e10)]);
        let expected = "attic  temp (GiB)
TIME (Europe/Berlin)  READINGS    MIN    AVG    MAX
2023-11-14 23:13:20          3   1.40   1.40   1.40
2023-11-14 23:15:20      1 200  21.59  21.59  21.59
"
        .replace("1.40", " 1.4");
        let berlin = ("Europe/Berlin", &TimeZone::get("Europe/Berlin").unwrap());
        assert_eq!(table(&series, "attic  temp", berlin).unwrap(), expected);
        let empty = self::series("Cel", vec![0, 0], vec![None, None]);
        assert_eq!(table(&empty, "attic  temp", berlin), None);
    }
}
