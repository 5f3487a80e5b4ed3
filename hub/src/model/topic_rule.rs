//! What a person says of topics that nobody understands: whose readings their messages are. PURE.
//!
//! ```text
//!   topic door/+/bell     device "door {2}"     sensor "bell"     value ""          on "ding", off "dong"
//!   topic loft/json       device "{/id}"        sensor "t"        value "/data/0/t" unit "Cel"
//!   topic cameras/#       (to be passed over)
//! ```

use std::fmt;

use super::{SensorKind, pushed, text};

/// Rules that a hub has at most.
pub const MOST: usize = 200;
/// Longest topic, path or word in one, in bytes.
const LONGEST: usize = 512;

/// Row number of a rule for topics; its text form is `top_<n>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicRuleId(pub u64);

/// All rules, in the order in which they are followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicRules {
    /// The number that was given last.
    pub last: u64,
    /// The rules.
    pub rules: Vec<(TopicRuleId, TopicRule)>,
}

impl TopicRules {
    /// Adds one behind the others; `None` when there are [`MOST`].
    pub fn add(&mut self, rule: TopicRule) -> Option<TopicRuleId> {
        if self.rules.len() >= MOST {
            return None;
        }
        self.last += 1;
        let id = TopicRuleId(self.last);
        self.rules.push((id, rule));
        Some(id)
    }

    /// Takes one back; `false` when there is none.
    pub fn remove(&mut self, id: TopicRuleId) -> bool {
        let before = self.rules.len();
        self.rules.retain(|(known, _)| *known != id);
        self.rules.len() < before
    }

    /// The rule before another that is about all of its topics, so that the other is never followed.
    #[must_use]
    pub fn in_front_of(&self, rule: &TopicRule) -> Option<&TopicRule> {
        self.rules.iter().map(|(_, known)| known).find(|known| known.covers(&rule.topic))
    }

    /// The first rule about a topic.
    #[must_use]
    pub fn about(&self, topic: &str) -> Option<&TopicRule> {
        self.rules.iter().map(|(_, rule)| rule).find(|rule| rule.is_about(topic))
    }
}

/// A rule, as a person wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicRule {
    /// Topics that it is about, with `+` and `#`.
    pub topic: String,
    /// What becomes of their messages.
    pub then: Then,
}

/// What becomes of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// They are no readings.
    Ignored,
    /// A reading each.
    Reading(Box<Place>),
}

/// Whose reading, and where it stands in the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the device; `{2}` is the second level of the topic, `{/a/b}` what stands there in the JSON.
    pub device: String,
    /// Name of the sensor, likewise.
    pub sensor: String,
    /// Where in the JSON the value stands, as a JSON pointer (RFC 6901); empty for the whole message.
    pub value: String,
    /// Texts that are 1, and 0.
    pub words: Option<(String, String)>,
    /// Its unit.
    pub unit: Option<String>,
    /// Its kind.
    pub kind: Option<SensorKind>,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it, and what would be right.
    pub detail: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.detail)
    }
}

