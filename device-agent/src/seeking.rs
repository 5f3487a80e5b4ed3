//! Decides when an agent that has no hub logs something, and what. PURE.
//!
//! After three seconds it logs what it searches for, after fifteen what failed and which command tells more, then every minute that
//! it still searches, and after an hour only every hour, because the log may be on a memory card.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::quantity;

/// Port of a hub when nobody names one.
pub const HUB_PORT: u16 = 5770;
/// When the agent logs what it searches for: hubs that exist answer within a second.
const FIRST: Duration = Duration::from_secs(3);
/// When it logs what failed: by then every way was tried several times.
const SECOND: Duration = Duration::from_secs(15);
/// Between two reminders.
const MINUTE: Duration = Duration::from_secs(60);
/// When reminders become rare.
const LONG: Duration = Duration::from_secs(3_600);

/// The message while a person has to choose a hub.
const SEVERAL: &str = "more than one hub answers; say which is this device's with --hub-words or --join-token";

/// What is said while a hub has been asked and has not answered.
const ASKED: &str = "a hub answered, waiting for it to accept this device";

/// What became of the search for a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// None answers.
    Nothing,
    /// One answers, and its session is awaited.
    Asked,
    /// One answers, and does not let this device in.
    KeepsOut,
}

/// What an agent without a hub knows of its search.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// What `--hub` says.
    pub given: Option<&'a str>,
    /// Why that name could not be resolved, if it could not.
    pub unknown: Option<&'a str>,
    /// Names that are looked up besides.
    pub names: &'a [String],
    /// Whether a hub answers.
    pub found: Found,
    /// Where the hub that this device belongs to was last.
    pub last_known: Option<SocketAddr>,
    /// Whether several answer, between which a person has to choose.
    pub is_undecided: bool,
    /// Whether there is any network besides this machine's own loopback.
    pub has_network: bool,
    pub waiting: u64,
}

/// The search, as far as it was told.
#[derive(Debug, Default)]
pub struct Seeking {
    since: Option<Instant>,
    next: Option<Instant>,
}

impl Seeking {
    /// The hub is there.
    pub fn ends(&mut self) {
        *self = Self::default();
    }

    /// There is none at `now`: what to say, if it is time.
    pub fn goes_on(&mut self, now: Instant, search: Search<'_>) -> Option<String> {
        let since = *self.since.get_or_insert(now);
        let due = *self.next.get_or_insert(since + FIRST);
        if now < due {
            return None;
        }
        let (so_far, is_first) = (now.saturating_duration_since(since), due == since + FIRST);
        self.next = Some(match so_far {
            _ if is_first => (since + SECOND).max(now + FIRST),
            _ if so_far < SECOND + MINUTE => now + MINUTE,
            _ if so_far < LONG => due + MINUTE,
            _ => due + LONG,
        });
        Some(if is_first { search.begins() } else { search.fails(so_far) })
    }
}

