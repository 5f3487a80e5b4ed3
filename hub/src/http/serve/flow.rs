//! What of HTTP/2 the limits of a connection do not see.
//!
//! Its requests share a connection that goes on being read and written, whatever becomes of each of them: a client can leave one
//! answer where it is and take another, or keep a connection without any request. So each connection remembers its
//! requests; an answer of which a client takes nothing for a while, or no request at all, ends it. And answers go in small
//! pieces: a piece that was handed over is in a buffer that nobody counts.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::clock::Clock;

/// Bytes handed over at once: a frame.
const PIECE: usize = 16 << 10;

/// Requests of one connection.
#[derive(Debug, Clone)]
pub(in crate::http) struct Flow {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    next: u64,
    /// Requests by number; those whose answer waits for the client, since when.
    open: HashMap<u64, Option<Instant>>,
    /// Since when there is none.
    idle_since: Instant,
}

/// Why a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Over {
    /// Nothing is asked.
    Idle,
    /// An answer is not taken.
    Stalled,
}

impl Flow {
    pub(in crate::http) fn new(clock: Clock) -> Self {
        Self { clock, state: Arc::new(Mutex::new(State { next: 0, open: HashMap::new(), idle_since: clock.now() })) }
    }

    /// A request begins.
    pub(in crate::http) fn begin(&self) -> Running {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.open.insert(number, None);
        drop(state);
        Running { number, flow: self.clone() }
    }

    /// Whether the connection is to end: it had no request for as long as `idle`, or an answer was left for as long as `stalled`.
    pub(in crate::http) fn over(&self, idle: Duration, stalled: Duration) -> Option<Over> {
        let (now, state) = (self.clock.now(), self.lock());
        let since = |moment: Instant| now.saturating_duration_since(moment);
        if state.open.is_empty() {
            return (since(state.idle_since) >= idle).then_some(Over::Idle);
        }
        let is_stalled = state.open.values().flatten().any(|waits| since(*waits) >= stalled);
        is_stalled.then_some(Over::Stalled)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request, until its answer was handed over or given up.
#[derive(Debug)]
pub(in crate::http) struct Running {
    number: u64,
    flow: Flow,
}

impl Running {
    /// The answer, piece by piece.
    pub(in crate::http) fn answer(self, body: Body) -> Body {
        Body::new(Pieces { body, rest: Bytes::new(), running: self })
    }

    /// Whether it is for the client to go on.
    fn waits(&self, for_client: bool) {
        let now = for_client.then(|| self.flow.clock.now());
        if let Some(waits) = self.flow.lock().open.get_mut(&self.number) {
            *waits = now;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.flow.lock();
        state.open.remove(&self.number);
        state.idle_since = self.flow.clock.now();
    }
}

struct Pieces {
    body: Body,
    /// Of what the body gave, what was not handed over yet.
    rest: Bytes,
    running: Running,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            // While it is made, it is not the client who waits.
            self.running.waits(false);
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                end => return Poll::Ready(end),
            }
        }
        let size = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(size);
        self.running.waits(true);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(rest + body.lower());
        if let Some(upper) = body.upper() {
            hint.set_upper(rest + upper);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    const NOTHING: Duration = Duration::ZERO;
    const LONG: Duration = Duration::from_hours(1);

    #[tokio::test]
    async fn an_answer_goes_in_pieces_and_counts_until_its_last() {
        let flow = Flow::new(Clock);
        assert_eq!((flow.over(NOTHING, LONG), flow.over(LONG, NOTHING)), (Some(Over::Idle), None));
        let running = flow.begin();
        assert_eq!(flow.over(NOTHING, NOTHING), None, "it is being made");
        let whole: Vec<u8> = (0..3 * PIECE + 5).map(|n| (n % 251) as u8).collect();
        let mut body = running.answer(Body::from(whole.clone()));
        assert_eq!(body.size_hint().exact(), Some(whole.len() as u64));
        let mut taken = Vec::new();
        while let Some(frame) = body.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            assert!(piece.len() <= PIECE);
            taken.extend_from_slice(&piece);
            assert_eq!(body.size_hint().exact(), Some((whole.len() - taken.len()) as u64));
            assert_eq!(body.is_end_stream(), taken.len() == whole.len());
            assert_eq!(flow.over(NOTHING, NOTHING), Some(Over::Stalled), "it is for the client to take it");
            assert_eq!(flow.over(NOTHING, LONG), None);
        }
        assert_eq!(taken, whole);
        drop(body);
        assert_eq!(flow.over(NOTHING, NOTHING), Some(Over::Idle));
    }
}
