//! Sends one message by SMTP: a new connection to an address that the policy allows, with TLS from its first byte (`smtps`) or by
//! STARTTLS (`smtp`), each step within a time of its own.
//!
//! The hub makes the connection and its TLS itself, so that names, addresses and certificates are judged as those of any webhook;
//! lettre speaks SMTP over it. Before STARTTLS only greeting and EHLO are spoken, and whatever else a server, or somebody between, sends
//! before TLS ends the attempt: it would be taken for a part of the encrypted conversation.
//!
//! What a server says is read with limits: each answer has one ([`ANSWER_BYTES`]), and so has the whole conversation ([`ALL_BYTES`]). lettre looks
//! at an answer from its beginning again with each line of it, and gathers a line until it ends: without limits a greeting that never does
//! takes a core, and memory, for as long as an attempt may last.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::{Data, Mail as From, Quit, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::call;
use super::guard::Filtered;
use crate::delivery::mend::{Cause, MailStep};
use crate::delivery::message::email::Envelope;
use crate::delivery::policy::{self, MailServer};

/// Limit for looking up a name, connecting and TLS together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Limit for each answer of the server; some greet late on purpose.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of one answer at most: far more than an honest server says to one command, also of what it can.
const ANSWER_BYTES: usize = 8 << 10;
/// Bytes of all answers of a conversation at most.
const ALL_BYTES: usize = 64 << 10;

/// A message, and how it is handed over.
pub(super) struct Mail<'a> {
    pub(super) server: &'a MailServer,
    /// Whether it may go without TLS to a server on the local network.
    pub(super) may_be_plain: bool,
    pub(super) login: Option<(&'a str, &'a str)>,
    pub(super) envelope: &'a Envelope,
    pub(super) message: &'a [u8],
}

/// The server took it, for some of the recipients at least.
pub(super) struct Taken {
    pub(super) code: u16,
    pub(super) text: String,
    /// Those for whom it did not, with its words.
    pub(super) refused: Vec<String>,
}

/// Why it did not.
#[derive(Debug)]
pub(super) enum Error {
    /// There was no connection.
    Connect(Box<dyn StdError + Send + Sync>),
    /// The server said no at a step, with this code, or said nothing.
    Step(MailStep, Option<u16>, String),
    /// It offers no STARTTLS.
    NoStartTls,
    /// It offers no way to log in that the hub knows.
    NoLogin,
    /// Without TLS, and not on the local network.
    NotLocal(IpAddr),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(_) => f.write_str("cannot connect"),
            Self::Step(step, _, text) => write!(f, "{}: {text}", step.words()),
            Self::NoStartTls => f.write_str("the mail server offers no STARTTLS"),
            Self::NoLogin => f.write_str("the mail server offers no login (AUTH PLAIN or LOGIN)"),
            Self::NotLocal(ip) => write!(f, "{ip} is not on the local network: nothing is sent there without TLS"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Connect(error) => Some(&**error),
            Self::Step(..) | Self::NoStartTls | Self::NoLogin | Self::NotLocal(_) => None,
        }
    }
}

impl Error {
    /// What of it a person must mend.
    pub(super) fn cause(&self) -> Option<Cause> {
        match self {
            Self::Connect(error) => {
                let cause = call::cause_of(&**error)?;
                Some(if cause == Cause::NotTls { Cause::NoMailTls } else { cause })
            }
            Self::Step(step, code, text) => Some(Cause::Mail(*step, (*code)?, text.clone())),
            Self::NoStartTls => Some(Cause::NoStartTls),
            Self::NoLogin => Some(Cause::NoLogin),
            Self::NotLocal(_) => Some(Cause::Policy(self.to_string())),
        }
    }
}

