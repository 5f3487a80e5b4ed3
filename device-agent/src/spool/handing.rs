//! Batches on their way to the uplink: handed out lane by lane, and taken back when a session is lost.

use std::sync::Arc;
use std::time::Instant;

use wire::Lane;
use wire::ledger::DropReason;

use super::Spool;
use super::lanes::LIVE_FOR;
use super::listed::Key;
use crate::uplink::Outgoing;

impl Spool {
    /// Keeps everything as long as it may have been taken at another time than it says.
    pub fn hold_back(&mut self, hold_back: bool) {
        self.lanes.held_back = hold_back;
    }

    /// Hands out the oldest batch of the live lane.
    pub fn take_live(&mut self, now: Instant) -> Option<Outgoing> {
        if self.lanes.held_back {
            return None;
        }
        while let Some(key) = self.lanes.live.pop_front() {
            match self.listed.held.get(&key) {
                Some(held) if now.saturating_duration_since(held.taken.since(self.opened)) <= LIVE_FOR => {
                    if let Some(outgoing) = self.hand_out(key, Lane::Live) {
                        return Some(outgoing);
                    }
                }
                Some(_) => {
                    self.lanes.backlog.insert(key);
                }
                None => {}
            }
        }
        None
    }

    /// Hands out the newest batch of the backlog.
    pub fn take_backlog(&mut self) -> Option<Outgoing> {
        if self.lanes.held_back {
            return None;
        }
        loop {
            while let Some(key) = self.lanes.backlog.pop_last() {
                if let Some(outgoing) = self.hand_out(key, Lane::Recovered) {
                    return Some(outgoing);
                }
            }
            if !self.warm() {
                return None;
            }
        }
    }

    /// Takes back everything handed out: the session was lost.
    pub fn rewind(&mut self) {
        for key in std::mem::take(&mut self.lanes.handed).into_iter().rev() {
            match self.listed.held.get(&key) {
                Some(held) if held.lane == Lane::Live && key.0 == self.epoch => self.lanes.live.push_front(key),
                Some(_) => {
                    self.lanes.backlog.insert(key);
                }
                None => {}
            }
        }
    }

    fn hand_out(&mut self, key: Key, lane: Lane) -> Option<Outgoing> {
        let held = self.listed.held.get(&key)?;
        let sensors = held.sensors;
        let Some(body) = self.files.body(held) else {
            self.lose(key, DropReason::Unreadable);
            return None;
        };
        self.lanes.handed.insert(key);
        let body = match self.books.moved(key) {
            0 => body,
            ms => wire::batch::moved(&body, ms).map_or(body, Arc::from),
        };
        Some(Outgoing { epoch: key.0, seq: key.1, lane, sensors, body })
    }
}
