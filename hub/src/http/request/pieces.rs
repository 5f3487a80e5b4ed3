//! JSON that was written by hand, in pieces: sent one after the other, never put together.

use std::convert::Infallible;

use axum::Extension;
use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;

use super::answers::{Counted, Making, held};

/// Up to here it is cheaper to put the pieces together than to send them by themselves.
const SMALL: usize = 64 << 10;

/// An answer of type JSON, and the room that it takes until it was sent.
#[derive(Debug)]
pub(in crate::http) struct Pieces {
    pub(in crate::http) pieces: Vec<Bytes>,
    pub(in crate::http) room: Making,
}

impl IntoResponse for Pieces {
    fn into_response(self) -> Response {
        let length = self.pieces.iter().map(Bytes::len).sum::<usize>();
        let body = if length <= SMALL {
            Body::from(self.pieces.concat())
        } else {
            Body::from_stream(stream::iter(self.pieces.into_iter().map(Ok::<_, Infallible>)))
        };
        let headers =
            [(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_LENGTH, length.to_string())];
        (headers, Extension(Counted), held(body, self.room)).into_response()
    }
}
