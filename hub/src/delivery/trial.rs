//! Templates tried before they are kept, and what a rule's templates would say. PURE.
//!
//! A template is tried over an invented message of each event that it is for. Labels are those of devices, of which nothing is known
//! where a template is written: whichever it asks for is there.

use jiff::tz::TimeZone;

use super::audience::{Audience, deliveries_for};
use super::grouping::Grouping;
use super::header;
use super::message::generic::{TOKEN, made};
use super::payload::worded::{is_said, text_of, title_of};
use super::payload::{Teller, Words, for_templates, words};
use super::sample;
use super::sign::PictureKey;
use super::template::variables::{Known, Variables, lent};
use super::template::{Flaw, check};
use crate::model::UnixMillis;
use crate::model::catalog::Catalog;
use crate::model::device::Labels;
use crate::model::notice::Notice;
use crate::model::rule::{Message, Rule};
use crate::model::webhook::{Event, Template, Webhook, WebhookId, WebhookKind, WebhookSpec};

/// Bytes of the template of a title.
pub const TITLE: usize = 300;
/// Bytes of the template of a body.
pub const BODY: usize = 16 << 10;
/// Bytes of the template of a header.
pub const HEADER: usize = 1_024;
/// Bytes of the template of a text.
pub const TEXT: usize = 4_000;
/// A moment, for messages that are invented.
const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

/// Events of which a webhook of a kind that has templates is told.
const ALL: [Event; 8] = [
    Event::AlertFiring,
    Event::AlertResolved,
    Event::AlertPast,
    Event::AlertFlapping,
    Event::AlertAcknowledged,
    Event::AlertRepeated,
    Event::WebhookDisabled,
    Event::Test,
];

/// Those that tell of an alert of a rule.
const OF_RULES: [Event; 6] = [
    Event::AlertFiring,
    Event::AlertResolved,
    Event::AlertPast,
    Event::AlertFlapping,
    Event::AlertAcknowledged,
    Event::AlertRepeated,
];

/// Why a template is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which one: `title`, `text`.
    pub field: String,
    /// Why, and what would be right.
    pub reason: String,
}

/// Refuses templates of a rule with these tags that cannot be used, or that fail for an event.
///
/// # Errors
/// The first of them.
pub fn message(message: &Message, tags: &Labels) -> Result<(), Refused> {
    let samples: Vec<(Event, Variables)> = OF_RULES.into_iter().map(|event| (event, invented(event, tags))).collect();
    let others = others(&of_people(), Some(tags));
    let known = Known::new(&samples.iter().map(|(_, variables)| variables.clone()).chain(others).collect::<Vec<_>>());
    let refused = |field: &'static str| {
        move |flaw: Flaw| Refused { field: field.to_owned(), reason: format!("the template, {flaw}") }
    };
    type Make = fn(&str, &Variables) -> Result<String, Flaw>;
    let parts: [(_, _, Make); 2] = [("title", &message.title, title_of), ("text", &message.text, text_of)];
    for (field, source, make) in parts {
        let Some(source) = source else { continue };
        check(source, &known).map_err(refused(field))?;
        for (event, variables) in samples.iter().filter(|(event, _)| is_said(source, *event)) {
            make(source, variables).map_err(|flaw| during(flaw, *event)).map_err(refused(field))?;
        }
    }
    Ok(())
}

