//! Home Assistant's discovery: what announces itself below `homeassistant/`, and the topics that it names. PURE.
//!
//! <https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery>: one message an entity
//! (`<prefix>/<component>/[<node>/]<object>/config`), or one for a device with all its entities (`<prefix>/device/<object>/config`).
//! The prefix may be another one. An empty message takes back what was announced.

mod announced;
mod entity;
mod presence;
mod short;

use std::collections::HashMap;
use std::sync::Arc;

use self::announced::{Announced, announced};
use self::entity::Entity;
use self::presence::Presence;
use super::message::Body;
use super::reading::{Heard, Why};
use super::template::Template;
use super::topic::Topic;

/// Announcements that are remembered, and entities of one of them.
const MOST_ANNOUNCED: usize = 20_000;
const MOST_ENTITIES: usize = 500;
/// Bytes of all announcements that are remembered, and of one.
const MOST_BYTES: usize = 32 << 20;
const MOST_BYTES_EACH: usize = 256 << 10;
/// Entities that listen to one topic.
const MOST_LISTENERS: usize = 500;

/// What was announced.
#[derive(Debug, Default)]
pub(super) struct HomeAssistant {
    /// By the topic that announced it.
    announced: HashMap<String, Known>,
    /// Bytes of all of those.
    bytes: usize,
    /// Who listens to a topic.
    states: HashMap<String, Vec<Arc<Entity>>>,
    /// Devices whose presence a topic tells, with the words for it.
    presence: HashMap<String, Vec<Presence>>,
}

/// What one message announced.
#[derive(Debug)]
struct Known {
    entities: Vec<Arc<Entity>>,
    bytes: usize,
}

impl HomeAssistant {
    pub(super) fn read(&mut self, topic: &Topic<'_>, body: &Body<'_>) -> Option<Heard> {
        if let Some(heard) = self.announcement(topic, body) {
            return Some(heard);
        }
        let states = self.states.get(topic.text);
        let presence = self.presence.get(topic.text);
        if states.is_none() && presence.is_none() {
            return None;
        }
        let mut found = Vec::new();
        for entity in states.into_iter().flatten() {
            found.extend(entity.read(body));
        }
        // One topic for many devices is that of the bridge between them and the broker.
        if let Some([presence]) = presence.map(Vec::as_slice) {
            found.extend(presence.read(body));
        }
        let is_followed = |entity: &Arc<Entity>| entity.template.as_ref().is_none_or(Template::is_followed);
        if found.is_empty() && states.is_some_and(|states| !states.iter().all(is_followed)) {
            return Some(Heard::Unread(Why::Template));
        }
        Some(Heard::Readings(found))
    }

    fn announcement(&mut self, topic: &Topic<'_>, body: &Body<'_>) -> Option<Heard> {
        let [_, component, .., "config"] = topic.levels.as_slice() else { return None };
        let is_one = announced::COMPONENTS.contains(component) && (4..=5).contains(&topic.levels.len());
        if !is_one {
            return None;
        }
        if body.is_empty() {
            self.forget(topic.text);
            return Some(Heard::Announcement);
        }
        let config = body.json()?.as_object()?;
        let Announced { mut entities, presence } = announced(topic, component, config)?;
        self.forget(topic.text);
        let bytes = topic.text.len() + body.bytes().len();
        let is_too_much = bytes > MOST_BYTES_EACH || self.bytes + bytes > MOST_BYTES;
        if is_too_much || self.announced.len() >= MOST_ANNOUNCED {
            return Some(Heard::Unread(Why::TooManyDevices));
        }
        entities.truncate(MOST_ENTITIES);
        let entities: Vec<_> = entities.into_iter().map(Arc::new).collect();
        for entity in &entities {
            let listeners = self.states.entry(entity.topic.clone()).or_default();
            if listeners.len() < MOST_LISTENERS {
                listeners.push(Arc::clone(entity));
            }
        }
        for (topic, one) in presence {
            if self.presence.len() >= MOST_ANNOUNCED && !self.presence.contains_key(&topic) {
                continue;
            }
            let known = self.presence.entry(topic).or_default();
            // One that has another name now is the same device; two are enough to know that the topic is not of one.
            if let Some(known) = known.iter_mut().find(|known| known.device.key == one.device.key) {
                *known = one;
            } else if known.len() < 2 {
                known.push(one);
            }
        }
        self.bytes += bytes;
        self.announced.insert(topic.text.to_owned(), Known { entities, bytes });
        Some(Heard::Announcement)
    }

    /// Nobody listens any more for what a topic announced.
    fn forget(&mut self, topic: &str) {
        let Some(Known { entities, bytes }) = self.announced.remove(topic) else { return };
        self.bytes -= bytes;
        for entity in entities {
            if let Some(listeners) = self.states.get_mut(&entity.topic) {
                listeners.retain(|listener| !Arc::ptr_eq(listener, &entity));
                if listeners.is_empty() {
                    self.states.remove(&entity.topic);
                }
            }
        }
    }
}
