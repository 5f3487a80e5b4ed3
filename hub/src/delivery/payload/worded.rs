//! A message in the words of its rule. PURE.
//!
//! Who writes a template thinks of an alert that fires. So a title that does not ask for the `event` gets the hub's own word in front of
//! it (`Resolved: `), and a text that does not ask is said when it fires; the hub's own text is said when it is over.

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
    let variables = Variables::of(&for_templates(whole), Some(zone));
    let mut flaws = Vec::new();
    let mut said = |of: &str, made: Result<String, Flaw>| match made {
        Ok(text) => Some(text),
        Err(flaw) => {
            flaws.push(format!("{of}: {flaw}"));
            None
        }
    };
    let title = message.title.as_deref().and_then(|source| said("title", title(source, &variables, event)));
    let text = message.text.as_deref().filter(|source| is_said(source, event));
    let text = text.and_then(|source| said("text", text_of(source, &variables)));
    Some(Worded { title, text, flaw: (!flaws.is_empty()).then(|| flaws.join("; ")) })
}

/// Whether a text is told of this event.
pub(in crate::delivery) fn is_said(text: &str, event: Event) -> bool {
    event == Event::AlertFiring || template::names(text, &EVENT)
}

/// A title, on one line.
pub(in crate::delivery) fn title(source: &str, variables: &Variables, event: Event) -> Result<String, Flaw> {
    let made = template::render(source, variables, For::People, TITLE)?;
    let words: Vec<String> = made.split_whitespace().map(seen).filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return Err(nothing());
    }
    let before = if template::names(source, &EVENT) { "" } else { before(event) };
    Ok(format!("{before}{}", words.join(" ")))
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

/// What the hub's own titles begin with.
const fn before(event: Event) -> &'static str {
    match event {
        Event::AlertResolved => "Resolved: ",
        Event::AlertPast => "Past alert: ",
        Event::AlertFlapping => "Flapping: ",
        Event::AlertAcknowledged => "Acknowledged: ",
        Event::AlertRepeated => "Still firing: ",
        Event::AlertFiring | Event::AlertsSummary | Event::WebhookDisabled | Event::Test => "",
    }
}
