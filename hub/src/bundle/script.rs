//! `install.sh`, which a person pastes on a running device to install the agent: POSIX sh for curl or wget, GNU or
//! `BusyBox`. PURE.

use wire::handshake::JoinToken;

use super::Target;

const SCRIPT: &str = include_str!("../../../device-agent/dist/install.sh");

/// What the script is filled with.
pub(crate) struct Script<'a> {
    /// Where the page is, `http://host:8080`.
    pub url: &'a str,
    /// Where agents are downloaded from, the same or by plain HTTP.
    pub from: &'a str,
    /// Where agents send to, `host:5770`.
    pub hub: &'a str,
    /// With which the device joins.
    pub token: &'a JoinToken,
    /// Agents that can be downloaded, with their SHA-256.
    pub agents: &'a [(Target, [u8; 32])],
}

impl Script<'_> {
    /// The script; `None` when an address has characters that a shell could take for something else.
    #[must_use]
    pub(crate) fn text(&self) -> Option<String> {
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/[]%".contains(c));
        if ![self.url, self.from, self.hub].into_iter().all(plain) {
            return None;
        }
        let line = |(target, sum): &(Target, [u8; 32])| format!("{target} {}", crate::access::hex(sum));
        let agents: Vec<String> = self.agents.iter().map(line).collect();
        let text = SCRIPT
            .replace("@URL@", self.url)
            .replace("@FROM@", self.from)
            .replace("@HUB@", self.hub)
            .replace("@TOKEN@", &self.token.to_string())
            .replace("@AGENTS@", &agents.join("\n"));
        Some(text)
    }
}

/// What whoever gets no script gets: harmless when it is piped into a shell, it says why and fails.
///
/// `why` is a sentence of ours, without quotes.
#[must_use]
pub(crate) fn refusal(why: &str) -> String {
    let why: String = why.chars().filter(|c| *c != '\'' && !c.is_control()).collect();
    // Not `echo`: that of dash reads backslashes.
    format!("printf '%s\\n' 'device-agent: {why}' >&2\nexit 1\n")
}

/// Answer for a token that is not valid.
pub(crate) const SPENT: &str = "this install command does not work: its token is used up, expired, \
mistyped or of another hub. Create another under \"Add a device\" on the page of the hub";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_sentence_for_a_shell() {
        assert_eq!(refusal("it's\nover"), "printf '%s\\n' 'device-agent: itsover' >&2\nexit 1\n");
    }

    #[test]
    fn no_address_gets_out_of_its_quotes() {
        let token = JoinToken::new(1, [1; 16]);
        let script =
            |url, hub| Script { url, from: url, hub, token: &token, agents: &[(Target::Armhf, [0xab; 32])] }.text();
        let text = script("http://[fe80::1]:8080", "[fe80::1]:5770").unwrap();
        assert!(
            text.contains("\nurl='http://[fe80::1]:8080'\n")
                && text.contains(&format!("agents='armhf {}'", "ab".repeat(32)))
        );
        assert!(
            !["@URL", "@FROM", "@HUB", "@TOKEN", "@AGENTS"].iter().any(|name| text.contains(name)),
            "something is left to fill in"
        );
        for wrong in ["http://h'; reboot; '", "http://h\nreboot", "http://$(reboot)", "http://h h"] {
            assert_eq!(script(wrong, "h:1"), None);
            assert_eq!(script("http://h", wrong), None);
        }
    }
}
