//! Limits how often answering hubs are logged: anybody can answer, with as many keys as they like, and the log may be
//! on a memory card.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wire::PublicKey;

/// Hubs that are told of at once.
const AT_ONCE: u32 = 8;
/// Then one more each.
const ANOTHER_EVERY: Duration = Duration::from_secs(600);
/// Between two lists of several hubs.
const LIST_EVERY: Duration = Duration::from_secs(60);
/// Foreign hubs that are known to have been told of.
const REMEMBERED: usize = 8;

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    /// Hubs told of, less those whose time has passed.
    told: u32,
    since: Option<Instant>,
    others: Vec<PublicKey>,
    /// The last list, and when.
    several: Option<(Instant, Vec<PublicKey>)>,
}

impl Mentions {
    /// Whether to tell of one more hub.
    pub(super) fn of_one(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let passed = (now.saturating_duration_since(since).as_secs() / ANOTHER_EVERY.as_secs()) as u32;
        if passed > 0 {
            self.told = self.told.saturating_sub(passed);
            self.since = Some(since + ANOTHER_EVERY * passed);
        }
        let is_told = self.told < AT_ONCE;
        self.told += u32::from(is_told);
        is_told
    }

    /// Whether to tell of a hub that is not this device's: once each.
    pub(super) fn of_another(&mut self, now: Instant, hub: &PublicKey) -> bool {
        if self.others.contains(hub) || !self.of_one(now) {
            return false;
        }
        if self.others.len() == REMEMBERED {
            self.others.remove(0);
        }
        self.others.push(*hub);
        true
    }

    /// Whether to tell of these, between which somebody has to choose: when they are others than before, and not all the time.
    pub(super) fn of_several(&mut self, now: Instant, hubs: &[(PublicKey, SocketAddr)]) -> bool {
        let mut keys: Vec<PublicKey> = hubs.iter().map(|(hub, _)| *hub).collect();
        keys.sort_unstable_by_key(|key| key.0);
        let is_due = match &self.several {
            None => true,
            Some((at, before)) => *before != keys && now.saturating_duration_since(*at) >= LIST_EVERY,
        };
        if is_due {
            self.several = Some((now, keys));
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_liar_with_many_keys_gets_a_few_lines() {
        let (mut mentions, t0) = (Mentions::default(), crate::clock::now().mono);
        let key = |n: u32| PublicKey(std::array::from_fn(|i| (n >> (i % 4 * 8)) as u8));
        let at = |second: u64| t0 + Duration::from_secs(second);
        assert_eq!((0..300).filter(|n| mentions.of_another(at(1), &key(*n))).count(), 8);
        assert_eq!((0..36_000).filter(|n| mentions.of_another(at(u64::from(n / 10)), &key(*n))).count(), 5);
        let mut lists = 0;
        for n in 0..300 {
            let hubs = [(key(1), "10.0.0.1:1".parse().unwrap()), (key(n), "10.0.0.2:1".parse().unwrap())];
            lists += u32::from(mentions.of_several(at(u64::from(n)), &hubs));
        }
        assert_eq!(lists, 5);
    }
}
