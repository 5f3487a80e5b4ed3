//! Keeps a connection to the broker: connects, subscribes, hands messages on, acknowledges what is on disk, and begins again when it
//! is lost.
//!
//! The first connection of a hub that starts looks: it hears what the broker keeps, which is what devices announced, and is closed. Only
//! then the session is resumed in which the broker kept what came meanwhile, so that all of it is understood.

mod packet;
mod stream;

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

pub(crate) use self::packet::Version;
use self::packet::{Hello, Message, NoMqtt, Packet, Reader, Refused, Writer};
use self::stream::Stream;
use super::parcel::{Connection, Due, Parcel, Room, Sender};
use super::spoken::Publish;
use super::standing::Standing;
use crate::clock::Clock;
use crate::door::tally::{Dropped, Tally};

/// Seconds after which each side knows that the other is gone, once and a half.
const KEEP_ALIVE: u16 = 30;
/// How long a step of the beginning may take.
const STEP: Duration = Duration::from_secs(10);
/// Pauses before it is tried again.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(30),
];
/// A connection that held so long was a good one.
const HELD: Duration = Duration::from_secs(60);
/// How long the hub waits at its end for what is still on its way to the disk, so that it can be acknowledged.
const LAST: Duration = Duration::from_secs(4);
/// A look is over when the broker said nothing for so long, or after the other time at the latest.
const QUIET: Duration = Duration::from_millis(600);
const LOOK: Duration = Duration::from_secs(15);
/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// The broker, as a person named it.
#[derive(Clone)]
pub(crate) struct Broker {
    pub host: String,
    pub port: u16,
    /// What is trusted, where it is by TLS.
    pub tls: Option<Arc<ClientConfig>>,
    pub user: Option<String>,
    pub password: Option<String>,
    /// What is asked for.
    pub topics: Vec<String>,
    /// Below which the hub speaks itself, where it is to.
    pub publish: Option<String>,
    /// By which the broker knows this hub again.
    pub client: String,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{}", in_words(.0))]
    Io(#[from] io::Error),
    #[error("{0}")]
    NoMqtt(#[from] NoMqtt),
    #[error("the broker closed the connection")]
    Closed,
    #[error("the broker did not answer in time")]
    Late,
    #[error("the broker does not speak MQTT {}", .0.name())]
    Version(Version),
    #[error("the broker refuses user or password (`--mqtt mqtt://USER@HOST`, `--mqtt-password-file FILE`)")]
    Password,
    #[error("the broker refuses the connection: {0}")]
    Refused(String),
    #[error("the broker lets this user hear nothing of what is asked for (`--mqtt-topics`)")]
    NothingGranted,
    #[error("the broker ended the connection: {0}")]
    Goodbye(String),
    /// The hub stops.
    #[error("the hub stops")]
    Stopped,
}

/// What the system or TLS says, and what to do where it is known.
fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.strip_prefix("invalid peer certificate: ") {
        Some(why) => format!(
            "the certificate of the broker is not trusted ({why}): name the file of the authority that made it (`--mqtt-ca FILE`)"
        ),
        None => text,
    }
}

/// Keeps the connection.
pub(super) struct Client<'a> {
    pub(super) broker: Broker,
    pub(super) parcels: Sender,
    /// What may be acknowledged.
    pub(super) done: mpsc::Receiver<Vec<Due>>,
    /// What is to be said.
    pub(super) out: mpsc::Receiver<Publish>,
    pub(super) standing: &'a Standing,
    pub(super) tally: &'a Tally,
}

/// An open connection, and what is on its way in it.
struct Open {
    stream: Stream,
    reader: Reader,
    writer: Writer,
    inbox: BytesMut,
    outbox: BytesMut,
}

