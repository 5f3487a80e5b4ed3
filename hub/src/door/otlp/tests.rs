//! Whole requests, in both encodings.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message;

use super::message::{
    AnyValue, Buckets, ExponentialPoint, HistogramPoint, KeyValue, NumberPoint, Quantile, Resource, SummaryPoint,
};
use super::points::Read;
use super::*;
use crate::ingest::gather::Gathered;
use crate::model::UnixMillis;
use crate::store::Origin;

const NOW: UnixMillis = UnixMillis(1_790_000_000_000);
const NANOS: u64 = NOW.0 as u64 * 1_000_000;

/// Attributes with texts.
pub(super) fn attributes(of: &[(&str, &str)]) -> Vec<KeyValue> {
    of.iter().map(|(key, value)| KeyValue { key: (*key).to_owned(), value: Some(AnyValue::of(value)) }).collect()
}

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_metrics: Vec<OfResource>,
}

#[derive(Clone, PartialEq, Message)]
struct OfResource {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_metrics: Vec<OfScope>,
}

#[derive(Clone, PartialEq, Message)]
struct OfScope {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    description: String,
    #[prost(string, tag = "3")]
    unit: String,
    #[prost(message, optional, tag = "5")]
    gauge: Option<Data<NumberPoint>>,
    #[prost(message, optional, tag = "7")]
    sum: Option<Data<NumberPoint>>,
    #[prost(message, optional, tag = "9")]
    histogram: Option<Data<HistogramPoint>>,
    #[prost(message, optional, tag = "10")]
    exponential: Option<Data<ExponentialPoint>>,
    #[prost(message, optional, tag = "11")]
    summary: Option<Data<SummaryPoint>>,
}

#[derive(Clone, PartialEq, Message)]
struct Data<P: Message + Default + std::fmt::Debug> {
    #[prost(message, repeated, tag = "1")]
    points: Vec<P>,
    #[prost(int32, tag = "2")]
    temporality: i32,
    #[prost(bool, tag = "3")]
    is_monotonic: bool,
}

fn data<P: Message + Default + std::fmt::Debug>(temporality: i32, is_monotonic: bool, point: P) -> Option<Data<P>> {
    Some(Data { points: vec![point], temporality, is_monotonic })
}

fn value(value: f64) -> NumberPoint {
    NumberPoint { time_unix_nano: NANOS, as_double: Some(value), ..NumberPoint::default() }
}

fn metric(name: &str, unit: &str) -> Metric {
    Metric { name: name.to_owned(), unit: unit.to_owned(), ..Metric::default() }
}

fn scope(name: &str, metrics: Vec<Metric>) -> OfScope {
    OfScope { scope: Some(Scope { name: name.to_owned() }), metrics }
}

fn request(resource: &[(&str, &str)], scope_metrics: Vec<OfScope>) -> Vec<u8> {
    let resource = Some(Resource { attributes: attributes(resource) });
    Request { resource_metrics: vec![OfResource { resource, scope_metrics }] }.encode_to_vec()
}

