//! Which extra request headers a webhook may have. PURE.
//!
//! They are usually credentials of the receiver. Headers that the hub sets itself, that frame the message, or that
//! belong to one connection (RFC 9110, 7.6.1) are refused: a wrong one would break the call, or smuggle a second
//! request into it.

use reqwest::header::HeaderName;

/// Shown in place of a header's value.
pub const HIDDEN: &str = "(hidden)";
/// Headers of one webhook.
pub const MOST: usize = 16;
/// Bytes of one value.
pub const LONGEST_VALUE: usize = 1_024;
/// Bytes of all names and values: common servers take no more than 8 KiB.
pub const MOST_BYTES: usize = 6_000;

const OWN: [&str; 3] = ["content-type", "user-agent", "accept"];
const FRAMING: [&str; 5] = ["host", "content-length", "content-encoding", "transfer-encoding", "expect"];
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
];

/// Why headers are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which one; `None` when it is all of them together.
    pub name: Option<String>,
    /// Why, and what would be right.
    pub reason: String,
}

/// Checks all headers of a webhook. No value is repeated in what is said.
///
/// # Errors
/// The first that cannot be sent.
pub fn check(headers: &[(String, String)]) -> Result<(), Refused> {
    let all = |reason: String| Err(Refused { name: None, reason });
    if headers.len() > MOST {
        return all(format!("at most {MOST} headers"));
    }
    if headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > MOST_BYTES {
        return all(format!("all headers together must have at most {MOST_BYTES} bytes"));
    }
    for (index, (name, value)) in headers.iter().enumerate() {
        let twice = headers[..index].iter().any(|(before, _)| before.eq_ignore_ascii_case(name));
        let reason = match one(name, value) {
            Ok(()) if twice => "given twice; upper and lower case are the same".to_owned(),
            Ok(()) => continue,
            Err(reason) => reason,
        };
        return Err(Refused { name: Some(name.clone()), reason });
    }
    Ok(())
}

fn one(name: &str, value: &str) -> Result<(), String> {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err("a header name must consist of letters, digits and `-`, such as `Authorization`".to_owned());
    }
    if let Some(reason) = reserved(name) {
        return Err(reason.to_owned());
    }
    if value.trim().is_empty() {
        return Err("the value is empty".to_owned());
    }
    if value.trim() != value || value.contains(['\r', '\n']) {
        return Err("the value must not begin or end with a space, or contain a line break".to_owned());
    }
    if value.len() > LONGEST_VALUE {
        return Err(format!("a value must have at most {LONGEST_VALUE} bytes"));
    }
    if !value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)) {
        return Err("a value must consist of printable ASCII characters".to_owned());
    }
    Ok(())
}

/// Why a header of this name is never sent for a person.
#[must_use]
pub fn reserved(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let name = name.as_str();
    if name.starts_with("webhook-") {
        return Some("headers that begin with `webhook-` carry the signature: the hub sets them itself");
    }
    if OWN.contains(&name) {
        return Some("the hub sets this header itself");
    }
    if FRAMING.contains(&name) {
        return Some("this header follows from the URL and the body: the hub sets it itself");
    }
    HOP_BY_HOP.contains(&name).then_some("this header is about the connection, not the message: it cannot be set")
}

/// At most `most` bytes of an answer, without the values that were sent: some receivers repeat what they were told. One that
/// stands across the end goes whole.
#[must_use]
pub fn unsaid(answer: &str, most: usize, headers: &[(String, String)]) -> String {
    /// What is shorter stands in any text: it is hidden where it is a word.
    const TELLING: usize = 6;
    // `Bearer x` is repeated whole, or as `x`.
    let parts = headers.iter().flat_map(|(_, value)| [value.as_str(), value.rsplit(' ').next().unwrap_or_default()]);
    let parts: Vec<&str> = parts.filter(|part| part.len() > 1).collect();
    let mut end = answer.floor_char_boundary(most);
    let across = |end: usize| {
        parts.iter().find_map(|part| {
            let from = answer.ceil_char_boundary((end + 1).saturating_sub(part.len()));
            let at = from + answer.get(from..)?.find(part)?;
            (at < end).then_some(at)
        })
    };
    // With every step it is less.
    while let Some(at) = across(end).filter(|_| end < answer.len()) {
        end = at;
    }
    let shown = answer.get(..end).unwrap_or_default().to_owned();
    parts.iter().fold(
        shown,
        |shown, part| if part.len() < TELLING { unworded(&shown, part) } else { shown.replace(part, HIDDEN) },
    )
}

