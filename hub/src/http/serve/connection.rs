//! One connection, from its first byte to its end: by TLS or plain, by HTTP/1.1 or HTTP/2.
//!
//! With TLS the same port speaks both: what begins with the first byte of a TLS record (22; RFC 8446, 5.1) is TLS, all else is plain
//! HTTP, of which little is served (`plain`). A handshake that comes to nothing is counted and not answered.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use tracing::debug;

use super::flow::{Flow, Over};
use super::pace::Paced;
use crate::clock::Clock;
use crate::http::gate::front::Front;
use crate::http::shares::places::Place;
use crate::tls::Tls;

/// From accept to the first header, and from one request to the next.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// From accept to the end of the handshake.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may read nothing of its answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(20);
/// Largest request head.
const HEAD_BYTES: usize = 16 * 1024;
/// Largest handshake of a client: two kilobytes are usual.
const HANDSHAKE_BYTES: usize = 16 * 1024;
/// Header fields of a request.
const HEAD_FIELDS: usize = 64;
/// How long running requests may take when the hub stops.
pub(in crate::http) const FINISH: Duration = Duration::from_secs(5);
/// Requests of one connection by HTTP/2 at once: as many as a browser opens connections by HTTP/1.1, and two.
const STREAMS: u32 = 8;
/// Of a body, what a client may send before it is read; by HTTP/2 also of all bodies of a connection, as the protocol begins.
const WINDOW: u32 = 65_535;
/// Of answers, what is written ahead: of one by HTTP/2, of all by TLS.
const WRITTEN_AHEAD: usize = 32 << 10;
/// Requests by HTTP/2 that a client may cancel before it is cut off, if it does nothing else (CVE-2023-44487).
const TAKEN_BACK: usize = 20;
/// How often a connection by HTTP/2 is checked.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// First byte of a record that begins a handshake.
const HANDSHAKE: u8 = 22;

/// What all connections share.
pub(in crate::http) struct Door {
    pub(in crate::http) clock: Clock,
    /// TLS, where it is served by that.
    pub(in crate::http) tls: Option<Arc<Tls>>,
    pub(in crate::http) router: Router,
    pub(in crate::http) front: Front,
    pub(in crate::http) stop: CancellationToken,
    /// Where requests by HTTP/2 run.
    pub(in crate::http) tasks: TaskTracker,
}

/// Runs on the tracker, so that the hub waits for it at its end.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Tracked {
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}