/// Refuses templates of a webhook that cannot be used, or that fail for an event.
///
/// # Errors
/// The first of them.
pub fn request(spec: &WebhookSpec) -> Result<(), Refused> {
    let template = &spec.template;
    if *template == Template::default() {
        return Ok(());
    }
    let refused = |field: &str, reason: String| Refused { field: field.to_owned(), reason };
    if spec.kind != WebhookKind::Generic {
        let reason = "only the kind `generic` has a body and headers of its own: leave `template` out";
        return Err(refused("template", reason.to_owned()));
    }
    if let Some(content_type) = &template.content_type {
        let (kind, _) = content_type.split_once(';').unwrap_or((content_type, ""));
        let is_one = kind
            .trim()
            .split_once('/')
            .is_some_and(|(a, b)| !a.is_empty() && !b.is_empty() && !kind.trim().contains(' '));
        if !is_one || content_type.len() > 100 || !content_type.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(refused("template.content_type", "write a type such as text/plain; charset=utf-8".to_owned()));
        }
        if template.body.is_none() {
            let reason = "without `body` the hub's own JSON is sent: leave it out, or write a `body`";
            return Err(refused("template.content_type", reason.to_owned()));
        }
    }
    let given = template.headers.keys().map(|name| (name.clone(), "x".to_owned()));
    let all: Vec<_> = spec.headers.0.iter().cloned().chain(given).collect();
    header::check(&all).map_err(|header::Refused { name, reason }| {
        refused(&name.map_or_else(|| "template.headers".to_owned(), |name| format!("template.headers.{name}")), reason)
    })?;
    let samples: Vec<(Event, Variables)> = ALL.into_iter().map(|event| (event, webhook_sample(event, spec))).collect();
    let others = others(&WebhookSpec::new(spec.name.clone(), ""), None);
    let all = samples.iter().map(|(_, variables)| variables.clone()).chain(others);
    let known = Known::new(&all.map(|variables| variables.and(TOKEN, "")).collect::<Vec<_>>());
    let token = spec.fields.get(TOKEN).unwrap_or("token");
    let sources = template.headers.iter().map(|(name, source)| (format!("template.headers.{name}"), source, HEADER));
    for (field, source, most) in
        template.body.iter().map(|source| ("template.body".to_owned(), source, BODY)).chain(sources)
    {
        if source.len() > most {
            return Err(Refused { field, reason: format!("a template must have at most {most} bytes") });
        }
        check(source, &known).map_err(|flaw| refused(&field, format!("the template, {flaw}")))?;
    }
    for (event, variables) in &samples {
        if let Some((what, flaw)) = made(template, variables, token).flaws.into_iter().next() {
            return Err(refused(&format!("template.{what}"), format!("the template, {}", during(flaw, *event))));
        }
    }
    Ok(())
}

/// A hub that is invented.
fn teller() -> Teller {
    Teller { url: Some("http://hub.example".to_owned()), zone: TimeZone::UTC, pictures: PictureKey::of(b"invented") }
}

/// What a webhook is told of an event that is invented.
fn webhook_sample(event: Event, spec: &WebhookSpec) -> Variables {
    let teller = teller();
    // What of its name is in a message is in every one.
    let of = if event == Event::AlertFlapping { of_people() } else { WebhookSpec::new(spec.name.clone(), "") };
    let body = sample::event(event, &of, &teller, NOW);
    Variables::invented(&for_templates(&body), None, None)
}

/// Says at which event it fails.
fn during(flaw: Flaw, event: Event) -> Flaw {
    let event = event.word();
    Flaw { why: format!("{} (when `event` is `{}`)", flaw.why, event.strip_prefix("alert.").unwrap_or(event)), ..flaw }
}

/// What is usual is there: a rule is about it or not, and a template that names it where it is not makes nothing of it.
fn invented(event: Event, tags: &Labels) -> Variables {
    let teller = teller();
    let mut message = for_templates(&sample::event(event, &of_people(), &teller, NOW));
    for other in sample::others(&of_people(), &teller, NOW) {
        message = lent(&message, "usual", &for_templates(&other));
    }
    Variables::invented(&message, Some(&teller.zone), Some(tags))
}

/// Messages that say what most do not.
fn others(spec: &WebhookSpec, tags: Option<&Labels>) -> Vec<Variables> {
    let teller = teller();
    let others = sample::others(spec, &teller, NOW);
    others.iter().map(|body| Variables::invented(&for_templates(body), Some(&teller.zone), tags)).collect()
}

/// One that is told of everything that people are.
fn of_people() -> WebhookSpec {
    WebhookSpec { kind: WebhookKind::Slack, ..WebhookSpec::new("people", "") }
}

/// What people would be told of an alert of this rule.
#[must_use]
pub fn said(rule: &Rule, notice: Notice, catalog: &Catalog, teller: &Teller) -> Option<Words> {
    let webhook = Webhook::new(WebhookId(1), of_people(), Vec::new(), NOW);
    let mut rule = rule.clone();
    rule.spec.webhooks = vec![webhook.id];
    let (rules, webhooks) = ([rule], [webhook]);
    let grouping = Grouping::default();
    let audience = Audience { said: &|_, _| 1, grouping: &grouping, ..Audience::new(&rules, &webhooks) };
    words(&deliveries_for(&[notice], &audience, catalog, teller).first()?.body)
}

#[cfg(test)]
mod tests;
