//! Whole requests, of both versions.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message;

use super::families::Families;
use super::native::Histogram;
use super::*;
use crate::ingest::gather::Gathered;
use crate::model::UnixMillis;
use crate::store::Origin;

const NOW: UnixMillis = UnixMillis(1_790_000_000_000);
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(int32, tag = "1")]
    of: i32,
    #[prost(string, tag = "2")]
    family: String,
    #[prost(string, tag = "4")]
    help: String,
    #[prost(string, tag = "5")]
    unit: String,
}

#[derive(Clone, PartialEq, Message)]
struct RequestV2 {
    #[prost(string, repeated, tag = "4")]
    symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    series: Vec<SeriesV2>,
}

#[derive(Clone, PartialEq, Message)]
struct SeriesV2 {
    #[prost(uint32, repeated, tag = "1")]
    labels: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    histograms: Vec<Histogram>,
    #[prost(message, optional, tag = "5")]
    metadata: Option<MetadataV2>,
}

#[derive(Clone, PartialEq, Message)]
struct MetadataV2 {
    #[prost(int32, tag = "1")]
    of: i32,
    #[prost(uint32, tag = "3")]
    help: u32,
    #[prost(uint32, tag = "4")]
    unit: u32,
}

fn series(labels: &[(&str, &str)], values: &[f64]) -> Series {
    let label = |(name, value): &(&str, &str)| Label { name: (*name).to_owned(), value: (*value).to_owned() };
    let sample = |value: &f64| Sample { value: *value, timestamp: NOW.0 };
    let (labels, samples) = (labels.iter().map(label).collect(), values.iter().map(sample).collect());
    Series { labels, samples, histograms: Vec::new() }
}

fn read(request: &Request, known: &Families) -> (Read, BTreeMap<String, (String, f64)>) {
    let mut gathered = Gathered::new(Origin::Pushed);
    let read = gather(&request.encode_to_vec(), &mut gathered, NOW, known).unwrap();
    (read, shown(&gathered))
}

fn shown(gathered: &Gathered) -> BTreeMap<String, (String, f64)> {
    gathered
        .shown()
        .map(|(device, sensor, said, at, value)| {
            assert_eq!(at, NOW);
            let kind = said.kind.map(|kind| format!("{kind:?}")).unwrap_or_default();
            (format!("{device} {sensor}"), (format!("{kind} {}", said.unit.as_deref().unwrap_or_default()), value))
        })
        .collect()
}

fn expected(rows: &[(&str, &str, f64)]) -> BTreeMap<String, (String, f64)> {
    rows.iter().map(|(name, said, value)| ((*name).to_owned(), ((*said).to_owned(), *value))).collect()
}

#[test]
fn a_target_is_a_device_and_what_is_no_number_is_no_reading() {
    let of = |name, more: &[(&'static str, &'static str)], values: &[f64]| {
        let labels = [&[("__name__", name), ("instance", "pi:9100"), ("job", "node")], more].concat();
        series(&labels, values)
    };
    let mut late = of("late", &[], &[1.0]);
    late.samples[0].timestamp += 3_600_000;
    let request = Request {
        series: vec![
            of("node_load1", &[("__replica__", "a"), ("empty", "")], &[0.5]),
            of("node_cpu_seconds_total", &[("mode", "idle"), ("cpu", "0")], &[7.0]),
            of("gone", &[], &[STALE]),
            of("rpc_seconds", &[("quantile", "0.9")], &[f64::NAN]),
            late,
            series(&[("__name__", "ALERTS"), ("alertname", "Hot")], &[1.0]),
            series(&[("__name__", "up"), ("job", "node")], &[1.0]),
            series(&[("job", "node")], &[1.0]),
        ],
        metadata: Vec::new(),
    };
    let (read, rows) = read(&request, &Families::default());
    assert_eq!((read.samples, read.ended, read.no_numbers, read.rejected), (6, 1, 1, 2), "{read:?}");
    assert!(read.first.unwrap().starts_with("`late`: "));
    let rows_are = [
        ("node/pi:9100 node_load1", " ", 0.5),
        ("node/pi:9100 node_cpu_seconds_total{cpu=0,mode=idle}", "Counter s", 7.0),
        ("prometheus ALERTS{alertname=Hot}", " ", 1.0),
        ("node up", " ", 1.0),
    ];
    assert_eq!(rows, expected(&rows_are));
}

