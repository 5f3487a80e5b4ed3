//! What messages mean: who announces devices and sensors is listened to, and each other message becomes readings by name. PURE.
//!
//! ```text
//!   (topic, payload, retained) ──▶ a rule of a person? ──▶ a technology that knows this topic? ──▶ readings, an announcement, an aside
//!                                   └─ none ──▶ plain: by topic ──▶ readings, or what is not understood, with why
//! ```
//!
//! A technology a file, and none knows another. Each of them answers `None` for topics that are not its own. What they remember is
//! bounded: no broker makes them grow for ever.

mod esphome;
mod homeassistant;
mod message;
mod plain;
mod presence;
mod reading;
mod said;
mod shelly;
mod sparkplug;
mod tasmota;
mod template;
mod theengs;
mod topic;
mod value;
mod zigbee2mqtt;

use std::sync::Arc;

use self::homeassistant::HomeAssistant;
use self::message::Body;
use self::plain::Plain;
use self::presence::Presence;
pub(crate) use self::reading::{Found, Heard, Why};
use self::shelly::Shelly;
use self::sparkplug::{Command, Sparkplug};
use self::tasmota::Tasmota;
use self::topic::Topic;
use self::zigbee2mqtt::Zigbee2Mqtt;
use crate::model::UnixMillis;
use crate::model::topic_rule::TopicRules;

/// Understands messages of one broker.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    zigbee2mqtt: Zigbee2Mqtt,
    tasmota: Tasmota,
    shelly: Shelly,
    sparkplug: Sparkplug,
    homeassistant: HomeAssistant,
    plain: Plain,
    presence: Presence,
    /// What people said of topics.
    rules: Arc<TopicRules>,
}

impl Listener {
    /// Follows these rules from here on.
    pub(crate) fn follow(&mut self, rules: Arc<TopicRules>) {
        self.rules = rules;
    }

    /// What a message says. Where the broker kept it (`is_kept`), what it says was so at a time that nobody knows: only what has its
    /// own time, and whether a device is there, is a reading then.
    pub(crate) fn hear(&mut self, topic: &str, payload: &[u8], is_kept: bool, now: UnixMillis) -> Heard {
        let (topic, body) = (Topic::of(topic), Body::of(payload));
        let heard = self.by_technology(&topic, &body, now);
        // A guess is not made of what nobody says at the moment: it would make devices of what is long gone.
        let mut heard = match heard.or_else(|| self.presence.read(&topic, &body)) {
            Some(heard) => heard,
            None if is_kept => Heard::Aside,
            None => self.presence.meet(self.plain.read(&topic, &body)),
        };
        if let Heard::Readings(found) = &mut heard
            && is_kept
        {
            found.retain(|found| found.at.is_some() || found.is_standing);
        }
        heard
    }

    /// Something that is to be said to a device.
    pub(crate) fn next_command(&mut self) -> Option<Command> {
        self.sparkplug.next_command()
    }

    fn by_technology(&mut self, topic: &Topic<'_>, body: &Body<'_>, now: UnixMillis) -> Option<Heard> {
        if topic.text.starts_with('$') {
            return Some(Heard::Aside);
        }
        let own = said::read(&self.rules, topic, body);
        let own = own.or_else(|| self.sparkplug.read(topic, body, now));
        let own = own.or_else(|| self.zigbee2mqtt.read(topic, body));
        let own = own.or_else(|| self.tasmota.read(topic, body));
        let own = own.or_else(|| self.shelly.read(topic, body).map(|heard| self.presence.meet(heard)));
        let own = own.or_else(|| self.homeassistant.read(topic, body));
        let own = own.or_else(|| theengs::read(topic, body));
        own.or_else(|| esphome::read(topic, body).map(|heard| self.presence.meet(heard)))
    }
}

#[cfg(test)]
mod tests;
