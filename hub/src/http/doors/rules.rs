//! `/doors/mqtt/rules`: what people say of topics that nobody understands.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, watch};
use utoipa::ToSchema;

use crate::http::devices::kind::Kind;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::{MayOperate, MayRead};
use crate::http::request::body::Body;
use crate::http::request::params::{Asked, Nothing};
use crate::http::request::path::Id;
use crate::http::request::text;
use crate::model::topic_rule::{self, Place, Then, TopicRuleId, TopicRules};
use crate::settings::topic_rules;
use crate::store::Store;

/// The rules, and who follows them.
#[derive(Clone)]
pub(in crate::http) struct Rulings {
    pub(in crate::http) store: Store,
    /// To the door.
    pub(in crate::http) rules: watch::Sender<Arc<TopicRules>>,
    /// One change at a time.
    pub(in crate::http) changing: Arc<Mutex<()>>,
}

impl Rulings {
    async fn change<T>(&self, change: impl FnOnce(&mut TopicRules) -> Result<T, ApiError>) -> Result<T, ApiError> {
        let _alone = self.changing.lock().await;
        let mut rules = TopicRules::clone(&self.rules.borrow());
        let changed = change(&mut rules)?;
        topic_rules::save(&self.store, &rules).await.map_err(|error| match error {
            topic_rules::Error::Store(error) => ApiError::from(error),
            topic_rules::Error::Unreadable(why) => ApiError::internal(&why),
        })?;
        self.rules.send_replace(Arc::new(rules));
        Ok(changed)
    }
}

/// Rules for topics of MQTT.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TopicRuleList {
    items: Vec<TopicRule>,
    /// All of them are here: null.
    next: Option<String>,
}

/// What a person says of topics of MQTT: whose readings their messages are, or that they are none. The first rule about a topic
/// counts, before all that the hub knows of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TopicRule {
    /// Text of its id.
    id: String,
    /// Topics that it is about; `+` is any level, `#` all that follow.
    topic: String,
    /// Whether they are no readings; then the rest is null.
    ignore: bool,
    /// Name of the device; `{2}` in it is the second level of the topic, `{/id}` what stands there in the JSON.
    device: Option<String>,
    /// Name of the sensor, likewise.
    sensor: Option<String>,
    /// Where in the JSON the value stands, as a JSON pointer; empty for the whole message.
    value: Option<String>,
    /// The text that is 1.
    on: Option<String>,
    /// The text that is 0.
    off: Option<String>,
    unit: Option<String>,
    kind: Option<Kind>,
}

/// A rule for topics of MQTT to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTopicRule {
    /// Topics that it is about; `+` is any level, `#` all that follow.
    topic: String,
    /// Whether they are no readings; then nothing else is said.
    #[serde(default)]
    ignore: bool,
    /// Name of the device; `{2}` in it is the second level of the topic, `{/id}` what stands there in the JSON.
    device: Option<String>,
    /// Name of the sensor, likewise.
    sensor: Option<String>,
    /// Where in the JSON the value stands, as a JSON pointer (RFC 6901) such as `/data/0/temperature`; the whole message when left out.
    value: Option<String>,
    /// The text that is 1.
    on: Option<String>,
    /// The text that is 0.
    off: Option<String>,
    /// Unit code, such as `Cel`.
    unit: Option<String>,
    kind: Option<Kind>,
}

impl NewTopicRule {
    fn check(self) -> Result<topic_rule::TopicRule, ApiError> {
        let missing = |field, what: &str| ApiError::invalid(field, format!("name the {what}, or set `ignore`"));
        let then = if self.ignore {
            let said = [self.device, self.sensor, self.value, self.on, self.off, self.unit];
            let names = ["device", "sensor", "value", "on", "off", "unit"];
            if let Some((_, field)) = said.iter().zip(names).find(|(said, _)| said.is_some()) {
                return Err(ApiError::invalid(field, "of topics that are ignored nothing else is said"));
            }
            Then::Ignored
        } else {
            let words = match (self.on, self.off) {
                (None, None) => None,
                (on, off) => Some((on.unwrap_or_default(), off.unwrap_or_default())),
            };
            Then::Reading(Box::new(Place {
                device: self.device.ok_or_else(|| missing("device", "device"))?,
                sensor: self.sensor.ok_or_else(|| missing("sensor", "sensor"))?,
                value: self.value.unwrap_or_default(),
                words,
                unit: self.unit,
                kind: self.kind.map(Into::into),
            }))
        };
        let rule = topic_rule::TopicRule { topic: self.topic, then };
        rule.check().map_err(|flaw| ApiError::invalid(flaw.field, flaw.detail))?;
        Ok(rule)
    }
}

