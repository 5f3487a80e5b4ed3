//! What a template may say, what is refused where, and that nothing it does takes long.

use super::*;
use crate::delivery::message::spelled::spelled;
use crate::delivery::payload::Teller;
use crate::delivery::payload::for_templates;
use crate::delivery::sample;
use crate::delivery::sign::PictureKey;
use crate::model::UnixMillis;
use crate::model::webhook::{Event, WebhookSpec};

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn teller() -> Teller {
    Teller { url: Some("http://hub".to_owned()), zone: jiff::tz::TimeZone::UTC, pictures: PictureKey::of(b"invented") }
}

fn spec() -> WebhookSpec {
    WebhookSpec::new("ops", "http://example.org")
}

fn firing() -> Variables {
    let body = sample::event(Event::AlertFiring, &spec(), &teller(), NOW);
    Variables::of(&for_templates(&body), Some(&teller().zone))
}

fn known() -> Known {
    let body = sample::event(Event::AlertFiring, &spec(), &teller(), NOW);
    Known::new(&[Variables::invented(&for_templates(&body), Some(&teller().zone), None)])
}

fn people(source: &str) -> Result<String, Flaw> {
    render(source, &firing(), For::People, 1_000)
}

fn refused(source: &str) -> String {
    check(source, &known()).unwrap_err().to_string()
}

#[test]
fn a_template_says_what_the_message_says() {
    for (source, says) in [
        ("{{ device }} {{ sensor }} is {{ value_text }}", "greenhouse Temperature is 31.4 °C"),
        ("{{ value }} of {{ threshold }} {{ unit }}", "31.4 of 30 °C"),
        ("{{ value|round }}/{{ value - threshold }}", "31/1.4"),
        ("{{ rule }}, {{ severity }}, {{ event }}, {{ state }}", "Too warm, warning, firing, firing"),
        ("{{ labels.site|upper }} {{ alert.labels.site }} {{ labels.none|default('-') }}", "SOUTH south -"),
        ("{{ since }}", "2027-01-15 07:48 UTC"),
        ("{% if value > threshold %}over{% else %}under{% endif %}", "over"),
        ("{% if labels.ground %}a{% else %}b{% endif %}{{ resolved_at }}", "b"),
        ("{% for name, value in labels|items %}{{ name }}={{ value }}{% endfor %}", "site=south"),
        ("{{ alert.rule.name }} {{ alert.id }} {{ data.alert.id == alert.id }}", "Too warm alr_1 True"),
        ("{{ title }}: {{ text|length > 20 }}", "Too warm on greenhouse: True"),
        ("{% raw %}{{ x|y }}{% endraw %}{# {{ z }} #}", "{{ x|y }}"),
    ] {
        assert_eq!(check(source, &known()), Ok(()), "{source}");
        assert_eq!(people(source).as_deref(), Ok(says), "{source}");
    }
    let json =
        render("{\"v\":{{ value|tojson }},\"n\":{{ 30.0 }},\"t\":{{ device|tojson }}}", &firing(), For::Programs, 99);
    assert_eq!(json.as_deref(), Ok("{\"v\":31.4,\"n\":30.0,\"t\":\"greenhouse\"}"));
}

#[test]
fn what_is_wrong_is_said_where_it_is_and_with_what_would_be_right() {
    for (source, says) in [
        ("{{ devise }}", "line 1, column 4: `devise` is not known: did you mean `device`?"),
        ("a\nb {{ alert.valeu }}", "line 2, column 6: `alert.valeu` is not known: did you mean `alert.value`?"),
        (
            "{% if true %}ö{% else %}{{ sevrity }}{% endif %}",
            "line 1, column 28: `sevrity` is not known: did you mean `severity`?",
        ),
        ("{{ alert.rule.owner.name }}", "line 1, column 4: `alert.rule.owner` is not known; there is id, name"),
        ("{{ device.name }}", "line 1, column 4: `device` has no fields, so no `device.name`"),
        (
            "{{ value|ruond(1) }}",
            "line 1, column 10: there is no filter `ruond`; such as round, upper, default or tojson are",
        ),
        ("{% if false %}{{ 1|x }}{% endif %}", "line 1, column 20: there is no filter `x`"),
        ("{{ value is nice }}", "line 1, column 13: there is no test `nice`"),
        ("{{ open('/etc/passwd') }}", "line 1, column 4: `open` is not known"),
        ("{{ value", "line 1, column "),
        ("{% include 'x' %}", "line 1, column "),
        ("{% macro m() %}{% endmacro %}", "line 1, column "),
        ("{% for x in %}", "line 1, column "),
    ] {
        let refused = refused(source);
        assert!(refused.starts_with(says), "{source}: {refused}");
    }
}

#[test]
fn what_only_a_message_shows_fails_with_its_place() {
    for (source, says) in [
        (
            "a {{ labels.room }}",
            "line 1, column 6: `labels.room` is not known here: write `labels.room|default('')`, or ask with `if`",
        ),
        ("{{ device|round }}", "line 1, column 11: "),
        ("\n{{ value + device }}", "line 2, column 4: "),
    ] {
        assert_eq!(check(source, &known()), Ok(()), "{source}");
        let failed = people(source).unwrap_err().to_string();
        assert!(failed.starts_with(says), "{source}: {failed}");
    }
}

