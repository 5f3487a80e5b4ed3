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
use super::template::variables::{Known, Variables};
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
    let known = Known::new(&samples.iter().map(|(_, variables)| variables.clone()).collect::<Vec<_>>());
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
    let known = Known::new(&samples.iter().map(|(_, variables)| variables.clone().and(TOKEN, "")).collect::<Vec<_>>());
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

fn invented(event: Event, tags: &Labels) -> Variables {
    let teller = teller();
    let body = sample::event(event, &of_people(), &teller, NOW);
    Variables::invented(&for_templates(&body), Some(&teller.zone), Some(tags))
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
mod tests {
    use super::*;

    fn of(title: &str, text: &str) -> Message {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Message { title: given(title), text: given(text) }
    }

    fn told(message_of: Message, event: Event) -> Words {
        let notice = sample::notice(event, NOW);
        let mut rule = sample::rule(NOW);
        rule.spec.message = message_of;
        let teller = Teller { url: None, zone: TimeZone::UTC, pictures: PictureKey::of(b"invented") };
        said(&rule, notice, &sample::catalog(NOW), &teller).unwrap()
    }

    /// Of the rule that is tried.
    fn tags() -> Labels {
        Labels::from([("team".to_owned(), "x".to_owned())])
    }

    #[test]
    fn a_rule_says_its_alerts_in_its_own_words_and_when_they_are_over() {
        let own = of("{{ device }} is at {{ value_text }}", "{{ text }} Call Ann of {{ labels.site }}.");
        assert_eq!(message(&own, &tags()), Ok(()));
        let fires = told(own.clone(), Event::AlertFiring);
        assert_eq!(fires.title, "greenhouse is at 31.4 °C");
        assert!(fires.text.starts_with("greenhouse: Temperature is 31.4 °C, above"), "{}", fires.text);
        assert!(fires.text.ends_with(" Call Ann of south."), "{}", fires.text);
        // What was written for one that fires is not said of one that is over.
        let hub = told(Message::default(), Event::AlertResolved);
        let over = told(own, Event::AlertResolved);
        assert_eq!((&over.title, over.text), (&hub.title, hub.text), "at 31.4 °C it is no more");
        let all = of(
            "",
            "{% if event == 'resolved' %}{{ device }} is well at {{ last_text }}{% else %}{{ text }}{% endif %}",
        );
        assert_eq!(message(&all, &tags()), Ok(()));
        let over = told(all, Event::AlertResolved);
        assert_eq!((over.title, over.text.as_str()), (hub.title, "greenhouse is well at 28.9 °C"));
        let acknowledged = told(of("{{ event|upper }} {{ rule }}", ""), Event::AlertAcknowledged);
        assert_eq!(acknowledged.title, "ACKNOWLEDGED Too warm");
    }

    #[test]
    fn a_title_that_does_not_ask_for_the_event_is_said_of_what_fires_only() {
        let own = of("{{ device }} is at {{ value_text }}", "");
        for event in OF_RULES.into_iter().filter(|event| *event != Event::AlertFiring) {
            assert_eq!(told(own.clone(), event).title, told(Message::default(), event).title, "{event:?}");
        }
        let asks = of("{{ device }} {{ event }}", "");
        assert_eq!(told(asks, Event::AlertFlapping).title, "greenhouse flapping");
    }

    #[test]
    fn a_label_that_a_device_lacks_is_empty_and_takes_nothing_with_it() {
        let own = of(
            "{{ device }}{% if labels.room %} in {{ labels.room }}{% endif %}",
            "{{ text }} Room {{ labels.room }}, {{ labels.room|upper }}, {{ labels.room|default('none') }}, {{ tags.team }}.",
        );
        assert_eq!(message(&own, &tags()), Ok(()));
        let fires = told(own, Event::AlertFiring);
        assert_eq!((fires.title.as_str(), fires.template_error), ("greenhouse", None));
        assert!(fires.text.ends_with(" Room , , none, ."), "{}", fires.text);
    }

    #[test]
    fn an_alert_is_never_lost_to_a_template() {
        let hub = told(Message::default(), Event::AlertFiring);
        for (title, text) in [
            ("{{ labels.room }}", ""),
            ("{{ 'x' * 201 }}", "ok"),
            ("", "{% for n in range(99999) %}{% endfor %}x"),
            ("{# nothing #}", ""),
            ("not {{ valid", "{{ device + 1 }}"),
        ] {
            let fires = told(of(title, text), Event::AlertFiring);
            let error = fires.template_error.unwrap();
            assert!(error.contains("line 1, column "), "{error}");
            assert!(
                fires.title == hub.title || fires.text == hub.text,
                "{title}, {text}: {}, {}",
                fires.title,
                fires.text
            );
            assert!(!fires.title.is_empty() && !fires.text.is_empty());
        }
    }

    #[test]
    fn what_fails_for_an_event_is_refused_with_that_event() {
        let refused = |title: &str, text: &str| message(&of(title, text), &tags()).unwrap_err();
        let title = refused("{{ worst|round }} {{ alert.acked_by }}", "");
        assert_eq!(title.field, "title");
        assert!(title.reason.contains("`alert.acked_by` is not known here"), "{}", title.reason);
        assert!(title.reason.ends_with("(when `event` is `firing`)"), "{}", title.reason);
        let text = refused("{{ device }}", "{{ event }}\n{{ (last - 1)|round }}");
        assert_eq!(text.field, "text");
        assert!(text.reason.starts_with("the template, line 2, column "), "{}", text.reason);
        assert_eq!(
            refused("{{ devise }}", "").reason,
            "the template, line 1, column 4: `devise` is not known: did you mean `device`?"
        );
    }

    #[test]
    fn what_a_name_brings_along_moves_no_cursor_and_begins_no_line_of_a_title() {
        let words = told(of("a\n {{ 'b\u{202e}\u{1b}c' }}", "x\u{200b}y\nz"), Event::AlertFiring);
        assert_eq!((words.title.as_str(), words.text.as_str()), ("a bc", "xy\nz"));
    }

    #[test]
    fn what_a_webhook_cannot_send_is_refused_at_its_field() {
        let of = |content_type: Option<&str>, body: &str, headers: &[(&str, &str)]| {
            let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
            let body = (!body.is_empty()).then(|| body.to_owned());
            let template = Template { content_type: content_type.map(str::to_owned), body, headers };
            request(&WebhookSpec { template, ..WebhookSpec::new("ops", "http://example.org") })
        };
        assert_eq!(
            of(None, "{\"text\":{{ text|tojson }},\"at\":{{ value|tojson }}}", &[("X-A", "{{ event }}")]),
            Ok(())
        );
        assert_eq!(of(None, "{{ alert.parts|tojson }}", &[("X-A", "{{ device }}")]), Ok(()));
        assert_eq!(of(Some("text/plain; charset=utf-8"), "{{ labels.anything }} {{ alert.rule.name }}", &[]), Ok(()));
        for (content_type, body, headers, field, says) in [
            (
                None,
                "{{ devise|tojson }}",
                &[][..],
                "template.body",
                "line 1, column 4: `devise` is not known: did you mean `device`?",
            ),
            (None, "{\"a\": \n{{ value }", &[], "template.body", "line 2, column "),
            (None, "{\"a\":{{ value }}}", &[], "template.body", "what it makes is no JSON"),
            (None, "{{ text }}", &[], "template.body", "write texts as {{ device|tojson }}"),
            (None, "{{ token|upper|tojson }}", &[], "template.body", "line 1, column 4: `token` is only printed"),
            (None, "[1] {{ token }}", &[], "template.body", "[1] (hidden)"),
            (Some("text"), "x", &[], "template.content_type", "text/plain"),
            (Some("text/plain"), "", &[], "template.content_type", "without `body`"),
            (None, "", &[("Host", "x")], "template.headers.Host", "the hub sets it itself"),
            (None, "", &[("X-A", "{{ valeu }}")], "template.headers.X-A", "did you mean `value`?"),
            (
                None,
                "",
                &[("X-A", "{{ resolved_at }}")],
                "template.headers.X-A",
                "the value is empty (when `event` is `firing`)",
            ),
            (None, "", &[("X A", "x")], "template.headers.X A", "letters, digits"),
        ] {
            let refused = of(content_type, body, headers).unwrap_err();
            assert_eq!(refused.field, field, "{body}: {}", refused.reason);
            assert!(refused.reason.contains(says), "{body}: {}", refused.reason);
        }
        let slack =
            WebhookSpec { template: Template { body: Some("x".to_owned()), ..Template::default() }, ..of_people() };
        assert_eq!(request(&slack).unwrap_err().field, "template");
    }
}
