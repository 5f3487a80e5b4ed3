//! The hub's own form, or what a person's templates make of it: a body, and headers. PURE.
//!
//! What a template makes is signed as it is sent. One that fails, makes more than 64 KiB, or no JSON where JSON is sent, leaves the hub's
//! own body; a header that fails is left out. Why is the [`Request::complaint`].

use super::request::{Method, Request};
use crate::delivery::header::{self, HIDDEN};
use crate::delivery::payload::for_templates;
pub(in crate::delivery) use crate::delivery::template::guard::TOKEN;
use crate::delivery::template::variables::Variables;
use crate::delivery::template::{self, Flaw, For};
use crate::model::webhook::{Template, WebhookSpec};

/// Bytes of a body that a template makes.
pub const MOST: usize = 64 << 10;
/// Bytes either side of what is wrong in a body, where that is shown.
const AROUND: usize = 40;

pub(super) fn request(spec: &WebhookSpec, body: &[u8]) -> Request {
    let own = Request::of(Method::Post, spec.url.clone(), body.to_vec());
    if spec.template == Template::default() {
        return own;
    }
    let token = spec.fields.get(TOKEN).unwrap_or_default();
    let made = made(&spec.template, &Variables::of(&for_templates(body), None), token);
    let complaints: Vec<String> = made.flaws.iter().map(|(what, flaw)| format!("{what}: {flaw}")).collect();
    let (body, written) = (made.body.unwrap_or(own.body), made.headers);
    Request { body, written, complaint: (!complaints.is_empty()).then(|| complaints.join("; ")), ..own }
}

/// What templates make of a message.
pub(in crate::delivery) struct Made {
    /// None where the hub's own is sent.
    body: Option<Vec<u8>>,
    headers: Vec<(String, String)>,
    /// What failed: `body`, `headers.X-Priority`.
    pub(in crate::delivery) flaws: Vec<(String, Flaw)>,
}

/// What templates make of a message. Nothing that is said of what fails has the token in it.
pub(in crate::delivery) fn made(template: &Template, message: &Variables, token: &str) -> Made {
    let variables = &message.clone().and(TOKEN, token);
    let mut made = Made { body: None, headers: Vec::new(), flaws: Vec::new() };
    if let Some(source) = &template.body {
        match body(source, template.content_type.as_deref(), variables) {
            Ok(text) => {
                made.body = Some(text.into_bytes());
                made.headers.extend(template.content_type.clone().map(|text| ("content-type".to_owned(), text)));
            }
            Err(Unfit::Flaw(flaw)) => made.flaws.push(("body".to_owned(), flaw)),
            Err(Unfit::NoJson) => {
                let shown = template::render(source, &message.clone().and(TOKEN, HIDDEN), For::Programs, MOST);
                made.flaws.push(("body".to_owned(), shown.map_or_else(|flaw| flaw, |text| no_json(&text))));
            }
        }
    }
    for (name, source) in &template.headers {
        match header_value(name, source, variables) {
            // What there is not in a message about no alert.
            Ok(value) if value.is_empty() => {}
            Ok(value) => made.headers.push((name.clone(), value)),
            Err(flaw) => made.flaws.push((format!("headers.{name}"), flaw)),
        }
    }
    made
}

/// Why a body is not sent.
enum Unfit {
    Flaw(Flaw),
    NoJson,
}

fn body(source: &str, content_type: Option<&str>, variables: &Variables) -> Result<String, Unfit> {
    let text = template::render(source, variables, For::Programs, MOST).map_err(Unfit::Flaw)?;
    if is_json(content_type) && serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err() {
        return Err(Unfit::NoJson);
    }
    Ok(text)
}

/// What is wrong with a body that has no token in it, with what stands around.
fn no_json(text: &str) -> Flaw {
    let why = match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => {
            "what it makes is no JSON because of the token: write {{ token|tojson }}, without quotes around".to_owned()
        }
        Err(error) => {
            let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
            let from = line.floor_char_boundary(error.column().saturating_sub(AROUND));
            let around = line.get(from..line.ceil_char_boundary(error.column() + AROUND)).unwrap_or_default();
            format!(
                "what it makes is no JSON ({error}: {around}): write texts as {{{{ device|tojson }}}}, without quotes around"
            )
        }
    };
    Flaw { line: 1, column: 1, why }
}

/// Whether a body has to be JSON.
fn is_json(content_type: Option<&str>) -> bool {
    let Some(content_type) = content_type else { return true };
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind.ends_with("+json")
}

