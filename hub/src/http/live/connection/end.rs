//! How a connection ends, and the last word to its client.

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};

/// How long the last message may take to be sent.
pub(super) const GOODBYE: Duration = Duration::from_secs(1);

/// Why a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http::live) enum End {
    /// The client went, or the network.
    Gone,
    /// The client is told why.
    Close(u16, Cow<'static, str>),
}

impl End {
    /// It broke the rules, or lost its access.
    pub(in crate::http::live) const fn policy(why: &'static str) -> Self {
        Self::Close(close_code::POLICY, Cow::Borrowed(why))
    }

    /// The hub stops.
    pub(super) const STOPPING: Self = Self::Close(close_code::AWAY, Cow::Borrowed("the hub is stopping"));

    /// The client may try again later.
    pub(super) const fn again(why: &'static str) -> Self {
        Self::Close(close_code::AGAIN, Cow::Borrowed(why))
    }
}

/// How a connection ends when there is no memory for its subscriptions.
pub(super) const NO_ROOM: End =
    End::again("live connections have no room for so much: take fewer subscriptions, or come again later");

/// Tells a client why its connection ends.
pub(in crate::http::live) async fn say_goodbye(mut socket: WebSocket, end: End) {
    let End::Close(code, reason) = end else { return };
    let close = Message::Close(Some(CloseFrame { code, reason: reason.as_ref().into() }));
    let _ = tokio::time::timeout(GOODBYE, socket.send(close)).await;
    // Wait for the answer, so that the client reads the code and not a reset.
    let answer = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _ = tokio::time::timeout(GOODBYE, answer).await;
}
