//! Checks whether a URL and its fields fit their kind, and says what would be right. PURE.
//!
//! Only what can never work is refused. On a host that is not one of the known services, any path is accepted unless
//! the path matters.

use reqwest::Url;

use super::{alertmanager, field, ntfy, pagerduty, telegram};
use crate::delivery::policy::{self, MailServer};
use crate::model::webhook::{WebhookKind, WebhookSpec};

/// Why a webhook is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Refused {
    /// Of what: `url`, `fields.chat_id`.
    pub field: String,
    /// Why, and what would be right. No secret is in it.
    pub reason: String,
}

/// Checks a webhook's URL and fields against its kind; gives the URL.
///
/// # Errors
/// The first that does not fit.
pub fn check(spec: &WebhookSpec) -> Result<Url, Refused> {
    let example = if spec.kind == WebhookKind::Email { policy::MAIL_SERVER } else { policy::WEB_ADDRESS };
    let url = Url::parse(&spec.url)
        .map_err(|error| refused("url", policy::malformed(&spec.url, &error, example).to_string()))?;
    for (name, value) in &spec.fields.0 {
        field::check(spec.kind, name, value).map_err(|reason| refused(&format!("fields.{name}"), reason))?;
    }
    match spec.kind {
        WebhookKind::Generic => {}
        WebhookKind::Slack => is_slack(&url)?,
        WebhookKind::Discord => is_discord(&url)?,
        WebhookKind::Teams => is_teams(&url)?,
        WebhookKind::Ntfy if ntfy::topic(&url).is_none() => {
            return refuse(
                "a URL of ntfy is server and topic, such as https://ntfy.sh/my-topic: a topic has at most 64 \
                letters, digits, `-` and `_`",
            );
        }
        WebhookKind::Ntfy => {}
        WebhookKind::Telegram => is_telegram(spec, &url)?,
        WebhookKind::PagerDuty => {
            if !url.path().ends_with(pagerduty::ENQUEUE) {
                return refuse(
                    "a URL of PagerDuty is https://events.pagerduty.com/v2/enqueue, in the EU \
                    https://events.eu.pagerduty.com/v2/enqueue",
                );
            }
            needs(spec, "routing_key", "write the Integration Key of the service's Events API v2 integration")?;
        }
        WebhookKind::Alertmanager if is_of_another_api(&url) => {
            return refuse(
                "a URL of Alertmanager is its server, such as http://192.168.1.5:9093: alerts go to \
                /api/v2/alerts there",
            );
        }
        WebhookKind::Alertmanager => {}
        WebhookKind::Gotify if !has_token(spec, &url, "x-gotify-key") => {
            return Err(refused("fields.token", "write the token of an application of Gotify"));
        }
        WebhookKind::Gotify => {}
        WebhookKind::Matrix => is_matrix(spec, &url)?,
        WebhookKind::HomeAssistant if url.path().len() < 2 => {
            return refuse(
                "a URL of Home Assistant ends with the id of the webhook, such as \
                http://homeassistant.local:8123/api/webhook/my-id",
            );
        }
        WebhookKind::HomeAssistant => {}
        WebhookKind::Email => is_mail(spec)?,
    }
    Ok(url)
}

fn is_telegram(spec: &WebhookSpec, url: &Url) -> Result<(), Refused> {
    if telegram::bot(url).is_none() {
        return refuse(
            "a URL of Telegram ends with the bot and its token, such as \
            https://api.telegram.org/bot123456:ABC-DEF/sendMessage",
        );
    }
    needs(
        spec,
        "chat_id",
        "write the chat the bot writes to: its number, such as -1001234567890, or the @name \
        of a channel",
    )
}

fn is_matrix(spec: &WebhookSpec, url: &Url) -> Result<(), Refused> {
    if url.path().contains("/_matrix") {
        return refuse(
            "a URL of Matrix is the home server, such as https://matrix.example.org: the room goes \
            into `fields.room_id`",
        );
    }
    needs(spec, "room_id", "write the id of the room, such as !abcdef:example.org")?;
    if !has_token(spec, url, "authorization") {
        return Err(refused("fields.token", "write the access token of the account that writes to the room"));
    }
    Ok(())
}

