//! The way of readings by name to the disk, the same for every door: what they name is made if it has to be, then they are batches.
//!
//! ```text
//!   Gathered ──▶ names become numbers ──▶ (devices and sensors that are new, within bounds) ──▶ room in the queue ──▶ desk ──▶ on disk
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::desk::{Desk, Verdict};
use super::gather::{Gathered, LeftOut, Refused};
use super::newcomers::{self, Maker, Newcomers, Wanted};
use super::queue::Entrance;
use crate::clock::Clock;
use crate::live::{Bus, Update};
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::view::View;
use crate::presence::Presence;
use crate::pressure::{Pressure, Shed};
use crate::store::{self, Origin, Store, Wish};

/// How often devices and sensors are created for one request: a deletion at the same time may undo it once.
const TRIES: usize = 3;

/// What readings go through.
#[derive(Clone)]
pub(crate) struct Way {
    pub store: Store,
    pub clock: Clock,
    pub presence: Arc<Presence>,
    pub bus: Bus,
    pub entrance: Entrance,
    /// Where their acknowledgement is waited for.
    pub desk: Arc<Desk>,
    /// Devices and series that were made by sending readings.
    pub newcomers: Arc<Newcomers>,
    pub pressure: Arc<Pressure>,
    /// Pinged after sensors became another thing than they were.
    pub rules_changed: Arc<Notify>,
}

/// How somebody sends readings.
#[derive(Debug)]
pub(crate) struct Sends {
    /// Who may make so many devices and series only; nobody where any number is right.
    pub by: Option<Maker>,
    /// Devices that their readings may be of.
    pub view: View,
    /// Whether the rest is stored where some of it is not taken.
    pub partial: bool,
    /// Whether all of it is to find room in the queue at once; else it goes in as many steps as it takes.
    pub whole: bool,
    /// How long they wait for that room.
    pub room_within: Duration,
    /// Whether nobody sends them again: then nothing is gained by refusing all of them for what is new.
    pub once: bool,
}

impl Sends {
    /// History, by somebody who may bring all of it.
    pub(crate) const fn history(room_within: Duration) -> Self {
        Self { by: None, view: View::ALL, partial: false, whole: false, room_within, once: false }
    }

    /// Whether a request brings them, which is counted as one; a door counts its own.
    const fn by_request(&self) -> bool {
        !matches!(self.by, Some(Maker::Door(_)))
    }
}

/// What came of readings.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// The devices they are of.
    pub devices: Vec<DeviceNo>,
    /// Why some are not stored, and how many those are.
    pub left_out: Vec<(NotStored, usize)>,
    /// Readings that another of the same sensor and moment came behind.
    pub replaced: usize,
}

/// Why readings are not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotStored {
    /// They are of a device or sensor that they are not taken for.
    #[error("{}", .0.why)]
    Refused(Refused),
    /// They would make too much that is new.
    #[error(transparent)]
    Newcomers(newcomers::Refusal),
    /// They can never find room at once.
    #[error("these are more readings than the hub can queue")]
    TooMany,
    /// There was no room in time.
    #[error("the hub is too busy for more readings")]
    Busy,
    /// What they name goes as soon as it is made.
    #[error("a device was deleted while its readings arrived")]
    Deleted,
    /// The hub stops, and it is not known whether they are on disk.
    #[error("the hub is stopping")]
    Stopping,
    /// The store does not take them.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl NotStored {
    /// Whether the same readings have the same end at any time, as far as the hub can know.
    const fn is_for_ever(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            Self::Newcomers(refusal) => !matches!(refusal, newcomers::Refusal::TooFast { .. }),
            Self::Store(error) => matches!(error, store::Error::Limit { .. } | store::Error::Conflict { .. }),
            Self::TooMany | Self::Busy | Self::Deleted | Self::Stopping => false,
        }
    }

    const fn is_of_newcomers(&self) -> bool {
        matches!(self, Self::Newcomers(_))
    }
}

impl From<Refused> for NotStored {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl Way {
    /// Makes what is missing, and waits until all readings are on disk. What is left out stands in `stored` after an error as well:
    /// another try with the same readings knows nothing of it.
    ///
    /// # Errors
    /// Nothing of them is stored; or, where they need not be whole, not all.
    pub(crate) async fn store(
        &self,
        gathered: &mut Gathered,
        sends: &Sends,
        now: UnixMillis,
        stored: &mut Stored,
    ) -> Result<(), NotStored> {
        self.make(gathered, sends, now, &mut stored.left_out).await?;
        // Whoever sends a request is told why; of a door what is left out is counted.
        if gathered.is_empty() && sends.by_request() && !stored.left_out.is_empty() {
            return Err(stored.left_out.swap_remove(0).0);
        }
        stored.replaced += gathered.keep_the_last();
        let mut batches = gathered.batches(now);
        while !batches.is_empty() {
            let fit = self.entrance.fit(&batches);
            let rest = batches.split_off(fit.max(1).min(batches.len()));
            if !rest.is_empty() && sends.whole {
                return Err(NotStored::TooMany);
            }
            let room = timeout(sends.room_within, self.entrance.reserve_for(&batches)).await;
            let room = room.map_err(|_| self.busy(sends))?.ok_or(NotStored::Stopping)?;
            let told = self.desk.hand_in(&self.entrance, room, batches, sends.by_request());
            match told.await {
                Ok(Verdict::Stored) => batches = rest,
                Ok(Verdict::Refused) => return Err(store::Error::Full.into()),
                Err(_) => return Err(NotStored::Stopping),
            }
        }
        stored.devices = gathered.devices().collect();
        Ok(())
    }

