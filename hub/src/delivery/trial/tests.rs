//! What templates of rules and webhooks are refused, and what they say.

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
    let all =
        of("", "{% if event == 'resolved' %}{{ device }} is well at {{ last_text }}{% else %}{{ text }}{% endif %}");
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
        assert!(fires.title == hub.title || fires.text == hub.text, "{title}, {text}: {}, {}", fires.title, fires.text);
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

/// Each field that is told, by its path.
fn paths(of: &serde_json::Value, before: &str, into: &mut std::collections::BTreeSet<String>) {
    let serde_json::Value::Object(fields) = of else { return };
    for (name, value) in fields {
        let path = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
        paths(value, &path, into);
        into.insert(path);
    }
}

#[test]
fn whatever_is_told_a_template_may_say() {
    let (mut all, mut of_rule) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    let generic = WebhookSpec::new("ops", "");
    // Of what it is not told there is nothing.
    let told = |event: &Event| Some(sample::event(*event, &generic, &teller(), NOW)).filter(|body| !body.is_empty());
    let bodies = ALL.iter().filter_map(told).chain(sample::others(&generic, &teller(), NOW));
    for body in bodies {
        let late = super::super::payload::delayed(&body, Some(120), true);
        paths(&serde_json::from_slice(&late).unwrap(), "", &mut all);
    }
    for body in OF_RULES.iter().filter_map(told).chain(sample::others(&generic, &teller(), NOW)) {
        paths(&serde_json::from_slice(&body).unwrap(), "", &mut of_rule);
    }
    assert!(all.contains("data.alert.usual.low") && all.contains("data.alert.template_error"), "{all:?}");
    let short = |path: &String| path.strip_prefix("data.").filter(|path| path.starts_with("alert")).map(str::to_owned);
    let said = |all: &std::collections::BTreeSet<String>| {
        let both = all.iter().flat_map(|path| [Some(path.clone()), short(path)]);
        both.flatten().map(|path| format!("{{% if false %}}{{{{ {path} }}}}{{% endif %}}x")).collect::<Vec<_>>()
    };
    for source in said(&all) {
        let template = Template { body: Some(format!("\"{source}\"")), ..Template::default() };
        assert_eq!(request(&WebhookSpec { template, ..generic.clone() }), Ok(()), "{source}");
    }
    for source in said(&of_rule) {
        assert_eq!(message(&of("", &source), &tags()), Ok(()), "{source}");
    }
    for source in
        ["{{ alert.usual.low }}", "{{ data.alert.tags.team }} {{ data.alert.labels.room }}", "{{ delayed_for }}x"]
    {
        assert_eq!(message(&of("", source), &tags()), Ok(()), "{source}");
    }
    let refused = message(&of("", "{{ data.alert.tags.room }}"), &tags()).unwrap_err();
    assert!(refused.reason.contains("the rule has no tag `room`; it has team"), "{}", refused.reason);
    let body = "{\"low\":{{ alert.usual.low|default(0)|tojson }},\"who\":{{ data.alert.tags.team|tojson }}}";
    let template = Template { body: Some(body.to_owned()), ..Template::default() };
    assert_eq!(request(&WebhookSpec { template, ..generic }), Ok(()));
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
    assert_eq!(of(None, "{\"text\":{{ text|tojson }},\"at\":{{ value|tojson }}}", &[("X-A", "{{ event }}")]), Ok(()));
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
    let slack = WebhookSpec { template: Template { body: Some("x".to_owned()), ..Template::default() }, ..of_people() };
    assert_eq!(request(&slack).unwrap_err().field, "template");
}
