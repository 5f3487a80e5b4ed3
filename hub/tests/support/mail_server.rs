//! A mail server on a real socket: speaks as much SMTP as a sender needs, and remembers what it was handed.

#![expect(clippy::unwrap_used, reason = "in a test a failure is a panic")]

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// TLS from the first byte.
    Tls,
    /// STARTTLS, and takes nothing before.
    StartTls,
    /// Neither.
    Plainly,
    /// STARTTLS, and sends more behind its consent than that.
    MoreBeforeTls,
    /// Nothing at all.
    BlackHole,
    /// A greeting of lines that has no end.
    LinesWithoutEnd,
    /// A greeting of one line that has no end.
    LineWithoutEnd,
    /// Neither TLS nor logins.
    WithoutLogin,
}

/// A message as it was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Handed {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) text: String,
}

/// The server, of which `refused@...` is no recipient and `later@...` one in a while, and at which only `hub` with `sesame open` may
/// log in. Ends when dropped.
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    /// Trusts its certificate, which is for `localhost.test` and `127.0.0.1`.
    pub(crate) trust: Arc<ClientConfig>,
    handed: Arc<Mutex<Vec<Handed>>>,
    _tasks: JoinSet<()>,
}

impl MailServer {
    pub(crate) async fn that(speaks: Speaks) -> Self {
        let made =
            rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned(), "localhost.test".to_owned()]).unwrap();
        let (acceptor, trust) = (acceptor(&made), trust(&made));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let handed = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        let seen = Arc::clone(&handed);
        tasks.spawn(async move {
            let mut calls = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                calls.spawn(async move { drop(serve(socket, speaks, acceptor, &seen).await) });
            }
        });
        Self { address, trust, handed, _tasks: tasks }
    }

    pub(crate) fn handed(&self) -> Vec<Handed> {
        self.handed.lock().unwrap().clone()
    }
}

async fn serve(socket: TcpStream, speaks: Speaks, acceptor: TlsAcceptor, seen: &Mutex<Vec<Handed>>) -> io::Result<()> {
    match speaks {
        Speaks::BlackHole => {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            Ok(())
        }
        Speaks::LinesWithoutEnd => flood(socket, &b"220-hello\r\n".repeat(1_000)).await,
        Speaks::LineWithoutEnd => flood(socket, &b"2".repeat(10_000)).await,
        Speaks::WithoutLogin => {
            let mut plain = BufStream::new(socket);
            say(&mut plain, "220 mail.test ready").await?;
            line(&mut plain).await?;
            say(&mut plain, "250-mail.test\r\n250 8BITMIME").await?;
            line(&mut plain).await.map(drop)
        }
        Speaks::Tls => talk(&mut BufStream::new(acceptor.accept(socket).await?), true, seen).await,
        Speaks::Plainly => talk(&mut BufStream::new(socket), true, seen).await,
        Speaks::StartTls | Speaks::MoreBeforeTls => {
            let mut plain = BufStream::new(socket);
            say(&mut plain, "220 mail.test ready").await?;
            loop {
                match line(&mut plain).await?.split_whitespace().next() {
                    Some("EHLO") => say(&mut plain, "250-mail.test\r\n250-8BITMIME\r\n250 STARTTLS").await?,
                    Some("STARTTLS") if speaks == Speaks::MoreBeforeTls => {
                        say(&mut plain, "220 go on\r\n250 AUTH PLAIN").await?;
                        break;
                    }
                    Some("STARTTLS") => {
                        say(&mut plain, "220 go on").await?;
                        break;
                    }
                    _ => say(&mut plain, "530 5.7.0 Must issue a STARTTLS command first").await?,
                }
            }
            talk(&mut BufStream::new(acceptor.accept(plain.into_inner()).await?), false, seen).await
        }
    }
}

async fn flood(mut socket: TcpStream, bytes: &[u8]) -> io::Result<()> {
    loop {
        socket.write_all(bytes).await?;
    }
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
    greets: bool,
    seen: &Mutex<Vec<Handed>>,
) -> io::Result<()> {
    if greets {
        say(stream, "220 mail.test ready").await?;
    }
    let mut mail = Handed { from: String::new(), to: Vec::new(), text: String::new() };
    loop {
        let asked = line(stream).await?;
        let address = |text: &str| text.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let answer = match asked.get(..4).unwrap_or_default() {
            "EHLO" => "250-mail.test\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
            "AUTH" => {
                let coded = asked.rsplit(' ').next().unwrap_or_default();
                if STANDARD.decode(coded).is_ok_and(|login| login == b"\0hub\0sesame open") {
                    "235 2.7.0 Authentication successful"
                } else {
                    &format!("535 5.7.8 Authentication credentials invalid: {coded}")
                }
            }
            "MAIL" => {
                mail.from = address(&asked);
                "250 2.1.0 Ok"
            }
            "RCPT" => match address(&asked) {
                to if to.starts_with("refused@") => "550 5.1.1 User unknown",
                to if to.starts_with("later@") => "450 4.2.0 Greylisted",
                to => {
                    mail.to.push(to);
                    "250 2.1.5 Ok"
                }
            },
            "DATA" => {
                say(stream, "354 End data with <CR><LF>.<CR><LF>").await?;
                loop {
                    let text = line(stream).await?;
                    if text == "." {
                        break;
                    }
                    mail.text += text.strip_prefix('.').unwrap_or(&text);
                    mail.text += "\r\n";
                }
                seen.lock().unwrap().push(mail.clone());
                "250 2.0.0 Ok: queued as 4711"
            }
            "QUIT" => return say(stream, "221 2.0.0 Bye").await,
            _ => "502 5.5.2 Error: command not recognized",
        };
        say(stream, answer).await?;
    }
}

async fn line<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>, text: &str) -> io::Result<()> {
    stream.write_all(format!("{text}\r\n").as_bytes()).await?;
    stream.flush().await
}

type Made = rcgen::CertifiedKey<rcgen::KeyPair>;

fn acceptor(made: &Made) -> TlsAcceptor {
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn trust(made: &Made) -> Arc<ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
