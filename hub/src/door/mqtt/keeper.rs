//! Takes messages to the disk: what waits is heard and stored together, and only then acknowledged.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::heard::{Found, Heard, Listener, Why};
use super::parcel::{Due, Parcel, Weighed};
use super::spoken::{Publish, Spoken};
use super::standing::Standing;
use super::unread::Unread;
use crate::access::pushed_device;
use crate::door::tally::{Dropped, Tally};
use crate::ingest::gather::Gathered;
use crate::ingest::gather::arrivals::Arrivals;
use crate::ingest::newcomers::Maker;
use crate::ingest::way::{NotStored, Sends, Stored, Way};
use crate::model::topic_rule::TopicRules;
use crate::model::view::View;
use crate::model::{UnixMillis, pushed, text};
use crate::store::{self, Origin};

/// Messages, and bytes of them, in a group: they are heard within some milliseconds.
const GROUP: usize = 1_000;
const GROUP_BYTES: usize = 1 << 20;
/// How long a group waits for room in the queue to the disk.
const ROOM_WITHIN: Duration = Duration::from_secs(10);
/// How long it is waited for a moment that is free.
const NEXT_MOMENT: Duration = Duration::from_millis(20);
/// Devices of which it is remembered what was told of them.
const MOST_TOLD: usize = 20_000;
/// Pause before a group is tried again that found no room.
const AGAIN: Duration = Duration::from_secs(1);

/// Stores messages.
pub(super) struct Keeper<'a> {
    way: Way,
    tally: &'a Tally,
    unread: &'a Unread,
    standing: &'a Standing,
    sends: Sends,
    listener: Listener,
    /// Moments of messages that say none.
    arrivals: Arrivals,
    /// The moment up to which it was waited for one that is free.
    now: UnixMillis,
    /// What was told last of what stays as it is told: by device and sensor.
    told: HashMap<(String, String), f64>,
    /// What people say of topics.
    rules: watch::Receiver<Arc<TopicRules>>,
    /// What devices are asked.
    out: mpsc::Sender<Publish>,
    /// Where the hub speaks itself: below a prefix, and as this hub.
    own: Option<(String, String)>,
}

/// What became of the readings of a message; of several the last of these counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Taken {
    All,
    /// Something is called what cannot be a name.
    NoName,
    /// It is to come again.
    NotYet,
}

/// The readings of a group.
struct Group {
    /// What devices said.
    said: Gathered,
    /// What others say of whether they are there: by that nobody was heard.
    told: Gathered,
    due: Vec<Due>,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(
        way: Way,
        tally: &'a Tally,
        unread: &'a Unread,
        standing: &'a Standing,
        rules: watch::Receiver<Arc<TopicRules>>,
        out: mpsc::Sender<Publish>,
        own: Option<(String, String)>,
    ) -> Self {
        let sends = Sends {
            by: Some(Maker::Door("mqtt")),
            view: View::ALL,
            partial: true,
            whole: false,
            room_within: ROOM_WITHIN,
            once: true,
        };
        let (listener, arrivals, told) = Default::default();
        let now = UnixMillis(0);
        Self { way, tally, unread, standing, sends, listener, arrivals, now, told, rules, out, own }
    }

    /// Runs until the last sender is gone and everything is stored; until `stop` a group is tried as often as it takes.
    pub(super) async fn run(
        mut self,
        mut parcels: mpsc::Receiver<Weighed<Parcel>>,
        done: mpsc::Sender<Vec<Due>>,
        stop: CancellationToken,
    ) {
        let mut waiting = Vec::new();
        self.rules.mark_changed();
        loop {
            let came = tokio::select! {
                biased;
                Ok(()) = self.rules.changed() => {
                    self.follow();
                    continue;
                }
                came = parcels.recv_many(&mut waiting, 1) => came,
            };
            if came == 0 {
                break;
            }
            let mut bytes: usize = waiting.iter().map(|parcel| parcel.what.payload.len()).sum();
            while bytes < GROUP_BYTES
                && waiting.len() < GROUP
                && let Ok(more) = parcels.try_recv()
            {
                bytes += more.what.payload.len();
                waiting.push(more);
            }
            let Group { mut said, mut told, due } = self.gather(&mut waiting, &stop).await;
            let is_kept = self.keep(&mut said, &stop).await && self.keep(&mut told, &stop).await;
            if is_kept {
                self.way.heard_from_senders(&said);
            }
            if is_kept && !due.is_empty() {
                // Nobody is there to acknowledge it any more: the broker sends it again.
                let _ = done.send(due).await;
            }
        }
    }

    /// Follows what people say now of topics.
    fn follow(&mut self) {
        let rules = Arc::clone(&self.rules.borrow_and_update());
        self.unread.forget_if(|topic| rules.about(topic).is_some());
        self.listener.follow(rules);
    }