/// Hands a message to a server.
pub(super) async fn send(mail: &Mail<'_>, resolver: &Filtered, trust: Arc<ClientConfig>) -> Result<Taken, Error> {
    let (stream, own) = connected(mail, resolver, trust).await?;
    let client = client(own);
    let greets = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &client);
    let mut server = step(MailStep::Greeting, greets).await?;
    if let Some((name, password)) = mail.login {
        let login = Credentials::new(name.to_owned(), password.to_owned());
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        if server.server_info().get_auth_mechanism(&mechanisms).is_none() {
            return Err(Error::NoLogin);
        }
        step(MailStep::Login, server.auth(&mechanisms, &login)).await?;
    }
    let Envelope { from, to } = mail.envelope;
    step(MailStep::Sender, server.command(From::new(Some(from.clone()), Vec::new()))).await?;
    let mut refused = Vec::new();
    let mut error = None;
    for address in to {
        match step(MailStep::Recipient, server.command(Rcpt::new(address.clone(), Vec::new()))).await {
            Ok(_) => {}
            Err(Error::Step(step, Some(code), text)) => {
                refused.push(format!("{address}: {text}"));
                error = Some(Error::Step(step, Some(code), format!("{address}: {text}")));
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(error) = error.filter(|_| refused.len() == to.len()) {
        return Err(error);
    }
    step(MailStep::Message, server.command(Data)).await?;
    let response = step(MailStep::Message, server.message(mail.message)).await?;
    // It has the message whether it says goodbye or not.
    let _ = tokio::time::timeout(Duration::from_secs(1), server.command(Quit)).await;
    let text = response.message().collect::<Vec<_>>().join("\n");
    Ok(Taken { code: response.code().into(), text, refused })
}

/// Greets as RFC 5321 (4.1.3) has it for who has no name in DNS.
const fn client(own: IpAddr) -> ClientId {
    match own {
        IpAddr::V4(ip) => ClientId::Ipv4(ip),
        IpAddr::V6(ip) => ClientId::Ipv6(ip),
    }
}

async fn step<T>(step: MailStep, asked: impl Future<Output = Result<T, SmtpError>>) -> Result<T, Error> {
    match tokio::time::timeout(STEP_TIMEOUT, asked).await {
        Ok(answer) => answer.map_err(|error| said(step, &error)),
        Err(_) => Err(Error::Step(step, None, format!("no answer within {} s", STEP_TIMEOUT.as_secs()))),
    }
}

/// What a server said, without lettre's words around it.
fn said(step: MailStep, error: &SmtpError) -> Error {
    let code = error.status().map(u16::from);
    let words = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    let text = code.map_or_else(|| words.clone(), |code| format!("{code} {words}"));
    Error::Step(step, code, text)
}

/// A connection on which the conversation begins, and the hub's own address on it.
async fn connected(mail: &Mail<'_>, resolver: &Filtered, trust: Arc<ClientConfig>) -> Result<(Stream, IpAddr), Error> {
    let MailServer { host, port: _, is_tls } = mail.server;
    let late = |_| Error::Connect(format!("nobody answered within {} s", CONNECT_TIMEOUT.as_secs()).into());
    let tcp = tokio::time::timeout(CONNECT_TIMEOUT, tcp(mail.server, resolver)).await.map_err(late)??;
    let own = tcp.local_addr().map_err(|error| Error::Connect(error.into()))?.ip();
    let secured = async |tcp: TcpStream| {
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
            .map_err(|error| Error::Connect(error.into()))?;
        let connecting = TlsConnector::from(trust).connect(name, tcp);
        let tls = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.map_err(late)?;
        tls.map_err(|error| Error::Connect(error.into()))
    };
    if *is_tls {
        return Ok((Stream::new(secured(tcp).await?, b""), own));
    }
    let peer = tcp.peer_addr().map_err(|error| Error::Connect(error.into()))?.ip();
    if mail.may_be_plain {
        return if policy::is_local(peer) { Ok((Stream::new(tcp, b""), own)) } else { Err(Error::NotLocal(peer)) };
    }
    let tcp = start_tls(tcp, own).await?;
    // After STARTTLS nobody greets; lettre waits for it.
    Ok((Stream::new(secured(tcp).await?, b"220 TLS\r\n"), own))
}

async fn tcp(server: &MailServer, resolver: &Filtered) -> Result<TcpStream, Error> {
    let host = server.host.trim_matches(['[', ']']);
    let addresses = match host.parse::<IpAddr>() {
        // Judged with the URL.
        Ok(ip) => vec![SocketAddr::new(ip, server.port)],
        Err(_) => resolver.addresses(host).await.map_err(Error::Connect)?,
    };
    let mut failed: Box<dyn StdError + Send + Sync> = "no address".into();
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error.into(),
        }
    }
    Err(Error::Connect(failed))
}

