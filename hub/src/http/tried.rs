//! Templates that people try are rendered beside what serves everybody: two at once, and for no longer than a moment.

use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::Semaphore;

use crate::http::error::ApiError;

/// Renderings at once.
static PLACES: Semaphore = Semaphore::const_new(2);
/// Waiting and rendering.
const LONGEST: Duration = Duration::from_secs(5);

/// What comes of it.
///
/// # Errors
/// Its own, 503 where it does not come in time, and [`ApiError::stopping`].
pub(super) async fn tried<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    within(LONGEST, work).await
}

async fn within<T: Send + 'static>(
    longest: Duration,
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = async {
        let place = PLACES.acquire().await.map_err(|_| ApiError::stopping())?;
        let held = move || {
            let _place = place;
            work()
        };
        tokio::task::spawn_blocking(held).await.map_err(ApiError::internal)?
    };
    let late = |_| {
        let detail = "templates are tried two at once, and others are: try again";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1)
    };
    tokio::time::timeout(longest, done).await.map_err(late)?
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};

    use super::*;

    #[tokio::test]
    async fn two_that_take_long_stop_nobody_and_a_third_waits_for_a_moment_only() {
        let long = |end: Receiver<()>| tried(move || Ok(end.recv().is_ok()));
        let ((end_a, a), (end_b, b)) = (sync_channel(0), sync_channel(0));
        let third = async {
            let third = within(Duration::from_millis(20), || Ok(1)).await;
            drop((end_a, end_b));
            third
        };
        let (a, b, third) = tokio::join!(long(a), long(b), third);
        assert_eq!(third.unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!((a, b), (Ok(false), Ok(false)));
        assert_eq!(tried(|| Ok(1)).await, Ok(1));
    }
}
