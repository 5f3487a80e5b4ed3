//! One live connection: it reads what the client says, follows what happens in the hub, and sends frames that are due.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::Bytes;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use super::dto::{ClientRequest, Row, ServerMessage};
use super::feed::Feed;
use super::memory::Memory;
use crate::http::alerts::dto::ListedAlert;
use crate::http::devices::dto::Device;
use crate::http::gate::auth;
use crate::http::principal::Principal;
use crate::http::request::text;
use crate::http::shares::places::Place;
use crate::http::webhooks::dto::Delivery;
use crate::live::{FRAME_ROWS, Filter, Room, Seen, Sight, Subscription, Update};
use crate::model::access::Scope;
use crate::model::alert::AlertState;
use crate::model::device::DeviceNo;
use crate::model::glob::Glob;
use crate::model::reading::{Point, SeriesId};
use crate::model::{DeviceId, UnixMillis};
use crate::pressure::Shed;
use crate::rules::silences::Silences;

/// After this much silence of the hub it pings the client, and checks that it still may listen.
const PING: Duration = Duration::from_secs(20);
/// After this much silence of the client it counts as gone.
const DEAD: Duration = Duration::from_secs(45);
/// How long the last message may take to be sent.
const GOODBYE: Duration = Duration::from_secs(1);
/// Subscriptions of one connection.
const SUBSCRIPTIONS: usize = 500;
/// Bytes in which one connection knows which series its subscriptions want: two bits a series and subscription, so that all 500
/// may be held of 8,000 series, and 80 of 50,000.
const KNOWN_BYTES: usize = 1 << 20;
/// Frames a second by default.
const USUAL_HZ: f64 = 10.0;

/// Why a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The client went, or the network.
    Gone,
    /// The client is told why.
    Close(u16, Cow<'static, str>),
}

impl End {
    pub(super) const fn policy(why: &'static str) -> Self {
        Self::Close(close_code::POLICY, Cow::Borrowed(why))
    }

    /// The same again later may go well.
    const fn again(why: &'static str) -> Self {
        Self::Close(close_code::AGAIN, Cow::Borrowed(why))
    }
}

/// How a connection ends for whose subscriptions there is no memory.
const NO_ROOM: End =
    End::again("live connections have no room for so much: take fewer subscriptions, or come again later");

/// Tells a client why its connection ends.
pub(super) async fn say_goodbye(mut socket: WebSocket, end: End) {
    let End::Close(code, reason) = end else { return };
    let close = Message::Close(Some(CloseFrame { code, reason: reason.as_ref().into() }));
    let _ = tokio::time::timeout(GOODBYE, socket.send(close)).await;
    // Wait for the answer, so that the client reads the code and not a reset.
    let answer = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _ = tokio::time::timeout(GOODBYE, answer).await;
}

/// The task of one connection.
pub(super) struct Connection {
    feed: Feed,
    socket: WebSocket,
    updates: Receiver<Arc<Update>>,
    access_ended: watch::Receiver<()>,
    /// Of the connection: it is one until it ends.
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
        // After that: what changes in between is heard of.
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
                () = closing.cancelled() => Err(End::Close(close_code::AWAY, Cow::Borrowed("the hub is stopping"))),
                () = gave_way(place.as_ref()) => Err(End::again("too many connections")),
                // Before what the client says: one that floods keeps its access no longer than others.
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

    /// A message of the client.
    async fn heard(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let Some(Ok(message)) = message else { return Err(End::Gone) };
        self.last_heard = self.feed.clock.now();
        match message {
            Message::Text(text) => match serde_json::from_str(text.as_str()) {
                Ok(request) => self.answer(request).await,
                Err(error) => {
                    let detail = format!("not a valid request: {error}");
                    self.send(&ServerMessage::Error { detail }).await?;
                    Err(End::policy("not a request"))
                }
            },
            Message::Binary(_) => Err(End::policy("requests must be text messages")),
            Message::Close(_) => Err(End::Gone),
            Message::Ping(_) | Message::Pong(_) => Ok(()),
        }
    }

