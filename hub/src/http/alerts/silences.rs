//! `/silences`: for some time, no notifications are sent about some alerts. After each change ingest loads them again.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::Clock;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::{MayRead, MayWrite};
use crate::http::request::body::Body;
use crate::http::request::page::{AskPage, Page, Pages, Paging};
use crate::http::request::params::Asked;
use crate::http::request::path::Id;
use crate::http::request::text;
use crate::http::request::time::{Time, time};
use crate::http::request::weekly::Weekly;
use crate::http::state::RulesChanged;
use crate::model::access::Scope;
use crate::model::silence::{self, SilenceId, SilenceSpec};
use crate::model::{UnixMillis, weekly, when};
use crate::store::Store;
use crate::zones;

/// Longest silence: a year and a day. A rule that should never notify anybody has no webhooks instead.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);
/// Longest silence of some hours a week: the weekly backup goes on for years.
const LONGEST_WEEKLY: Duration = Duration::from_secs(10 * 366 * 86_400);
/// How far from now the end of a silence may be that somebody makes who is no admin. Whatever it names: which patterns cover
/// everything nobody can tell, since devices come and go. What a stolen token mutes is heard of a day later.
const LONGEST_BY_WRITE: Duration = Duration::from_hours(24);

/// Whether a silence is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SilenceState {
    /// Not yet.
    Planned,
    /// Now.
    Active,
    /// Not any more.
    Over,
}

/// For some time no notifications are sent of some alerts. They are still shown; of those that outlast the silence,
/// notifications are sent when it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Silence {
    /// Text of its id.
    pub id: String,
    /// Only alerts of this rule; null for every rule.
    pub rule: Option<String>,
    /// Glob over the names of devices; an id is matched whole, or by more than eight characters.
    pub device: String,
    /// Glob over sensor names.
    pub sensor: String,
    /// Labels the device must have.
    pub labels: BTreeMap<String, String>,
    /// From when.
    pub from: String,
    /// Until when.
    pub until: String,
    /// Between those only in these hours of the week; null for all the time.
    pub weekly: Option<Weekly>,
    /// Whether it is in force.
    pub state: SilenceState,
    /// Why.
    pub comment: String,
    /// When it was made.
    pub created_at: String,
}

impl Silence {
    /// A silence as it is at `now`.
    #[must_use]
    pub(crate) fn of(silence: silence::Silence, now: UnixMillis) -> Self {
        let spec = silence.spec;
        let is_its_hour = || {
            let around = |weekly: &weekly::Weekly| Some(weekly.around(now, &zones::named(&weekly.zone)?).is_some());
            spec.weekly.as_ref().is_none_or(|weekly| around(weekly).unwrap_or(false))
        };
        let state = match (spec.from <= now, now < spec.until) {
            (true, true) if is_its_hour() => SilenceState::Active,
            (true, false) => SilenceState::Over,
            (false, _) | (true, true) => SilenceState::Planned,
        };
        Self {
            id: text::id(silence.id),
            rule: spec.rule.map(text::id),
            device: spec.device,
            sensor: spec.sensor,
            labels: spec.labels,
            from: when::moment(spec.from),
            until: when::moment(spec.until),
            weekly: spec.weekly.map(Weekly::from),
            state,
            comment: spec.comment,
            created_at: when::moment(silence.created_at),
        }
    }
}

/// A silence to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSilence {
    /// Only alerts of this rule; every rule when left out.
    rule: Option<String>,
    /// Glob over the names of devices; an id is matched whole, or by more than eight characters. All when left out.
    device: Option<String>,
    /// Glob over sensor names; all when left out.
    sensor: Option<String>,
    /// Labels the device must have.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// From when; now when left out.
    from: Option<Time>,
    /// Until when; or say `for`.
    until: Option<Time>,
    /// For how long: `1h`, `2d`; or say `until`.
    #[serde(rename = "for")]
    length: Option<String>,
    /// Between those only in these hours of the week; all the time when left out.
    weekly: Option<Weekly>,
    /// Why.
    #[serde(default)]
    comment: String,
}

