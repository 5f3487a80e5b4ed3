//! What there is to ask about: series, labels and their values, metrics.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Answered;
use super::ask::{AskMetric, AskSeries, Given, SeriesParams};
use super::names::{matching, metric_of};
use super::words::NotAnswered;
use crate::http::error::ApiError;
use crate::http::gate::auth::MayAskSome;
use crate::model::SensorKind;
use crate::model::view::View;
use crate::promql::Labels;
use crate::store::Store;

/// Names with values.
type Pairs = BTreeMap<String, String>;

/// Series that any of some selectors matches.
#[utoipa::path(get, path = "/prometheus/api/v1/series", tag = "prometheus", params(SeriesParams),
    responses((status = 200, body = Answered<Vec<Pairs>>), (status = 400, body = NotAnswered), (status = 422, body = NotAnswered)))]
pub(super) async fn series(
    State(store): State<Store>,
    MayAskSome(view): MayAskSome,
    Given(asked): Given<AskSeries>,
) -> Result<Json<Answered<Vec<Pairs>>>, ApiError> {
    if asked.selectors.is_empty() {
        return Err(ApiError::invalid("match[]", "`match[]` is missing: write a selector, as `temperature`"));
    }
    let found = found(&store, &view, &asked);
    let pairs = |labels: &Labels| labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok(Json(Answered::of(found.iter().map(pairs).collect())))
}

/// The same, with its parameters as a form.
#[utoipa::path(post, path = "/prometheus/api/v1/series", tag = "prometheus", params(SeriesParams),
    responses((status = 200, body = Answered<Vec<Pairs>>), (status = 400, body = NotAnswered), (status = 422, body = NotAnswered)))]
pub(super) async fn series_by_form(
    store: State<Store>,
    view: MayAskSome,
    form: Given<AskSeries>,
) -> Result<Json<Answered<Vec<Pairs>>>, ApiError> {
    series(store, view, form).await
}

/// Names of labels, of all series or of those that any of some selectors matches.
#[utoipa::path(get, path = "/prometheus/api/v1/labels", tag = "prometheus", params(SeriesParams),
    responses((status = 200, body = Answered<BTreeSet<String>>), (status = 400, body = NotAnswered), (status = 422, body = NotAnswered)))]
pub(super) async fn labels(
    State(store): State<Store>,
    MayAskSome(view): MayAskSome,
    Given(asked): Given<AskSeries>,
) -> Json<Answered<BTreeSet<String>>> {
    let found = found(&store, &view, &asked);
    Json(Answered::of(found.iter().flat_map(|labels| labels.iter()).map(|(name, _)| name.to_owned()).collect()))
}

/// The same, with its parameters as a form.
#[utoipa::path(post, path = "/prometheus/api/v1/labels", tag = "prometheus", params(SeriesParams),
    responses((status = 200, body = Answered<BTreeSet<String>>), (status = 400, body = NotAnswered), (status = 422, body = NotAnswered)))]
pub(super) async fn labels_by_form(
    store: State<Store>,
    view: MayAskSome,
    form: Given<AskSeries>,
) -> Json<Answered<BTreeSet<String>>> {
    labels(store, view, form).await
}

/// Values of a label.
#[utoipa::path(get, path = "/prometheus/api/v1/label/{name}/values", tag = "prometheus",
    params(("name" = String, Path, description = "The label"), SeriesParams),
    responses((status = 200, body = Answered<BTreeSet<String>>), (status = 400, body = NotAnswered), (status = 422, body = NotAnswered)))]
pub(super) async fn values(
    State(store): State<Store>,
    MayAskSome(view): MayAskSome,
    Path(name): Path<String>,
    Given(asked): Given<AskSeries>,
) -> Json<Answered<BTreeSet<String>>> {
    let found = found(&store, &view, &asked);
    let values = found.iter().map(|labels| labels.get(&name)).filter(|value| !value.is_empty());
    Json(Answered::of(values.map(str::to_owned).collect()))
}

/// Labels of series that any of the selectors matches, of all where there are none.
fn found(store: &Store, view: &View, asked: &AskSeries) -> BTreeSet<Labels> {
    let catalog = store.catalog();
    let all = [Vec::new()];
    let selectors = if asked.selectors.is_empty() { &all[..] } else { &asked.selectors };
    let matched = selectors.iter().flat_map(|matchers| matching(&catalog, view, matchers));
    matched.map(|(labels, _)| labels).collect()
}

/// What is known of a metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub(super) struct Metadata {
    /// `counter` or `gauge`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Always empty.
    help: &'static str,
    /// Unit code, as `/api/v1/devices/{id}/sensors` has it.
    unit: String,
}

/// Kinds and units of metrics: one a spelling where devices do not agree.
#[utoipa::path(get, path = "/prometheus/api/v1/metadata", tag = "prometheus", params(AskMetric),
    responses((status = 200, body = Answered<BTreeMap<String, BTreeSet<Metadata>>>), (status = 400, body = NotAnswered)))]
pub(super) async fn metadata(
    State(store): State<Store>,
    MayAskSome(view): MayAskSome,
    Given(asked): Given<AskMetric>,
) -> Json<Answered<BTreeMap<String, BTreeSet<Metadata>>>> {
    let catalog = store.catalog();
    let devices = catalog.devices().filter(|device| view.has(device));
    let mut metrics: BTreeMap<String, BTreeSet<Metadata>> = BTreeMap::new();
    for series in devices.flat_map(|device| catalog.series_of(device.no)) {
        let name = metric_of(&series.sensor);
        if asked.metric.as_ref().is_some_and(|wanted| *wanted != name) {
            continue;
        }
        let kind = if series.kind == SensorKind::Counter { "counter" } else { "gauge" };
        metrics.entry(name).or_default().insert(Metadata { kind, help: "", unit: series.unit.clone() });
    }
    Json(Answered::of(metrics.into_iter().take(asked.limit.unwrap_or(usize::MAX)).collect()))
}

/// What answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Build {
    /// The version of Prometheus whose PromQL this is: Grafana asks, to know what it may ask for.
    version: &'static str,
    /// What it is.
    application: &'static str,
    /// Its own version.
    revision: &'static str,
}

/// Which Prometheus this is as good as.
#[utoipa::path(get, path = "/prometheus/api/v1/status/buildinfo", tag = "prometheus",
    responses((status = 200, body = Answered<Build>)))]
pub(super) async fn build(_: MayAskSome) -> Json<Answered<Build>> {
    Json(Answered::of(Build { version: "2.42.0", application: "telemetry-hub", revision: env!("CARGO_PKG_VERSION") }))
}
