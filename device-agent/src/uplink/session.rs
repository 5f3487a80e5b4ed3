//! One session with a hub: what was said, when an answer is due, and what the answers tell about path and clock.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wire::handshake::{Standing, Verdict};
use wire::message::{Ack, Control};
use wire::packet::Data;
use wire::seal::{REFUSE_AFTER_SECS, REKEY_AFTER_PACKETS, REKEY_AFTER_SECS, Transport};
use wire::{DecodeError, Numbering, PublicKey};

use super::drift::Drift;
use super::patience::{Patience, Presence};
use super::rtt::Rtt;
use crate::clock::Now;

/// Packets whose sending time is remembered: more than are ever in flight between two acknowledgements.
const REMEMBERED: usize = 256;
/// How often a device that waits for adoption introduces itself again.
pub(super) const HELLO_EVERY: Duration = Duration::from_secs(10);
/// First wait for an answer to an introduction.
const FIRST_HELLO: Duration = Duration::from_secs(1);
/// How often a hub is asked whether it knows of numberings: an older one never answers.
const ASK_NUMBERING: u32 = 8;
/// How often an idle device shows that it is alive.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// The same while an answer is missing: of three questions a network that loses a third loses all, or their answers, every
/// eighth time; of seven every hundredth.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Round trip and clock, measured from acknowledgements; outlives sessions.
#[derive(Debug, Default)]
pub(super) struct Path {
    /// Sent to acknowledged, with the hub's commit in it: what timeouts follow.
    pub(super) acks: Rtt,
    /// There and back, without the hub's own time.
    pub(super) wire: Rtt,
    /// The device's clock minus the hub's, in milliseconds.
    pub(super) clock_offset_ms: Option<i64>,
    /// How that changes.
    pub(super) drift: Drift,
}

/// A session and its timers.
#[derive(Debug)]
pub(super) struct Session {
    transport: Transport,
    /// The device's own name for it.
    pub(super) index: u32,
    pub(super) address: SocketAddr,
    pub(super) hub: PublicKey,
    pub(super) standing: Standing,
    /// Sensors the hub knows.
    pub(super) known_sensors: u16,
    /// The numbering that the hub says it follows, once it said so.
    pub(super) numbered: Option<Numbering>,
    /// How often it was asked.
    numbering_asked: u32,
    /// A packet of the hub was opened: it has the key.
    pub(super) confirmed: bool,
    since: Instant,
    /// Counter, and both clocks, of the newest packets.
    log: VecDeque<(u64, Now)>,
    patience: Patience,
    pub(super) hello_due: Instant,
    /// Introductions without an answer.
    hellos: u32,
    pub(super) status_due: Instant,
    pub(super) dictionary_due: Instant,
    plain: Vec<u8>,
}

impl Session {
    pub(super) fn new(
        transport: Transport,
        index: u32,
        address: SocketAddr,
        hub: PublicKey,
        verdict: &Verdict,
        now: Instant,
    ) -> Self {
        Self {
            transport,
            index,
            address,
            hub,
            standing: verdict.standing,
            known_sensors: verdict.known_sensors,
            numbered: None,
            numbering_asked: 0,
            confirmed: false,
            since: now,
            log: VecDeque::new(),
            patience: Patience::default(),
            hello_due: now,
            hellos: 0,
            status_due: now,
            dictionary_due: now,
            plain: Vec::new(),
        }
    }