fn is_mail(spec: &WebhookSpec) -> Result<(), Refused> {
    let server = MailServer::read(&spec.url).map_err(|error| refused("url", error.to_string()))?;
    needs(spec, "to", "write who gets the messages, such as ann@example.org")?;
    needs(spec, "from", "write who they are from: an address that the account may write as")?;
    let has = |name| spec.fields.get(name).is_some();
    if has("username") != has("password") {
        let missing = if has("username") { "password" } else { "username" };
        return Err(refused(&format!("fields.{missing}"), "write user name and password, or neither of them"));
    }
    if server.is_tls && has(field::PLAIN_TEXT) {
        return Err(refused("fields.plain_text", "smtps:// is encrypted: for plain text write smtp://"));
    }
    let is_far = server.host.trim_matches(['[', ']']).parse().is_ok_and(|ip| !policy::is_local(ip));
    if is_far && has(field::PLAIN_TEXT) {
        return Err(refused("fields.plain_text", "plain text is for servers on the local network only"));
    }
    if !spec.headers.0.is_empty() {
        return Err(refused("headers", "e-mail has no headers of HTTP"));
    }
    Ok(())
}

fn refused(field: &str, reason: impl Into<String>) -> Refused {
    Refused { field: field.to_owned(), reason: reason.into() }
}

fn refuse<T>(reason: &str) -> Result<T, Refused> {
    Err(refused("url", reason))
}

fn needs(spec: &WebhookSpec, name: &str, reason: &str) -> Result<(), Refused> {
    spec.fields.get(name).map_or_else(|| Err(refused(&format!("fields.{name}"), reason)), |_| Ok(()))
}

/// By field, by header, or in the URL.
fn has_token(spec: &WebhookSpec, url: &Url, header: &str) -> bool {
    spec.fields.get("token").is_some()
        || spec.headers.0.iter().any(|(name, _)| name.eq_ignore_ascii_case(header))
        || url.query_pairs().any(|(name, value)| name == "token" && !value.is_empty())
}

fn host_is(url: &Url, domain: &str) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == domain || host.strip_suffix(domain).is_some_and(|before| before.ends_with('.'))
}

fn is_slack(url: &Url) -> Result<(), Refused> {
    if host_is(url, "slack.com") && !url.path().starts_with("/services/") {
        return refuse(
            "a URL of Slack is that of an incoming webhook, such as https://hooks.slack.com/services/T0/B0/x \
            (one of a workflow, /triggers/, takes no messages)",
        );
    }
    if url.path().len() < 2 { refuse("the URL of an incoming webhook has a path") } else { Ok(()) }
}

fn is_discord(url: &Url) -> Result<(), Refused> {
    let path = url.path().trim_end_matches('/');
    if path.ends_with("/slack") || path.ends_with("/github") {
        return refuse("without /slack or /github at its end this is the URL of a Discord webhook");
    }
    let is_known = host_is(url, "discord.com") || host_is(url, "discordapp.com");
    if (is_known && !path.contains("/webhooks/")) || path.len() < 2 {
        return refuse(
            "a URL of Discord is that of a channel's webhook, such as \
            https://discord.com/api/webhooks/123/abc",
        );
    }
    Ok(())
}

fn is_teams(url: &Url) -> Result<(), Refused> {
    if host_is(url, "office.com") {
        return refuse(
            "connectors of Teams are gone: make a workflow from the template `Post to a channel when a webhook \
            request is received`, and write its URL (...logic.azure.com or ...powerplatform.com)",
        );
    }
    if url.path().len() < 2 { refuse("the URL of a workflow of Teams has a path") } else { Ok(()) }
}

fn is_of_another_api(url: &Url) -> bool {
    let path = url.path().trim_end_matches('/');
    path.contains("/api/") && !path.ends_with(alertmanager::ALERTS)
}

#[cfg(test)]
mod tests;
