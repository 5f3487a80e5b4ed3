//! One live connection: it reads what the client says, follows what happens in the hub, and sends frames that are due.

mod end;
mod requests;
mod updates;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use tokio::sync::broadcast::Receiver;
use tokio::sync::watch;

use super::dto::ServerMessage;
use super::feed::Feed;
use super::memory::Memory;
use crate::http::gate::credentials;
use crate::http::principal::Principal;
use crate::http::shares::places::Place;
use crate::live::{FRAME_ROWS, Room, Sight, Subscription, Told};
use crate::model::UnixMillis;
use end::GOODBYE;
pub(super) use end::{End, say_goodbye};

/// After this much silence of the hub it pings the client, and checks that it still may listen.
const PING: Duration = Duration::from_secs(20);
/// After this much silence of the client it counts as gone.
const DEAD: Duration = Duration::from_secs(45);

/// The task of one connection.
pub(super) struct Connection {
    feed: Feed,
    socket: WebSocket,
    updates: Receiver<Arc<Told>>,
    access_ended: watch::Receiver<()>,
    /// The place of this connection among all; held until the connection ends.
    place: Option<Place>,
    subscriptions: BTreeMap<u32, Subscription>,
    room: Room,
    memory: Memory,
    sight: Sight,
    /// Until when nothing was missed: a gap after lagging begins here.
    caught_up: UnixMillis,
    last_heard: Instant,
}

impl Connection {
    pub(super) fn new(
        feed: Feed,
        principal: &Principal,
        socket: WebSocket,
        access_ended: watch::Receiver<()>,
        place: Option<Place>,
    ) -> Self {
        let updates = feed.bus.listen();
        // After `listen`: a change between the two is then heard of.
        let sight = Sight::new(principal.view.clone(), &feed.store.catalog());
        let memory = Memory::new(feed.rooms.live.of(principal.by));
        let (caught_up, last_heard) = (feed.clock.wall(), feed.clock.now());
        Self {
            feed,
            socket,
            updates,
            access_ended,
            place,
            subscriptions: BTreeMap::new(),
            room: Room::default(),
            memory,
            sight,
            caught_up,
            last_heard,
        }
    }

    /// Serves it to its end.
    pub(super) async fn run(mut self, principal: Principal, session: String) {
        let end = self.converse(principal, session).await;
        say_goodbye(self.socket, end).await;
    }

    async fn converse(&mut self, principal: Principal, session: String) -> End {
        let hello =
            ServerMessage::Hello { server_time: self.feed.clock.wall().0, session, version: self.feed.version.clone() };
        if let Err(end) = self.send(&hello).await {
            return end;
        }
        let mut ping = tokio::time::interval(PING);
        ping.reset();
        let (closing, place) = (self.feed.ongoing.closing.clone(), self.place.clone());
        loop {
            let next_frame = self.subscriptions.values().filter_map(Subscription::poll_timeout).min();
            let outcome = tokio::select! {
                biased;
                () = closing.cancelled() => Err(End::STOPPING),
                () = gave_way(place.as_ref()) => Err(End::again("too many connections")),
                // Before the client's messages: a client that floods the hub keeps its access no longer than others.
                Ok(()) = self.access_ended.changed() => self.check(&principal).await,
                _ = ping.tick() => self.check(&principal).await,
                message = self.socket.recv() => self.heard(message).await,
                () = self.feed.clock.sleep_until(next_frame) => self.send_frames().await,
                update = self.updates.recv() => self.learned(update, principal.scope).await,
            };
            if let Err(end) = outcome {
                return end;
            }
        }
    }

    async fn check(&mut self, principal: &Principal) -> Result<(), End> {
        if self.feed.clock.now().duration_since(self.last_heard) > DEAD {
            return Err(End::Gone);
        }
        if !credentials::still_holds(&self.feed.keys, principal).await {
            return Err(End::policy("signed out"));
        }
        self.push(Message::Ping(Bytes::new())).await
    }

    async fn send(&mut self, message: &ServerMessage) -> Result<(), End> {
        let Ok(json) = serde_json::to_string(message) else { return Ok(()) };
        self.push(Message::Text(json.into())).await
    }

    async fn push(&mut self, message: Message) -> Result<(), End> {
        let closing = self.feed.ongoing.closing.clone();
        let (memory, socket) = (&self.memory, &mut self.socket);
        let bytes = if let Message::Text(text) = &message { text.len() } else { 0 };
        let sent = async {
            let _room = memory.of_message(bytes).await;
            socket.send(message).await
        };
        tokio::select! {
            biased;
            sent = sent => sent.map_err(|_| End::Gone),
            () = tokio::time::sleep(self.feed.stuck) => {
                self.feed.sockets.too_slow.fetch_add(1, Ordering::Relaxed);
                Err(End::again("too slow"))
            }
            () = async { closing.cancelled().await; tokio::time::sleep(GOODBYE).await } => {
                Err(End::STOPPING)
            }
        }
    }
}

/// When the connection has to give way to others.
async fn gave_way(place: Option<&Place>) {
    match place {
        Some(place) => place.gave_way().await,
        None => std::future::pending().await,
    }
}

/// Parts that fit a message; one empty part of nothing.
fn parts<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let empty = rows.is_empty().then_some(rows);
    rows.chunks(FRAME_ROWS).chain(empty)
}
