//! The composition root: sensors or a recording, through the spool, to the hub. One task, no channels.
//!
//! ```text
//!   Input ──▶ Gather ──▶ Spool ──▶ Uplink ──▶ Net        each round of the loop: settle, send, wait, act
//! ```

mod answering;
mod moments;
mod opening;
mod stretches;
mod taking;

use std::future::Future;
use std::io;
use std::time::{Duration, Instant};

use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tracing::{error, info, warn};
use wire::message::{Claimed, ERROR_LIMIT, Health, SourceError};
use wire::packet::MAX_DATAGRAM;
use wire::{BatchSeq, Epoch};

use self::moments::{Moments, Overwritten};
use self::stretches::Stretches;

use crate::clock::{self, Alarm, Now};
use crate::config::Settings;
use crate::deadband::Deadband;
use crate::feed::Feed;
use crate::identity::{self, Identity};
use crate::input::Input;
use crate::intake::{Arrived, Intake};
use crate::links;
use crate::net::{Net, Received};
use crate::notice;
use crate::resolver::{Resolved, Resolver};
use crate::sampler::Gather;
use crate::seeking::{Found, Search, Seeking};
use crate::sensor::{Moment, Remark, SensorTable};
use crate::status;
use crate::timeline::Timeline;
use crate::trouble::{self, Change, Trouble};
use crate::uplink::{Event, State, words_of};

/// How often the spool is tended and the next status prepared.
const TEND_EVERY: Duration = Duration::from_secs(1);
/// How often the discovery groups are joined again: interfaces come and go.
const REJOIN_EVERY: Duration = Duration::from_secs(60);
/// How long the hub's word that another machine has this identity is believed: it repeats it every few seconds.
const CLAIMED_FOR: Duration = Duration::from_secs(60);
/// Requests for the status that are answered at a time.
const MOST_ANSWERS: usize = 4;
/// Datagrams that are received in a row before anything else is done.
const INBOX: usize = 64;

/// Why an agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state folder.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// The spool or the sensor table.
    #[error("state folder: {0}")]
    State(io::Error),
    /// No socket.
    #[error("cannot open a UDP socket: {0}")]
    Network(io::Error),
    /// The operating system has no randomness.
    #[error(transparent)]
    NoRandomness(#[from] wire::NoRandomness),
}

/// What ended a wait.
enum Woken {
    Received(Received),
    Resolved(Resolved),
    Asked(UnixStream),
    Arrived(Arrived),
    Due,
}

/// A device at work.
pub struct Agent {
    settings: Settings,
    identity: Identity,
    epoch: Epoch,
    /// Token the pin was made with, for the next pin.
    token: u64,
    net: Net,
    feed: Feed,
    gather: Gather,
    timeline: Timeline,
    /// The first batch taken by the clock as it is.
    clock_from: BatchSeq,
    /// What was taken before steps of the clock that are not judged yet.
    stretches: Stretches,
    table: SensorTable,
    /// Sensors without a number, if there are any.
    left_out: Option<Trouble>,
    /// Sensors that are called otherwise than their sources call them.
    told_apart: Vec<Remark>,
    deadband: Deadband,
    input: Input,
    intake: Intake,
    questions: Option<UnixListener>,
    answers: JoinSet<()>,
    resolver: Resolver,
    alarm: Alarm,
    tend_at: Instant,
    rejoin_at: Instant,
    taken: u64,
    moments: Moments,
    overwritten: Overwritten,
    spool_trouble: bool,
    /// When the hub was lost, if it was.
    lost_at: Option<Instant>,
    /// What the hub said of another machine with this identity, and when last.
    claimed: Option<(Claimed, Instant)>,
    seeking: Seeking,
    /// Names that are looked up where none is given.
    names: Vec<String>,
    /// Why the name that was given cannot be found.
    unknown: Option<String>,
}

/// What an agent did until its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Readings of a recording that were taken, of how many.
    pub played: Option<(usize, usize)>,
    /// Batches the hub did not acknowledge; they wait for the next start.
    pub kept: usize,
}

