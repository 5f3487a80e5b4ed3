//! JSON that was written by hand, in pieces: sent one after the other, never put together.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;

/// Up to here it is cheaper to put the pieces together than to send them by themselves.
const SMALL: usize = 64 << 10;

/// An answer of type JSON.
#[derive(Debug)]
pub(super) struct Pieces(pub Vec<Bytes>);

impl IntoResponse for Pieces {
    fn into_response(self) -> Response {
        let length = self.0.iter().map(Bytes::len).sum::<usize>();
        let body = if length <= SMALL {
            Body::from(self.0.concat())
        } else {
            Body::from_stream(stream::iter(self.0.into_iter().map(Ok::<_, Infallible>)))
        };
        let headers =
            [(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_LENGTH, length.to_string())];
        (headers, body).into_response()
    }
}