/// Without a word.
fn unworded(text: &str, word: &str) -> String {
    let (mut shown, mut done) = (String::new(), 0);
    for (at, _) in text.match_indices(word) {
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + word.len()..).unwrap_or_default());
        let goes_on = before.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric);
        if !goes_on {
            shown += text.get(done..at).unwrap_or_default();
            shown += HIDDEN;
            done = at + word.len();
        }
    }
    shown + text.get(done..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_may_send_along() {
        for (name, value) in [
            ("Authorization", "Bearer abc"),
            ("X-Api-Key", "1"),
            ("Cookie", "a=b; c=d"),
            ("X-Priority", "high"),
            ("CF-Access-Client-Id", "a\tb"),
        ] {
            assert_eq!(check(&list(&[(name, value)])), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_is_refused_and_the_reason_never_has_the_value() {
        let long = "x".repeat(LONGEST_VALUE + 1);
        for (name, value, reason) in [
            ("Host", "elsewhere", "URL"),
            ("content-length", "0", "URL"),
            ("Transfer-Encoding", "chunked", "URL"),
            ("Connection", "close", "connection"),
            ("Keep-Alive", "1", "connection"),
            ("Proxy-Authorization", "x", "connection"),
            ("TE", "trailers", "connection"),
            ("Upgrade", "h2c", "connection"),
            ("Webhook-Id", "1", "signature"),
            ("WEBHOOK-ANYTHING", "1", "signature"),
            ("Content-Type", "text/plain", "itself"),
            ("", "x", "name"),
            ("a b", "x", "name"),
            ("Naïve", "x", "name"),
            ("X-A:", "x", "name"),
            ("X-A", "", "empty"),
            ("X-A", " ", "empty"),
            ("X-A", "s3cret\r\nX-B: 1", "line break"),
            ("X-A", "s3cret\n", "space"),
            ("X-A", "schlüssel-s3cret", "ASCII"),
            ("X-A", "s3cret\u{0}", "ASCII"),
            ("X-A", &long, "1024"),
        ] {
            let refused = check(&list(&[(name, value)])).unwrap_err();
            assert_eq!(refused.name.as_deref(), Some(name));
            assert!(refused.reason.contains(reason), "{name}: {}", refused.reason);
            assert!(!refused.reason.contains("s3cret"), "{name}: {}", refused.reason);
        }
    }

    #[test]
    fn together_they_are_bounded_and_each_is_given_once() {
        let many: Vec<_> = (0..=MOST).map(|n| (format!("X-{n}"), "1".to_owned())).collect();
        assert_eq!(check(&many).unwrap_err().name, None);
        let large: Vec<_> = (0..7).map(|n| (format!("X-{n}"), "1".repeat(1_000))).collect();
        assert_eq!(check(&large).unwrap_err().name, None);
        let twice = check(&list(&[("X-Key", "1"), ("x-key", "2")])).unwrap_err();
        assert_eq!(twice.name.as_deref(), Some("x-key"));
    }

    #[test]
    fn an_answer_that_repeats_a_credential_is_kept_without_it() {
        let sent = list(&[("Authorization", "Bearer tk_12345"), ("X-Priority", "high")]);
        let said = "you sent Bearer tk_12345 (tk_12345), high: highest";
        assert_eq!(unsaid(said, 100, &sent), "you sent (hidden) ((hidden)), (hidden): highest");
        // Wherever it is cut, nothing of a value is left.
        for most in 0..said.len() {
            let shown = unsaid(said, most, &sent);
            assert!(!shown.contains("tk_"), "{most}: {shown}");
        }
    }

    fn list(headers: &[(&str, &str)]) -> Vec<(String, String)> {
        headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}
