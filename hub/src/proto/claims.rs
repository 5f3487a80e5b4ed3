//! Decides which of a device's sessions is the device, when a second machine has its key: a copied memory card, a
//! restored snapshot. PURE.
//!
//! ```text
//!   holder ◀── another start of the agent waits, until the holder is silent: it was stopped, this is the next start
//!      │                     └── both go on speaking ──▶ conflict: the one that came later is refused, it and its starts after
//!      └── the same start, or one that does not say: a fresh session of the same machine, it speaks at once
//!                            └── the older session goes on speaking as well ──▶ conflict: the newer one is refused
//! ```
//!
//! An agent sends something every five seconds at least, and only one agent runs on a state folder (it is locked). So two sessions
//! that speak in turns are two machines. A restart, a new address, two interfaces and an agent that was killed with packets on
//! the way do not look like that.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wire::handshake::Start;

use super::Moment;
use crate::model::device::{Claim, Conflict};

/// A session that was not heard for this long is gone: longer than the pause of a living agent, with one packet lost.
const SILENT: Duration = Duration::from_secs(7);
/// The same for one that is asked each second.
const SILENT_WHEN_ASKED: Duration = Duration::from_secs(3);
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Changes between two sessions that prove two machines: fewer may be late packets.
const TURNS: u32 = 6;
const TURNS_TAKE: Duration = Duration::from_secs(5);
/// A conflict is over when the refused machine was not heard for this long.
const OVER_AFTER: Duration = Duration::from_secs(600);
/// How often both machines are told of the conflict.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// Starts of refused machines that are remembered.
const MAX_REFUSED: usize = 16;

/// What a session may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// It speaks for the device.
    Speaks,
    /// Nothing is taken from it until it is clear who it is.
    Waits,
    /// Another machine is the device.
    Refused,
}

#[derive(Debug, Clone, Copy)]
struct Voice {
    index: u32,
    start: Start,
    /// Of the handshake that opened it.
    counter: u64,
    address: SocketAddr,
    heard_at: Instant,
}

/// The other session that is heard.
#[derive(Debug)]
struct Rival {
    voice: Voice,
    since: Instant,
    turns: u32,
    spoke_last: bool,
    /// It is the older one of the same start, as far as is known: it was replaced, or is another machine.
    replaced: bool,
    asked_at: Option<Instant>,
}

/// Decides which of several sessions speaks for a device.
#[derive(Debug, Default)]
pub(super) struct Claims {
    holder: Option<Voice>,
    /// The newest start that spoke for the device.
    start: u16,
    /// The counter of the handshake that opened the holder's session: a lower or equal one is a replay.
    handshake_counter: u64,
    rival: Option<Rival>,
    refused: Vec<u16>,
    /// A session of a start that cannot be told from the holder's.
    refused_session: Option<u32>,
    conflict: Option<(Conflict, Instant)>,
    /// The refused session that was heard last.
    other: Option<u32>,
    told_at: Option<Instant>,
    news: bool,
}

impl Claims {
    /// As it was saved.
    pub(super) fn restored(claim: Claim, now: Instant) -> Self {
        let Claim { start, refused, conflict, handshake_counter } = claim;
        Self {
            start,
            refused,
            handshake_counter,
            conflict: conflict.map(|conflict| (conflict, now)),
            ..Self::default()
        }
    }

    /// The highest counter of a handshake that spoke for the device.
    pub(super) const fn handshake_counter(&self) -> u64 {
        self.handshake_counter
    }

    /// The session to talk to the device through.
    pub(super) fn holder(&self) -> Option<u32> {
        self.holder.map(|voice| voice.index)
    }

    /// A packet of a session was decrypted, and is not a replay.
    pub(super) fn heard(
        &mut self,
        moment: Moment,
        index: u32,
        (start, counter): (Start, u64),
        from: SocketAddr,
    ) -> Stand {
        let voice = Voice { index, start, counter, address: from, heard_at: moment.now };
        if self.is_holder(voice) {
            return Stand::Speaks;
        }
        if self.is_refused(index, start) {
            self.refuse(moment, voice);
            return Stand::Refused;
        }
        let Some(holder) = self.holder else { return self.takes_over(voice) };
        let is_same = self.is_same_machine(holder.start, start);
        match &mut self.rival {
            Some(rival) if rival.voice.index == index => {
                rival.voice = voice;
                rival.turns += u32::from(!std::mem::replace(&mut rival.spoke_last, true));
            }
            _ if is_same => {
                // Fresh keys; the older session may have something on the way.
                self.rival = Some(Rival { spoke_last: false, ..Rival::new(holder, moment.now, true) });
                return self.takes_over(voice);
            }
            _ => self.rival = Some(Rival::new(voice, moment.now, false)),
        }
        self.against(moment, holder)
    }

    /// Whether it is the session that speaks for the device, which then was heard.
    fn is_holder(&mut self, voice: Voice) -> bool {
        let Some(holder) = self.holder.as_mut().filter(|holder| holder.index == voice.index) else { return false };
        (holder.heard_at, holder.address) = (voice.heard_at, voice.address);
        if let Some(rival) = &mut self.rival {
            rival.turns += u32::from(std::mem::replace(&mut rival.spoke_last, false));
        }
        true
    }