impl Search<'_> {
    fn begins(&self) -> String {
        match self.given {
            _ if self.is_undecided => format!("{SEVERAL} ..."),
            _ if self.found != Found::Nothing => ASKED.to_owned() + " ...",
            Some(hub) => format!("looking for the hub at {hub} ..."),
            None => {
                let names =
                    if self.names.is_empty() { String::new() } else { format!(", names {}", self.bare_names()) };
                match self.last_known {
                    Some(address) => {
                        format!("looking for this device's hub (last at {address}; multicast, broadcast{names}) ...")
                    }
                    None => format!("looking for a hub (multicast, broadcast{names}) ..."),
                }
            }
        }
    }

    fn fails(&self, so_far: Duration) -> String {
        let seconds = so_far.as_secs();
        let length = if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) };
        let waiting = if self.waiting == 0 {
            String::new()
        } else {
            format!("; {} stored here until then", quantity::of(self.waiting, "reading"))
        };
        format!("no hub after {length}: {}; to find out why: device-agent doctor{waiting}", self.reason())
    }

    fn reason(&self) -> String {
        if !self.has_network {
            return "this machine has no network (is the cable plugged in, is it in the Wi-Fi?)".to_owned();
        }
        match (self.given, self.unknown, self.last_known) {
            (Some(hub), Some(why), _) => format!("--hub {hub}: the name cannot be found ({why})"),
            _ if self.is_undecided => SEVERAL.to_owned(),
            _ if self.found == Found::KeepsOut => "one was found, but it does not accept this device".to_owned(),
            _ if self.found == Found::Asked => ASKED.to_owned(),
            (Some(hub), None, _) => format!("nothing answers at {hub}"),
            (None, _, Some(address)) => {
                format!("this device's hub, last at {address}, does not answer: is it running?")
            }
            (None, _, None) => {
                "nothing answers on this network; name the hub with --hub HOST if it is on another".to_owned()
            }
        }
    }

    /// Without the port, which is the usual one.
    fn bare_names(&self) -> String {
        let usual = format!(":{HUB_PORT}");
        let names: Vec<&str> = self.names.iter().map(|name| name.strip_suffix(&usual).unwrap_or(name)).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search() -> Search<'static> {
        Search {
            given: None,
            unknown: None,
            names: &[],
            found: Found::Nothing,
            last_known: None,
            is_undecided: false,
            has_network: true,
            waiting: 0,
        }
    }

    fn said(seconds: u64, search: Search<'_>) -> Vec<(u64, String)> {
        let (mut seeking, t0) = (Seeking::default(), crate::clock::now().mono);
        let at = |second| t0 + Duration::from_secs(second);
        (0..=seconds).filter_map(|second| Some((second, seeking.goes_on(at(second), search)?))).collect()
    }

    #[test]
    fn it_speaks_after_three_seconds_after_fifteen_and_then_every_minute() {
        let times = |seconds| said(seconds, search()).into_iter().map(|(second, _)| second).collect::<Vec<_>>();
        assert_eq!(times(200), [3, 15, 75, 135, 195]);
        assert_eq!(times(3 * 3_600).len(), 1 + 60 + 2, "after an hour every hour");
    }

    #[test]
    fn it_says_what_is_looked_for_and_what_failed() {
        let names = ["telemetry-hub:5770".to_owned(), "attic.local:81".to_owned()];
        let told = said(15, Search { names: &names, waiting: 30, ..search() });
        assert_eq!(told[0].1, "looking for a hub (multicast, broadcast, names telemetry-hub, attic.local:81) ...");
        assert!(told[1].1.contains("nothing answers on this network") && told[1].1.contains("30 readings"), "{told:?}");
        assert!(told[1].1.contains("device-agent doctor"));
        for (search, word) in [
            (
                Search { given: Some("attic:5770"), unknown: Some("no such name"), ..search() },
                "attic:5770: the name cannot be found",
            ),
            (Search { given: Some("10.0.0.9:5770"), ..search() }, "nothing answers at 10.0.0.9:5770"),
            (Search { has_network: false, given: Some("10.0.0.9:5770"), ..search() }, "cable"),
            (Search { found: Found::KeepsOut, ..search() }, "does not accept this device"),
            (Search { found: Found::Asked, ..search() }, "waiting for it to accept this device"),
            (
                Search { last_known: Some(([10, 0, 0, 9], 5770).into()), ..search() },
                "last at 10.0.0.9:5770, does not answer",
            ),
            (Search { found: Found::KeepsOut, is_undecided: true, ..search() }, "--hub-words"),
        ] {
            let last = said(15, search).pop().unwrap().1;
            assert!(last.contains(word), "{last}");
        }
    }

    #[test]
    fn a_hub_that_was_there_starts_the_search_anew() {
        let (mut seeking, t0) = (Seeking::default(), crate::clock::now().mono);
        assert_eq!(seeking.goes_on(t0, search()), None);
        seeking.ends();
        assert_eq!(seeking.goes_on(t0 + Duration::from_secs(9), search()), None);
    }
}
