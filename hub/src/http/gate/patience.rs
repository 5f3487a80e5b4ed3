//! How long a request may take.
//!
//! Clients that push readings give up after ten seconds, and many of them drop what they sent. So they are answered earlier,
//! whatever the hub waits for: then they send it again, and what was stored meanwhile is stored once. The time in which a body
//! is on its way is the client's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::clock::Clock;
use crate::http::error::ApiError;

/// Path of the import, which is exempt from the time limit and has bounds of its own.
const IMPORT: &str = "/api/v1/import";
/// Longest a request may take; the store gives up earlier.
const MOST: Duration = Duration::from_secs(30);
/// Paths that readings are pushed to.
const PUSHES: [&str; 7] =
    ["/api/v1/readings", "/write", "/api/v2/write", "/api/v3/write_lp", "/query", "/v1/metrics", "/api/v1/write"];
/// Longest the hub may take for those.
const OF_PUSHES: Duration = Duration::from_secs(8);

/// The time of a request that was its client's own.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct Waited(Arc<AtomicU64>);

impl Waited {
    /// So much more of it.
    pub(in crate::http) fn add(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn so_far(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// Ends a request that takes too long. How long a file may be on its way, only its import can say.
pub(in crate::http) async fn patience(mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path == IMPORT {
        return next.run(request).await;
    }
    let is_push = PUSHES.contains(&path);
    let own = if is_push { OF_PUSHES } else { MOST };
    let waited = Waited::default();
    request.extensions_mut().insert(waited.clone());
    tokio::select! {
        biased;
        response = next.run(request) => response,
        () = over(own, MOST, &waited) => too_late(is_push).into_response(),
    }
}

/// Waits until the hub has taken longer than its `own` time, or the request longer than `most`.
async fn over(own: Duration, most: Duration, waited: &Waited) {
    let start = Clock.now();
    loop {
        let end = start + in_all(own, most, waited.so_far());
        if Clock.now() >= end {
            return;
        }
        Clock.sleep_until(Some(end)).await;
    }
}

/// How long is waited for the hub in all, where the client was waited for so long.
fn in_all(own: Duration, most: Duration, waited: Duration) -> Duration {
    most.min(own + waited)
}

fn too_late(is_push: bool) -> ApiError {
    let detail = if is_push {
        "this was not on disk in time: send it again (what was stored meanwhile is stored once)"
    } else {
        "this took too long: ask for less"
    };
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", detail).retry_after(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_client_is_not_the_hubs_and_neither_is_endless() {
        let waits = |waited| in_all(Duration::from_secs(8), Duration::from_secs(30), Duration::from_secs(waited));
        assert_eq!(waits(0), Duration::from_secs(8));
        assert_eq!(waits(20), Duration::from_secs(28), "a body that came slowly");
        assert_eq!(waits(3_000), Duration::from_secs(30), "for ever");
    }

    #[tokio::test]
    async fn what_the_client_takes_meanwhile_is_not_the_hubs() {
        let waited = Waited::default();
        let ends = over(Duration::from_millis(20), Duration::from_hours(1), &waited);
        waited.add(Duration::from_mins(30));
        let start = Clock.now();
        tokio::select! {
            () = ends => panic!("it waited for the hub alone, {:?}", Clock.now() - start),
            () = Clock.sleep_until(Some(start + Duration::from_millis(60))) => {}
        }
        over(Duration::from_millis(1), Duration::from_millis(1), &waited).await;
    }
}