    async fn answer(&mut self, request: ClientRequest) -> Result<(), End> {
        match request {
            ClientRequest::Unsubscribe { id } => {
                if let Some(ended) = self.subscriptions.remove(&id) {
                    self.room.give_back(&ended);
                    self.memory.holds(self.subscriptions.values(), &self.room);
                }
                Ok(())
            }
            ClientRequest::Subscribe { id, device, sensor, max_hz, resume } => {
                if self.subscriptions.len() >= SUBSCRIPTIONS && !self.subscriptions.contains_key(&id) {
                    return Err(End::policy("too many subscriptions"));
                }
                let glob = |field: &str, pattern: Option<String>| {
                    text::glob(field, pattern.unwrap_or_else(|| "*".to_owned())).map(|pattern| Glob::new(&pattern))
                };
                let filter = match (glob("device", device), glob("sensor", sensor)) {
                    (Ok(device), Ok(sensor)) => Filter { device, sensor, view: self.sight.view().clone() },
                    (Err(error), _) | (_, Err(error)) => {
                        return self.send(&ServerMessage::Error { detail: error.detail }).await;
                    }
                };
                let since = match resume.map(|resume| resume.millis()) {
                    None => None,
                    Some(Some(since)) => Some(since),
                    Some(None) => {
                        let detail = "`resume` must be the last server time in epoch milliseconds".to_owned();
                        return self.send(&ServerMessage::Error { detail }).await;
                    }
                };
                self.subscribe(id, filter, max_hz.filter(|hz| hz.is_finite()).unwrap_or(USUAL_HZ), since).await
            }
        }
    }

    async fn subscribe(&mut self, id: u32, filter: Filter, max_hz: f64, since: Option<i64>) -> Result<(), End> {
        let series: Vec<_> = filter.series(&self.feed.store.catalog()).collect();
        if let Some(before) = self.subscriptions.insert(id, Subscription::new(filter, max_hz)) {
            self.room.give_back(&before);
        }
        if !self.memory.holds(self.subscriptions.values(), &self.room) {
            return Err(NO_ROOM);
        }
        // Also an empty one: it tells the client that the subscription stands.
        for series in chunks(&series) {
            let latest = series.iter().copied().zip(self.feed.store.latest(series));
            let newest: Vec<_> = latest.filter_map(|(series, point)| Some((series, point?))).collect();
            let rows = self.rows(&newest);
            self.send(&ServerMessage::Snapshot { id, rows }).await?;
        }
        match since {
            Some(since) => self.send(&ServerMessage::Gap { id, since }).await,
            None => Ok(()),
        }
    }

    /// Something happened in the hub.
    async fn learned(&mut self, update: Result<Arc<Update>, RecvError>, scope: Scope) -> Result<(), End> {
        match update {
            Ok(update) => {
                let told = self.tell(&update, scope).await;
                if self.updates.is_empty() {
                    self.caught_up = self.feed.clock.wall();
                }
                told
            }
            Err(RecvError::Lagged(_)) => {
                let since = self.caught_up.0;
                self.caught_up = self.feed.clock.wall();
                let ids: Vec<u32> = self.subscriptions.keys().copied().collect();
                for id in ids {
                    self.send(&ServerMessage::Gap { id, since }).await?;
                }
                // A device event may be among what was missed.
                self.subscriptions.values_mut().for_each(Subscription::forget_verdicts);
                let gone = self.sight.missed(&self.feed.store.catalog());
                for id in gone {
                    self.send(&ServerMessage::Device { device: None, removed: Some(id.to_string()) }).await?;
                }
                Ok(())
            }
            Err(RecvError::Closed) => Err(End::Close(close_code::AWAY, Cow::Borrowed("the hub is stopping"))),
        }
    }

    async fn tell(&mut self, update: &Update, scope: Scope) -> Result<(), End> {
        match update {
            Update::Batches(batches) => {
                let now = self.feed.clock.now();
                let pressed = !self.subscriptions.is_empty() && self.feed.pressure.sheds(Shed::LiveRate);
                let catalog = self.feed.store.catalog();
                let rows = batches.iter().map(|batch| batch.series.len()).sum::<usize>() * self.subscriptions.len();
                self.memory.lend(self.subscriptions.values(), &mut self.room, rows);
                for subscription in self.subscriptions.values_mut() {
                    subscription.set_pressed(pressed);
                    batches.iter().for_each(|batch| subscription.observe(now, batch, &catalog, &mut self.room));
                }
                if self.subscriptions.values().map(Subscription::known_bytes).sum::<usize>() > KNOWN_BYTES {
                    return Err(End::policy(
                        "too many subscriptions for so many series: take fewer with wider patterns",
                    ));
                }
                // What it knows of its series has grown.
                if self.memory.holds(self.subscriptions.values(), &self.room) { Ok(()) } else { Err(NO_ROOM) }
            }
            Update::Device(id) => {
                let seen = self.sight.changed(*id, &self.feed.store.catalog());
                self.tell_of_device(*id, seen).await
            }
            Update::Removed(id) => {
                let seen = self.sight.removed(*id, &self.feed.store.catalog());
                self.tell_of_device(*id, seen).await
            }
            Update::Alert(alert) if self.sees(alert.device()) => {
                let now = self.feed.clock.wall();
                // Nobody is silent about what is over. Where the store is too busy to be asked, no silence is told of.
                let silences = if matches!(alert.state, AlertState::Pending | AlertState::Firing) {
                    self.feed.store.silences().await.unwrap_or_default()
                } else {
                    Vec::new()
                };
                let silences = Silences::new(silences, Vec::new());
                let alert = Box::new(ListedAlert::of(alert, &silences, now, &self.feed.store.catalog()));
                self.send(&ServerMessage::Alert { alert: Some(alert), removed: None }).await
            }
            Update::NoAlert(id, device) if self.sees(*device) => {
                self.send(&ServerMessage::Alert { alert: None, removed: Some(text::id(*id)) }).await
            }
            // What was sent to whom is about the whole hub.
            Update::Delivery(id) if self.sees(None) => match self.feed.store.delivery(*id).await {
                Ok(delivery) => {
                    let delivery = Delivery::from(delivery).shown_to(scope);
                    self.send(&ServerMessage::Delivery { delivery }).await
                }
                // Deleted meanwhile, or the store is busy: the page learns of it when it asks.
                Err(_) => Ok(()),
            },
            Update::Alert(_) | Update::NoAlert(..) | Update::Delivery(_) => Ok(()),
        }
    }

