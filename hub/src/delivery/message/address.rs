//! The address of a webhook as it may be shown, and what of it lets in. PURE.
//!
//! Whoever knows the address of an incoming webhook may write there, so it is a credential. What is shown of it says which receiver it is,
//! and not how to get in. Where nothing is known of how a receiver names its hooks, that is scheme and host.

use std::ops::Range;

use reqwest::Url;

use crate::delivery::header::HIDDEN;
use crate::model::webhook::WebhookKind;

/// What is shorter, or a word of small letters, is no secret that an answer could give away by itself.
const TELLING: usize = 8;

/// An address as it may be shown: [`HIDDEN`] for what lets in.
#[must_use]
pub fn shown(kind: WebhookKind, address: &str) -> String {
    let Ok(url) = Url::parse(address) else { return HIDDEN.to_owned() };
    let host = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_owned(),
    };
    let (path, hidden) = (url.path(), hidden_in_path(kind, &url));
    let path = match (path.get(..hidden.start), path.get(hidden.end..)) {
        (Some(before), Some(after)) if !hidden.is_empty() => format!("{before}{HIDDEN}{after}"),
        _ => path.to_owned(),
    };
    // Some have a path that is empty: a mail server.
    let query: Vec<String> = query(&url).map(|(name, value)| shown_pair(name, value)).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    format!("{}://{host}{path}{query}", url.scheme())
}

/// What of an address lets in, as it is written there: an answer that repeats it is kept without it.
#[must_use]
pub fn secrets(kind: WebhookKind, address: &str) -> Vec<String> {
    let Ok(url) = Url::parse(address) else { return Vec::new() };
    let hidden = url.path().get(hidden_in_path(kind, &url)).unwrap_or_default();
    let parts = hidden.split('/').filter(|part| is_telling(part));
    let values = query(&url).filter(|pair| shown_pair(pair.0, pair.1).contains(HIDDEN));
    let values = values.map(|(name, value)| value.unwrap_or(name)).filter(|value| is_telling(value));
    // The longest first: of what is part of another nothing is left over.
    let mut all: Vec<String> = [hidden].into_iter().chain(parts).chain(values).map(str::to_owned).collect();
    all.retain(|part| part.len() > 1);
    all.sort_by_key(|part| std::cmp::Reverse(part.len()));
    all.dedup();
    all
}

/// Where in its path a URL lets in; empty where it does not.
fn hidden_in_path(kind: WebhookKind, url: &Url) -> Range<usize> {
    let path = url.path();
    let (first, end) = (1.min(path.len()), path.len());
    let after = |mark: &str| path.find(mark).map(|at| at + mark.len());
    match kind {
        // Team and app of a hook of Slack do not let in; its last part does.
        WebhookKind::Slack => match after("/services/") {
            Some(start) if path[start..].split('/').count() == 3 => path.rfind('/').map_or(start, |at| at + 1)..end,
            Some(start) => start..end,
            None => first..end,
        },
        // Nor does the number of a hook of Discord.
        WebhookKind::Discord => {
            let Some(start) = after("/webhooks/") else { return first..end };
            let number =
                path[start..].find('/').filter(|at| path[start..start + at].bytes().all(|b| b.is_ascii_digit()));
            number.map_or(start, |at| start + at + 1)..end
        }
        WebhookKind::HomeAssistant => after("/webhook/").unwrap_or(first)..end,
        WebhookKind::Telegram => {
            let is_bot = |at: &usize| path[at + 4..].starts_with(|c: char| c.is_ascii_digit() || c == '(');
            let bots = path.match_indices("/bot").map(|(at, _)| at).find(is_bot);
            let Some(start) = bots.map(|at| at + 4) else { return first..end };
            start..path[start..].find('/').map_or(end, |at| start + at)
        }
        // A workflow has its key in the query; what is no address of one may have it in the path.
        WebhookKind::Teams if url.query_pairs().any(|(name, _)| name == "sig") => 0..0,
        WebhookKind::Teams | WebhookKind::Generic => first..end,
        WebhookKind::Ntfy
        | WebhookKind::PagerDuty
        | WebhookKind::Alertmanager
        | WebhookKind::Gotify
        | WebhookKind::Matrix
        | WebhookKind::Email => 0..0,
    }
}

/// The parts of a query as they are written.
fn query(url: &Url) -> impl Iterator<Item = (&str, Option<&str>)> {
    let parts = url.query().unwrap_or_default().split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value))))
}

/// One without a name is all value.
fn shown_pair(name: &str, value: Option<&str>) -> String {
    match value {
        None => HIDDEN.to_owned(),
        Some(value @ ("true" | "false" | "")) => format!("{name}={value}"),
        Some(_) => format!("{name}={HIDDEN}"),
    }
}

/// Whether a part of an address is more than a word that may stand in any answer.
fn is_telling(part: &str) -> bool {
    part.len() >= TELLING && !part.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;
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
                "https://hooks.slack.com/services/T0/B0/(hidden)",
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
            (WebhookKind::Generic, "s3cret", "(hidden)"),
            (WebhookKind::Email, "smtps://ann:s3cret@mail.example.org", "smtps://mail.example.org"),
            (WebhookKind::Email, "smtp://mail.example.org:2525", "smtp://mail.example.org:2525"),
        ] {
            assert_eq!(shown(kind, address), shown_as, "{address}");
            assert_eq!(shown(kind, shown_as), shown_as, "what is shown is shown so again");
        }
    }

    #[test]
    fn what_an_answer_must_not_repeat_is_each_part_that_lets_in_and_no_usual_word() {
        let generic = "https://example.org/hooks/alerts/aB3dE5gH9?token=s3cretToken&quiet=true";
        assert_eq!(secrets(WebhookKind::Generic, generic), ["hooks/alerts/aB3dE5gH9", "s3cretToken", "aB3dE5gH9"]);
        let slack = "https://hooks.slack.com/services/T0/B0/aB3dE5gH9";
        assert_eq!(secrets(WebhookKind::Slack, slack), ["aB3dE5gH9"]);
        assert_eq!(secrets(WebhookKind::Ntfy, "https://ntfy.sh/my-topic-2345"), [""; 0]);
    }
}
