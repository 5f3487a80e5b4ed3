//! A message in the words of its rule. PURE.
//!
//! Who writes a template thinks of an alert that fires: `{{ device }} is at {{ value_text }}` is untrue of one that is over. So a title or
//! a text that does not ask for the `event` is said when it fires, and whatever else happens is told in the hub's own words.
//!
//! What a message has not, such as a label that this device lacks, is empty.

use jiff::tz::TimeZone;

use super::for_templates;
use crate::delivery::template::variables::Variables;
use crate::delivery::template::{self, Flaw, For};
use crate::model::rule::Message;
use crate::model::webhook::Event;

/// Bytes of a title; what shows it cuts it further.
pub(in crate::delivery) const TITLE: usize = 200;
/// Bytes of a text: twice what the shortest receiver takes.
pub(in crate::delivery) const TEXT: usize = 4_000;

/// Names of which one says what happens.
const EVENT: [&str; 5] = ["event", "state", "type", "alert.state", "resolved_at"];

/// What templates make of a message; the hub's own words stay where there is nothing.
pub(super) struct Worded {
    pub(super) title: Option<String>,
    pub(super) text: Option<String>,
    /// Why something is missing that there is a template for.
    pub(super) flaw: Option<String>,
}

/// What a rule's templates make of a message that is whole; `None` of a rule without them.
pub(super) fn worded(message: &Message, whole: &[u8], event: Event, zone: &TimeZone) -> Option<Worded> {
    if *message == Message::default() {
        return None;
    }
    let variables = Variables::of(&for_templates(whole), Some(zone)).leniently();
    let mut flaws = Vec::new();
    let mut said = |of: &str, made: Result<String, Flaw>| match made {
        Ok(text) => Some(text),
        Err(flaw) => {
            flaws.push(format!("{of}: {flaw}"));
            None
        }
    };
    let title = message.title.as_deref().filter(|source| is_said(source, event));
    let title = title.and_then(|source| said("title", title_of(source, &variables)));
    let text = message.text.as_deref().filter(|source| is_said(source, event));
    let text = text.and_then(|source| said("text", text_of(source, &variables)));
    Some(Worded { title, text, flaw: (!flaws.is_empty()).then(|| flaws.join("; ")) })
}

/// Whether a title or a text is told of this event.
pub(in crate::delivery) fn is_said(source: &str, event: Event) -> bool {
    event == Event::AlertFiring || template::names(source, &EVENT)
}

/// A title, on one line.
pub(in crate::delivery) fn title_of(source: &str, variables: &Variables) -> Result<String, Flaw> {
    let made = template::render(source, variables, For::People, TITLE)?;
    let words: Vec<String> = made.split_whitespace().map(seen).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { Err(nothing()) } else { Ok(words.join(" ")) }
}

/// A text, with its lines.
pub(in crate::delivery) fn text_of(source: &str, variables: &Variables) -> Result<String, Flaw> {
    let made = template::render(source, variables, For::People, TEXT)?;
    let lines: Vec<String> = made.lines().map(|line| seen(line.trim_end())).collect();
    let text = lines.join("\n").trim().to_owned();
    if text.is_empty() { Err(nothing()) } else { Ok(text) }
}

fn nothing() -> Flaw {
    Flaw { line: 1, column: 1, why: "it makes an empty text".to_owned() }
}

/// Names in it come from devices: nothing moves a cursor or turns a text around.
fn seen(text: &str) -> String {
    if wire::text::unseen(text).is_none() {
        return text.to_owned();
    }
    text.chars().filter(|c| !wire::text::is_unseen(*c)).collect()
}