impl TopicRule {
    /// Checks it.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), Flaw> {
        let wrong = |field, detail: &str| Err(Flaw { field, detail: detail.to_owned() });
        if !is_filter(&self.topic) {
            return wrong("topic", "write a topic such as door/bell, door/+/bell or cameras/#");
        }
        let Then::Reading(place) = &self.then else { return seen("topic", &self.topic) };
        let Place { device, sensor, value, words, unit, .. } = &**place;
        for (field, name) in [("device", device), ("sensor", sensor)] {
            if name.trim().is_empty() || name.len() > LONGEST || parts(name).is_none() {
                return wrong(
                    field,
                    "write a name; `{2}` in it is the second level of the topic, `{/id}` what stands there in the JSON",
                );
            }
            let (levels, is_open) = (self.topic.split('/').count(), self.topic.ends_with('#'));
            let highest = parts(name).into_iter().flatten().filter_map(|part| match part {
                Part::Level(level) => Some(level),
                Part::Text(_) | Part::Pointer(_) => None,
            });
            if let Some(level) = highest.max().filter(|level| *level > levels && !is_open) {
                let detail = format!(
                    "`{{{level}}}` is level {level} of the topic, which has {levels}: write `{{1}}` to `{{{levels}}}`"
                );
                return Err(Flaw { field, detail });
            }
        }
        if !value.is_empty() && (!value.starts_with('/') || value.len() > LONGEST) {
            return wrong(
                "value",
                "write where the value stands in the JSON, such as /data/temperature; nothing for the whole message",
            );
        }
        if let Some((on, off)) = words {
            if on == off || on.len() > LONGEST || off.len() > LONGEST {
                return wrong("on", "write two texts that differ: the one that is 1, and the one that is 0 in `off`");
            }
            seen("on", on)?;
            seen("off", off)?;
        }
        if let Some(unit) = unit {
            pushed::unit(unit).map_err(|detail| Flaw { field: "unit", detail })?;
        }
        [("topic", &self.topic), ("device", device), ("sensor", sensor), ("value", value)]
            .into_iter()
            .try_for_each(|(field, text)| seen(field, text))
    }

    /// Whether it is about all topics that another asks for.
    fn covers(&self, topic: &str) -> bool {
        let (mut own, mut levels) = (self.topic.split('/'), topic.split('/'));
        loop {
            match (own.next(), levels.next()) {
                (Some("#"), _) | (None, None) => return true,
                (Some("+"), Some(level)) if level != "#" => {}
                (Some(own), Some(level)) if own == level => {}
                _ => return false,
            }
        }
    }

    /// Whether it is about a topic.
    #[must_use]
    pub fn is_about(&self, topic: &str) -> bool {
        let (mut asked, mut levels) = (self.topic.split('/'), topic.split('/'));
        loop {
            match (asked.next(), levels.next()) {
                (Some("#"), _) => return true,
                (Some("+"), Some(_)) => {}
                (Some(asked), Some(level)) if asked == level => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }
}

fn seen(field: &'static str, text: &str) -> Result<(), Flaw> {
    text::hidden(text).map_or(Ok(()), |hidden| Err(Flaw { field, detail: format!("it has {hidden}") }))
}

/// Whether it is a topic to ask for: `+` and `#` alone in their levels, and `#` at the end.
#[must_use]
pub fn is_filter(text: &str) -> bool {
    let levels: Vec<&str> = text.split('/').collect();
    let fits = |(index, level): (usize, &&str)| match *level {
        "+" => true,
        "#" => index + 1 == levels.len(),
        level => !level.contains(['+', '#', '\0']),
    };
    !text.is_empty() && text.len() <= LONGEST && levels.iter().enumerate().all(fits)
}

/// A piece of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'n> {
    /// As it is written.
    Text(&'n str),
    /// A level of the topic, counted from 1.
    Level(usize),
    /// A JSON pointer.
    Pointer(&'n str),
}

/// The pieces of a name; `None` where a brace has no end or says neither.
#[must_use]
pub fn parts(name: &str) -> Option<Vec<Part<'_>>> {
    let (mut parts, mut rest) = (Vec::new(), name);
    while let Some((before, after)) = rest.split_once('{') {
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        let (inside, behind) = after.split_once('}')?;
        parts.push(match inside.parse() {
            Ok(0) => return None,
            Ok(level) => Part::Level(level),
            Err(_) if inside.starts_with('/') => Part::Pointer(inside),
            Err(_) => return None,
        });
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(topic: &str) -> TopicRule {
        TopicRule { topic: topic.to_owned(), then: Then::Ignored }
    }

    #[test]
    fn a_rule_is_about_topics() {
        for (asked, topic, is_about) in [
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
            ("a/b/c", "a/b", false),
            ("a/+/c", "a/x/c", true),
            ("a/+", "a", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("#", "a", true),
        ] {
            assert_eq!(rule(asked).is_about(topic), is_about, "{asked} {topic}");
        }
    }

    #[test]
    fn a_rule_that_another_stands_before_is_known() {
        for (first, then, is_covered) in [
            ("a/b", "a/b", true),
            ("a/+", "a/b", true),
            ("a/+", "a/+", true),
            ("a/#", "a/+/c", true),
            ("a/#", "a/#", true),
            ("#", "a", true),
            ("a/b", "a/+", false),
            ("a/+", "a/#", false),
            ("a/b", "a/c", false),
            ("a/b", "a/b/c", false),
        ] {
            let mut rules = TopicRules::default();
            rules.add(rule(first)).unwrap();
            assert_eq!(rules.in_front_of(&rule(then)).is_some(), is_covered, "{first} {then}");
        }
    }

    #[test]
    fn names_have_parts() {
        use Part::{Level, Pointer, Text};
        assert_eq!(parts("door {2}!"), Some(vec![Text("door "), Level(2), Text("!")]));
        assert_eq!(parts("{/a/b}"), Some(vec![Pointer("/a/b")]));
        for wrong in ["{0}", "{x}", "{2", "{}"] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_by_field() {
        let place = |device: &str, value: &str, words: Option<(&str, &str)>| {
            let words = words.map(|(on, off)| (on.to_owned(), off.to_owned()));
            let place = Place {
                device: device.to_owned(),
                sensor: "s".to_owned(),
                value: value.to_owned(),
                words,
                unit: None,
                kind: None,
            };
            let rule = TopicRule { topic: "a/b".to_owned(), then: Then::Reading(Box::new(place)) };
            rule.check().map_err(|flaw| flaw.field)
        };
        assert_eq!(place("door {1}", "/a", Some(("x", "y"))), Ok(()));
        assert_eq!(place("", "", None), Err("device"));
        assert_eq!(place("door {9}", "", None), Err("device"), "a/b has two levels");
        assert_eq!(place("{a}", "", None), Err("device"));
        assert_eq!(place("a\u{200b}", "", None), Err("device"));
        assert_eq!(place("a", "a", None), Err("value"));
        assert_eq!(place("a", "", Some(("x", "x"))), Err("on"));
        assert_eq!(rule("a#").check().map_err(|flaw| flaw.field), Err("topic"));
    }
}
