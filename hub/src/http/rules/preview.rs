//! `/rules/preview`: what people would be told of a rule that is being written, of what really happened.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::dto::NewRule;
use super::previewed::{PreviewedMessage, is_there, newest_alert, previewed};
use super::rulebook::read;
use crate::clock::Clock;
use crate::delivery::payload::Teller;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::MayOperate;
use crate::http::request::body::Body;
use crate::http::request::text;
use crate::http::tried::tried;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertState};
use crate::model::catalog::Catalog;
use crate::model::reading::{Point, SeriesId};
use crate::model::rule::{Rule, RuleId};
use crate::model::when;
use crate::rules::backtest::Trial;
use crate::store::Store;

/// A rule, and which one it is already.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RulePreviewRequest {
    /// The rule, as for making one; its `name` may be left out.
    pub rule: NewRule,
    /// The rule that it is a new version of: its newest alert is told. Else, and where it has none, the newest reading of what the rule
    /// would watch.
    pub id: Option<String>,
}

/// What people would be told.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct RulePreview {
    /// What is told.
    pub of: PreviewOf,
    /// Its device, where there is one.
    pub device_name: Option<String>,
    /// Its sensor, where there is one.
    pub sensor: Option<String>,
    /// When it happened.
    pub at: Option<String>,
    /// What is said when it fires, and when it is over.
    pub messages: Vec<PreviewedMessage>,
}

/// What a preview is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PreviewOf {
    /// The newest alert of the rule.
    Alert,
    /// The newest reading that the rule would watch, or the first device where it is about devices as a whole, as if it fired.
    Reading,
    /// Nothing: no sensor or device is there that the rule would watch.
    Nothing,
}

/// Says what people would be told by a rule, of its newest alert or reading; scope `operate`. Nothing is stored, nobody is notified.
#[utoipa::path(post, path = "/api/v1/rules/preview", tag = "rules", request_body = RulePreviewRequest,
    responses((status = 200, body = RulePreview), (status = 400, body = Problem)))]
pub(in crate::http) async fn run(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(teller): State<Teller>,
    _: MayOperate,
    Body(request): Body<RulePreviewRequest>,
) -> Result<Json<RulePreview>, ApiError> {
    let rule = request.rule.named();
    let spec = read(rule).await.map_err(|error| error.within("rule"))?;
    let id = request.id.map(|id| text::parse_id(&id).map_err(|detail| ApiError::invalid("id", detail))).transpose()?;
    let now = clock.wall();
    let newest = match id {
        Some(id) => newest_alert(&store, id).await?,
        None => None,
    };
    let rule = Rule {
        id: id.unwrap_or(RuleId(0)),
        version: 1,
        spec,
        made_by_hub: false,
        created_at: now,
        updated_at: now,
        version_since: now,
        source: None,
    };
    tried(move || Ok(Json(shown(&store, &rule, newest, &teller, now)))).await
}

/// What is told of the newest alert, or of the newest reading.
fn shown(store: &Store, rule: &Rule, newest: Option<Alert>, teller: &Teller, now: UnixMillis) -> RulePreview {
    let catalog = store.catalog();
    let told = match newest.filter(|alert| is_there(alert, &catalog)) {
        Some(alert) => Some((PreviewOf::Alert, Alert { rule_name: rule.spec.name.clone(), ..alert })),
        None => newest_reading(store, rule, &catalog, now)
            .map(|alert| (PreviewOf::Reading, Alert { rule: rule.id, ..alert })),
    };
    let Some((of, alert)) = told else {
        let messages = Vec::new();
        return RulePreview { of: PreviewOf::Nothing, device_name: None, sensor: None, at: None, messages };
    };
    let names = alert.names(&catalog);
    RulePreview {
        of,
        device_name: Some(names.device.to_owned()),
        sensor: alert.series().map(|_| names.sensor.to_owned()),
        at: Some(when::moment(alert.started_at)),
        messages: [AlertState::Firing, AlertState::Resolved]
            .into_iter()
            .filter_map(|state| previewed(rule, &alert, state, (&catalog, teller), now))
            .collect(),
    }
}

/// An alert made of the newest reading that the rule would watch; of a few series that is found without looking long.
fn newest_reading(store: &Store, rule: &Rule, catalog: &Catalog, now: UnixMillis) -> Option<Alert> {
    let trial = Trial::new(rule.spec.clone(), now);
    if rule.spec.condition.is_about_device() {
        return trial.example_of_device(catalog, now);
    }
    let watched = trial.series(catalog);
    let ids: Vec<SeriesId> = watched.iter().map(|series| series.id).collect();
    let latest = store.latest(&ids);
    let newest = watched.iter().zip(latest).filter_map(|(series, point)| Some((series, point?)));
    let (series, point): (_, Point) = newest.max_by_key(|(_, point)| point.at)?;
    Some(trial.example(series, point, catalog, now))
}
