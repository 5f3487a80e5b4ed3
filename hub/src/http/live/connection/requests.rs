//! What the client asks for, and what it is answered.

use axum::extract::ws::Message;

use super::end::{End, NO_ROOM};
use super::{Connection, parts};
use crate::http::live::dto::{ClientRequest, ServerMessage};
use crate::http::request::text;
use crate::live::{Filter, Subscription};
use crate::model::glob::Glob;

/// Subscriptions of one connection.
const SUBSCRIPTIONS: usize = 500;
/// Frames a second by default.
const USUAL_HZ: f64 = 10.0;

impl Connection {
    /// A message of the client.
    pub(super) async fn heard(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
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
                    ended.end(&mut self.room);
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
            before.end(&mut self.room);
        }
        if !self.memory.holds(self.subscriptions.values(), &self.room) {
            return Err(NO_ROOM);
        }
        // Also an empty one: it tells the client that the subscription stands.
        for series in parts(&series) {
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
}