    /// Seals what `encode` writes and notes that an answer is due. Returns the packet's counter.
    pub(super) fn seal(
        &mut self,
        now: Now,
        path: &Path,
        out: &mut Vec<u8>,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Option<u64> {
        encode(&mut self.plain);
        let counter = self.transport.seal(&self.plain, out).ok()?;
        if self.log.len() == REMEMBERED {
            self.log.pop_front();
        }
        self.log.push_back((counter, now));
        self.patience.asked(path.acks.expected(), path.wire.expected(), now.mono);
        Some(counter)
    }

    /// Seals a control message.
    pub(super) fn seal_control(&mut self, now: Now, path: &Path, out: &mut Vec<u8>, control: &Control) -> Option<u64> {
        self.seal(now, path, out, |plain| control.encode(plain))
    }

    /// An introduction was sent. A hub that is busy with a whole fleet needs no more of them: the wait doubles.
    pub(super) fn introduced(&mut self, now: Instant) {
        self.hello_due = if self.confirmed {
            now + HELLO_EVERY
        } else {
            now + (FIRST_HELLO * 2_u32.pow(self.hellos.min(4))).min(HELLO_EVERY)
        };
        self.hellos += 1;
    }

    /// Opens a packet of the hub: it lives, and `from` is where it lives.
    pub(super) fn open(&mut self, from: SocketAddr, data: &Data<'_>, plain: &mut Vec<u8>) -> Result<(), DecodeError> {
        let newest = data.counter >= self.transport.newest();
        self.transport.open(data, plain)?;
        if newest {
            self.address = from;
        }
        self.patience.answered();
        Ok(())
    }

    /// Learns the path and the clock from an acknowledgement.
    pub(super) fn measure(&self, now: Now, ack: &Ack, path: &mut Path) {
        let Some(&(oldest, _)) = self.log.front() else { return };
        let position = ack.echo_counter.checked_sub(oldest).and_then(|position| usize::try_from(position).ok());
        let Some(&(_, sent)) = position.and_then(|position| self.log.get(position)) else { return };
        let round_trip = now.mono.saturating_duration_since(sent.mono);
        let in_hub = u64::try_from(ack.now.since(ack.echo_received)).unwrap_or(0);
        path.wire.sample(round_trip.saturating_sub(Duration::from_millis(in_hub)));
        // The same packet is echoed again by acknowledgements that follow without another packet; the fastest is the
        // honest one, and the difference is at most the hub's commit.
        let there = sent.unix.since(ack.echo_received);
        let back = now.unix.since(ack.now);
        let both_ways = there.saturating_add(back);
        path.clock_offset_ms = Some(both_ways / 2);
        path.drift.sample(now.mono, both_ways as f64 / 2.0, round_trip);
    }

    /// The clock that noted them was set since.
    pub(super) fn forget_sending_times(&mut self) {
        self.log.clear();
    }

    /// The hub says how many sensors it knows; if it knows more than before, it may be told the next ones at once.
    pub(super) fn learn_sensors(&mut self, known: u16, now: Instant) {
        if known > self.known_sensors {
            self.dictionary_due = now;
        }
        self.known_sensors = known;
    }

    /// The device's numbers stand for other sensors: the hub knows none of them.
    pub(super) fn renumber(&mut self) {
        self.numbered = None;
        self.known_sensors = 0;
        self.numbering_asked = 0;
    }

    /// Whether batches may speak in this numbering, and counts of sensors are of it. The first one needs no word of the hub.
    pub(super) fn follows(&self, numbering: Numbering) -> bool {
        numbering == Numbering::FIRST || self.numbered == Some(numbering)
    }

    /// Whether to tell the hub of this numbering: until it follows, and of the first, to find out whether it knows how to, a
    /// few times.
    pub(super) fn wants_numbering(&self, numbering: Numbering, asks: bool) -> bool {
        let is_first = numbering == Numbering::FIRST;
        self.numbered != Some(numbering) && (!is_first || (asks && self.numbering_asked < ASK_NUMBERING))
    }

    /// The hub was told of the numbering, and has until then to answer.
    pub(super) fn numbering_told(&mut self, again: Instant) {
        self.numbering_asked = self.numbering_asked.saturating_add(1);
        self.dictionary_due = again;
    }

    /// A status was sent.
    pub(super) fn status_sent(&mut self, now: Instant) {
        self.status_due = now + if self.patience.is_worn() { ASK_EVERY } else { STATUS_EVERY };
    }

    /// When to look again whether an answer came.
    pub(super) const fn answer_due(&self) -> Option<Instant> {
        self.patience.due()
    }

    /// Counts an answer as missed if it is overdue, and tells then what the hub is taken for.
    pub(super) fn missed(&mut self, now: Instant) -> Option<Presence> {
        let presence = self.patience.missed(now)?;
        // Ask for a sign of life: a hub answers the status of an adopted device, and the hello of any other.
        self.status_due = now;
        if self.confirmed {
            self.hello_due = now;
        }
        Some(presence)
    }

    /// What the hub is taken for.
    pub(super) const fn presence(&self) -> Presence {
        self.patience.presence()
    }

    /// When the keys have served long enough; soon, if they are used up.
    pub(super) fn rekey_due(&self) -> Instant {
        let age = if self.transport.sealed() >= REKEY_AFTER_PACKETS { 0 } else { REKEY_AFTER_SECS };
        self.since + Duration::from_secs(age)
    }

    /// Whether the keys must not be used any more.
    pub(super) fn is_dead(&self, now: Instant) -> bool {
        now >= self.since + Duration::from_secs(REFUSE_AFTER_SECS)
    }
}