#[test]
fn what_grows_by_itself_is_refused_before_anything_is_compiled() {
    for source in [
        "{{ [1] * 3 }}",
        "{{ 2 in [1] * 3 }}",
        "{{ 3 * device }}",
        "{{ 'x' * 3 }}",
        "{{ alert.points * 2 }}",
        "{% set value = [1] %}{{ value * 2 }}",
        "{% set a = value %}{% set a = [1] %}{{ a * 2 }}",
        "{% for value in [[1]] %}{{ value * 2 }}{% endfor %}",
        "{% set a = [1] %}{% set a = a + a %}{{ a }}",
        "{% set a = [1] %}{% set a = [a, a] %}{{ a }}",
        "{% set a = [1] %}{% set a = {'x': a} %}{{ a }}",
        "{% with a = [1] %}{{ (a, a) }}{% endwith %}",
        "{% for a in [[1]] %}{% for b in [a, a] %}{{ b }}{% endfor %}{% endfor %}",
        "{% set a = [1] %}{{ ['']|map('default', a, true) }}",
        "{% if false %}{{ [1] * 3 }}{% endif %}",
        "{% filter upper %}{{ [1] * 3 }}{% endfilter %}",
        "{% set a = device %}{{ a[-1] }}",
        "{% set a = device %}{{ (a ~ 'x')[-1:] }}",
        "{{ [1]|chain([2]) }}",
        "{{ [1]|batch(2) }}",
        "{{ namespace(a=1) }}",
        "{{ debug() }}",
        "{{ range(1001) }}",
    ] {
        let refused = check(source, &known()).err().or_else(|| people(source).err());
        assert!(refused.is_some(), "{source}");
    }
    let at = check("a\n {{ 2 in [1] * 3 }}", &known()).unwrap_err().to_string();
    assert_eq!(at, "line 2, column 10: `*` is for numbers: write such as value|float * 2");
    // One that was kept before is refused where it is sent.
    assert!(people("{{ 2 in [1] * 3 }}").unwrap_err().why.starts_with("`*` is for numbers"));
    for (source, says) in [
        ("{{ (value * 2)|round }}", "63"),
        ("{% set f = value * 1.8 %}{% set g = f + 32 %}{{ g|round }}", "89"),
        ("{{ (labels.none|default(2))|int * 2 }}", "4"),
        ("{{ device + '!' }}{{ [device, sensor]|join('/') }}", "greenhouse!greenhouse/Temperature"),
        ("{% for n in range(3) %}{{ [n|string, loop.index * 2]|join }} {% endfor %}", "02 14 26 "),
        ("{% set s = device|upper %}{{ {'a': s ~ ''}|tojson }}", "{\"a\": \"GREENHOUSE\"}"),
        ("{{ range(5, 0, -2)|join }}{{ range(2, 5)|join }}{{ range(3, 1)|length }}", "5312340"),
    ] {
        assert_eq!(check(source, &known()), Ok(()), "{source}");
        assert_eq!(people(source).as_deref(), Ok(says), "{source}");
    }
}

#[test]
fn a_token_is_printed_as_it_is_or_as_json_and_nothing_else_is_done_with_it() {
    let secret = firing().and(guard::TOKEN, "a<b'\"c");
    let made = |source: &str| render(source, &secret, For::Programs, 99);
    assert_eq!(made("{{ token }}").as_deref(), Ok("a<b'\"c"));
    assert_eq!(made("{{ token|tojson }}"), Ok(format!("\"{}\"", spelled("a<b'\"c"))));
    assert_eq!(made("{% if value %}Key {{ token }}{% endif %}").as_deref(), Ok("Key a<b'\"c"));
    for source in [
        "{{ token|upper }}",
        "{{ token|reverse|tojson }}",
        "{{ token[1:] }}",
        "{{ token ~ 'x' }}",
        "{{ [token] }}",
        "{{ 'x'|default(token) }}",
        "{{ labels[token] }}",
        "{% set a = token %}{{ a|upper }}",
        "{% set a %}{{ token }}{% endset %}{{ a|upper }}",
        "{% filter upper %}{{ token }}{% endfilter %}",
        "{% autoescape 'html' %}{{ token }}{% endautoescape %}",
        "{% for c in token %}{{ c }}-{% endfor %}",
        "{% if token == 'a' %}{% endif %}",
        "{{ token|tojson(indent=1) }}",
        "{{ token|tojson|upper }}",
    ] {
        assert!(made(source).unwrap_err().why.starts_with("`token` is only printed"), "{source}");
    }
}

#[test]
fn no_template_takes_long_or_makes_much() {
    let long = "{{ device }}".repeat(500);
    // What each of them meets is a bound, however fast the machine is.
    for (source, bound) in [
        ("{% for a in range(999) %}{% for b in range(999) %}{% endfor %}{% endfor %}", "takes too long"),
        ("{% for a in range(99999) %}{% endfor %}", "a range has at most"),
        (
            "{% set a = 'xxxxxxxxxx' %}{% for n in range(99) %}{% set a %}{{ a }}{{ a }}{% endset %}{{ a }}{% endfor %}",
            "",
        ),
        ("{{ range(1001)|join }}", "a range has at most"),
        (&long, ""),
    ] {
        let failed = people(source).unwrap_err().why;
        assert!(!failed.is_empty() && failed.contains(bound), "{source}: {failed}");
    }
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(check(&deep, &known()).is_err());
    let deep = "{% if true %}".repeat(5_000) + &"{% endif %}".repeat(5_000);
    assert!(check(&deep, &known()).is_err());
}
