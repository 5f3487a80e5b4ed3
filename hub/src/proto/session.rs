//! One sealed session with one device (keys, address, acknowledgements that are due), and the table of all sessions.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wire::handshake::Start;
use wire::packet::Data;
use wire::seal::{KEEP_PREVIOUS_SECS, REFUSE_AFTER_SECS, Transport};
use wire::{BatchSeq, DecodeError, Epoch, Inserted, PublicKey, SeqSet, UnixMillis};

use super::Moment;

/// Sessions one device may have: the one in use, the one before it, and one being opened.
const PER_DEVICE: usize = 3;
/// How long an answered handshake may take to be confirmed by a first packet.
const CONFIRM_WITHIN: Duration = Duration::from_secs(30);
/// How long a stranger's answered handshake keeps its place when others want it: an answer that got lost is asked for
/// again, and a way there and back takes less.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
/// How long a session may live whose device is neither adopted nor waits to be: a join takes less.
pub(super) const STRANGER_TTL: Duration = Duration::from_secs(120);
/// How long a session that does not speak for its device may be silent.
const BYSTANDER_TTL: Duration = Duration::from_secs(600);
/// Boots whose acknowledged batches a session remembers.
const MAX_EPOCHS: usize = 16;
/// Half of the time over which loss is measured.
const LOSS_HALF: Duration = Duration::from_secs(150);

/// A session: keys, peer, and what is measured of the way between.
#[derive(Debug)]
pub(super) struct Session {
    transport: Transport,
    pub(super) peer: PublicKey,
    pub(super) address: SocketAddr,
    /// Join token its handshake used.
    pub(super) token: Option<u64>,
    pub(super) handshake_counter: u64,
    /// Which start of the agent speaks in it.
    pub(super) start: Start,
    pub(super) since: UnixMillis,
    opened_at: Instant,
    heard_at: Instant,
    /// Key confirmed by a first authentic packet.
    pub(super) confirmed: bool,
    /// On disk since the last acknowledgement, of what came in this session.
    pub(super) owed: Vec<(Epoch, BatchSeq)>,
    pub(super) ack_queued: bool,
    /// What came in this session and is on disk: an acknowledgement names nothing else, because another machine with the
    /// same key may have given the same numbers to other batches.
    known: Vec<(Epoch, SeqSet)>,
    /// Newest counter and when it came: echoed in acknowledgements, so that the device can measure the way.
    pub(super) echo: (u64, UnixMillis),
    /// (newest, opened) at the start of this half and of the one before.
    loss_marks: [(u64, u64); 2],
    loss_turned: Instant,
}

impl Session {
    /// Opens a packet. Its source becomes the device's address if it is the newest so far: devices roam.
    pub(super) fn open(
        &mut self,
        moment: Moment,
        from: SocketAddr,
        data: &Data<'_>,
        plain: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        self.transport.open(data, plain)?;
        if data.counter + 1 == self.transport.newest() {
            self.address = from;
            self.echo = (data.counter, moment.wall);
        }
        self.confirmed = true;
        self.heard_at = moment.now;
        if moment.now.saturating_duration_since(self.loss_turned) >= LOSS_HALF {
            self.loss_marks = [self.loss_marks[1], (self.transport.newest(), self.transport.opened())];
            self.loss_turned = moment.now;
        }
        Ok(())
    }

    /// A batch that came in this session is on disk.
    pub(super) fn owe(&mut self, epoch: Epoch, seq: BatchSeq) {
        self.owed.push((epoch, seq));
        let Some(known) = self.known_mut(epoch) else { return };
        if known.insert(seq) == Inserted::Full {
            // What was named before was named; the device repeats what it did not hear of.
            *known = SeqSet::default();
            known.insert(seq);
        }
    }

    /// The device holds nothing below `floor` in this session: nothing there is named wrongly, and what of it comes all the same
    /// was long on its way.
    pub(super) fn raise(&mut self, epoch: Epoch, floor: BatchSeq) {
        if let Some(known) = self.known_mut(epoch) {
            known.raise_mark(floor);
        }
    }

