//! `/retention`: how long readings are kept, and what another policy would delete.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::Clock;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::{MayAdmin, MayRead};
use crate::http::gate::history::History;
use crate::http::request::body::Body;
use crate::http::request::params::{Asked, Nothing};
use crate::http::request::text;
use crate::model::quantity;
use crate::model::retention::{ALERTS, Ages, LabelAges, Preview, Retention as Policy};
use crate::model::shown::noun;
use crate::settings;
use crate::store::Store;

/// How long readings are kept, counted from when the hub received them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Retention {
    /// Every reading: `14d`, `6w`, `5y`, `forever`.
    pub raw: String,
    /// One-minute summaries, which replace older readings.
    pub minutes: String,
    /// Hourly summaries, which replace older one-minute summaries.
    pub hours: String,
    /// Other ages for devices with labels; the first entry that fits counts.
    pub by_label: Vec<LabelRetention>,
    /// Alerts that are over, and messages to webhooks, counted from their last change.
    pub alerts: String,
    /// Whether flags or the configuration file set it: then it cannot be changed here.
    pub configured: bool,
}

/// Ages for devices with labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LabelRetention {
    /// Labels that a device carries, all of them.
    pub labels: BTreeMap<String, String>,
    /// Every reading.
    pub raw: String,
    /// One-minute summaries.
    pub minutes: String,
    /// Hourly summaries.
    pub hours: String,
}

/// How long readings are to be kept; what is left out is kept for ever.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionRequest {
    /// Every reading: `14d`, `6w`, `5y`, `forever`; at least `1d`.
    pub raw: Option<String>,
    /// One-minute summaries, not shorter than `raw`.
    pub minutes: Option<String>,
    /// Hourly summaries, not shorter than `minutes`.
    pub hours: Option<String>,
    /// Other ages for devices with labels; the first entry that fits counts.
    #[serde(default)]
    pub by_label: Vec<LabelRetentionRequest>,
    /// Alerts that are over, and messages to webhooks; `1y` when left out.
    pub alerts: Option<String>,
}

/// Ages for devices with labels.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelRetentionRequest {
    /// Labels that a device carries, all of them; at least one.
    pub labels: BTreeMap<String, String>,
    /// Every reading.
    pub raw: Option<String>,
    /// One-minute summaries.
    pub minutes: Option<String>,
    /// Hourly summaries.
    pub hours: Option<String>,
}

/// What a policy would delete right away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RetentionPreview {
    /// Readings that would be replaced by one-minute and hourly summaries.
    pub readings: u64,
    /// One-minute summaries: days of one series.
    pub minute_days: u64,
    /// Hourly summaries: weeks of one series.
    pub hour_weeks: u64,
    /// Alerts that are over, and messages to webhooks.
    pub alerts: u64,
    /// Bytes the readings and summaries use; the summaries that replace it will need a part of it.
    pub bytes: u64,
    /// The same in words.
    pub text: String,
}

impl Retention {
    /// The policy as it is shown.
    #[must_use]
    pub(crate) fn of(policy: &Policy, configured: bool) -> Self {
        let [raw, minutes, hours] = texts(policy.ages);
        let by_label = policy.by_label.iter().map(|entry| {
            let [raw, minutes, hours] = texts(entry.ages);
            LabelRetention { labels: entry.labels.clone(), raw, minutes, hours }
        });
        let alerts = quantity::age_text(policy.alerts);
        Self { raw, minutes, hours, by_label: by_label.collect(), alerts, configured }
    }
}

fn texts(ages: Ages) -> [String; 3] {
    [ages.raw, ages.minutes, ages.hours].map(quantity::age_text)
}

impl TryFrom<RetentionRequest> for Policy {
    type Error = ApiError;

    fn try_from(request: RetentionRequest) -> Result<Self, ApiError> {
        let ages = ages([&request.raw, &request.minutes, &request.hours])?;
        let mut by_label = Vec::with_capacity(request.by_label.len());
        for (n, entry) in request.by_label.into_iter().enumerate() {
            let within = |error: ApiError| error.within(&format!("by_label[{n}]"));
            if entry.labels.is_empty() {
                return Err(within(ApiError::invalid(
                    "labels",
                    "name at least one label; ages for all devices belong outside `by_label`",
                )));
            }
            let ages = self::ages([&entry.raw, &entry.minutes, &entry.hours]).map_err(within)?;
            by_label.push(LabelAges { labels: entry.labels, ages });
        }
        let alerts = request.alerts.as_deref().map_or(Ok(Some(ALERTS)), quantity::age);
        let alerts = alerts.map_err(|detail| ApiError::invalid("alerts", detail))?;
        Ok(Self { ages, by_label, alerts })
    }
}

