//! The address of a webhook as it may be shown, and what of it lets in. PURE.
//!
//! Whoever knows the address of an incoming webhook may write there, so it is a credential. What is shown of it says which receiver it is,
//! and not how to get in. Where nothing is known of how a receiver names its hooks, that is scheme and host; where it is known, a
//! part of the path before that place may still be what lets in at a proxy, so what is no plain word is hidden there too.

use std::cmp::Reverse;
use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reqwest::Url;

use super::{alertmanager, gotify, pagerduty};
use crate::delivery::header::HIDDEN;
use crate::model::webhook::WebhookKind;

/// What is shorter, or words of small letters, is no secret that an answer could give away by itself.
const TELLING: usize = 8;
/// No word of small letters is so long.
const NO_WORD: usize = 16;
/// Names of a query whose values usually let nobody in: such words may stand in any answer. They are hidden all the same.
const USUAL: [&str; 9] = ["api-version", "format", "lang", "priority", "sp", "sv", "thread_id", "version", "wait"];

/// All that is written as `%XX` in a part of a URL (RFC 3986, 2.3), and with what many leave as it is in a path.
const CODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const CODED_BUT_SLASH: &AsciiSet = &CODED.remove(b'/');
const CODED_IN_PATH: &AsciiSet = &CODED_BUT_SLASH.remove(b':').remove(b'@');

/// An address as it may be shown: [`HIDDEN`] for what lets in.
#[must_use]
pub fn shown(kind: WebhookKind, address: &str) -> String {
    let Ok(url) = Url::parse(address) else { return HIDDEN.to_owned() };
    let host = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_owned(),
    };
    let Places { before, known, lets_in, behind } = places(kind, &url);
    let before: Vec<&str> = before.split('/').map(|part| if is_telling(part) { HIDDEN } else { part }).collect();
    let lets_in = if lets_in.is_empty() { "" } else { HIDDEN };
    // Some have a path that is empty: a mail server.
    let path = format!("{}{known}{lets_in}{behind}", before.join("/"));
    let query: Vec<String> = query(&url).map(|(name, value)| shown_pair(name, value)).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    format!("{}://{host}{path}{query}", url.scheme())
}

/// Whether an address as it is shown lacks something.
#[must_use]
pub fn hides(kind: WebhookKind, address: &str) -> bool {
    shown(kind, address).contains(HIDDEN)
}

/// Whether two addresses are of the same server: scheme, host and port.
#[must_use]
pub fn is_same_server(one: &str, other: &str) -> bool {
    let server = |address: &str| {
        let url = Url::parse(address).ok()?;
        Some((url.scheme().to_owned(), url.host_str()?.to_owned(), url.port_or_known_default()))
    };
    server(one).is_some_and(|one| Some(one) == server(other))
}

/// What of an address lets in, as it is written there and as others write it, the longest first: an answer that repeats it is kept
/// without it.
#[must_use]
pub fn secrets(kind: WebhookKind, address: &str) -> Vec<String> {
    let Ok(url) = Url::parse(address) else { return Vec::new() };
    let Places { before, known, lets_in, .. } = places(kind, &url);
    // Of a path of which nothing is known each word could be one that any answer has.
    let whole = Some(lets_in).filter(|part| known.len() > 1 || is_telling(part));
    let parts = before.split('/').chain(lets_in.split('/')).filter(|part| is_telling(part));
    let pairs = query(&url).flat_map(|(name, value)| {
        let name_too = value.is_none() || !is_plain(name);
        let value = value.filter(|value| !is_open(value) && (!USUAL.contains(&name) || is_telling(value)));
        value.into_iter().chain(name_too.then_some(name))
    });
    let mut all: Vec<String> = whole.into_iter().chain(parts).chain(pairs).flat_map(spellings).collect();
    all.retain(|part| part.len() > 1);
    // Of what is part of another nothing is left over.
    all.sort_by(|one, other| (Reverse(one.len()), one).cmp(&(Reverse(other.len()), other)));
    all.dedup();
    all
}