/// The conversation until TLS begins.
async fn start_tls(mut tcp: TcpStream, own: IpAddr) -> Result<TcpStream, Error> {
    let talked = async {
        expect(&mut tcp, "220").await?;
        tcp.write_all(format!("EHLO {}\r\n", client(own)).as_bytes()).await?;
        let offers = expect(&mut tcp, "250").await?;
        let offers_tls =
            offers.lines().any(|line| line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS")));
        if !offers_tls {
            return Ok(false);
        }
        tcp.write_all(b"STARTTLS\r\n").await?;
        expect(&mut tcp, "220").await?;
        Ok::<_, io::Error>(true)
    };
    match tokio::time::timeout(STEP_TIMEOUT, talked).await {
        Ok(Ok(true)) => Ok(tcp),
        Ok(Ok(false)) => Err(Error::NoStartTls),
        Ok(Err(error)) => Err(Error::Step(MailStep::Greeting, None, error.to_string())),
        Err(_) => Err(Error::Step(MailStep::Greeting, None, format!("no answer within {} s", STEP_TIMEOUT.as_secs()))),
    }
}

/// Reads one answer, not a byte further, and wants it to begin so.
async fn expect(tcp: &mut TcpStream, code: &str) -> io::Result<String> {
    let mut answer = String::new();
    let mut line = Vec::new();
    while answer.len() < ANSWER_BYTES {
        line.push(tcp.read_u8().await?);
        if line.len() > 1_000 {
            break;
        }
        if !line.ends_with(b"\n") {
            continue;
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        line.clear();
        let is_last = text.as_bytes().get(3) != Some(&b'-');
        answer.push_str(&text);
        if is_last {
            return if text.starts_with(code) { Ok(answer) } else { Err(io::Error::other(answer.trim().to_owned())) };
        }
    }
    Err(io::Error::other("this is no mail server, or it says too much"))
}

/// A connection with what was said on it before, and of which so much is read.
struct Stream {
    inner: Box<dyn Connection>,
    said: &'static [u8],
    /// Bytes that may still be read until the next command.
    left_of_answer: usize,
    /// Bytes that may still be read at all.
    left: usize,
}

trait Connection: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Connection for T {}

impl Stream {
    fn new(inner: impl Connection + 'static, said: &'static [u8]) -> Self {
        Self { inner: Box::new(inner), said, left_of_answer: ANSWER_BYTES, left: ALL_BYTES }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

impl AsyncTokioStream for Stream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.said.is_empty() {
            let (now, later) = self.said.split_at(self.said.len().min(into.remaining()));
            into.put_slice(now);
            self.said = later;
            return Poll::Ready(Ok(()));
        }
        if self.left_of_answer == 0 || self.left == 0 {
            return Poll::Ready(Err(io::Error::other("this is no mail server, or it says too much")));
        }
        let before = into.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, into))?;
        let read = into.filled().len() - before;
        self.left_of_answer = self.left_of_answer.saturating_sub(read);
        self.left = self.left.saturating_sub(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // Whatever is read from here on is another answer.
        self.left_of_answer = ANSWER_BYTES;
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