    /// Whether a new session is of the holder's machine, as far as their starts tell.
    fn is_same_machine(&self, holder: Start, start: Start) -> bool {
        let both_say = start.number != 0 && holder.number != 0;
        let same = both_say && start.number == holder.number && self.refused_session.is_none();
        same || (self.conflict.is_none() && !(both_say && start.number != holder.number))
    }

    /// What the rival may do that was just heard.
    fn against(&mut self, moment: Moment, holder: Voice) -> Stand {
        let Some(rival) = &self.rival else { return Stand::Waits };
        let now = moment.now;
        if rival.turns >= TURNS && now.saturating_duration_since(rival.since) >= TURNS_TAKE {
            return self.both_live(moment);
        }
        if rival.replaced {
            return Stand::Speaks;
        }
        let silent = now.saturating_duration_since(holder.heard_at);
        let asked = now.saturating_duration_since(rival.since.max(holder.heard_at));
        if silent >= SILENT || asked >= SILENT_WHEN_ASKED {
            let voice = rival.voice;
            self.rival = None;
            return self.takes_over(voice);
        }
        if self.conflict.is_some() { Stand::Refused } else { Stand::Waits }
    }

    /// Whether the holder shall be asked for a sign of life, since another session waits for its silence.
    pub(super) fn asks(&mut self, now: Instant) -> Option<u32> {
        let rival = self.rival.as_mut().filter(|rival| !rival.replaced)?;
        if rival.asked_at.is_some_and(|at| now.saturating_duration_since(at) < ASK_EVERY) {
            return None;
        }
        rival.asked_at = Some(now);
        self.holder.map(|holder| holder.index)
    }

    /// A session said goodbye.
    pub(super) fn left(&mut self, index: u32) {
        if self.holder.is_some_and(|holder| holder.index == index) {
            self.holder = None;
        }
        if self.rival.as_ref().is_some_and(|rival| rival.voice.index == index) {
            self.rival = None;
        }
    }

    /// The conflict, and the session of the other machine, when it is time to tell both of it.
    pub(super) fn notice(&mut self, now: Instant) -> Option<(Conflict, Option<u32>)> {
        let due = self.told_at.is_none_or(|at| now.saturating_duration_since(at) >= TELL_EVERY);
        let (conflict, _) = self.conflict.filter(|_| due)?;
        self.told_at = Some(now);
        Some((conflict, self.other))
    }

    /// Time passed: a conflict of which nothing was heard for long is over.
    pub(super) fn expire(&mut self, now: Instant) {
        if self.conflict.as_ref().is_some_and(|(_, heard)| now.saturating_duration_since(*heard) >= OVER_AFTER) {
            (self.conflict, self.refused_session, self.news) = (None, None, true);
        }
    }

    /// What is to be saved and shown, if it changed.
    pub(super) fn take_news(&mut self) -> Option<Claim> {
        std::mem::take(&mut self.news).then(|| Claim {
            start: self.start,
            refused: self.refused.clone(),
            conflict: self.conflict.map(|(conflict, _)| conflict),
            handshake_counter: self.handshake_counter,
        })
    }

    fn is_refused(&self, index: u32, start: Start) -> bool {
        let known = |number: u16| number != 0 && self.refused.contains(&number);
        self.refused_session == Some(index) || known(start.number) || known(start.before)
    }

    fn takes_over(&mut self, voice: Voice) -> Stand {
        self.holder = Some(voice);
        self.handshake_counter = self.handshake_counter.max(voice.counter);
        if voice.start.number != self.start {
            (self.start, self.news) = (voice.start.number, true);
        }
        Stand::Speaks
    }

    /// The rival has spoken in turns with the holder: the one with the older session is the device.
    fn both_live(&mut self, moment: Moment) -> Stand {
        let (Some(holder), Some(rival)) = (self.holder, self.rival.take()) else { return Stand::Waits };
        let (original, other) = if rival.replaced { (rival.voice, holder) } else { (holder, rival.voice) };
        self.holder = Some(original);
        // Otherwise the device itself could open no session any more, because the other machine's counter may be ahead.
        self.handshake_counter = original.counter;
        if other.start.number == original.start.number || other.start.number == 0 {
            self.refused_session = Some(other.index);
        }
        self.refuse(moment, other);
        if rival.replaced { Stand::Speaks } else { Stand::Refused }
    }

    fn refuse(&mut self, moment: Moment, other: Voice) {
        let number = other.start.number;
        let is_holders = self.holder.is_some_and(|holder| holder.start.number == number) || number == self.start;
        if number != 0 && !is_holders && !self.refused.contains(&number) {
            if self.refused.len() == MAX_REFUSED {
                self.refused.remove(0);
            }
            self.refused.push(number);
            self.news = true;
        }
        let before = self.conflict.as_ref().map(|(conflict, _)| *conflict);
        // The device itself may be away at the moment; its address is then known from before.
        let known = || before.map(|before| before.holder);
        let Some(holder) = self.holder.map(|holder| holder.address).or_else(known) else {
            return;
        };
        let since = before.map_or(moment.wall, |before| before.since);
        let conflict = Conflict { holder, other: other.address, since };
        self.news |= before != Some(conflict);
        self.conflict = Some((conflict, moment.now));
        self.other = Some(other.index);
    }
}

impl Rival {
    const fn new(voice: Voice, since: Instant, replaced: bool) -> Self {
        Self { voice, since, turns: 0, spoke_last: true, replaced, asked_at: None }
    }
}
