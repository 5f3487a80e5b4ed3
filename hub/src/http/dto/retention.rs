//! How long readings are kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::model::quantity;
use crate::model::retention::{Ages, LabelAges, Preview, Retention as Policy};
use crate::model::shown::noun;

/// How long readings are kept, counted from when the hub received them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Retention {
    /// Every reading: `14d`, `6w`, `5y`, `forever`.
    pub raw: String,
    /// One-minute summaries, which replace older readings.
    pub minutes: String,
    /// Hourly summaries, which replace older one-minute summaries.
    pub hours: String,
    /// Other ages for devices with labels; the first entry that fits counts.
    pub by_label: Vec<LabelRetention>,
    /// Whether flags or the configuration file set it: then it cannot be changed here.
    pub configured: bool,
}

/// Ages for devices with labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LabelRetention {
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
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
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
}

/// Ages for devices with labels.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
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
pub struct RetentionPreview {
    /// Readings that would be replaced by one-minute and hourly summaries.
    pub readings: u64,
    /// One-minute summaries: days of one series.
    pub minute_days: u64,
    /// Hourly summaries: weeks of one series.
    pub hour_weeks: u64,
    /// Bytes all of that uses; the summaries that replace it will need a part of it.
    pub bytes: u64,
    /// The same in words.
    pub text: String,
}

impl Retention {
    /// The policy as it is shown.
    #[must_use]
    pub fn of(policy: &Policy, configured: bool) -> Self {
        let [raw, minutes, hours] = texts(policy.ages);
        let by_label = policy.by_label.iter().map(|entry| {
            let [raw, minutes, hours] = texts(entry.ages);
            LabelRetention { labels: entry.labels.clone(), raw, minutes, hours }
        });
        Self { raw, minutes, hours, by_label: by_label.collect(), configured }
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
        Ok(Self { ages, by_label })
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
        let Preview { readings, minute_days, hour_weeks, bytes } = preview;
        let of = |count: u64, one: &str| format!("{} {}", thousands(count), noun(count, one));
        let size = quantity::bytes_text(bytes);
        let text = match (readings, minute_days + hour_weeks) {
            (0, 0) => "nothing".to_owned(),
            (0, rows) => format!("{}, frees {size}", of(rows, "summary block")),
            (readings, 0) => format!("{}, frees {size}", of(readings, "reading")),
            (readings, rows) => format!("{} and {}, frees {size}", of(readings, "reading"), of(rows, "summary block")),
        };
        Self { readings, minute_days, hour_weeks, bytes, text }
    }
}

fn thousands(count: u64) -> String {
    match count {
        1_000_000.. => format!("{:.1} M", count as f64 / 1e6),
        10_000.. => format!("{:.1} k", count as f64 / 1e3),
        _ => count.to_string(),
    }
}