fn header_value(name: &str, source: &str, variables: &Variables) -> Result<String, Flaw> {
    let value = template::render(source, variables, For::Programs, header::LONGEST_VALUE)?;
    let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
    if value.is_empty() && !variables.is_about_an_alert {
        return Ok(value);
    }
    match header::check(&[(name.to_owned(), value.clone())]) {
        Ok(()) => Ok(value),
        Err(header::Refused { reason, .. }) => Err(Flaw { line: 1, column: 1, why: reason }),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::delivery::message::{self, Sender};
    use crate::delivery::payload::Teller;
    use crate::delivery::sample;
    use crate::delivery::sign::PictureKey;
    use crate::model::UnixMillis;
    use crate::model::webhook::{Event, Fields};

    fn sent(template: Template, event: Event) -> (Request, String) {
        let fields = Fields([(TOKEN.to_owned(), "s3cret".to_owned())].into());
        let spec = WebhookSpec { template, fields, ..WebhookSpec::new("ops", "http://example.org/x") };
        let teller = Teller { url: None, zone: TimeZone::UTC, pictures: PictureKey::of(b"invented") };
        let body = sample::event(event, &spec, &teller, UnixMillis(1_800_000_000_000));
        let request = message::request(&spec, &body, Sender { hub: "h", id: "m" }).unwrap();
        (request, String::from_utf8(body).unwrap())
    }

    fn template(content_type: Option<&str>, body: &str, headers: &[(&str, &str)]) -> Template {
        let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Template { content_type: content_type.map(str::to_owned), body: Some(body.to_owned()), headers }
    }

    #[test]
    fn a_body_and_headers_are_what_the_templates_make_of_the_message() {
        let body = "{\"text\":{{ title|tojson }},\"v\":{{ value|tojson }},\"key\":\"{{ token }}\"}";
        let headers = [("X-Priority", "{{ 5 if severity == 'critical' else 3 }}"), ("X-Auth", "Key {{ token }}")];
        let (request, _) = sent(template(None, body, &headers), Event::AlertFiring);
        assert_eq!(
            String::from_utf8(request.body).unwrap(),
            r#"{"text":"Too warm on greenhouse","v":31.4,"key":"s3cret"}"#
        );
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            (request.written, request.complaint),
            (vec![pair("X-Auth", "Key s3cret"), pair("X-Priority", "3")], None)
        );
        // A test is about no alert: what there is not is empty.
        let (request, _) =
            sent(template(Some("text/plain"), "{{ event }}: {{ device }}{{ alert.rule.name }}.", &[]), Event::Test);
        assert_eq!(
            (request.body.as_slice(), request.written),
            (b"webhook.test: .".as_slice(), vec![pair("content-type", "text/plain")])
        );
    }

    #[test]
    fn what_is_said_of_a_body_that_is_no_json_is_said_where_it_fails_and_without_the_token() {
        for (body, says) in [
            ("{\"key\":\"{{ token }}\",\"a\":{{ device }}}", "{\"key\":\"(hidden)\",\"a\":greenhouse}"),
            ("{{ token }}", "(hidden)"),
            ("{\"key\":{{ token }}}", "{\"key\":(hidden)}"),
            ("[{{ token|tojson }},]", "[\"(hidden)\",]"),
        ] {
            let (request, own) = sent(template(None, body, &[("X-A", "{{ token }}\u{e9}")]), Event::AlertFiring);
            let complaint = request.complaint.unwrap();
            assert!(complaint.contains(says) && !complaint.contains("s3cret"), "{body}: {complaint}");
            assert!(complaint.contains("headers.X-A: "), "{complaint}");
            assert_eq!(String::from_utf8(request.body).unwrap(), own);
        }
        let long = format!("{{\"a\":\"{}\",\"b\":{{{{ device }}}}}}", "é".repeat(200));
        let (request, _) = sent(template(None, &long, &[]), Event::AlertFiring);
        let complaint = request.complaint.unwrap();
        assert!(complaint.contains("\"b\":greenhouse") && complaint.len() < 300, "{complaint}");
        let broken = "a\"b\\cd";
        let fields = Fields([(TOKEN.to_owned(), broken.to_owned())].into());
        let template = template(None, "{\"key\":\"{{ token }}\"}", &[]);
        let spec = WebhookSpec { template, fields, ..WebhookSpec::new("ops", "http://example.org/x") };
        let request = message::request(&spec, b"{}", Sender { hub: "h", id: "m" }).unwrap();
        let complaint = request.complaint.unwrap();
        assert!(complaint.contains("because of the token") && !complaint.contains("b\\cd"), "{complaint}");
    }

    #[test]
    fn a_header_of_what_only_alerts_have_is_left_out_of_a_test() {
        let (request, _) = sent(template(None, "{}", &[("X-A", "{{ device }}")]), Event::Test);
        assert_eq!((request.written, request.complaint), (Vec::new(), None));
    }

    #[test]
    fn what_fails_leaves_the_hubs_own_body_and_says_so() {
        for (content_type, body, says) in [
            (None, "{\"a\":{{ device }}}", "body: line 1, column 1: what it makes is no JSON ("),
            (None, "{\"a\":\"{{ labels.room }}\"}", "body: line 1, column 10: `labels.room` is not known here"),
            (Some("text/plain"), "{% for a in range(9999) %}{{ text }}{% endfor %}", "body: line 1, column "),
        ] {
            let (request, own) = sent(template(content_type, body, &[("X-A", "b")]), Event::AlertFiring);
            assert_eq!(String::from_utf8(request.body).unwrap(), own, "{body}");
            assert_eq!(request.written, [("X-A".to_owned(), "b".to_owned())], "no type of another body");
            assert!(request.complaint.as_deref().unwrap().starts_with(says), "{:?}", request.complaint);
        }
        let (request, _) =
            sent(template(None, "{}", &[("X-A", "{{ labels.room }}"), ("X-B", "\n")]), Event::AlertFiring);
        assert_eq!((request.body.as_slice(), request.written.len()), (b"{}".as_slice(), 0));
        assert!(request.complaint.unwrap().contains("headers.X-B: line 1, column 1: the value is empty"));
    }
}