    /// Devices are heard whose readings were pushed from an address.
    pub(crate) fn heard(&self, gathered: &Gathered, from: SocketAddr) {
        self.presence.pushed(gathered.newest(), from, self.clock.wall());
    }

    /// The same, where it was said who sent for which.
    pub(crate) fn heard_from_senders(&self, gathered: &Gathered) {
        let (newest, now) = (gathered.newest(), self.clock.wall());
        for (device, from) in gathered.senders() {
            let newest = newest.get(&device).map(|newest| (device, *newest));
            self.presence.pushed(newest, from, now);
        }
    }

    /// Counts that a request found no room at the moment.
    pub(crate) fn no_room(&self) -> NotStored {
        self.pressure.count(Shed::Live);
        self.desk.counters.busy();
        NotStored::Busy
    }

    fn busy(&self, sends: &Sends) -> NotStored {
        if sends.by_request() {
            return self.no_room();
        }
        self.pressure.count(Shed::Live);
        NotStored::Busy
    }

    /// Makes the devices and sensors that are missing; tells what had to be left out, where the rest is stored all the same.
    async fn make(
        &self,
        gathered: &mut Gathered,
        sends: &Sends,
        now: UnixMillis,
        left_out: &mut Vec<(NotStored, usize)>,
    ) -> Result<(), NotStored> {
        for _ in 0..TRIES {
            let wishes = if sends.partial {
                let (wishes, more) = gathered.resolve_the_rest(&self.store.catalog(), &sends.view);
                left_out.extend(more.into_iter().map(|LeftOut { refused, readings }| (refused.into(), readings)));
                wishes
            } else {
                gathered.resolve(&self.store.catalog(), &sends.view)?
            };
            if wishes.is_empty() {
                return Ok(());
            }
            let mut waiting = vec![wishes];
            while let Some(mut wishes) = waiting.pop() {
                match self.give_numbers(&wishes, gathered.origin(), sends, now).await {
                    Ok(()) => self.made(&wishes),
                    // What is there goes on, also on a hub that takes nothing new.
                    Err(error) if sends.partial && error.is_of_newcomers() && (sends.once || error.is_for_ever()) => {
                        left_out.push((error, gathered.leave_out_missing()));
                        return Ok(());
                    }
                    // One of them cannot be served, and nobody else is to suffer for it: which one is found by halves.
                    Err(error) if sends.partial && error.is_for_ever() => {
                        let half = wishes.split_off(wishes.len() / 2);
                        match half.as_slice() {
                            [only] if wishes.is_empty() => {
                                left_out.push((error, gathered.leave_out_missing_of(&only.name)))
                            }
                            _ => waiting.extend([half, wishes]),
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Err(NotStored::Deleted)
    }

    /// Tells that these devices and sensors are there.
    fn made(&self, wishes: &[Wish]) {
        if wishes.iter().flat_map(|wish| &wish.sensors).any(|(_, said)| said.kind.is_some()) {
            // A rate of a counter is not that of a gauge.
            self.rules_changed.notify_one();
        }
        for wish in wishes {
            self.bus.publish(Arc::new(Update::Device(wish.id)));
        }
    }

    /// Makes devices and sensors, if the sender may.
    async fn give_numbers(
        &self,
        wishes: &[Wish],
        origin: Origin,
        sends: &Sends,
        now: UnixMillis,
    ) -> Result<(), NotStored> {
        let admitted = sends.by.map(|by| self.admit(by, wishes).map(|wanted| (by, wanted))).transpose()?;
        let given = self.store.give_numbers(wishes.to_vec(), origin, now).await;
        if let (Err(_), Some((by, wanted))) = (&given, admitted) {
            self.newcomers.take_back(by, wanted);
        }
        Ok(given?)
    }

    /// Whether somebody may make these now, and how much that is.
    fn admit(&self, by: Maker, wishes: &[Wish]) -> Result<Wanted, NotStored> {
        let (wanted, there) = {
            let catalog = self.store.catalog();
            let devices = wishes.iter().filter(|wish| catalog.device_by_id(wish.id).is_none()).count();
            // One that is there and is said to be something else counts as well: that is as much work.
            let series = wishes.iter().map(|wish| wish.sensors.len()).sum();
            let there = Wanted { devices: catalog.device_count(), series: catalog.series_count() };
            (Wanted { devices, series }, there)
        };
        self.newcomers.admit(self.clock.now(), by, wanted, there, self.store.limits()).map_err(|refusal| {
            if !matches!(by, Maker::Door(_)) {
                self.desk.counters.newcomers();
            }
            NotStored::Newcomers(refusal)
        })?;
        Ok(wanted)
    }
}