    async fn tell_of_device(&mut self, id: DeviceId, seen: Seen) -> Result<(), End> {
        self.subscriptions.values_mut().for_each(Subscription::forget_verdicts);
        let device = if seen == Seen::Now { self.device(id).map(Box::new) } else { None };
        let removed = (seen == Seen::Gone).then(|| id.to_string());
        if device.is_none() && removed.is_none() {
            return Ok(());
        }
        self.send(&ServerMessage::Device { device, removed }).await
    }

    fn device(&self, id: DeviceId) -> Option<Device> {
        let catalog = self.feed.store.catalog();
        if let Some(device) = self.sight.view().device(&catalog, id) {
            return Some(Device::of(device, &catalog, &self.feed.presence, self.feed.clock.wall()));
        }
        self.feed.presence.read().pending.get(&id).filter(|_| self.sight.view().is_all()).map(Device::from)
    }

    /// Whether the client may see what is about this device, or about none.
    fn sees(&self, device: Option<DeviceNo>) -> bool {
        self.sight.view().sees(&self.feed.store.catalog(), device)
    }

    async fn send_frames(&mut self) -> Result<(), End> {
        let now = self.feed.clock.now();
        let due: Vec<_> = self
            .subscriptions
            .iter_mut()
            .flat_map(|(id, subscription)| subscription.poll(now, &mut self.room).into_iter().map(|frame| (*id, frame)))
            .collect();
        for (id, frame) in due {
            for rows in chunks(&frame.rows) {
                let rows = self.rows(rows);
                if !rows.is_empty() {
                    self.send(&ServerMessage::Readings { id, lane: frame.lane.into(), rows }).await?;
                }
            }
            if let Some(since) = frame.gap {
                self.send(&ServerMessage::Gap { id, since: since.0 }).await?;
            }
        }
        if self.room.repay() {
            self.memory.holds(self.subscriptions.values(), &self.room);
        }
        Ok(())
    }

    /// Rows with names, of devices that may be seen as it is now. Rows of one device come together, so its id is written once for
    /// all of them.
    fn rows(&self, rows: &[(SeriesId, Point)]) -> Vec<Row> {
        let catalog = self.feed.store.catalog();
        let mut last: Option<(DeviceId, Arc<str>)> = None;
        rows.iter()
            .filter_map(|(series, point)| {
                let series = catalog.series(*series)?;
                let device = catalog.device(series.device).filter(|device| self.sight.view().has(device))?.id;
                let name = match &last {
                    Some((id, name)) if *id == device => Arc::clone(name),
                    _ => Arc::from(device.to_string()),
                };
                last = Some((device, Arc::clone(&name)));
                Some(Row(name, series.sensor.clone(), point.at.0, point.value))
            })
            .collect()
    }

    async fn check(&mut self, principal: &Principal) -> Result<(), End> {
        if self.feed.clock.now().duration_since(self.last_heard) > DEAD {
            return Err(End::Gone);
        }
        if !auth::still_holds(&self.feed.keys, principal).await {
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
                Err(End::Close(close_code::AWAY, Cow::Borrowed("the hub is stopping")))
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
fn chunks<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let empty = rows.is_empty().then_some(rows);
    rows.chunks(FRAME_ROWS).chain(empty)
}
