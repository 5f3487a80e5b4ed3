//! Looks up names of hubs by the system's resolver: the name in `--hub`, and well-known ones.
//!
//! Each lookup is a task of its own, so that a resolver that hangs delays neither the loop nor another name. A name whose lookup is
//! still running is not looked up again, which bounds the number of tasks.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tracing::debug;

/// How often the name a person gave is looked up again while the hub is away.
const GIVEN_EVERY: Duration = Duration::from_secs(10);
/// How often well-known names are looked up: few networks have them, and the resolver belongs to somebody else.
const KNOWN_EVERY: Duration = Duration::from_secs(60);
/// Most addresses used of one name.
const ADDRESSES: usize = 8;

/// What a lookup brought.
#[derive(Debug)]
pub enum Resolved {
    /// Of the name a person gave.
    Given(io::Result<Vec<SocketAddr>>),
    /// Of all well-known names; none if nobody here has such a name.
    Known(Vec<SocketAddr>),
}

#[derive(Debug)]
struct Name {
    /// `HOST:PORT`.
    text: String,
    due: Instant,
    asked: bool,
    found: Vec<SocketAddr>,
}

/// The names, and the lookups on their way.
#[derive(Debug)]
pub struct Resolver {
    /// The first is the given one, if one is given.
    names: Vec<Name>,
    given: bool,
    lookups: JoinSet<(usize, io::Result<Vec<SocketAddr>>)>,
}

impl Resolver {
    /// Names to look up from now on, each with its port.
    #[must_use]
    pub fn new(given: Option<String>, known: impl IntoIterator<Item = String>, now: Instant) -> Self {
        let is_given = given.is_some();
        let name = |text| Name { text, due: now, asked: false, found: Vec::new() };
        Self { names: given.into_iter().chain(known).map(name).collect(), given: is_given, lookups: JoinSet::new() }
    }

    /// Starts the lookups that are due; to be called about once a second while the hub is away, inside the runtime.
    pub fn look_up(&mut self, now: Instant) {
        for (number, name) in self.names.iter_mut().enumerate() {
            if name.asked || now < name.due {
                continue;
            }
            let given = self.given && number == 0;
            (name.asked, name.due) = (true, now + if given { GIVEN_EVERY } else { KNOWN_EVERY });
            let text = name.text.clone();
            self.lookups.spawn(async move {
                let found = tokio::net::lookup_host(text).await;
                (number, found.map(|found| found.take(ADDRESSES).collect()))
            });
        }
    }

    /// Waits for what the next lookup brings; for ever if none is on its way. Cancel-safe.
    pub async fn next(&mut self) -> Resolved {
        loop {
            let Some(ended) = self.lookups.join_next().await else { return std::future::pending().await };
            // A lookup cannot panic, and nobody cancels one.
            let Ok((number, found)) = ended else { continue };
            let Some(name) = self.names.get_mut(number) else { continue };
            name.asked = false;
            if self.given && number == 0 {
                return Resolved::Given(found);
            }
            if let Err(error) = &found {
                debug!("{}: {error}", name.text);
            }
            name.found = found.unwrap_or_default();
            let known = self.names.iter().skip(usize::from(self.given));
            return Resolved::Known(known.flat_map(|name| name.found.iter().copied()).collect());
        }
    }

    /// The name a person gave.
    #[must_use]
    pub fn given(&self) -> Option<&str> {
        self.names.first().filter(|_| self.given).map(|name| &*name.text)
    }
}