impl Door {
    /// Serves one connection to its end.
    pub(in crate::http) async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, place: Place) {
        // Frames and answers are written whole, so waiting for more to send only adds delay.
        let _ = stream.set_nodelay(true);
        let ended = async {
            match self.shake_hands(stream, peer, &place).await {
                Ok(Opened::Plain(stream)) => self.http1(stream, peer, false, &place).await,
                Ok(Opened::Encrypted(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                    self.http2(*stream, peer, &place).await
                }
                Ok(Opened::Encrypted(stream)) => self.http1(*stream, peer, true, &place).await,
                Err(error) => {
                    debug!(%peer, %error, "no connection: {error}");
                    Ok(())
                }
            }
        };
        tokio::select! {
            biased;
            () = place.gave_way() => debug!(%peer, "connection closed: others came, and nobody had shown who this is"),
            ended = ended => if let Err(error) = ended {
                debug!(%peer, %error, "connection ended: {error}");
            },
        }
    }

    async fn shake_hands(&self, stream: TcpStream, peer: SocketAddr, place: &Place) -> io::Result<Opened> {
        let paced = |stream| Paced::new(stream, ANSWER_PATIENCE).at(place);
        let Some(tls) = &self.tls else { return Ok(Opened::Plain(paced(stream))) };
        let slow = || {
            tls.failed.slow.fetch_add(1, Ordering::Relaxed);
            io::Error::from(io::ErrorKind::TimedOut)
        };
        let opened = async {
            let mut first = [0];
            let found = stream.peek(&mut first).await?;
            let stream = paced(stream);
            if found == 0 || first != [HANDSHAKE] {
                return Ok(Opened::Plain(stream));
            }
            let acceptor = TlsAcceptor::from(tls.config());
            let stream = stream.at_first(HANDSHAKE_BYTES);
            let stream =
                acceptor.accept_with(stream, |connection| connection.set_buffer_limit(Some(WRITTEN_AHEAD))).await;
            let mut stream = stream.inspect_err(|error| {
                debug!(%peer, %error, "handshake failed: {error}");
                let alert = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
                let is_refused = matches!(alert, Some(rustls::Error::AlertReceived(_)));
                let counter = if is_refused { &tls.failed.refused } else { &tls.failed.broken };
                counter.fetch_add(1, Ordering::Relaxed);
            })?;
            stream.get_mut().0.go_on();
            Ok(Opened::Encrypted(Box::new(stream)))
        };
        tokio::select! {
            () = self.stop.cancelled() => Err(io::ErrorKind::ConnectionAborted.into()),
            opened = timeout(HANDSHAKE_PATIENCE, opened) => opened.unwrap_or_else(|_| Err(slow())),
        }
    }

    /// What answers the requests of a connection.
    fn service(
        self: &Arc<Self>,
        peer: SocketAddr,
        encrypted: bool,
        place: &Place,
    ) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
    {
        let (door, place) = (Arc::clone(self), place.clone());
        service_fn(move |mut request: Request<Incoming>| {
            let answer = door.front.receive(&mut request, peer, encrypted);
            let (router, asking) = (door.router.clone(), place.asks());
            request.extensions_mut().insert(place.clone());
            async move {
                let _asking = asking;
                match answer {
                    Some(answer) => Ok(answer),
                    None => router.oneshot(request).await,
                }
            }
        })
    }

    async fn http1<S>(
        self: &Arc<Self>,
        stream: S,
        peer: SocketAddr,
        encrypted: bool,
        place: &Place,
    ) -> hyper::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_PATIENCE)
            .max_header_size(HEAD_BYTES)
            .max_headers(HEAD_FIELDS)
            // What follows a head may be read ahead no further: requests that are sent one upon the other are not kept here.
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), self.service(peer, encrypted, place))
            .with_upgrades();
        let mut connection = pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                timeout(FINISH, connection).await.unwrap_or(Ok(()))
            }
        }
    }

    async fn http2(
        self: &Arc<Self>,
        stream: TlsStream<Paced<TcpStream>>,
        peer: SocketAddr,
        place: &Place,
    ) -> hyper::Result<()> {
        let streams = if place.widen(STREAMS - 1) { STREAMS } else { 1 };
        let flow = Flow::new(self.clock);
        let (service, requests) = (self.service(peer, true, place), flow.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (running, fields) = (requests.begin(), request.headers().len());
            let service = service.clone();
            async move {
                if fields > HEAD_FIELDS {
                    return Ok::<_, Infallible>(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response());
                }
                Ok(service.call(request).await?.map(|body| running.answer(body)))
            }
        });
        let connection = http2::Builder::new(Tracked(self.tasks.clone()))
            .timer(TokioTimer::new())
            .max_concurrent_streams(streams)
            .max_header_list_size(HEAD_BYTES as u32)
            .header_table_size(4 << 10)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_send_buf_size(WRITTEN_AHEAD)
            .max_pending_accept_reset_streams(TAKEN_BACK)
            .max_local_error_reset_streams(TAKEN_BACK)
            .keep_alive_interval(ANSWER_PATIENCE)
            .keep_alive_timeout(ANSWER_PATIENCE)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let over = tokio::select! {
            ended = connection.as_mut() => return ended,
            over = over(&flow) => over,
            () = self.stop.cancelled() => Over::Idle,
        };
        if over == Over::Stalled {
            return Ok(());
        }
        connection.as_mut().graceful_shutdown();
        timeout(FINISH, connection).await.unwrap_or(Ok(()))
    }
}

/// Waits until a connection is to end.
async fn over(flow: &Flow) -> Over {
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        if let Some(over) = flow.over(HEADER_PATIENCE, ANSWER_PATIENCE) {
            return over;
        }
    }
}

/// A connection that may carry requests.
enum Opened {
    Plain(Paced<TcpStream>),
    Encrypted(Box<TlsStream<Paced<TcpStream>>>),
}