#[test]
fn what_is_said_of_a_metric_counts_from_the_next_samples_on() {
    let sample = |name| series(&[("__name__", name), ("instance", "a"), ("job", "b")], &[1.0]);
    let samples = Request { series: vec![sample("requests"), sample("wait_sum")], metadata: Vec::new() };
    let said = |of, family: &str, unit: &str| Metadata {
        of,
        family: family.to_owned(),
        help: "?".to_owned(),
        unit: unit.to_owned(),
    };
    let metadata = vec![said(1, "requests", ""), said(3, "wait", "minutes")];
    let (read_before, rows) = read(&samples, &Families::default());
    assert_eq!(rows, expected(&[("b/a requests", " ", 1.0), ("b/a wait_sum", " ", 1.0)]));
    assert!(read_before.families.is_empty());
    let (told, rows) = read(&Request { series: Vec::new(), metadata: metadata.clone() }, &Families::default());
    assert!(rows.is_empty() && !told.families.is_empty());
    let after = expected(&[("b/a requests", "Counter ", 1.0), ("b/a wait_sum", "Counter min", 1.0)]);
    assert_eq!(read(&samples, &told.families).1, after);
    assert_eq!(read(&Request { metadata, ..samples }, &Families::default()).1, after);
}

#[test]
fn version_2_has_its_texts_in_one_list_and_says_what_a_metric_is_with_it() {
    let symbols = ["", "__name__", "bytes", "instance", "a", "job", "b", "octets", "wait"].map(str::to_owned).to_vec();
    let histogram = Histogram::of(NOW.0, 2.0);
    let of = |name| vec![1, name, 3, 4, 5, 6];
    let request = RequestV2 {
        symbols,
        series: vec![
            SeriesV2 {
                labels: of(2),
                samples: vec![Sample { value: 3.0, timestamp: NOW.0 }],
                metadata: Some(MetadataV2 { of: 1, help: 0, unit: 7 }),
                ..SeriesV2::default()
            },
            SeriesV2 { labels: of(8), histograms: vec![histogram], ..SeriesV2::default() },
            SeriesV2 { labels: of(8), histograms: vec![Histogram::of(NOW.0, STALE)], ..SeriesV2::default() },
        ],
    };
    let mut gathered = Gathered::new(Origin::Pushed);
    let read = gather_v2(&request.encode_to_vec(), &mut gathered, NOW, &Families::default()).unwrap();
    assert_eq!((read.samples, read.histograms, read.ended, read.rejected), (1, 2, 1, 0), "{read:?}");
    let rows_are = [
        ("b/a bytes", "Counter octets", 3.0),
        ("b/a wait_count", "Counter ", 0.0),
        ("b/a wait_sum", "Counter ", 2.0),
        ("b/a wait_bucket{le=+Inf}", "Counter ", 0.0),
    ];
    assert_eq!(shown(&gathered), expected(&rows_are));
    for labels in [vec![1], vec![1, 99], vec![1; 402]] {
        let request = RequestV2 { series: vec![SeriesV2 { labels, ..SeriesV2::default() }], ..request.clone() };
        assert!(gather_v2(&request.encode_to_vec(), &mut gathered, NOW, &Families::default()).is_err());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_request_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut gathered = Gathered::new(Origin::Pushed);
        let _ = gather(&bytes, &mut gathered, NOW, &Families::default());
        let _ = gather_v2(&bytes, &mut gathered, NOW, &Families::default());
        prop_assert!(gathered.len() <= bytes.len());
    }

    #[test]
    fn a_request_with_bytes_changed_is_another_or_none(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
    ) {
        let mut one = series(&[("__name__", "m"), ("job", "j"), ("a", "b")], &[1.0, 2.0]);
        one.histograms.push(Histogram::of(NOW.0, 1.0));
        let mut bytes = Request { series: vec![one.clone(), one], metadata: Vec::new() }.encode_to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let mut gathered = Gathered::new(Origin::Pushed);
        let _ = gather(&bytes, &mut gathered, NOW, &Families::default());
        let _ = gather_v2(&bytes, &mut gathered, NOW, &Families::default());
        let _ = gather(&bytes[..end.index(bytes.len())], &mut gathered, NOW, &Families::default());
        prop_assert!(gathered.len() <= 200);
    }
}
