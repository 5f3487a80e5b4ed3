//! What a receiver's answer says in addition to its status. PURE.
//!
//! A status of 2xx means delivered, unless the text says otherwise: Telegram and receivers that speak like Slack report
//! errors there, and a page for people (of a proxy, or of a network that wants a sign-in) is not the receiver's answer.

use serde::Deserialize;

use crate::model::webhook::WebhookKind;

#[derive(Default, Deserialize)]
struct Answer {
    content_uri: Option<String>,
    ok: Option<bool>,
    success: Option<bool>,
    status: Option<serde_json::Value>,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
}

fn read(text: &str) -> Answer {
    serde_json::from_str(text).unwrap_or_default()
}

/// Why an answer of 2xx is no delivery all the same.
#[must_use]
pub fn refusal(kind: WebhookKind, text: &str) -> Option<&'static str> {
    let answer = read(text);
    let text = text.trim();
    let is_page = text.get(..text.floor_char_boundary(15)).is_some_and(|start| {
        let start = start.to_ascii_lowercase();
        start.starts_with("<!doctype html") || start.starts_with("<html")
    });
    match kind {
        WebhookKind::Slack => {
            let says_yes = text.is_empty() || text.eq_ignore_ascii_case("ok") || text.starts_with('{');
            (!says_yes || answer.ok == Some(false) || answer.success == Some(false))
                .then_some("the answer is not the `ok` of Slack")
        }
        WebhookKind::Telegram => (is_page || answer.ok == Some(false)).then_some("the answer is not `ok: true`"),
        WebhookKind::PagerDuty => {
            let says_no = answer.status.is_some_and(|status| status.as_str().is_some_and(|word| word != "success"));
            (is_page || says_no).then_some("the answer does not say `success`")
        }
        WebhookKind::Discord
        | WebhookKind::Ntfy
        | WebhookKind::Alertmanager
        | WebhookKind::Gotify
        | WebhookKind::Matrix
        | WebhookKind::Generic
        | WebhookKind::Teams
        | WebhookKind::HomeAssistant => is_page.then_some("the answer is a page for people, not that of the receiver"),
        WebhookKind::Email => None,
    }
}

/// How long to wait, in seconds, where that is said in the answer rather than in a header.
#[must_use]
pub fn retry_after(kind: WebhookKind, text: &str) -> Option<String> {
    if kind != WebhookKind::Telegram {
        return None;
    }
    read(text).parameters?.retry_after.map(|seconds| seconds.to_string())
}

/// Where a receiver has put a picture that it was given.
#[must_use]
pub fn stored(text: &str) -> Option<String> {
    read(text).content_uri.filter(|uri| uri.starts_with("mxc://") && uri.bytes().all(|byte| byte.is_ascii_graphic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_says_no_is_no_delivery() {
        for (kind, text, is_delivered) in [
            (WebhookKind::Slack, "ok", true),
            (WebhookKind::Slack, "", true),
            // Of what speaks like Slack.
            (WebhookKind::Slack, r#"{"success":true}"#, true),
            (WebhookKind::Slack, r#"{"ok":false,"error":"x"}"#, false),
            (WebhookKind::Slack, "invalid_payload", false),
            (WebhookKind::Slack, "<!DOCTYPE html><title>Sign in</title>", false),
            (WebhookKind::Telegram, r#"{"ok":true,"result":{}}"#, true),
            (WebhookKind::Telegram, r#"{"ok":false,"description":"x"}"#, false),
            (WebhookKind::PagerDuty, r#"{"status":"success","dedup_key":"x"}"#, true),
            (WebhookKind::PagerDuty, r#"{"status":"invalid event"}"#, false),
            (WebhookKind::Ntfy, r#"{"id":"x","event":"message"}"#, true),
            (WebhookKind::Ntfy, "<html><body>Sign in", false),
            (WebhookKind::Generic, "thanks", true),
            (WebhookKind::Generic, "<html><body>Sign in", false),
            (WebhookKind::Teams, "1", true),
            (WebhookKind::Teams, "\n<!doctype html><title>Sign in</title>", false),
            (WebhookKind::HomeAssistant, "", true),
            (WebhookKind::HomeAssistant, "<HTML>", false),
        ] {
            assert_eq!(refusal(kind, text).is_none(), is_delivered, "{kind:?}: {text}");
        }
    }

    #[test]
    fn a_picture_is_where_matrix_says() {
        let stored_at = |text| stored(text).unwrap_or_default();
        assert_eq!(stored_at(r#"{"content_uri":"mxc://example.org/aBc"}"#), "mxc://example.org/aBc");
        for text in ["", "<html>", "{}", r#"{"content_uri":"https://example.org/x"}"#, r#"{"content_uri":"mxc://a b"}"#]
        {
            assert_eq!(stored(text), None, "{text}");
        }
    }

    #[test]
    fn telegram_says_how_long_to_wait_in_its_answer() {
        let text = r#"{"ok":false,"error_code":429,"parameters":{"retry_after":35}}"#;
        assert_eq!(retry_after(WebhookKind::Telegram, text).as_deref(), Some("35"));
        assert_eq!(retry_after(WebhookKind::Slack, text), None);
        assert_eq!(retry_after(WebhookKind::Telegram, "Too Many Requests"), None);
    }
}