/// What is read, and the readings by device and sensor, with what is said of their sensors.
fn read(body: &[u8]) -> (Read, BTreeMap<String, (String, f64)>) {
    let mut gathered = Gathered::new(Origin::Pushed);
    let read = gather(body, &mut gathered, NOW).unwrap();
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
fn gauges_and_sums_are_readings_with_unit_and_kind() {
    let mut labelled = value(3.0);
    labelled.attributes = attributes(&[("method", "GET"), ("code", "200")]);
    let whole = NumberPoint { time_unix_nano: NANOS, as_int: Some(-7), ..NumberPoint::default() };
    let metrics = vec![
        Metric { gauge: data(0, false, value(21.5)), ..metric("temperature", "Cel") },
        Metric { sum: data(2, true, labelled), ..metric("requests", "{request}") },
        Metric { sum: data(2, false, whole), ..metric("queue", "1") },
        Metric { sum: data(1, true, value(4.0)), ..metric("bytes", "By") },
    ];
    let (read, rows) = read(&request(&[("service.name", "shop")], vec![scope("s", metrics)]));
    assert_eq!(read, Read { points: 4, ..Read::default() });
    let rows_are = [
        ("shop temperature", "Gauge Cel", 21.5),
        ("shop requests{code=200,method=GET}", "Counter request", 3.0),
        ("shop queue", "Gauge ", -7.0),
        ("shop bytes.delta", "Gauge By", 4.0),
    ];
    assert_eq!(rows, expected(&rows_are));
}

#[test]
fn histograms_and_summaries_are_their_parts() {
    let histogram = HistogramPoint {
        time_unix_nano: NANOS,
        count: 7,
        sum: Some(9.5),
        bucket_counts: vec![1, 2, 4],
        explicit_bounds: vec![0.5, 1.0],
        max: Some(3.0),
        ..HistogramPoint::default()
    };
    let exponential = ExponentialPoint {
        time_unix_nano: NANOS,
        count: 6,
        scale: 1,
        zero_count: 1,
        positive: Some(Buckets { offset: 0, bucket_counts: vec![2, 3] }),
        min: Some(0.0),
        ..ExponentialPoint::default()
    };
    let summary = SummaryPoint {
        time_unix_nano: NANOS,
        count: 2,
        sum: Some(5.0),
        quantile_values: vec![Quantile { quantile: 0.99, value: Some(4.0) }],
        ..SummaryPoint::default()
    };
    let metrics = vec![
        Metric { histogram: data(2, false, histogram), ..metric("h", "s") },
        Metric { exponential: data(1, false, exponential), ..metric("e", "ms") },
        Metric { summary: data(0, false, summary), ..metric("q", "s") },
    ];
    let (read, rows) = read(&request(&[("host.name", "pi")], vec![scope("s", metrics)]));
    assert_eq!(read, Read { points: 3, ..Read::default() });
    let rows_are = [
        ("pi h.count", "Counter ", 7.0),
        ("pi h.sum", "Counter s", 9.5),
        ("pi h.bucket{le=0.5}", "Counter ", 1.0),
        ("pi h.bucket{le=1}", "Counter ", 3.0),
        ("pi h.bucket{le=+Inf}", "Counter ", 7.0),
        ("pi h.max", "Gauge s", 3.0),
        ("pi e.delta.count", "Gauge ", 6.0),
        ("pi e.delta.bucket{le=0}", "Gauge ", 1.0),
        ("pi e.delta.bucket{le=2}", "Gauge ", 6.0),
        ("pi e.delta.bucket{le=+Inf}", "Gauge ", 6.0),
        ("pi e.delta.min", "Gauge ms", 0.0),
        ("pi q.count", "Counter ", 2.0),
        ("pi q.sum", "Counter s", 5.0),
        ("pi q{quantile=0.99}", "Gauge s", 4.0),
    ];
    assert_eq!(rows, expected(&rows_are));
}

#[test]
fn what_is_wrong_is_left_out_with_the_first_reason_and_no_value_is_no_fault() {
    let at = |nanos| NumberPoint { time_unix_nano: nanos, ..value(1.0) };
    let uneven = HistogramPoint {
        bucket_counts: vec![1],
        explicit_bounds: vec![1.0],
        time_unix_nano: NANOS,
        ..HistogramPoint::default()
    };
    let metrics = vec![
        Metric { gauge: data(0, false, value(f64::NAN)), ..metric("nan", "") },
        Metric { gauge: data(0, false, value(f64::INFINITY)), ..metric("inf", "") },
        Metric { gauge: data(0, false, at(0)), ..metric("no_time", "") },
        Metric { gauge: data(0, false, at(NANOS + 3_600_000_000_000)), ..metric("later", "") },
        Metric { gauge: data(0, false, NumberPoint { as_double: None, ..value(0.0) }), ..metric("nothing", "") },
        Metric { gauge: data(0, false, value(1.0)), ..metric("", "") },
        Metric { histogram: data(2, false, uneven), ..metric("uneven", "") },
        Metric { gauge: data(0, false, NumberPoint { flags: 1, ..value(0.0) }), ..metric("ended", "") },
        Metric { gauge: data(0, false, value(2.0)), ..metric("good", &"unit of a novel".repeat(9)) },
    ];
    let (left, rows) = read(&request(&[("host.name", "pi")], vec![scope("s", metrics.clone())]));
    let first = Some("`nan`: NaN is no number that can be stored".to_owned());
    assert_eq!(left, Read { points: 9, rejected: 7, no_value: 1, first });
    assert_eq!(rows, expected(&[("pi good", "Gauge ", 2.0)]));
    let (_, rows) = read(&request(&[("host.name", &"x".repeat(65))], vec![scope("s", metrics)]));
    assert!(rows.keys().all(|name| name.starts_with("xxx") && name.ends_with(" good")), "{rows:?}");
}

#[test]
fn a_metric_of_two_scopes_is_two_sensors() {
    let of = |name| scope(name, vec![Metric { gauge: data(0, false, value(1.0)), ..metric("duration", "s") }]);
    let other = scope("c", vec![Metric { gauge: data(0, false, value(2.0)), ..metric("other", "s") }]);
    let (_, rows) = read(&request(&[("host.name", "pi")], vec![of("a"), of("b"), other]));
    let names: Vec<_> = rows.keys().map(String::as_str).collect();
    assert_eq!(names, ["pi duration{otel.scope.name=a}", "pi duration{otel.scope.name=b}", "pi other"]);
}

#[test]
fn json_is_read_as_its_clients_write_it() {
    let body = format!(
        r#"{{"resourceMetrics": [{{"resource": {{"attributes": [{{"key": "service.name", "value": {{"stringValue": "shop"}}}}], "new": 1}},
        "scopeMetrics": [{{"scope": {{"name": "a"}}, "metrics": [
            {{"name": "t", "unit": "Cel", "sum": null, "gauge": {{"dataPoints": [
                {{"timeUnixNano": "{NANOS}", "asDouble": 21.5}}, {{"timeUnixNano": "{NANOS}", "asDouble": null}},
                {{"timeUnixNano": {NANOS}, "asDouble": "NaN", "flags": 1, "attributes": null}}]}}}},
            {{"name": "n", "sum": {{"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [
                {{"timeUnixNano": "{NANOS}", "asInt": 5, "attributes": [
                    {{"key": "k", "value": {{"intValue": "9"}}}}, {{"key": "l", "value": {{"arrayValue": {{"values": [{{"boolValue": true}}]}}}}}}]}}]}}}},
            {{"name": "m", "sum": {{"aggregationTemporality": "AGGREGATION_TEMPORALITY_DELTA", "isMonotonic": true, "dataPoints": [
                {{"timeUnixNano": "{NANOS}", "asInt": "6"}}]}}}},
            {{"name": "h", "unit": "ms", "histogram": {{"aggregationTemporality": 2, "dataPoints": [
                {{"timeUnixNano": "{NANOS}", "count": 3, "sum": 4.5, "bucketCounts": [1, "2"], "explicitBounds": [10]}}]}}}}
        ]}}, {{"metrics": null}}]}}, {{}}]}}"#
    );
    let mut gathered = Gathered::new(Origin::Pushed);
    let read = gather_json(&body, &mut gathered, NOW).unwrap();
    assert_eq!((read.points, read.rejected, read.no_value), (6, 1, 1), "{read:?}");
    let rows_are = [
        ("shop t", "Gauge Cel", 21.5),
        ("shop n{k=9,l=[true]}", "Counter ", 5.0),
        ("shop m.delta", "Gauge ", 6.0),
        ("shop h.count", "Counter ", 3.0),
        ("shop h.sum", "Counter ms", 4.5),
        ("shop h.bucket{le=10}", "Counter ", 1.0),
        ("shop h.bucket{le=+Inf}", "Counter ", 3.0),
    ];
    assert_eq!(shown(&gathered), expected(&rows_are));
    for broken in [
        "",
        "{",
        r#"{"resourceMetrics": 1}"#,
        r#"{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": 1}]}]}]}"#,
    ] {
        assert!(gather_json(broken, &mut Gathered::new(Origin::Pushed), NOW).is_err(), "{broken}");
    }
    assert_eq!(gather_json("{}", &mut Gathered::new(Origin::Pushed), NOW).unwrap(), Read::default());
}

