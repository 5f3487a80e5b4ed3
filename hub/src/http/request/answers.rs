//! Room for answers: what of them waits to be taken by whoever asked. A large one counts from when it is made until its last
//! byte has left; where there is no room, for a query after it looked for some for ten seconds, or where too many wait already, the
//! request is refused, and nothing is kept for it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRef, FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::timeout;

use crate::http::error::ApiError;
use crate::http::error::nobody;
use crate::http::limits::{ANSWERS_OF_ONE, ROOM_WITHIN, WAITING_OF_ONE};
use crate::http::shares::asker::Asker;
use crate::http::shares::rooms::Rooms;
use crate::http::shares::{Growing, PLACE, Taken};

/// Of one caller's bytes, the part for an answer that is not made yet: the rest is for the caller's other answers.
const EXPECTED: usize = ANSWERS_OF_ONE - (4 << 20);
/// Pause between two checks whether there is memory.
const LOOK: Duration = Duration::from_millis(50);
/// Shorter answers are not counted: with one on every connection they take as much memory again.
const SMALL: usize = 16 << 10;

/// An answer that was counted while it was made.
#[derive(Debug, Clone)]
pub(in crate::http) struct Counted;

/// Room for an answer that is being made; taken by whoever is let in before, when it is their turn.
#[derive(Debug, Clone)]
pub(in crate::http) struct Making(Arc<Mutex<Made>>);

#[derive(Debug)]
struct Made {
    growing: Growing,
    /// Given back once the answer is made: a client that reads slowly keeps no turn.
    turn: Option<Taken>,
}

impl<S: Send + Sync> FromRequestParts<S> for Making
where
    Arc<Rooms>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let rooms = <Arc<Rooms>>::from_ref(state);
        let by = parts.extensions.get::<Asker>().and_then(Asker::known).ok_or_else(nobody)?;
        let waits = rooms.waiting.of(by).try_take(PLACE).ok_or_else(too_many)?;
        let turn = timeout(ROOM_WITHIN, rooms.turns.of(by).take(PLACE)).await.ok().flatten().ok_or_else(no_turn)?;
        drop(waits);
        let made = Made { growing: Growing::new(rooms.answers.of(by), SMALL), turn: Some(turn) };
        Ok(Self(Arc::new(Mutex::new(made))))
    }
}

impl Making {
    /// Takes room for an answer of this likely size: answers that are asked for at once are made one after the other.
    pub(in crate::http) async fn expects(&self, bytes: usize) -> Result<(), ApiError> {
        let taken = async {
            // Polled instead of queued: a caller in line for much memory would keep all others from a little.
            while !self.takes(bytes) {
                tokio::time::sleep(LOOK).await;
            }
        };
        timeout(ROOM_WITHIN, taken).await.map_err(|_| no_room())
    }

    fn takes(&self, bytes: usize) -> bool {
        self.made().growing.foresee(bytes, EXPECTED)
    }

    /// A part of it is made: room that it does not need is given back.
    pub(in crate::http) fn fit(&self) {
        self.made().growing.fit();
    }

    /// All of it is made.
    pub(in crate::http) fn is_made(&self) {
        self.fit();
        self.made().turn = None;
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is room for so many bytes more.
    pub(in crate::http) fn has_room_for(&self, bytes: usize) -> bool {
        self.made().growing.grow(bytes)
    }

    /// Why there was no room.
    pub(in crate::http) fn refused(&self) -> ApiError {
        if self.made().growing.used() <= ANSWERS_OF_ONE {
            return no_room();
        }
        let detail =
            format!("the answer would be larger than {} MiB: ask for fewer series or buckets", ANSWERS_OF_ONE >> 20);
        ApiError::invalid("limit", detail)
    }
}

/// Counts answers to callers who are known; strangers only get answers that are in memory anyway.
pub(in crate::http) async fn counted(State(rooms): State<Arc<Rooms>>, mut request: Request, next: Next) -> Response {
    let asker = Asker::at(request.extensions().get().cloned());
    request.extensions_mut().insert(asker.clone());
    let response = next.run(request).await;
    let length = response.body().size_hint().exact().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let by = asker.known().filter(|_| length > SMALL && response.extensions().get::<Counted>().is_none());
    let Some(by) = by else { return response };
    match rooms.answers.of(by).try_take(length) {
        Some(taken) => response.map(|body| held(body, taken)),
        None => no_room().into_response(),
    }
}

/// 503: more wait than may.
fn too_many() -> ApiError {
    busy(format!("{WAITING_OF_ONE} queries of yours wait for their turn, or too many of everybody: send fewer at once"))
}

/// 503: others were before it for too long.
fn no_turn() -> ApiError {
    busy("queries that were sent before this one take long: send fewer at once, or ask for less".to_owned())
}

fn busy(detail: String) -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(2)
}

/// 503: too much is on its way already.
pub(in crate::http) fn no_room() -> ApiError {
    busy("answers of some megabytes are on their way to you or others: read those first, or ask for less".to_owned())
}

/// A body that holds something until it was sent or given up.
pub(in crate::http) fn held(body: Body, what: impl Send + Unpin + 'static) -> Body {
    Body::new(Held { body, _what: what })
}

struct Held<T> {
    body: Body,
    _what: T,
}

impl<T: Unpin> HttpBody for Held<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