impl Agent {
    /// Runs until `stop`, or until the input has ended and the hub has all of it. Whatever is not acknowledged then is on
    /// disk.
    ///
    /// # Errors
    /// [`Error::State`] when the spool could not be written at the end.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<Ended, Error> {
        info!(device.id = %self.identity.id(), "device {} ({})", self.identity.id(), words_of(&self.identity.keys().public));
        let mut stop = std::pin::pin!(stop);
        let mut inbox = [0; MAX_DATAGRAM];
        let mut outbox = Vec::with_capacity(MAX_DATAGRAM);
        loop {
            let now = clock::now();
            self.settle(now);
            self.transmit(now, &mut outbox).await;
            if self.is_done() {
                break;
            }
            let wake_at = self.wake_at(now.mono);
            let woken = tokio::select! {
                biased;
                () = &mut stop => break,
                received = self.net.receive(&mut inbox) => Woken::Received(received),
                resolved = self.resolver.next() => Woken::Resolved(resolved),
                question = asked(self.questions.as_ref()) => Woken::Asked(question),
                arrived = self.intake.next() => Woken::Arrived(arrived),
                () = self.input.news() => Woken::Due,
                () = self.alarm.rings(wake_at) => Woken::Due,
            };
            match woken {
                Woken::Received(received) => self.take_in(received, &mut inbox),
                Woken::Resolved(resolved) => self.resolved(resolved),
                Woken::Asked(question) => self.answer(question),
                Woken::Arrived(arrived) => self.take_arrived(arrived),
                Woken::Due => {}
            }
            self.act(clock::now());
        }
        self.stop(&mut outbox).await
    }

    fn settle(&mut self, now: Now) {
        let Self { feed, identity, token, lost_at, claimed, table, epoch, gather, deadband, .. } = self;
        feed.settle(now, |feed, event| {
            if let Event::Claimed(told) = event {
                notice::claimed(&told, claimed, identity, now);
                return;
            }
            if let (Event::Adopted { .. }, Some(epoch)) = (&event, feed.uplink.skipped_to()) {
                notice::set_back(identity, epoch);
            }
            notice::event(&event, feed, identity, *token, lost_at, now);
            if matches!(event, Event::Adopted { .. }) && feed.uplink.is_unknown() {
                let moment = Moment { now: now.mono, batch: (*epoch, feed.spool.next_number()) };
                table.start_anew(moment, oldest(feed, gather, *epoch));
                deadband.forget_all();
            }
        });
        self.tell_sensors(now);
    }

    /// Tells the uplink which sensors there are.
    fn tell_sensors(&mut self, now: Now) {
        let (sensors, revision, numbering) = self.table.described();
        self.feed.uplink.set_numbering(sensors, revision, numbering);
        for (number, spec) in self.table.take_restated() {
            self.feed.uplink.restate(number, spec, now);
        }
    }

    async fn transmit(&mut self, now: Now, outbox: &mut Vec<u8>) {
        while let Some(probe) = self.feed.uplink.poll_search() {
            self.net.search(&probe, self.feed.uplink.searches_again()).await;
        }
        while let Some(to) = self.feed.uplink.poll_transmit(now, outbox) {
            self.net.send(outbox, to).await;
        }
    }

    fn take_in(&mut self, first: Received, inbox: &mut [u8; MAX_DATAGRAM]) {
        let mut received = Some(first);
        for _ in 0..INBOX {
            let Some(datagram) = received else { break };
            let bytes = inbox.get(..datagram.length).unwrap_or_default();
            self.feed.uplink.handle_input(clock::now(), datagram.from, bytes);
            received = self.net.try_receive(inbox);
        }
    }

    fn wake_at(&self, now: Instant) -> Option<Instant> {
        let backlog = self.feed.spool.waiting();
        let times = [self.feed.uplink.poll_timeout(), self.input.wake_at(now, backlog), Some(self.tend_at)];
        times.into_iter().flatten().min()
    }

    fn act(&mut self, now: Now) {
        self.feed.uplink.handle_timeout(now);
        self.keep_time(now);
        self.sample(now);
        if now.mono >= self.tend_at {
            self.tend_at = self.input.round_about(now.mono + TEND_EVERY);
            self.tend(now);
        }
        if now.mono >= self.rejoin_at {
            self.rejoin_at = now.mono + REJOIN_EVERY;
            self.net.join_groups();
        }
    }

    fn tend(&mut self, now: Now) {
        self.seek(now);
        self.tend_table(now);
        self.feed.report(now);
        self.intake.tend(now);
        let said = |source: &str, text: &str, since, count| {
            SourceError::new(source, &trouble::fitting(text, ERROR_LIMIT), since, count)
        };
        let failing = self
            .failing()
            .map(|trouble| said(&trouble.source, &trouble.error, trouble.since, trouble.count))
            .chain(self.remarks().map(|remark| said(&remark.source, &remark.text, remark.since, 0)));
        let health = Health::new(self.feed.uplink.clock_drift_ppb(), failing);
        self.feed.uplink.set_health(health, now);
        let corrected = Now { unix: self.timeline.stamp(now), ..now };
        self.feed.spool.expire(corrected, self.timeline.is_sure());
        // Also where no batch goes to disk: the hub was told of them.
        let names_kept = self.table.sync();
        let kept = names_kept
            .and_then(|()| self.feed.spool.maintain(now.mono))
            .and_then(|()| self.gather.journal(&mut self.feed.spool));
        if kept.is_err() != self.spool_trouble {
            self.spool_trouble = kept.is_err();
            match kept {
                Err(error) => error!("spool cannot be written, readings are kept in memory only: {error}"),
                Ok(()) => info!("spool can be written again"),
            }
        }
    }

    /// While there is no hub: looks up its names, and logs from time to time which names those are.
    fn seek(&mut self, now: Now) {
        let state = self.feed.uplink.state();
        if !matches!(state, State::Searching | State::Handshaking) {
            return self.seeking.ends();
        }
        self.resolver.look_up(now.mono);
        let search = Search {
            given: self.resolver.given(),
            unknown: self.unknown.as_deref(),
            names: &self.names,
            found: match &self.feed.uplink {
                _ if self.unknown.is_some() => Found::Nothing,
                uplink if uplink.is_kept_out(now) => Found::KeepsOut,
                uplink if uplink.is_waiting_for_one(now) => Found::Asked,
                _ => Found::Nothing,
            },
            last_known: self.feed.uplink.last_known().map(|(_, address)| address),
            is_undecided: self.feed.uplink.is_undecided(),
            // A hub on this very machine needs none.
            has_network: self.settings.hub.as_deref().is_some_and(is_here)
                || links::up().iter().any(|link| !link.address.is_loopback()),
            waiting: self.taken.saturating_sub(self.feed.spool.acked()),
        };
        if let Some(text) = self.seeking.goes_on(now.mono, search) {
            info!("{text}");
        }
    }

    /// Gives the numbers of sensors that are gone to sensors without one.
    fn tend_table(&mut self, now: Now) {
        let Self { feed, table, input, left_out, epoch, gather, moments, deadband, overwritten, .. } = self;
        feed.uplink.ask_numbering(table.wants_numbers());
        if !feed.uplink.restates_any() {
            table.all_restated();
        }
        let moment = Moment { now: now.mono, batch: (*epoch, feed.spool.next_number()) };
        let oldest = oldest(feed, gather, *epoch);
        overwritten.settle(oldest);
        for number in table.tend(moment, oldest, feed.uplink.can_renumber(), |name| input.skips(name)) {
            moments.forget_one(number);
            deadband.forget(number);
        }
        let why = table.trouble();
        match Trouble::note(left_out, "sensors", why.as_deref(), now.unix) {
            Some(Change::Began) => warn!("some sensors are left out: {}", why.unwrap_or_default()),
            Some(Change::Ended) => info!("no sensors are left out any more"),
            None => {}
        }
    }

    fn resolved(&mut self, resolved: Resolved) {
        match resolved {
            Resolved::Given(Ok(addresses)) => {
                self.unknown = None;
                self.feed.uplink.set_addresses(addresses, clock::now());
            }
            Resolved::Given(Err(error)) => {
                // Once: while it lasts, the search says it again.
                if self.unknown.is_none() {
                    warn!("--hub {}: the name cannot be found: {error}", self.resolver.given().unwrap_or_default());
                }
                self.unknown = Some(error.to_string());
            }
            Resolved::Known(addresses) => self.feed.uplink.set_named(addresses, clock::now()),
        }
    }

    fn is_done(&self) -> bool {
        self.input.has_ended() && self.gather.is_empty() && self.feed.spool.is_empty()
    }

    async fn stop(mut self, outbox: &mut Vec<u8>) -> Result<Ended, Error> {
        let now = clock::now();
        self.gather.close(&mut self.feed.spool, now.mono);
        self.tell_sensors(now);
        // What was just closed still goes out live, if the hub is there; the spool keeps it all the same.
        self.feed.settle(now, |_, _| {});
        self.transmit(now, outbox).await;
        self.table.sync().and_then(|()| self.feed.spool.flush()).map_err(Error::State)?;
        if let Some(to) = self.feed.uplink.close(now, outbox) {
            self.net.send(outbox, to).await;
        }
        let _ = std::fs::remove_file(status::socket_in(self.identity.folder()));
        let kept = self.feed.spool.len();
        if kept == 0 {
            info!("stopped; everything is on the hub");
        } else {
            info!(
                batches = kept,
                "stopped; {kept} unsent {} kept for the next start",
                if kept == 1 { "batch" } else { "batches" }
            );
        }
        Ok(Ended { played: self.input.played(), kept })
    }
}

fn is_here(hub: &str) -> bool {
    ["127.", "localhost:", "[::1]:"].iter().any(|start| hub.starts_with(start))
}

/// The oldest batch that may still be sent, or be filled.
fn oldest(feed: &Feed, gather: &Gather, epoch: Epoch) -> (Epoch, BatchSeq) {
    if feed.spool.is_empty() && feed.uplink.oldest().is_none() && gather.is_empty() {
        // The hub has everything, also what might have gone into the next batch: a device of which nothing has a number
        // would fill none that says so.
        return (epoch, BatchSeq(feed.spool.next_number().0.saturating_add(2)));
    }
    let held = feed.spool.oldest();
    feed.uplink.oldest().map_or(held, |flying| held.min(flying))
}

async fn asked(questions: Option<&UnixListener>) -> UnixStream {
    if let Some(listener) = questions {
        if let Ok((stream, _)) = listener.accept().await {
            return stream;
        }
    }
    std::future::pending().await
}
