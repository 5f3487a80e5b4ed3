//! Whether a device is there, where that is said in a topic beside those of its readings, and announced by nobody. PURE.
//!
//! ```text
//!   greenhouse/status   online                     (held: nobody knows yet whose it is)
//!   greenhouse/sensor/air/state   21.5             device greenhouse: air, and available
//!   greenhouse/status   offline                    device greenhouse: available
//! ```
//!
//! A program says it when it connects, before its first reading. So what is said of nobody is held until there is one of that name.

use std::collections::HashMap;
use std::sync::Arc;

use super::message::Body;
use super::reading::{Found, Heard, Party};
use super::topic::{Topic, fitting};

/// Devices that are remembered, and of how many it is held whether they are there.
const MOST: usize = 5_000;

/// Devices that are called as their topics begin, and who is there of those that nobody has heard of.
#[derive(Debug, Default)]
pub(super) struct Presence {
    known: HashMap<String, Arc<Party>>,
    held: HashMap<String, bool>,
}

impl Presence {
    /// What is said of whether a device is there; none of other topics.
    pub(super) fn read(&mut self, topic: &Topic<'_>, body: &Body<'_>) -> Option<Heard> {
        let (before, last) = topic.last();
        let text = body.text()?;
        let is_there = match (last, text) {
            ("status" | "availability" | "online", "online") | ("online", "true") => true,
            ("status" | "availability" | "online", "offline") | ("online", "false") => false,
            _ => return None,
        };
        let name = fitting(before.trim_matches('/'));
        if name.is_empty() {
            return None;
        }
        if let Some(device) = self.known.get(name) {
            return Some(Heard::Readings(vec![Found::available(device, is_there)]));
        }
        if self.held.len() < MOST || self.held.contains_key(name) {
            self.held.insert(name.to_owned(), is_there);
        }
        Some(Heard::Aside)
    }

    /// Remembers of whom these are, and adds what is held of them.
    pub(super) fn meet(&mut self, mut heard: Heard) -> Heard {
        let Heard::Readings(found) = &mut heard else { return heard };
        let mut there = Vec::new();
        for device in found.iter().map(|found| &found.device) {
            if self.known.contains_key(&device.name) || self.known.len() >= MOST {
                continue;
            }
            self.known.insert(device.name.clone(), Arc::clone(device));
            there.extend(self.held.remove(&device.name).map(|is_there| Found::available(device, is_there)));
        }
        found.append(&mut there);
        heard
    }
}
