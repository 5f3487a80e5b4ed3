//! Makes one call: a new connection to an address that the policy allows, one request, one answer.
//!
//! Written directly on `hyper`, because the bytes before an answer have to be limited too: a receiver may send any number of interim
//! answers (`103`, `100`) first, and a client that reads all of them spends a core on it for as long as the call may take. Here
//! at most [`ANSWER_BYTES`] are read from a connection: head, interim answers and body together.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use reqwest::Url;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinSet;
use tower::Service as _;

use super::guard::{Filtered, UnknownName};
use crate::delivery::mend::Cause;
use crate::delivery::policy::Refused;

/// Limit for looking up a name, connecting and TLS together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that are read of one answer at most: far more than an honest head has, and than is kept of a body.
const ANSWER_BYTES: usize = 64 << 10;

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("no TLS for webhooks")]
pub struct NoTls(#[from] rustls::Error);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// There was no connection.
    #[error("cannot connect")]
    Connect(#[source] Box<dyn StdError + Send + Sync>),
    /// The request could not be made, or no answer to it read.
    #[error("the request failed")]
    Request(#[source] Box<dyn StdError + Send + Sync>),
}

impl Error {
    /// What of it a person must mend.
    pub(super) fn cause(&self) -> Option<Cause> {
        cause_of(self)
    }
}

/// What a person must mend of a connection that failed.
pub(super) fn cause_of(error: &(dyn StdError + 'static)) -> Option<Cause> {
    use rustls::Error as Tls;
    if let Some(refused) = find::<Refused>(error) {
        return Some(if let Refused::NoAddress(name) = refused {
            Cause::UnknownName(name.clone())
        } else {
            Cause::Policy(refused.to_string())
        });
    }
    if let Some(unknown) = find::<UnknownName>(error) {
        return Some(Cause::UnknownName(unknown.name.clone()));
    }
    if find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse) {
        return Some(Cause::NotHttp);
    }
    let error = find::<Tls>(error)?;
    if let Tls::InvalidCertificate(why) = error {
        return Some(Cause::Certificate(why.to_string()));
    }
    matches!(error, Tls::InvalidMessage(_)).then_some(Cause::NotTls)
}

/// The first of this type in a chain of errors, also in those that an I/O error carries.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match carried {
            Some(carried) => Some(carried),
            None => error.source(),
        };
    }
    None
}

/// An answer whose body may still be on its way.
pub(super) struct Answer {
    pub(super) response: Response<Incoming>,
    /// What drives the connection; ends with this.
    _connection: JoinSet<Result<(), hyper::Error>>,
}

/// What is trusted with TLS: what this machine trusts.
///
/// # Errors
/// Those of the TLS library.
pub(crate) fn trust() -> Result<Arc<ClientConfig>, NoTls> {
    let provider = Arc::new(ring::default_provider());
    let builder = || ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let trusting = builder()?.with_platform_verifier().or_else(|error| {
        // A machine without root certificates can still call http receivers on its network.
        tracing::warn!(%error, "no root certificates found: webhooks to https URLs will fail");
        Ok::<_, rustls::Error>(builder()?.with_root_certificates(RootCertStore::empty()))
    })?;
    Ok(Arc::new(trusting.with_no_client_auth()))
}

/// Sends a body.
pub(super) async fn send(
    method: Method,
    url: &Url,
    resolver: Filtered,
    trust: Arc<ClientConfig>,
    headers: HeaderMap,
    body: Vec<u8>,
) -> Result<Answer, Error> {
    let mut http = HttpConnector::new_with_resolver(resolver);
    http.enforce_http(false);
    http.set_nodelay(true);
    let uri: Uri = url.as_str().parse().map_err(|error: hyper::http::uri::InvalidUri| Error::Request(error.into()))?;
    let connecting = HttpsConnector::from((http, trust)).call(uri);
    let stream = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(stream) => stream.map_err(Error::Connect)?,
        Err(_) => return Err(Error::Connect(format!("nobody answered within {} s", CONNECT_TIMEOUT.as_secs()).into())),
    };
    over(TokioIo::new(stream), method, url, headers, body).await
}

/// Sends a body over a connection there is.
pub(super) async fn over(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    method: Method,
    url: &Url,
    headers: HeaderMap,
    body: Vec<u8>,
) -> Result<Answer, Error> {
    let request = request(method, url, headers, body).map_err(Error::Request)?;
    let stream = Measured { stream, left: ANSWER_BYTES };
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| Error::Request(error.into()))?;
    let mut driven = JoinSet::new();
    driven.spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| Error::Request(error.into()))?;
    Ok(Answer { response, _connection: driven })
}

fn request(
    method: Method,
    url: &Url,
    headers: HeaderMap,
    body: Vec<u8>,
) -> Result<Request<Full<Bytes>>, Box<dyn StdError + Send + Sync>> {
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut request = Request::builder().method(method).uri(format!("{}{query}", url.path())).body(Full::from(body))?;
    *request.headers_mut() = headers;
    request.headers_mut().insert(HOST, HeaderValue::from_str(&host)?);
    Ok(request)
}

/// A stream of which so much is read.
struct Measured<S> {
    stream: S,
    left: usize,
}

impl<S: AsyncRead + Unpin> AsyncRead for Measured<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left == 0 {
            let text = format!("the receiver sent {} KiB and its answer had not ended", ANSWER_BYTES >> 10);
            return Poll::Ready(Err(io::Error::other(text)));
        }
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, into))?;
        self.left = self.left.saturating_sub(into.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Measured<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