    /// The readings of some messages, which are gone then.
    async fn gather(&mut self, parcels: &mut Vec<Weighed<Parcel>>, stop: &CancellationToken) -> Group {
        let new = || Gathered::new(Origin::Pushed);
        let mut group = Group { said: new(), told: new(), due: Vec::new() };
        // Not after a clock that was set back.
        self.now = self.now.min(self.way.clock.wall());
        if let Some(first) = parcels.first() {
            self.arrivals.forget_before(first.what.came.max(self.now));
        }
        if let Some(broker) = self.standing.peer() {
            group.said.comes_from(broker);
            group.told.comes_from(broker);
        }
        for Weighed { what: Parcel { topic, payload, is_retained, came, due }, .. } in parcels.drain(..) {
            // Where one before it waited for its moment, this one does not go back before that.
            let came = came.max(self.now);
            let is_own = |(prefix, hub): &(String, String)| Spoken::is_own(prefix, hub, &topic);
            let heard = match self.own.as_ref().is_some_and(is_own) {
                true => Heard::Aside,
                false => self.listener.hear(&topic, &payload, is_retained, came),
            };
            let mut taken = Taken::All;
            match heard {
                Heard::Readings(found) => {
                    for found in found {
                        if found.is_standing && !self.is_news(&found) && is_retained {
                            continue;
                        }
                        let into = if found.is_standing { &mut group.told } else { &mut group.said };
                        let patience = due.is_some().then_some(stop);
                        taken = taken.max(self.take(found, came, patience, into).await);
                    }
                    if taken == Taken::NoName {
                        self.unread.note(&topic, &payload, Why::Name, came);
                    } else {
                        self.unread.forget(&topic);
                    }
                }
                Heard::Announcement | Heard::Aside => {}
                Heard::Unread(why) => self.unread.note(&topic, &payload, why, came),
            }
            if taken != Taken::NotYet {
                group.due.extend(due);
            }
        }
        while let Some((topic, payload)) = self.listener.next_command() {
            // Asked again later, if there is no room now.
            let _ = self.out.try_send(Publish { topic, payload, is_kept: false });
        }
        group
    }

    /// Whether it is told otherwise than before: a broker says it again at each connection.
    fn is_news(&mut self, found: &Found) -> bool {
        if self.told.len() >= MOST_TOLD {
            self.told.clear();
        }
        let key = (found.device.key.clone(), found.sensor.clone());
        self.told.insert(key, found.value) != Some(found.value)
    }

    /// Gathers a reading. Without a moment of its own it is of now: where so many of its sensor came that there is none, whoever is to
    /// lose nothing waits for one, until the hub stops.
    async fn take(
        &mut self,
        found: Found,
        came: UnixMillis,
        patience: Option<&CancellationToken>,
        into: &mut Gathered,
    ) -> Taken {
        let Found { device, sensor, unit, kind, value, at, .. } = found;
        if text::name("device", device.name.clone()).is_err() || pushed::sensor(&sensor).is_err() {
            return Taken::NoName;
        }
        let unit = unit.filter(|unit| pushed::unit(unit).is_ok());
        let series = format!("{}\n{sensor}", device.key);
        let own = at.filter(|at| pushed::moment(*at, came).is_ok());
        let mut given = own.or_else(|| self.arrivals.give(&series, came));
        while let (None, Some(stop)) = (given, patience) {
            self.now = self.way.clock.wall();
            given = self.arrivals.give(&series, self.now);
            if given.is_none() && stop.is_cancelled() {
                return Taken::NotYet;
            }
            if given.is_none() {
                tokio::time::sleep(NEXT_MOMENT).await;
            }
        }
        let Some(at) = given else {
            let say = || format!("{sensor} of {} comes faster than once a millisecond", device.name);
            self.tally.dropped(Dropped::TooFast, 1, say);
            return Taken::All;
        };
        let slot = if device.key == device.name {
            into.device(&device.name)
        } else {
            into.device_by_id(pushed_device(&device.key), &device.key, &device.name)
        };
        let slot = into.sensor(slot, &sensor, unit.as_deref(), kind);
        into.push(slot, at, value);
        Taken::All
    }

    /// Stores readings, and counts what is not; `false` where they are to come again.
    async fn keep(&self, gathered: &mut Gathered, stop: &CancellationToken) -> bool {
        if gathered.is_empty() {
            return true;
        }
        let mut stored = Stored::default();
        let is_kept = self.store(gathered, &mut stored, stop).await;
        if stored.replaced > 0 {
            let say = || "another reading of the same sensor and moment came behind".to_owned();
            self.tally.dropped(Dropped::Replaced, stored.replaced, say);
        }
        for (why, readings) in stored.left_out {
            self.tally.dropped(Dropped::NotTaken, readings, || why.to_string());
        }
        is_kept
    }

    /// The same, as often as it takes.
    async fn store(&self, gathered: &mut Gathered, stored: &mut Stored, stop: &CancellationToken) -> bool {
        let mut is_told = false;
        loop {
            let now = self.way.clock.wall();
            let Err(error) = self.way.store(gathered, &self.sends, now, stored).await else {
                self.tally.stored(gathered.len());
                return true;
            };
            let is_for_a_while = match &error {
                NotStored::Busy | NotStored::Deleted | NotStored::Store(store::Error::Full | store::Error::Busy(_)) => {
                    true
                }
                NotStored::Stopping => return false,
                NotStored::Refused(_) | NotStored::Newcomers(_) | NotStored::TooMany | NotStored::Store(_) => false,
            };
            if !is_for_a_while {
                self.tally.dropped(Dropped::NotTaken, gathered.len(), || error.to_string());
                return true;
            }
            if !is_told {
                tracing::warn!("MQTT: readings wait: {error}");
                is_told = true;
            }
            if stop.is_cancelled() {
                return false;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }
}
