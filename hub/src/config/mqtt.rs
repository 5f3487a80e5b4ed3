//! A broker of MQTT as people write it: `mqtt://user@broker.local:1883`, `mqtts://broker.example`.

use axum::http::Uri;
use percent_encoding::percent_decode_str;

use super::address::port;
use crate::model::topic_rule;
use crate::model::unsaid::without_secrets;

/// Where a broker is, and as who the hub connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerUrl {
    /// Name or address.
    pub host: String,
    /// 1883, and 8883 by TLS, where nobody says another.
    pub port: u16,
    /// Whether it is by TLS.
    pub tls: bool,
    /// The user.
    pub user: Option<String>,
}

/// Reads one.
///
/// # Errors
/// It is none, with what would be one.
pub(super) fn broker(text: &str) -> Result<BrokerUrl, String> {
    let wrong = || {
        format!(
            "`{}` is not the address of a broker, such as mqtt://broker.local or mqtts://user@broker.example:8883; a \
             password has no place in it, but in a file (`--mqtt-password-file FILE`)",
            without_secrets(text)
        )
    };
    let url: Uri = text.parse().map_err(|_| wrong())?;
    let tls = match url.scheme_str() {
        Some("mqtt" | "tcp") => false,
        Some("mqtts" | "ssl") => true,
        _ => return Err(wrong()),
    };
    let authority = url.authority().ok_or_else(wrong)?.as_str();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    if user.is_some_and(|user| user.contains(':')) {
        return Err(
            "a password in an address is seen by whoever lists programs: leave it out, and name a file that holds it \
             (`--mqtt-password-file FILE`) or set TELEMETRY_HUB_MQTT_PASSWORD"
                .to_owned(),
        );
    }
    let user = user.map(|user| percent_decode_str(user).decode_utf8().map(Into::into)).transpose();
    let user = user.map_err(|_| wrong())?;
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_plain = matches!(url.path(), "" | "/") && url.query().is_none() && !text.contains('#');
    if host.is_empty() || !is_plain {
        return Err(wrong());
    }
    let port = port(&url)?.unwrap_or(if tls { 8883 } else { 1883 });
    Ok(BrokerUrl { host: host.to_owned(), port, tls, user })
}

/// A topic to ask for: `+` and `#` stand for levels, alone in theirs, and `#` at the end.
pub(super) fn topic(text: &str) -> Result<String, String> {
    if !topic_rule::is_filter(text) {
        return Err(format!("`{text}` is not a topic to ask for, such as zigbee2mqtt/# or +/sensor/#"));
    }
    Ok(text.to_owned())
}

/// A topic below which the hub publishes: without `+` and `#`, and not at a place of others.
pub(super) fn prefix(text: &str) -> Result<String, String> {
    let text = text.trim_matches('/');
    if !topic_rule::is_filter(text) || text.contains(['+', '#', '$']) || text.starts_with("homeassistant") {
        return Err(format!("`{text}` is not a topic to publish below, such as telemetry or home/hub"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_is_an_address_and_a_password_has_no_place_in_it() {
        let read = |text: &str| broker(text).map(|url| (url.host, url.port, url.tls, url.user));
        let host = || "b.local".to_owned();
        assert_eq!(read("mqtt://b.local"), Ok((host(), 1883, false, None)));
        assert_eq!(read("mqtts://me%40home@b.local/"), Ok((host(), 8883, true, Some("me@home".to_owned()))));
        assert_eq!(read("mqtt://[::1]:1884"), Ok(("::1".to_owned(), 1884, false, None)));
        for text in ["b.local", "http://b.local", "mqtt://", "mqtt://b.local/topic", "mqtt://b.local?x"] {
            assert!(read(text).unwrap_err().contains("such as mqtt://broker.local"), "{text}");
        }
        let wrong = [
            "mqtt://me:secret@b.local",
            "mqtt://me:/secret@b",
            "me:secret@b",
            "http://me:se cret@b",
            "mqtt://secret@b:x",
        ];
        for text in wrong.iter().chain(&["mqtt://me:9#secret@b", "mqtt://me:se@secret@b/topic"]) {
            let error = read(text).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
            assert!(error.contains("--mqtt-password-file") || error.contains("is not a port"), "{error}");
        }
        for text in ["mqtt://b.local:99999", "mqtts://b.local:abc", "mqtt://b.local:", "mqtt://me@b.local:0"] {
            assert!(read(text).unwrap_err().contains("1 to 65535"), "{text}");
        }
    }

    #[test]
    fn topics_to_ask_for_have_their_signs_in_the_right_places() {
        for text in ["#", "a/#", "+/b/+", "a"] {
            assert_eq!(topic(text).as_deref(), Ok(text));
        }
        assert_eq!(prefix("home/hub/").as_deref(), Ok("home/hub"));
        for text in ["", "a/#", "homeassistant", "$SYS"] {
            assert!(prefix(text).is_err(), "{text}");
        }
        for text in ["", "a#", "#/a", "a/b+", "a+/b"] {
            assert!(topic(text).is_err(), "{text}");
        }
    }
}