/// A part of an address as it is written, as it is meant, as others write that, and what of it is telling by itself.
fn spellings(part: &str) -> Vec<String> {
    let decoded = |part: &str| String::from_utf8_lossy(&percent_decode_str(part).collect::<Vec<u8>>()).into_owned();
    let meant = decoded(part);
    let coded = |text: &str, set| utf8_percent_encode(text, set).to_string();
    let mut all = vec![
        part.to_owned(),
        // In a form a `+` is a space.
        decoded(&part.replace('+', " ")),
        // Some write the digits of a code small, some JSON has a `/` as `\/`, and a path may be a value in a query.
        small(&coded(&meant, CODED)),
        meant.replace('/', "\\/"),
        coded(part, CODED),
    ];
    all.extend([CODED, CODED_BUT_SLASH, CODED_IN_PATH].map(|set| coded(&meant, set)));
    // Of letters beyond ASCII a receiver may make others.
    let pieces = meant.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
    all.extend(pieces.filter(|piece| is_telling(piece)).map(str::to_owned));
    all.push(meant);
    all
}

/// `%2F` as `%2f`.
fn small(coded: &str) -> String {
    let mut parts = coded.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        let (code, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        all + "%" + &code.to_ascii_lowercase() + rest
    })
}

/// The parts of a path, one behind the other.
struct Places<'a> {
    /// What a kind knows nothing of.
    before: &'a str,
    /// What is the same at every receiver of the kind, or a name.
    known: &'a str,
    /// What lets in.
    lets_in: &'a str,
    behind: &'a str,
}

fn places(kind: WebhookKind, url: &Url) -> Places<'_> {
    let path = url.path();
    let (known, lets_in) = places_in(kind, url);
    let part = |range: Range<usize>| path.get(range).unwrap_or_default();
    Places {
        before: part(0..known),
        known: part(known..lets_in.start),
        lets_in: part(lets_in.clone()),
        behind: part(lets_in.end..path.len()),
    }
}

/// Where in its path that begins which a kind knows, and where a URL lets in; empty where it does not.
fn places_in(kind: WebhookKind, url: &Url) -> (usize, Range<usize>) {
    let path = url.path();
    let end = path.len();
    let unknown = (0, 1.min(end)..end);
    let at = |mark: &str| path.find(mark).map(|at| (at, at + mark.len()..end));
    let until = |suffix: &str| {
        let known = path.trim_end_matches('/').strip_suffix(suffix).map_or(end, str::len);
        (known, end..end)
    };
    match kind {
        WebhookKind::Slack => at("/services/").unwrap_or(unknown),
        // The number of a hook of Discord does not let in.
        WebhookKind::Discord => {
            let Some((known, Range { start, .. })) = at("/webhooks/") else { return unknown };
            let number =
                path[start..].find('/').filter(|at| path[start..start + at].bytes().all(|b| b.is_ascii_digit()));
            (known, number.map_or(start, |at| start + at + 1)..end)
        }
        WebhookKind::HomeAssistant => at("/webhook/").unwrap_or(unknown),
        // A proxy before it may have a path that begins like one of a bot.
        WebhookKind::Telegram => {
            let is_bot = |at: &usize| {
                let rest = &path[at + 4..];
                let key = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                rest.starts_with(HIDDEN) || key.len() < rest.len() && key.starts_with(':')
            };
            let Some(bot) = path.match_indices("/bot").map(|(at, _)| at).filter(is_bot).last() else { return unknown };
            let start = bot + 4;
            (bot, start..path[start..].find('/').map_or(end, |at| start + at))
        }
        // A workflow has its key in the query; what is no address of one may have it in the path.
        WebhookKind::Teams if url.query_pairs().any(|(name, value)| name == "sig" && !value.is_empty()) => {
            (end, end..end)
        }
        WebhookKind::Teams | WebhookKind::Generic => unknown,
        // A topic is a name.
        WebhookKind::Ntfy => (path.trim_end_matches('/').rfind('/').unwrap_or(end), end..end),
        WebhookKind::PagerDuty => until(pagerduty::ENQUEUE),
        WebhookKind::Alertmanager => until(alertmanager::ALERTS),
        WebhookKind::Gotify => until(gotify::MESSAGE),
        WebhookKind::Matrix => (path.find("/_matrix/").unwrap_or(end), end..end),
        WebhookKind::Email => (end, end..end),
    }
}

/// The parts of a query as they are written.
fn query(url: &Url) -> impl Iterator<Item = (&str, Option<&str>)> {
    let parts = url.query().unwrap_or_default().split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value))))
}

/// One without a name is all value.
fn shown_pair(name: &str, value: Option<&str>) -> String {
    let Some(value) = value else { return HIDDEN.to_owned() };
    let name = if is_plain(name) { name } else { HIDDEN };
    let value = if is_open(value) { value } else { HIDDEN };
    format!("{name}={value}")
}

/// Whether a name in a query is one, and has no secret in it.
fn is_plain(name: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    name.bytes().all(is_usual) && !is_telling(name)
}