fn ages(texts: [&Option<String>; 3]) -> Result<Ages, ApiError> {
    let age = |field: &'static str, text: &Option<String>| {
        let age = text.as_deref().map_or(Ok(None), quantity::age);
        age.map_err(|detail| ApiError::invalid(field, detail))
    };
    let [raw, minutes, hours] = texts;
    let ages = Ages { raw: age("raw", raw)?, minutes: age("minutes", minutes)?, hours: age("hours", hours)? };
    ages.out_of_order().map_or(Ok(ages), |tier| Err(ApiError::invalid(tier, Ages::OUT_OF_ORDER)))
}

impl From<Preview> for RetentionPreview {
    fn from(preview: Preview) -> Self {
        let Preview { readings, minute_days, hour_weeks, bytes, alerts } = preview;
        let of = |count: u64, one: &str| format!("{} {}", thousands(count), noun(count, one));
        let size = quantity::bytes_text(bytes);
        let data = match (readings, minute_days + hour_weeks) {
            (0, 0) => None,
            (0, rows) => Some(format!("{}, frees {size}", of(rows, "summary block"))),
            (readings, 0) => Some(format!("{}, frees {size}", of(readings, "reading"))),
            (readings, rows) => {
                Some(format!("{} and {}, frees {size}", of(readings, "reading"), of(rows, "summary block")))
            }
        };
        let alerted = (alerts > 0).then(|| format!("{} and their messages", of(alerts, "alert")));
        let text = match (data, alerted) {
            (None, None) => "nothing".to_owned(),
            (Some(data), Some(alerted)) => format!("{data}; and {alerted}"),
            (Some(text), None) | (None, Some(text)) => text,
        };
        Self { readings, minute_days, hour_weeks, alerts, bytes, text }
    }
}

fn thousands(count: u64) -> String {
    match count {
        1_000_000.. => format!("{:.1} M", count as f64 / 1e6),
        10_000.. => format!("{:.1} k", count as f64 / 1e3),
        _ => count.to_string(),
    }
}

/// The parts of the hub that decide how long readings are kept.
#[derive(Clone)]
pub(in crate::http) struct Keeping {
    pub(in crate::http) store: Store,
    /// Whether flags or the configuration file say it, so that it cannot be changed over HTTP.
    pub(in crate::http) configured: bool,
}

/// How long readings are kept.
#[utoipa::path(get, path = "/api/v1/retention", tag = "hub", responses((status = 200, body = Retention)))]
pub(in crate::http) async fn show(State(keeping): State<Keeping>, _: MayRead, _: Asked<Nothing>) -> Json<Retention> {
    Json(Retention::of(&keeping.store.retention(), keeping.configured))
}

/// Changes how long readings are kept. What is too old is deleted within minutes; preview it first.
#[utoipa::path(put, path = "/api/v1/retention", tag = "hub", request_body = Option<RetentionRequest>,
    responses((status = 200, body = Retention), (status = 400, body = Problem), (status = 409, body = Problem)))]
pub(in crate::http) async fn replace(
    State(keeping): State<Keeping>,
    _: MayAdmin,
    Body(request): Body<RetentionRequest>,
) -> Result<Json<Retention>, ApiError> {
    if keeping.configured {
        let detail =
            "flags or the configuration file set how long readings are kept: change it there and restart the hub";
        return Err(ApiError::conflict("raw", detail));
    }
    let policy = wanted(request.clone())?;
    settings::save_retention(&keeping.store, &policy).await?;
    keeping.store.set_retention(policy.clone());
    tracing::info!(
        raw = request.raw,
        minutes = request.minutes,
        hours = request.hours,
        alerts = request.alerts,
        "how long readings are kept was changed"
    );
    Ok(Json(Retention::of(&policy, false)))
}

/// A policy that somebody means to set: one that was saved before there was this check still counts.
fn wanted(request: RetentionRequest) -> Result<Policy, ApiError> {
    for (n, entry) in request.by_label.iter().enumerate() {
        let mut texts = entry.labels.iter().flat_map(|(key, value)| [(key, key), (key, value)]);
        texts
            .try_for_each(|(key, text)| text::all_seen(&format!("labels.{key}"), text))
            .map_err(|error| ApiError::from(error).within(&format!("by_label[{n}]")))?;
    }
    let policy = Policy::try_from(request)?;
    let Some((entry, before)) = policy.never_counts() else { return Ok(policy) };
    let detail = Policy::hidden_behind(&format!("by_label[{before}]"));
    Err(ApiError::invalid("labels", detail).within(&format!("by_label[{entry}]")))
}

/// What a policy would delete right away. Changes nothing.
#[utoipa::path(post, path = "/api/v1/retention/preview", tag = "hub", request_body = Option<RetentionRequest>,
    responses((status = 200, body = RetentionPreview), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub(in crate::http) async fn preview(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(history): State<History>,
    _: MayAdmin,
    Body(request): Body<RetentionRequest>,
) -> Result<Json<RetentionPreview>, ApiError> {
    history.admits()?;
    let preview = store.preview_retention(wanted(request)?, clock.wall()).await?;
    Ok(Json(preview.into()))
}
