//! What is not understood: the last message of each topic, for people who know what it means.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::heard::Why;
use crate::model::UnixMillis;

/// Topics that are remembered.
const MOST: usize = 200;
/// Bytes of a message that are.
const BYTES: usize = 1_024;
/// Longest topic that is.
const TOPIC: usize = 512;

/// A topic whose messages are not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub topic: String,
    pub why: Why,
    /// How many came.
    pub count: u64,
    /// The last one, cut, and with marks in place of what is no text.
    pub payload: String,
    /// When that came.
    pub at: UnixMillis,
}

#[derive(Debug, Default)]
struct Known {
    topics: BTreeMap<String, Entry>,
    counts: BTreeMap<Why, u64>,
}

/// The topics.
#[derive(Debug, Default)]
pub(crate) struct Unread(Mutex<Known>);

impl Unread {
    pub(super) fn note(&self, topic: &str, payload: &[u8], why: Why, at: UnixMillis) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known.counts.entry(why).or_default() += 1;
        if topic.len() > TOPIC {
            return;
        }
        let payload = String::from_utf8_lossy(payload.get(..BYTES).unwrap_or(payload)).into_owned();
        let count = known.topics.get(topic).map_or(1, |before| before.count + 1);
        let is_full = known.topics.len() >= MOST && !known.topics.contains_key(topic);
        if is_full {
            // One that is not heard any longer makes place.
            let oldest = known.topics.values().min_by_key(|entry| entry.at).map(|entry| entry.topic.clone());
            oldest.map(|oldest| known.topics.remove(&oldest));
        }
        known.topics.insert(topic.to_owned(), Entry { topic: topic.to_owned(), why, count, payload, at });
    }

    /// A topic is understood now.
    pub(super) fn forget(&self, topic: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.topics.remove(topic);
    }

    /// Forgets topics of which somebody said what they are: if they are still not understood, they come again.
    pub(super) fn forget_if(&self, is_said: impl Fn(&str) -> bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.topics.retain(|topic, _| !is_said(topic));
    }

    /// All of them, by topic.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).topics.values().cloned().collect()
    }

    /// How many messages were not understood, by why.
    pub(crate) fn counts(&self) -> Vec<(&'static str, u64)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.counts.iter().map(|(why, count)| (why.word(), *count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_message_of_each_topic_is_remembered_within_bounds() {
        let unread = Unread::default();
        for number in 0..300 {
            unread.note(&format!("t/{number:03}"), &[b'x'; 5_000], Why::Text, UnixMillis(number));
        }
        unread.note("t/299", b"\xff", Why::Binary, UnixMillis(300));
        let entries = unread.entries();
        assert_eq!((entries.len(), entries[0].topic.as_str(), entries[0].payload.len()), (MOST, "t/100", BYTES));
        let last = entries.last().unwrap();
        assert_eq!((last.count, last.why, last.payload.as_str()), (2, Why::Binary, "\u{fffd}"));
        assert_eq!(unread.counts(), [("text", 300), ("binary", 1)]);
        unread.forget("t/299");
        assert_eq!(unread.entries().len(), MOST - 1);
    }
}
