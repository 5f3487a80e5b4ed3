//! Request bodies that carry readings: large, possibly compressed, and only of callers who may write.
//!
//! Memory for a body is reserved as it arrives, so many bodies at once need a known amount, and one that is only
//! announced needs none. From [`EARNED`] bytes on, the memory for the rest is reserved at once, so that half-read
//! bodies do not wait for each other. A compressed body reserves what it may expand to. One that is larger than its
//! share is refused as soon as that is known.

use std::io::Read as _;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::MultiGzDecoder;
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::inlet::Inlet;
use crate::http::error::ApiError;
use crate::http::error::nobody;
use crate::http::gate::patience::Waited;
use crate::http::limits::PUSH_ROOM_WITHIN;
use crate::http::shares::Growing;
use crate::http::shares::asker::Asker;

/// Largest body, compressed or not: a hundred times what Telegraf sends in one request.
pub(in crate::http) const LIMIT: usize = 8 << 20;
/// Bytes after which memory for the rest of a body is reserved at once.
const EARNED: usize = 256 << 10;
/// How long a body may pause.
const STALLED: Duration = Duration::from_secs(10);

/// A body, and the room it takes.
pub(in crate::http) struct Body {
    /// As it was sent.
    bytes: Vec<u8>,
    coding: Coding,
    _room: Growing,
}

impl Body {
    /// Reads the body of a request.
    pub(in crate::http) async fn read(inlet: &Inlet, request: Request) -> Result<Self, ApiError> {
        let coding = Coding::of(request.headers())?;
        let length = length(request.headers());
        if length.is_some_and(|length| length > LIMIT) {
            return Err(too_large());
        }
        let by = request.extensions().get::<Asker>().and_then(Asker::known).ok_or_else(nobody)?;
        let mut room = Growing::new(inlet.rooms.unpacking.of(by), 0);
        let waited = request.extensions().get::<Waited>().cloned().unwrap_or_default();
        let mut body = request.into_body().into_data_stream();
        let mut bytes = Vec::new();
        loop {
            let before = inlet.clock.now();
            let more = timeout(STALLED, body.next()).await.map_err(|_| stalled())?;
            waited.add(inlet.clock.now().saturating_duration_since(before));
            let Some(more) = more else { break };
            let more = more.map_err(|_| cut())?;
            let there = bytes.len() + more.len();
            if there > LIMIT {
                return Err(too_large());
            }
            let needed = if there <= EARNED { there } else { length.unwrap_or(LIMIT).max(there) };
            hold(inlet, &mut room, needed).await?;
            bytes.extend_from_slice(&more);
        }
        if coding != Coding::Plain {
            hold(inlet, &mut room, LIMIT).await?;
        }
        Ok(Self { bytes, coding, _room: room })
    }

    /// Whether it has at most so many bytes, as it is sent and unpacked.
    pub(in crate::http) fn is_at_most(&self, bytes: usize) -> bool {
        self.coding == Coding::Plain && self.bytes.len() <= bytes
    }

    /// What it is, unpacked, with what holds the room for it.
    pub(super) fn plain(self) -> Result<(Vec<u8>, Growing), ApiError> {
        let bytes = match self.coding {
            Coding::Plain => self.bytes,
            Coding::Gzip => gunzip(&self.bytes)?,
            Coding::Snappy => unsnap(&self.bytes)?,
        };
        Ok((bytes, self._room))
    }
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Plain,
    Gzip,
    /// A block of snappy, without frames, as remote write has it.
    Snappy,
}

impl Coding {
    fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        match named(headers).as_deref() {
            None | Some("" | "identity") => Ok(Self::Plain),
            Some("gzip" | "x-gzip") => Ok(Self::Gzip),
            Some("snappy") => Ok(Self::Snappy),
            Some(other) => Err(other_coding(other, "gzip, snappy, or none")),
        }
    }
}

/// The text of bytes that are to be one as a whole.
pub(super) fn text(bytes: &[u8]) -> Result<&str, ApiError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        ApiError::new(StatusCode::BAD_REQUEST, "not_text", format!("line {line}: this is not UTF-8"))
    })
}