impl NewSilence {
    /// Checks it, as made by somebody with this scope.
    ///
    /// # Errors
    /// [`ApiError::invalid`] naming the field; [`ApiError::forbidden`] where only operators and admins may silence so long.
    pub(crate) fn check(self, scope: Scope, now: UnixMillis) -> Result<SilenceSpec, ApiError> {
        let all = || "*".to_owned();
        let rule = self.rule.map(|rule| text::parse_id(&rule).map_err(|detail| ApiError::invalid("rule", detail)));
        let from = time("from", self.from, now)?.unwrap_or(now);
        let until = match (time("until", self.until, now)?, self.length) {
            (Some(until), None) => until,
            (None, Some(length)) => {
                let length = when::duration(&length).map_err(|detail| ApiError::invalid("for", detail))?;
                from.plus(i64::try_from(length.as_millis()).unwrap_or(i64::MAX))
            }
            (Some(_), Some(_)) => return Err(ApiError::invalid("for", "set either `until` or `for`")),
            (None, None) => return Err(ApiError::invalid("until", "a silence needs an end: set `until` or `for`")),
        };
        if until <= from || until <= now {
            return Err(ApiError::invalid("until", "the end of a silence must be after its start, and in the future"));
        }
        let millis = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let longest = if self.weekly.is_some() { LONGEST_WEEKLY } else { LONGEST };
        if until.since(from) > millis(longest) {
            let detail = format!("a silence must last at most {}", when::span(longest));
            return Err(ApiError::invalid("until", detail));
        }
        if !scope.includes(Scope::Operate) && until.since(now) > millis(LONGEST_BY_WRITE) {
            let detail =
                "with the scope `write` a silence must end within 24 hours; a longer one needs `operate` or `admin`";
            return Err(ApiError::forbidden("scope", detail).field("until"));
        }
        text::comment(&self.comment)?;
        Ok(SilenceSpec {
            rule: rule.transpose()?,
            device: text::glob("device", self.device.unwrap_or_else(all))?,
            sensor: text::glob("sensor", self.sensor.unwrap_or_else(all))?,
            labels: text::labels(self.labels)?,
            from,
            until,
            weekly: self.weekly.map(Weekly::check).transpose().map_err(|error| error.within("weekly"))?,
            comment: self.comment,
        })
    }
}

/// All silences, oldest first; also those that are over.
#[utoipa::path(get, path = "/api/v1/silences", tag = "alerts", params(Pages), responses((status = 200, body = Page<Silence>)))]
pub(in crate::http) async fn list(
    State(store): State<Store>,
    State(clock): State<Clock>,
    _: MayRead,
    Asked(AskPage(paging)): Asked<AskPage>,
) -> Result<Json<Page<Silence>>, ApiError> {
    let (silences, now) = (store.silences().await?, clock.wall());
    Ok(Json(paging.cut(silences, |one| Paging::key(one.id.0), |one| Silence::of(one, now))))
}

/// Silences alerts for some time. Notifications of alerts that still fire when it ends are sent then. With the scope `write` it
/// must end within 24 hours; a longer one needs `operate` or `admin`.
#[utoipa::path(post, path = "/api/v1/silences", tag = "alerts", request_body = NewSilence,
    responses((status = 201, body = Silence), (status = 400, body = Problem), (status = 403, body = Problem)))]
pub(in crate::http) async fn create(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(rules_changed): State<RulesChanged>,
    MayWrite(scope): MayWrite,
    Body(new): Body<NewSilence>,
) -> Result<(StatusCode, Json<Silence>), ApiError> {
    let now = clock.wall();
    let silence = store.create_silence(new.check(scope, now)?, now).await?;
    rules_changed.tell();
    Ok((StatusCode::CREATED, Json(Silence::of(silence, now))))
}

/// Deletes a silence: notifications it held back are sent now, for alerts that still fire.
#[utoipa::path(delete, path = "/api/v1/silences/{id}", tag = "alerts", params(("id" = String, Path, description = "Silence id")),
    responses((status = 204), (status = 404, body = Problem)))]
pub(in crate::http) async fn delete(
    State(store): State<Store>,
    State(rules_changed): State<RulesChanged>,
    _: MayWrite,
    Id(id): Id<SilenceId>,
) -> Result<StatusCode, ApiError> {
    store.delete_silence(id).await?;
    rules_changed.tell();
    Ok(StatusCode::NO_CONTENT)
}
