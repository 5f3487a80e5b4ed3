//! Rules for topics of MQTT, as people made them on the page.

use serde::{Deserialize, Serialize};

use crate::model::SensorKind;
use crate::model::topic_rule::{Place, Then, TopicRule, TopicRuleId, TopicRules};
use crate::store::{self, Store};

const TOPIC_RULES: &str = "mqtt_topic_rules";

/// Why they are not known, or not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// What lies there was written by another program, or is damaged.
    #[error("the rules for topics cannot be read from the database: {0}")]
    Unreadable(String),
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Saved {
    last: u64,
    rules: Vec<SavedRule>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedRule {
    id: u64,
    topic: String,
    /// Nothing where the topic is ignored.
    place: Option<SavedPlace>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedPlace {
    device: String,
    sensor: String,
    value: String,
    words: Option<(String, String)>,
    unit: Option<String>,
    kind: Option<String>,
}

const KINDS: [(&str, SensorKind); 3] =
    [("gauge", SensorKind::Gauge), ("counter", SensorKind::Counter), ("state", SensorKind::State)];

/// The rules that people made.
///
/// # Errors
/// Those of the store; [`Error::Unreadable`].
pub(crate) async fn saved(store: &Store) -> Result<TopicRules, Error> {
    let Some(saved) = store.setting(TOPIC_RULES).await? else { return Ok(TopicRules::default()) };
    let Saved { last, rules } = serde_json::from_slice(&saved).map_err(|error| Error::Unreadable(error.to_string()))?;
    Ok(TopicRules { last, rules: rules.into_iter().map(SavedRule::read).collect() })
}

/// Keeps the rules.
///
/// # Errors
/// Those of the store.
pub(crate) async fn save(store: &Store, rules: &TopicRules) -> Result<(), Error> {
    let saved = Saved { last: rules.last, rules: rules.rules.iter().map(SavedRule::of).collect() };
    let bytes = serde_json::to_vec(&saved).map_err(|error| Error::Unreadable(error.to_string()))?;
    Ok(store.put_setting(TOPIC_RULES, bytes).await?)
}

impl SavedRule {
    fn read(self) -> (TopicRuleId, TopicRule) {
        let then = self.place.map_or(Then::Ignored, |place| {
            let SavedPlace { device, sensor, value, words, unit, kind } = place;
            let kind = kind.and_then(|kind| KINDS.iter().find(|(name, _)| *name == kind).map(|(_, kind)| *kind));
            Then::Reading(Box::new(Place { device, sensor, value, words, unit, kind }))
        });
        (TopicRuleId(self.id), TopicRule { topic: self.topic, then })
    }

    fn of((id, rule): &(TopicRuleId, TopicRule)) -> Self {
        let place = match &rule.then {
            Then::Ignored => None,
            Then::Reading(place) => {
                let Place { device, sensor, value, words, unit, kind } = (**place).clone();
                let kind = kind.and_then(|kind| KINDS.iter().find(|(_, of)| *of == kind)).map(|(name, _)| *name);
                Some(SavedPlace { device, sensor, value, words, unit, kind: kind.map(str::to_owned) })
            }
        };
        Self { id: id.0, topic: rule.topic.clone(), place }
    }
}