    /// Whether a batch of this number came in this session and is on disk, or will never come. A session is of one machine, and
    /// that gives a number once.
    pub(super) fn is_done(&self, epoch: Epoch, seq: BatchSeq) -> bool {
        self.known(epoch).is_some_and(|known| known.contains(seq))
    }

    fn known_mut(&mut self, epoch: Epoch) -> Option<&mut SeqSet> {
        let place = match self.known.iter().position(|(known, _)| *known == epoch) {
            Some(place) => place,
            None => {
                if self.known.len() >= MAX_EPOCHS {
                    self.known.remove(0);
                }
                self.known.push((epoch, SeqSet::default()));
                self.known.len() - 1
            }
        };
        self.known.get_mut(place).map(|(_, known)| known)
    }

    /// The newest boot of which something came in this session, and its mark.
    pub(super) fn newest_mark(&self) -> Option<(Epoch, BatchSeq)> {
        self.known.iter().map(|(epoch, known)| (*epoch, known.mark())).max()
    }

    /// What came in this session of a boot and is on disk.
    pub(super) fn known(&self, epoch: Epoch) -> Option<&SeqSet> {
        self.known.iter().find(|(known, _)| *known == epoch).map(|(_, known)| known)
    }

    /// Seals a message; `false` when the session is used up and the device must open another.
    pub(super) fn seal(&mut self, message: &[u8], out: &mut Vec<u8>) -> bool {
        self.transport.seal(message, out).is_ok()
    }

    /// Packets lost between the device and here over the last five minutes, in percent.
    pub(super) fn loss_pct(&self) -> f64 {
        let (newest, opened) = self.loss_marks[0];
        let sent = self.transport.newest() - newest;
        let got = self.transport.opened() - opened;
        if sent == 0 { 0.0 } else { (1.0 - got as f64 / sent as f64).clamp(0.0, 1.0) * 100.0 }
    }

    fn is_dead(&self, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.opened_at);
        let silent = now.saturating_duration_since(self.heard_at);
        age >= Duration::from_secs(REFUSE_AFTER_SECS) || (!self.confirmed && silent >= CONFIRM_WITHIN)
    }
}

/// Every session by the hub's own index, and by the device's key.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_index: HashMap<u32, Session>,
    by_peer: HashMap<PublicKey, Vec<u32>>,
    /// Handshakes answered within the last [`CONFIRM_WITHIN`], oldest first, confirmed or not.
    answered: VecDeque<(Instant, u32)>,
}

impl Sessions {
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Session> {
        self.by_index.get_mut(&index)
    }

    pub(super) fn contains(&self, index: u32) -> bool {
        self.by_index.contains_key(&index)
    }

    /// The session to talk to a device through: the one that speaks for it, else the newest that it has confirmed.
    pub(super) fn current(&self, peer: &PublicKey, speaks: Option<u32>) -> Option<u32> {
        let newest_confirmed = |index: &&u32| self.by_index.get(index).is_some_and(|session| session.confirmed);
        let indices = self.by_peer.get(peer)?;
        let newest = || indices.iter().rev().find(newest_confirmed).copied();
        speaks.filter(|index| self.by_index.contains_key(index)).or_else(newest)
    }

    /// Adds a session that a handshake opened; the device's oldest one that does not speak for it gives way.
    pub(super) fn add(
        &mut self,
        moment: Moment,
        index: u32,
        transport: Transport,
        (peer, speaks): (PublicKey, Option<u32>),
        from: SocketAddr,
        (token, handshake_counter, start): (Option<u64>, u64, Start),
    ) {
        let indices = self.by_peer.entry(peer).or_default();
        if indices.len() >= PER_DEVICE {
            // An unconfirmed one goes first: a replayed handshake must not push out a live session.
            let by_index = &self.by_index;
            let unconfirmed =
                indices.iter().position(|index| by_index.get(index).is_none_or(|session| !session.confirmed));
            let bystander = || indices.iter().position(|index| Some(*index) != speaks);
            let gone = indices.remove(unconfirmed.or_else(bystander).unwrap_or(0));
            self.by_index.remove(&gone);
        }
        indices.push(index);
        let session = Session {
            transport,
            peer,
            address: from,
            token,
            handshake_counter,
            start,
            since: moment.wall,
            opened_at: moment.now,
            heard_at: moment.now,
            confirmed: false,
            owed: Vec::new(),
            ack_queued: false,
            known: Vec::new(),
            echo: (0, moment.wall),
            loss_marks: [(0, 0); 2],
            loss_turned: moment.now,
        };
        self.by_index.insert(index, session);
        self.answered.push_back((moment.now, index));
    }

