//! `telemetry-hub query`: figures over buckets of time, as a table or as the hub's JSON.

use std::fmt::Write as _;

use serde::Deserialize;

use super::remote::{Remote, Selection, given};
use super::{Outcome, print};
use crate::http::dto::text::moment;
use crate::model::UnixMillis;

/// Buckets when neither `--points` nor `--every` is given: what a terminal shows at a glance.
const USUAL_POINTS: usize = 12;

/// Flags of `query`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    hub: Remote,
    #[command(flatten)]
    readings: Selection,
    /// Number of buckets of equal length; 12 when neither this nor --every is given
    #[arg(long, value_name = "N", conflicts_with = "every")]
    points: Option<usize>,
    /// Length of a bucket: 10s, 15m, 1h, 1d, 1w, 1mo
    #[arg(long, value_name = "LENGTH")]
    every: Option<String>,
    /// Time zone of days, weeks and months, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// Series at most; has to be said when more than 1,000 match
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print the hub's answer as it is
    #[arg(long)]
    json: bool,
}

/// The part of the answer that a table shows.
#[derive(Debug, Deserialize)]
struct Answer {
    series: Vec<Series>,
    truncated: bool,
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
}

pub(super) async fn run(args: Args) -> Outcome {
    let mut params = args.readings.params();
    let points = args.points.or_else(|| args.every.is_none().then_some(USUAL_POINTS));
    let number = |number: Option<usize>| number.map(|number| number.to_string());
    params.extend(given([
        ("points", number(points)),
        ("every", args.every),
        ("tz", args.tz),
        ("limit", number(args.limit)),
    ]));
    let text = args.hub.get("/query", &params).await?.text().await?;
    if args.json {
        print(text);
        return Ok(());
    }
    let answer: Answer = serde_json::from_str(&text)?;
    if answer.series.is_empty() {
        tracing::warn!("no series matches");
    }
    if answer.truncated {
        tracing::warn!("there are more series than --limit");
    }
    for series in &answer.series {
        print(table(series));
    }
    Ok(())
}

/// A line of names, a line a bucket; a bucket without readings has dashes.
fn table(series: &Series) -> String {
    let mut text = format!("{}  {}  {}\n", series.device, series.sensor, series.unit);
    let _ = writeln!(text, "  {:<24}{:>8}{:>14}{:>14}{:>14}", "at", "count", "min", "avg", "max");
    let figure =
        |column: &[Option<f64>], n: usize| column.get(n).copied().flatten().map_or_else(|| "-".to_owned(), short);
    for (n, (at, count)) in series.t.iter().zip(&series.count).enumerate() {
        let [min, avg, max] = [&series.min, &series.avg, &series.max].map(|column| figure(column, n));
        let _ = writeln!(text, "  {:<24}{count:>8}{min:>14}{avg:>14}{max:>14}", moment(UnixMillis(*at)));
    }
    text
}

/// Six digits that matter are what a person reads; `--json` has them all.
fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e9).contains(&size) {
        return format!("{value:.3e}");
    }
    let decimals = 5_usize.saturating_sub(size.max(1.0).log10() as usize);
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_line_a_bucket() {
        let series = Series {
            device: "ID".to_owned(),
            sensor: "temp".to_owned(),
            unit: "Cel".to_owned(),
            t: vec![1_700_000_000_000, 1_700_000_060_000],
            count: vec![3, 0],
            min: vec![Some(-1.5), None],
            avg: vec![Some(21.533_333_333), None],
            max: vec![Some(1_234_567.89), None],
        };
        let expected = "ID  temp  Cel
  at                         count           min           avg           max
  2023-11-14T22:13:20.000Z       3          -1.5       21.5333       1234568
  2023-11-14T22:14:20.000Z       0             -             -             -
";
        assert_eq!(table(&series), expected);
    }

    #[test]
    fn a_figure_keeps_what_a_person_reads() {
        let cases = [
            (0.0, "0"),
            (20.0, "20"),
            (100.0, "100"),
            (0.001_23, "0.00123"),
            (0.000_012_3, "1.230e-5"),
            (-3.25, "-3.25"),
            (1e300, "1.000e300"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
    }
}
