//! A broker of MQTT: the hub connects to it, hears everything that is said there, and makes devices and sensors of it.
//!
//! ```text
//!   broker ◀──▶ client ──▶ parcels (bounded) ──▶ keeper: heard (PURE), stored in groups ──▶ on disk
//!                 ▲                                └── what is not understood ──▶ the page
//!                 └────────── acknowledged once it is on disk ◀─────────┘
//! ```
//!
//! A message that is sent at least once (`QoS` 1) is acknowledged when its readings are on disk, and the session outlives the hub: what comes
//! while it is away comes later. While there is no room nothing is read, which the broker feels.

mod client;
mod heard;
mod keeper;
mod parcel;
mod spoken;
mod standing;
mod teller;
mod unread;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub(crate) use self::client::Broker;
use self::client::Client;
use self::keeper::Keeper;
use self::parcel::parcels;
use self::spoken::Spoken;
pub(crate) use self::standing::Standing;
use self::teller::Teller;
pub(crate) use self::unread::{Entry, Unread};
use super::tally::Tally;
use crate::ingest::way::Way;
use crate::model::topic_rule::TopicRules;

/// Groups that are done and wait to be acknowledged.
const DONE: usize = 64;
/// Messages of our own that wait to be sent.
const OUT: usize = 64;
/// How often it is looked at whether the log is to be told of what was dropped.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What is known of the door.
#[derive(Debug)]
pub(crate) struct Known {
    pub tally: Tally,
    pub standing: Standing,
    pub unread: Unread,
}

impl Default for Known {
    fn default() -> Self {
        Self { tally: Tally::of("MQTT"), standing: Standing::default(), unread: Unread::default() }
    }
}

/// What the door works with.
pub(crate) struct Door {
    pub way: Way,
    pub broker: Broker,
    pub known: Arc<Known>,
    /// What people say of topics, as they change it.
    pub rules: watch::Receiver<Arc<TopicRules>>,
}

impl Door {
    /// Hears what the broker says until `stop`, then stores what came.
    ///
    /// # Errors
    /// None: a broker that is not there is waited for.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), std::convert::Infallible> {
        let Known { tally, standing, unread } = &*self.known;
        let (sender, receiver) = parcels();
        let (done_in, done) = mpsc::channel(DONE);
        let (out_in, out) = mpsc::channel(OUT);
        let own = self.broker.publish.as_ref().map(|prefix| (prefix.clone(), self.broker.client.clone()));
        let store = self.way.store.clone();
        let keeper = Keeper::new(self.way, tally, unread, standing, self.rules, out_in.clone(), own.clone());
        let client = Client { broker: self.broker, parcels: sender, done, out, standing, tally };
        let work = async {
            let speak = async {
                if let Some((prefix, hub)) = own {
                    let spoken = Spoken::new(&prefix, &hub);
                    Teller { store, standing, spoken, out: out_in }.run(stop.clone()).await;
                }
            };
            tokio::join!(client.run(stop.clone()), keeper.run(receiver, done_in, stop.clone()), speak);
        };
        let mut work = std::pin::pin!(work);
        loop {
            let done = tokio::time::timeout(LOOK_EVERY, &mut work).await.is_ok();
            tally.say_the_rest(done);
            if done {
                return Ok(());
            }
        }
    }
}