/// Waits for room, as long as a request may.
async fn hold(inlet: &Inlet, room: &mut Growing, bytes: usize) -> Result<(), ApiError> {
    match timeout(PUSH_ROOM_WITHIN, room.hold(bytes)).await {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(inlet.no_room().into()),
    }
}

fn cut() -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "cut", "the body did not arrive whole")
}

fn stalled() -> ApiError {
    let detail = format!("nothing of the body arrived for {} s: send it again", STALLED.as_secs());
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "stalled", detail)
}

/// Whether a body is packed, where nothing else than gzip is taken.
pub(in crate::http) fn is_gzip(headers: &HeaderMap) -> Result<bool, ApiError> {
    match Coding::of(headers) {
        Ok(Coding::Snappy) | Err(_) => Err(other_coding(&named(headers).unwrap_or_default(), "gzip, or none")),
        Ok(coding) => Ok(coding == Coding::Gzip),
    }
}

/// The name of the coding, if the request has one.
fn named(headers: &HeaderMap) -> Option<String> {
    let coding = headers.get(header::CONTENT_ENCODING)?;
    Some(coding.to_str().unwrap_or("?").trim().to_ascii_lowercase())
}

fn other_coding(other: &str, right: &str) -> ApiError {
    let detail = format!("`Content-Encoding: {other}` is not understood: {right}");
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoding", detail)
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn gunzip(packed: &[u8]) -> Result<Vec<u8>, ApiError> {
    let mut plain = Vec::new();
    // One byte more than it may have says that there is more.
    match MultiGzDecoder::new(packed).take(LIMIT as u64 + 1).read_to_end(&mut plain) {
        Ok(length) if length > LIMIT => Err(too_large()),
        Ok(_) => Ok(plain),
        Err(error) => {
            let detail = format!("the body is not gzip, or only a part of one: {error}");
            Err(ApiError::new(StatusCode::BAD_REQUEST, "bad_gzip", detail))
        }
    }
}

fn unsnap(packed: &[u8]) -> Result<Vec<u8>, ApiError> {
    let broken = |error| {
        let detail = format!("the body is not a block of snappy, or only a part of one: {error}");
        ApiError::new(StatusCode::BAD_REQUEST, "bad_snappy", detail)
    };
    // It begins with how long it is unpacked.
    if snap::raw::decompress_len(packed).map_err(broken)? > LIMIT {
        return Err(too_large());
    }
    snap::raw::Decoder::new().decompress_vec(packed).map_err(broken)
}

fn too_large() -> ApiError {
    let detail = format!("the body is larger than {} MiB, unpacked: send it in parts", LIMIT >> 20);
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_block_of_snappy_is_unpacked_up_to_the_limit() {
        let snappy = |plain: &[u8]| snap::raw::Encoder::new().compress_vec(plain).unwrap();
        assert_eq!(unsnap(&snappy(b"abc")), Ok(b"abc".to_vec()));
        assert_eq!(unsnap(&snappy(&vec![0; LIMIT])).map(|plain| plain.len()), Ok(LIMIT));
        assert_eq!(unsnap(&snappy(&vec![0; LIMIT + 1])), Err(too_large()));
        let packed = snappy(b"abcabcabcabcabcabcabc");
        for broken in [&packed[..packed.len() - 1], b"abc", &[0xff, 0xff, 0xff, 0x03]] {
            assert!(unsnap(broken).unwrap_err().detail().contains("not a block of snappy"), "{broken:?}");
        }
    }

    #[test]
    fn what_is_packed_is_unpacked_up_to_the_limit() {
        assert_eq!(gunzip(&gzip(b"m f=1\n")), Ok(b"m f=1\n".to_vec()));
        // Some programs write a member a flush.
        assert_eq!(gunzip(&[gzip(b"a"), gzip(b"b")].concat()), Ok(b"ab".to_vec()));
        assert_eq!(gunzip(&gzip(&vec![0; LIMIT])).map(|plain| plain.len()), Ok(LIMIT));
        let bomb = gzip(&vec![0; 4 * LIMIT]);
        assert!(bomb.len() < LIMIT && gunzip(&bomb) == Err(too_large()));
        let packed = gzip(b"m f=1\n");
        for broken in [&packed[..packed.len() - 1], b"m f=1", &[]] {
            assert!(gunzip(broken).unwrap_err().detail().contains("not gzip"), "{broken:?}");
        }
    }
}