proptest! {
    #[test]
    fn any_bytes_are_a_request_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut gathered = Gathered::new(Origin::Pushed);
        let _ = gather(&bytes, &mut gathered, NOW);
        prop_assert!(gathered.len() <= bytes.len());
        let _ = gather_json(&String::from_utf8_lossy(&bytes), &mut gathered, NOW);
    }

    #[test]
    fn a_request_with_bytes_changed_is_another_or_none(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
    ) {
        let metrics = vec![
            Metric { sum: data(2, true, NumberPoint { attributes: attributes(&[("a", "b")]), ..value(1.0) }), ..metric("s", "By") },
            Metric { exponential: data(1, false, ExponentialPoint {
                positive: Some(Buckets { offset: 3, bucket_counts: vec![1, 2] }), ..ExponentialPoint::default() }), ..metric("e", "ms") },
        ];
        let mut bytes = request(&[("host.name", "pi")], vec![scope("s", metrics.clone()), scope("t", metrics)]);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let mut gathered = Gathered::new(Origin::Pushed);
        if let Ok(read) = gather(&bytes, &mut gathered, NOW) {
            prop_assert!(read.rejected + read.no_value <= read.points);
        }
        prop_assert!(gathered.len() <= 4 * (2 + super::super::buckets::MOST + 5));
        let _ = gather(&bytes[..end.index(bytes.len())], &mut gathered, NOW);
    }
}
