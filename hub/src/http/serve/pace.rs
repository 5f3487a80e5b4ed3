//! A connection of which the other end has to take what it is sent: one that takes nothing for a while ends with an error.
//! Otherwise an answer that nobody reads is kept in memory for as long as its client likes. And one that may send so much at first
//! and no more: a TLS handshake, which is kept in memory until it is whole.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::http::shares::places::Place;

/// Wraps a connection.
#[derive(Debug)]
pub(in crate::http) struct Paced<S> {
    stream: S,
    patience: Duration,
    /// While nothing can be written: when the connection is given up.
    stalled: Option<Pin<Box<Sleep>>>,
    /// What may come, until it is allowed to go on.
    at_first: Option<usize>,
    /// The place that is told of bytes that arrive.
    place: Option<Place>,
}

impl<S> Paced<S> {
    pub(in crate::http) const fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, stalled: None, at_first: None, place: None }
    }

    /// With a place that is told of the bytes that arrive.
    pub(in crate::http) fn at(mut self, place: &Place) -> Self {
        self.place = Some(place.clone());
        self
    }

    /// Ends the connection after so many bytes, and those of one read, unless [`Paced::go_on`] comes before.
    pub(in crate::http) const fn at_first(mut self, bytes: usize) -> Self {
        self.at_first = Some(bytes);
        self
    }

    /// However much may come from now on.
    pub(in crate::http) const fn go_on(&mut self) {
        self.at_first = None;
    }

    /// Passes on what became of an attempt to write; in place of further waiting, an error when it took too long.
    fn progress<T>(&mut self, context: &mut Context<'_>, attempt: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if attempt.is_ready() {
            self.stalled = None;
            return attempt;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads nothing of the answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.at_first == Some(0) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the client sends too much at first")));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let came = buffer.filled().len() - before;
        self.at_first = self.at_first.map(|rest| rest.saturating_sub(came));
        if let Some(place) = self.place.as_ref().filter(|_| came > 0) {
            place.begins(came);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.progress(context, attempt)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.progress(context, attempt)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let attempt = Pin::new(&mut self.stream).poll_flush(context);
        self.progress(context, attempt)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let attempt = Pin::new(&mut self.stream).poll_shutdown(context);
        self.progress(context, attempt)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn what_nobody_reads_ends_and_what_is_read_goes_on() {
        let (ours, mut theirs) = duplex(16);
        let mut paced = Paced::new(ours, Duration::from_millis(300));
        let (sent, mut received) = ([7; 80], [0; 80]);
        let (wrote, read) = tokio::join!(paced.write_all(&sent), theirs.read_exact(&mut received));
        assert_eq!((wrote.is_ok(), read.is_ok(), received), (true, true, sent));
        let error = paced.write_all(&[7; 80]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn what_comes_at_first_is_bounded_and_the_rest_is_not() {
        let patience = Duration::from_secs(60);
        for (is_allowed, comes) in [(false, 24), (true, 200)] {
            let (ours, mut theirs) = duplex(8);
            let mut paced = Paced::new(ours, patience).at_first(24);
            if is_allowed {
                paced.go_on();
            }
            let sent = async {
                let _ = theirs.write_all(&[7; 200]).await;
                drop(theirs);
            };
            let read = async {
                let mut all = Vec::new();
                let _ = paced.read_to_end(&mut all).await;
                drop(paced);
                all.len()
            };
            assert_eq!(tokio::join!(sent, read).1, comes);
        }
    }
}