impl Client<'_> {
    /// Runs until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let (mut tries, mut version, mut has_looked) = (0, Version::Five, false);
        for connection in 1.. {
            let began = Clock.now();
            let connected = self.connection(version, Connection(connection), &mut has_looked, &stop);
            let Err(ended) = connected.await;
            if stop.is_cancelled() {
                break;
            }
            if matches!(ended, Ended::Version(_)) && version == Version::Five {
                version = Version::Three;
                continue;
            }
            // One that held is begun again soon.
            tries = if began.elapsed() > HELD { 1 } else { tries + 1 };
            self.standing.lost(Clock.wall(), ended.to_string());
            tracing::warn!(broker = %self.broker.host, "MQTT: {ended}");
            let pause = PAUSES.get(tries - 1).copied().unwrap_or(Duration::from_secs(30));
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep(self.spread(pause, connection)) => {}
            }
        }
        // Whoever waits for what can be acknowledged need not: nobody is there to hear it.
        self.done.close();
    }

    /// One connection, from its beginning to its end.
    async fn connection(
        &mut self,
        version: Version,
        connection: Connection,
        has_looked: &mut bool,
        stop: &CancellationToken,
    ) -> Result<Infallible, Ended> {
        let beginning = async {
            if !*has_looked {
                self.look(version).await?;
                *has_looked = true;
            }
            self.open(version, &self.broker.client, true).await
        };
        let open = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(Ended::Stopped),
            open = beginning => open?,
        };
        self.talk(open, version, connection, stop).await
    }

    /// A pause, somewhat longer: hubs that lost the same broker do not come back at the same moment.
    fn spread(&self, pause: Duration, connection: u64) -> Duration {
        let mut digest = DefaultHasher::new();
        (&self.broker.client, connection).hash(&mut digest);
        pause.mul_f64(1.0 + (digest.finish() % 512) as f64 / 1_024.0)
    }

    /// Hears what the broker keeps.
    async fn look(&self, version: Version) -> Result<(), Ended> {
        let client = format!("{}-look", self.broker.client);
        let mut open = self.open(version, &client, false).await?;
        open.writer.subscribe(&self.broker.topics, &mut open.outbox)?;
        let until = Clock.now() + LOOK;
        let mut patience = STEP;
        loop {
            open.flush().await?;
            let left = until.saturating_duration_since(Clock.now());
            match timeout(patience.min(left), open.read()).await {
                Ok(Ok(Packet::Subscribed { is_granted: false })) => return Err(Ended::NothingGranted),
                Ok(Ok(Packet::Subscribed { .. })) => patience = QUIET,
                Ok(packet) => self.looked_at(packet?, &mut open).await?,
                Err(_) => break,
            }
        }
        open.writer.goodbye(&mut open.outbox);
        open.flush().await
    }

    async fn looked_at(&self, packet: Packet, open: &mut Open) -> Result<(), Ended> {
        match packet {
            Packet::Message(message) => {
                if let Some(id) = message.id {
                    open.writer.acknowledge(id, &mut open.outbox)?;
                }
                // What is said just now comes in the session as well, if it is to come at least once.
                if message.is_retained
                    && let Some(room) = self.parcels.room(message.payload.len() + message.topic.len()).await
                {
                    let (topic, payload, came) = (message.topic, message.payload, Clock.wall());
                    self.parcels.put(room, Parcel { topic, payload, is_retained: true, came, due: None });
                }
                Ok(())
            }
            Packet::Goodbye(why) => Err(Ended::Goodbye(why)),
            Packet::Welcome
            | Packet::Refused(_)
            | Packet::Subscribed { .. }
            | Packet::Pong
            | Packet::TooLarge
            | Packet::Other => Ok(()),
        }
    }

    /// Connects, and is let in.
    async fn open(&self, version: Version, client: &str, is_kept: bool) -> Result<Open, Ended> {
        let Broker { host, port, tls, user, password, .. } = &self.broker;
        let stream = timeout(STEP, Stream::open(host, *port, tls.clone())).await.map_err(|_| Ended::Late)??;
        self.standing.reached(stream.peer());
        let (reader, writer) = (Reader::of(version), Writer(version));
        let mut open = Open { stream, reader, writer, inbox: BytesMut::new(), outbox: BytesMut::new() };
        let (user, password) = (user.as_deref(), password.as_deref());
        let will = self.available().filter(|_| is_kept);
        let hello = Hello { client, user, password, is_kept, keep_alive: KEEP_ALIVE, will: will.as_deref() };
        writer.connect(&hello, &mut open.outbox)?;
        open.flush().await?;
        match timeout(STEP, open.read()).await {
            Ok(Ok(Packet::Welcome)) => Ok(open),
            Ok(Ok(Packet::Refused(Refused::Version))) => Err(Ended::Version(version)),
            Ok(Ok(Packet::Refused(Refused::Password))) => Err(Ended::Password),
            Ok(Ok(Packet::Refused(Refused::Other(why)))) => Err(Ended::Refused(why)),
            // Brokers of before version 5 answer in their own, or not at all.
            Ok(Ok(_) | Err(Ended::NoMqtt(_) | Ended::Closed)) if version == Version::Five => {
                Err(Ended::Version(version))
            }
            Ok(Ok(_)) => Err(Ended::Refused("it does not begin as MQTT does".to_owned())),
            Ok(Err(ended)) => Err(ended),
            Err(_) => Err(Ended::Late),
        }
    }

    /// Hears and acknowledges.
    async fn talk(
        &mut self,
        mut open: Open,
        version: Version,
        connection: Connection,
        stop: &CancellationToken,
    ) -> Result<Infallible, Ended> {
        open.writer.subscribe(&self.broker.topics, &mut open.outbox)?;
        let ping_every = Duration::from_secs(u64::from(KEEP_ALIVE) / 2);
        let (mut ping_at, mut pong_by) = (Clock.now() + ping_every, Some(Clock.now() + STEP));
        // A message for which there is no room yet: nothing more is read until there is.
        let mut held: Option<Message> = None;
        let mut on_the_way = 0_usize;
        loop {
            open.flush().await?;
            let bytes = held.as_ref().map_or(0, |message| message.payload.len() + message.topic.len());
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(done) = self.done.recv() => on_the_way -= acknowledge(&done, connection, &mut open)?,
                Some(message) = self.out.recv() => open.writer.publish(message, &mut open.outbox)?,
                room = self.parcels.room(bytes), if held.is_some() => {
                    if let (Some(room), Some(message)) = (room, held.take()) {
                        on_the_way += usize::from(message.id.is_some());
                        self.hand_in(room, message, connection);
                    }
                }
                packet = open.read(), if held.is_none() => match packet? {
                    Packet::Message(message) => held = Some(message),
                    Packet::Subscribed { is_granted: false } => return Err(Ended::NothingGranted),
                    Packet::Subscribed { .. } => {
                        pong_by = None;
                        self.say_whether_we_are_there("online", &mut open)?;
                        self.standing.connected(Clock.wall(), version);
                        tracing::info!(broker = %self.broker.host, version = version.name(), "MQTT: connected");
                    }
                    Packet::Pong => pong_by = None,
                    Packet::TooLarge => {
                        self.tally.dropped(Dropped::TooLong, 1, || "a message is too large".to_owned());
                    }
                    Packet::Goodbye(why) => return Err(Ended::Goodbye(why)),
                    Packet::Welcome | Packet::Refused(_) | Packet::Other => {}
                },
                () = Clock.sleep_until(Some(ping_at)) => {
                    open.writer.ping(&mut open.outbox)?;
                    (ping_at, pong_by) = (Clock.now() + ping_every, pong_by.or_else(|| Some(Clock.now() + STEP)));
                }
                // While nothing is read no answer is heard.
                () = Clock.sleep_until(pong_by), if held.is_none() => return Err(Ended::Late),
            }
        }
        let until = Clock.now() + LAST;
        while on_the_way > 0
            && let Ok(Some(done)) = timeout(until.saturating_duration_since(Clock.now()), self.done.recv()).await
        {
            on_the_way -= acknowledge(&done, connection, &mut open)?;
            open.flush().await?;
        }
        // A broker that hears a goodbye does not say it for us.
        self.say_whether_we_are_there("offline", &mut open)?;
        open.writer.goodbye(&mut open.outbox);
        open.flush().await?;
        Err(Ended::Stopped)
    }

    fn available(&self) -> Option<String> {
        Some(format!("{}/available", self.broker.publish.as_ref()?))
    }

    fn say_whether_we_are_there(&self, word: &str, open: &mut Open) -> Result<(), NoMqtt> {
        let Some(topic) = self.available() else { return Ok(()) };
        open.writer.publish(Publish { topic, payload: word.into(), is_kept: true }, &mut open.outbox)
    }

    fn hand_in(&self, room: Room, message: Message, connection: Connection) {
        let Message { topic, payload, is_retained, id } = message;
        let due = id.map(|id| Due { connection, id });
        // A small part of a large piece of memory would keep all of it.
        let payload = Bytes::copy_from_slice(&payload);
        self.tally.came(1);
        self.parcels.put(room, Parcel { topic, payload, is_retained, came: Clock.wall(), due });
    }
}

/// Acknowledges what is done of a connection; how much that is.
fn acknowledge(done: &[Due], connection: Connection, open: &mut Open) -> Result<usize, NoMqtt> {
    let own = done.iter().filter(|due| due.connection == connection);
    own.map(|due| open.writer.acknowledge(due.id, &mut open.outbox))
        .try_fold(0, |count, written| written.map(|()| count + 1))
}

impl Open {
    /// The next packet. Cancel-safe: what was read stays in the inbox.
    async fn read(&mut self) -> Result<Packet, Ended> {
        loop {
            if let Some(packet) = self.reader.next(&mut self.inbox)? {
                return Ok(packet);
            }
            self.inbox.reserve(CHUNK);
            if self.stream.read_buf(&mut self.inbox).await? == 0 {
                return Err(Ended::Closed);
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        if self.outbox.is_empty() {
            return Ok(());
        }
        let all = async {
            self.stream.write_all_buf(&mut self.outbox).await?;
            self.stream.flush().await
        };
        timeout(STEP, all).await.map_err(|_| Ended::Late)??;
        Ok(())
    }
}