/// Values that are no secrets, whatever their name is.
fn is_open(value: &str) -> bool {
    matches!(value, "true" | "false" | "")
}

/// Whether a part of an address is more than words that may stand in any answer.
fn is_telling(part: &str) -> bool {
    let is_small = |word: &str| word.len() < NO_WORD && word.bytes().all(|byte| byte.is_ascii_lowercase());
    part.len() >= TELLING && !part.split(['-', '_']).all(is_small)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::header::unsaid;
    use crate::delivery::message::tests::to;

    #[test]
    fn what_lets_in_is_not_in_an_address_that_is_shown() {
        for (kind, shown_as) in [
            (WebhookKind::Generic, "https://example.org/(hidden)"),
            (WebhookKind::Discord, "https://discord.com/api/webhooks/1/(hidden)?thread_id=(hidden)"),
            (WebhookKind::Ntfy, "https://ntfy.sh/my-topic"),
            (WebhookKind::HomeAssistant, "http://homeassistant.local:8123/api/webhook/(hidden)"),
        ] {
            assert_eq!(shown(kind, &to(kind).url), shown_as);
        }
        assert!(shown(WebhookKind::Teams, &to(WebhookKind::Teams).url).ends_with("/invoke?sig=(hidden)"));
        for (kind, address, shown_as) in [
            (
                WebhookKind::Slack,
                "https://hooks.slack.com/services/T0/B0/s3cret",
                "https://hooks.slack.com/services/(hidden)",
            ),
            (
                WebhookKind::Slack,
                "https://hooks.slack.com/services/s3cret",
                "https://hooks.slack.com/services/(hidden)",
            ),
            (
                WebhookKind::Slack,
                "https://mattermost.example.org/hooks/s3cret",
                "https://mattermost.example.org/(hidden)",
            ),
            (
                WebhookKind::Discord,
                "https://discord.com/api/v10/webhooks/12345/s3cret?wait=true",
                "https://discord.com/api/v10/webhooks/12345/(hidden)?wait=true",
            ),
            (
                WebhookKind::Discord,
                "https://discord.com/api/webhooks/s3cret/1",
                "https://discord.com/api/webhooks/(hidden)",
            ),
            (
                WebhookKind::Telegram,
                "https://api.telegram.org/bot12:s3cret/sendMessage",
                "https://api.telegram.org/bot(hidden)/sendMessage",
            ),
            (WebhookKind::Telegram, "https://api.telegram.org/bot12:s3cret", "https://api.telegram.org/bot(hidden)"),
            (
                WebhookKind::Telegram,
                "https://example.org/bottles/bot12:s3cret/sendMessage",
                "https://example.org/bottles/bot(hidden)/sendMessage",
            ),
            (WebhookKind::Teams, "https://hooks.example.org/s3cret/x", "https://hooks.example.org/(hidden)"),
            (WebhookKind::Gotify, "https://p.example/message?token=s3cret", "https://p.example/message?token=(hidden)"),
            (
                WebhookKind::Generic,
                "https://user:s3cret@[fd00::1]:8443/s3cret/x?access_token=s3cret&s3cret&quiet=true#s3cret",
                "https://[fd00::1]:8443/(hidden)?access_token=(hidden)&(hidden)&quiet=true",
            ),
            (WebhookKind::Generic, "https://example.org/", "https://example.org/"),
            (
                WebhookKind::Generic,
                "https://example.org/?a[s3cret]=1&key9aB3dE=1",
                "https://example.org/?(hidden)=(hidden)&(hidden)=(hidden)",
            ),
            (WebhookKind::Slack, "https://p.example/services/T0/s3cret/", "https://p.example/services/(hidden)"),
            (
                WebhookKind::Slack,
                "https://p.example/aB3dE5gH9/services/s3cret/B0/x",
                "https://p.example/(hidden)/services/(hidden)",
            ),
            (
                WebhookKind::Telegram,
                "https://p.example/bot2api/bot12:s3cret/sendMessage",
                "https://p.example/bot2api/bot(hidden)/sendMessage",
            ),
            (
                WebhookKind::Telegram,
                "https://p.example/bot1:aB3dE5gH9/bot12:s3cret/sendPhoto",
                "https://p.example/(hidden)/bot(hidden)/sendPhoto",
            ),
            (WebhookKind::Gotify, "https://p.example/aB3dE5gH9/message", "https://p.example/(hidden)/message"),
            (WebhookKind::Alertmanager, "https://p.example/am/aB3dE5gH9/", "https://p.example/am/(hidden)/"),
            (
                WebhookKind::Alertmanager,
                "https://p.example/aB3dE5gH9/api/v2/alerts",
                "https://p.example/(hidden)/api/v2/alerts",
            ),
            (WebhookKind::PagerDuty, "https://p.example/aB3dE5gH9/v2/enqueue", "https://p.example/(hidden)/v2/enqueue"),
            (
                WebhookKind::Matrix,
                "https://p.example/aB3dE5gH9/_matrix/client/v3/rooms/!a:b/send/m.room.message/msg_12345",
                "https://p.example/(hidden)/_matrix/client/v3/rooms/!a:b/send/m.room.message/msg_12345",
            ),
            (
                WebhookKind::Ntfy,
                "https://p.example/aB3dE5gH9/my-topic-2345",
                "https://p.example/(hidden)/my-topic-2345",
            ),
            (WebhookKind::Generic, "s3cret", "(hidden)"),
            (WebhookKind::Email, "smtps://ann:s3cret@mail.example.org", "smtps://mail.example.org"),
            (WebhookKind::Email, "smtp://mail.example.org:2525", "smtp://mail.example.org:2525"),
        ] {
            assert_eq!(shown(kind, address), shown_as, "{address}");
            assert_eq!(shown(kind, shown_as), shown_as, "what is shown is shown so again");
        }
    }

    #[test]
    fn an_answer_repeats_no_part_that_lets_in_however_it_is_written_and_keeps_usual_words() {
        for (kind, address, said, kept) in [
            (
                WebhookKind::Teams,
                "https://x.org/w/x?sig=ab%2Faa%3D",
                "ab/aa= ab%2faa%3d ab\\/aa=",
                ["ab/", "%2f", "\\/"],
            ),
            (WebhookKind::Telegram, "https://x.org/bot12:aB3/x", "/bot12:aB3 %2Fbot12%3AaB3", ["12:", "aB3", "%3A"]),
            (
                WebhookKind::Generic,
                "https://x.org/h%C3%A4-aB3dE5",
                "/hä-aB3dE5 %2Fh%25C3%25A4-aB3dE5",
                ["dE5", "hä", "A4"],
            ),
            (WebhookKind::Generic, "https://x.org/h%C3%A4-aB3dE5gH9", "/h\u{fffd}-aB3dE5gH9", ["aB3"; 3]),
            (WebhookKind::Generic, "https://x.org/?token=tr%75e-key", "token true-key", ["true", "key", "-"]),
            (WebhookKind::Generic, "https://x.org/?token=hunterhunter", "no hunterhunter", ["hunter"; 3]),
            (WebhookKind::Generic, "https://x.org/?k=pw1", "pw1", ["pw1"; 3]),
            (
                WebhookKind::Generic,
                "https://x.org/x/webhook-hunterhuntersecret",
                "webhook-hunterhuntersecret",
                ["hunter"; 3],
            ),
            (WebhookKind::Generic, "https://x.org/?a=1;sig=aB3dE5gH9", "?a%3D1%3Bsig%3DaB3dE5gH9", ["aB3"; 3]),
            (WebhookKind::Generic, "https://x.org/?a[aB3dE5]=1", "a[aB3dE5] a%5BaB3dE5%5D", ["aB3"; 3]),
            (WebhookKind::Gotify, "https://x.org/aB3dE5gH9/?token=x", "/aB3dE5gH9/message", ["aB3"; 3]),
            (WebhookKind::Slack, "https://x.org/services/T0/B0/abc", "T0/B0/abc", ["abc"; 3]),
        ] {
            let parts: Vec<_> = secrets(kind, address).into_iter().map(|part| ("url".to_owned(), part)).collect();
            let shown = unsaid(said, 1_024, &parts);
            assert!(kept.iter().all(|part| !shown.contains(part)), "{address}: {shown}");
        }
        for address in ["https://x.org/webhook", "https://x.org/html", "https://x.org/token?wait=true&format=json"] {
            assert_eq!(secrets(WebhookKind::Generic, address), [""; 0]);
        }
        assert_eq!(secrets(WebhookKind::Ntfy, "https://ntfy.sh/my-topic-2345"), [""; 0]);
    }

    #[test]
    fn a_server_is_scheme_host_and_port() {
        assert!(is_same_server("https://a.example/x", "https://A.example:443/y?z"));
        for other in ["http://a.example/x", "https://b.example/x", "https://a.example:8443/x", "", "x"] {
            assert!(!is_same_server("https://a.example/x", other), "{other}");
        }
        assert!(is_same_server("smtp://mail.example", "smtp://mail.example"));
    }
}