impl TopicRule {
    fn of(id: TopicRuleId, rule: topic_rule::TopicRule) -> Self {
        let (id, topic) = (text::id(id), rule.topic);
        match rule.then {
            Then::Ignored => Self {
                id,
                topic,
                ignore: true,
                device: None,
                sensor: None,
                value: None,
                on: None,
                off: None,
                unit: None,
                kind: None,
            },
            Then::Reading(place) => {
                let Place { device, sensor, value, words, unit, kind } = *place;
                let (on, off) = words.unzip();
                let (device, sensor, value) = (Some(device), Some(sensor), Some(value));
                Self { id, topic, ignore: false, device, sensor, value, on, off, unit, kind: kind.map(Into::into) }
            }
        }
    }
}

/// Rules for topics of MQTT, in the order in which they are followed.
#[utoipa::path(get, path = "/api/v1/doors/mqtt/rules", tag = "readings", responses((status = 200, body = TopicRuleList)))]
pub(in crate::http) async fn list(
    State(rulings): State<Rulings>,
    _: MayRead,
    _: Asked<Nothing>,
) -> Result<Json<TopicRuleList>, ApiError> {
    let rules = Arc::clone(&rulings.rules.borrow());
    let items = rules.rules.iter().map(|(id, rule)| TopicRule::of(*id, rule.clone())).collect();
    Ok(Json(TopicRuleList { items, next: None }))
}

/// Says of topics of MQTT whose readings their messages are, or that they are none.
#[utoipa::path(post, path = "/api/v1/doors/mqtt/rules", tag = "readings", request_body = NewTopicRule,
    responses((status = 201, body = TopicRule), (status = 400, body = Problem), (status = 409, body = Problem)))]
pub(in crate::http) async fn create(
    State(rulings): State<Rulings>,
    _: MayOperate,
    Body(new): Body<NewTopicRule>,
) -> Result<(StatusCode, Json<TopicRule>), ApiError> {
    let rule = new.check()?;
    let made = rule.clone();
    let id = rulings
        .change(|rules| {
            if let Some(before) = rules.in_front_of(&rule) {
                let detail = format!(
                    "the rule for `{}` is about all of these topics already, and the first rule counts: remove that one, or write \
                     another topic",
                    before.topic
                );
                return Err(ApiError::conflict("topic", detail));
            }
            rules.add(rule).ok_or_else(|| {
                let most = topic_rule::MOST;
                ApiError::conflict(
                    "topic",
                    format!("there are {most} rules for topics already: remove some, or write one with + and #"),
                )
            })
        })
        .await?;
    Ok((StatusCode::CREATED, Json(TopicRule::of(id, made))))
}

/// Takes back a rule for topics of MQTT. Readings that were stored by it stay.
#[utoipa::path(delete, path = "/api/v1/doors/mqtt/rules/{id}", tag = "readings", params(("id" = String, Path, description = "Rule id")),
    responses((status = 204), (status = 404, body = Problem)))]
pub(in crate::http) async fn delete(
    State(rulings): State<Rulings>,
    _: MayOperate,
    Id(id): Id<TopicRuleId>,
) -> Result<StatusCode, ApiError> {
    rulings
        .change(|rules| {
            let missing = || ApiError::not_found(format!("there is no rule for topics `{}`", text::id(id)));
            rules.remove(id).then_some(()).ok_or_else(missing)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
