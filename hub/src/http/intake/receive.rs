//! Takes the body of a request apart, and what it brought to the disk.

use axum::extract::Request;
use axum::http::StatusCode;

use super::inlet::Inlet;
use super::unpack::Body;
use crate::http::error::ApiError;
use crate::http::gate::peer::Peer;
use crate::http::limits::PUSH_ROOM_WITHIN;
use crate::http::shares::asker::Asker;
use crate::ingest::desk::Counters;
use crate::ingest::gather::Gathered;
use crate::ingest::way::{NotStored, Sends, Stored};
use crate::model::UnixMillis;
use crate::model::access::Scope;
use crate::model::view::View;
use crate::store::{Error, Origin};

/// Readings of one request: a third of what the queue to the disk holds.
const MOST: usize = 200_000;
/// Bodies up to this size are read on the calling thread: another one would take longer to wake up.
const SMALL: usize = 16 << 10;

/// What was stored.
#[derive(Debug)]
pub(super) struct Kept {
    /// Readings on disk.
    pub(super) readings: usize,
    /// Devices they are of.
    pub(super) devices: usize,
    /// Why others are not, and how many.
    pub(super) left_out: Vec<(ApiError, usize)>,
}

/// What the sender of a request may do.
pub(super) fn sends(request: &Request, view: View, partial: bool) -> Sends {
    let who = request.extensions().get::<Asker>().and_then(Asker::who);
    let by = who.filter(|who| !who.scope.includes(Scope::Admin)).map(|who| who.by.into());
    Sends { by, view, partial, whole: true, room_within: PUSH_ROOM_WITHIN, once: false }
}

/// Reads a request, and gathers what is in it.
pub(super) async fn receive<R: Send + 'static>(
    inlet: &Inlet,
    request: Request,
    gather: impl FnOnce(&[u8], &mut Gathered) -> Result<R, ApiError> + Send + 'static,
) -> Result<(Gathered, R), ApiError> {
    let read = read(inlet, request, gather).await;
    read.inspect_err(|error| {
        if error.is_the_clients() {
            inlet.desk.counters.invalid();
        }
    })
}

async fn read<R: Send + 'static>(
    inlet: &Inlet,
    request: Request,
    gather: impl FnOnce(&[u8], &mut Gathered) -> Result<R, ApiError> + Send + 'static,
) -> Result<(Gathered, R), ApiError> {
    let body = Body::read(inlet, request).await?;
    let is_small = body.is_at_most(SMALL);
    let read = move || {
        let (bytes, _room) = body.plain()?;
        let mut gathered = Gathered::new(Origin::Pushed);
        let read = gather(&bytes, &mut gathered)?;
        if gathered.len() > MOST {
            let detail = format!("{} readings in one request: send at most {MOST} at once", gathered.len());
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
        }
        Ok((gathered, read))
    };
    if is_small {
        return read();
    }
    let _place = inlet.rooms.reading.acquire().await.map_err(|_| ApiError::stopping())?;
    tokio::task::spawn_blocking(read).await.map_err(ApiError::internal)?
}

/// Takes readings to the disk.
pub(super) async fn keep(
    inlet: &Inlet,
    mut gathered: Gathered,
    sends: &Sends,
    Peer(address): Peer,
    now: UnixMillis,
) -> Result<Kept, ApiError> {
    let unanswered = Unanswered(Some(&inlet.desk.counters));
    let mut stored = Stored::default();
    let ended = inlet.store(&mut gathered, sends, now, &mut stored).await;
    unanswered.answered();
    ended.inspect_err(|why| count(&inlet.desk.counters, why))?;
    let Stored { devices, left_out, replaced } = stored;
    inlet.desk.counters.replaced(replaced);
    inlet.heard(&gathered, address);
    let left_out = left_out.into_iter().map(|(why, readings)| (why.into(), readings)).collect();
    Ok(Kept { readings: gathered.len(), devices: devices.len(), left_out })
}

/// Counts a request of which nothing is stored, unless that was counted where it turned out.
fn count(counters: &Counters, why: &NotStored) {
    match why {
        NotStored::Refused(_) | NotStored::Store(Error::Limit { .. } | Error::Conflict { .. }) => counters.not_taken(),
        NotStored::TooMany => counters.invalid(),
        NotStored::Deleted => counters.busy(),
        NotStored::Stopping => counters.unanswered(),
        NotStored::Newcomers(_) | NotStored::Busy | NotStored::Store(_) => {}
    }
}

/// Counts a request that ends before it is known what became of it: its client went, or was told to come again.
struct Unanswered<'a>(Option<&'a Counters>);

impl Unanswered<'_> {
    fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(counters) = self.0 {
            counters.unanswered();
        }
    }
}