    /// Makes a place for another stranger by ending the oldest session that a stranger has not confirmed in time; `false`
    /// when there is none.
    pub(super) fn give_way(&mut self, now: Instant, is_stranger: impl Fn(&PublicKey) -> bool) -> bool {
        while let Some((_, index)) =
            self.answered.pop_front_if(|(at, _)| now.saturating_duration_since(*at) >= ANSWERED_WITHIN)
        {
            let Some(session) = self.by_index.get(&index) else { continue };
            if session.confirmed || !is_stranger(&session.peer) {
                continue;
            }
            let peer = session.peer;
            self.by_index.remove(&index);
            let Some(indices) = self.by_peer.get_mut(&peer) else { continue };
            indices.retain(|other| *other != index);
            if indices.is_empty() {
                self.by_peer.remove(&peer);
                return true;
            }
        }
        false
    }

    /// Ends every session of a device.
    pub(super) fn end(&mut self, peer: &PublicKey) {
        for index in self.by_peer.remove(peer).into_iter().flatten() {
            self.by_index.remove(&index);
        }
    }

    /// Ends one session.
    pub(super) fn end_one(&mut self, index: u32) {
        let Some(session) = self.by_index.remove(&index) else { return };
        let Some(indices) = self.by_peer.get_mut(&session.peer) else { return };
        indices.retain(|other| *other != index);
        if indices.is_empty() {
            self.by_peer.remove(&session.peer);
        }
    }

    /// Whether a device has a session.
    pub(super) fn knows(&self, peer: &PublicKey) -> bool {
        self.by_peer.contains_key(peer)
    }

    /// Devices that have a session.
    pub(super) fn peers(&self) -> usize {
        self.by_peer.len()
    }

    /// Ends what has lived too long: dead sessions, those replaced more than a minute ago, silent ones that do not speak for
    /// their device, and after [`STRANGER_TTL`] those of keys that are not awaited. `of_peer`: whether it is, and by which
    /// session it speaks.
    pub(super) fn sweep(&mut self, now: Instant, of_peer: impl Fn(&PublicKey) -> (bool, Option<u32>)) {
        while self.answered.pop_front_if(|(at, _)| now.saturating_duration_since(*at) >= CONFIRM_WITHIN).is_some() {}
        let by_index = &mut self.by_index;
        self.by_peer.retain(|peer, indices| {
            let (awaited, speaks) = of_peer(peer);
            let speaks = speaks.filter(|index| by_index.contains_key(index));
            let newest =
                || indices.iter().rev().find_map(|index| by_index.get(index).filter(|session| session.confirmed));
            let current = speaks.and_then(|index| by_index.get(&index)).or_else(newest);
            let current_at = current.map(|session| session.opened_at);
            indices.retain(|index| {
                let replaced = |session: &Session| {
                    current_at.is_some_and(|at| {
                        session.opened_at < at
                            && now.saturating_duration_since(at) >= Duration::from_secs(KEEP_PREVIOUS_SECS)
                    })
                };
                let silent = |session: &Session| {
                    speaks.is_some_and(|speaks| speaks != *index)
                        && now.saturating_duration_since(session.heard_at) >= BYSTANDER_TTL
                };
                let overstays =
                    |session: &Session| !awaited && now.saturating_duration_since(session.opened_at) >= STRANGER_TTL;
                let keep = by_index.get(index).is_some_and(|session| {
                    !(session.is_dead(now) || replaced(session) || silent(session) || overstays(session))
                });
                if !keep {
                    by_index.remove(index);
                }
                keep
            });
            !indices.is_empty()
        });
    }
}
