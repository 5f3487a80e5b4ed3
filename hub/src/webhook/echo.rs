//! Sends a message of a webhook to a receiver of the hub's own, which shows what came.
//!
//! The receiver is a socket on the loopback of this machine for one request: nobody can name it beforehand, it answers one request and
//! is gone. The address comes from here and not from a webhook, so the guard lets nothing through that it did not before.
//! The request is that of the webhook, byte by byte, but for the connection: it is not encrypted, and goes to no name.

use std::time::Duration;

use hyper::Method;
use reqwest::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::call;
use super::client::Client;
use super::request::credentials;
use crate::delivery::header;
use crate::delivery::mend;
use crate::delivery::message::echo::{Came, Echo, Finding, judge};
use crate::delivery::message::showing::{Png, Showing, is_shown};
use crate::delivery::message::{self, address};
use crate::delivery::sample;
use crate::model::webhook::{Delivery, Webhook, WebhookKind};

/// Limit of all of it: nothing leaves this machine.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a request: more than any message has.
const REQUEST_BYTES: usize = 1 << 20;
/// Where a home server of Matrix would have put the picture: nothing is given to one.
const MXC: &str = "mxc://example.org/chart";

impl Client {
    /// Sends a message of a webhook to an echo.
    ///
    /// # Errors
    /// Why it cannot be sent, for people.
    pub async fn echo(&self, webhook: &Webhook, delivery: &Delivery) -> Result<Echo, String> {
        let at = self.clock.wall();
        let said = |cause| mend::problem(&cause, at).map_or_else(String::new, |problem| problem.text);
        let png = Png { bytes: sample::PICTURE, alt: sample::CHART };
        let showing = match (is_shown(webhook.spec.kind, delivery.event), webhook.spec.kind) {
            (false, _) => Showing::Links,
            (true, WebhookKind::Matrix) => Showing::Stored(MXC, png),
            (true, _) => Showing::File(png),
        };
        let request = self.writer.prepared(webhook, delivery, showing, at).await.map_err(said)?;
        let method = match request.method {
            message::Method::Post => Method::POST,
            message::Method::Put => Method::PUT,
            message::Method::Mail => return Err("an e-mail goes by SMTP, which an echo does not speak".to_owned()),
        };
        let url = Url::parse(&request.url).map_err(|error| error.to_string())?;
        let headers = self.writer.headers(&request, webhook, delivery, at.0.div_euclid(1_000));
        let (complaint, written) = (request.complaint.clone(), request.written.clone());
        let echoed = async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let stream = TcpStream::connect(listener.local_addr()?).await?;
            let (answer, came) =
                tokio::join!(call::over(stream, method, &url, headers, request.body), receive(&listener));
            drop(answer);
            came
        };
        let came = match tokio::time::timeout(TIMEOUT, echoed).await {
            Ok(came) => came.map_err(|error| error.to_string())?,
            Err(_) => return Err(format!("the echo heard nothing within {} s", TIMEOUT.as_secs())),
        };
        let mut findings = judge(webhook.spec.kind, &webhook.secrets, &came, self.clock.wall());
        findings.extend(complaint.map(|text| Finding { is_right: false, text: format!("A template failed: {text}.") }));
        Ok(Echo { webhook: webhook.id, at, came: shown(webhook, &request.url, &written, came), findings })
    }
}

/// Without what lets in at the receiver.
fn shown(webhook: &Webhook, url: &str, written: &[(String, String)], came: Came) -> Came {
    let secrets = credentials(webhook);
    let given = || webhook.spec.headers.0.iter().chain(written);
    let is_given = |name: &str| name != "content-type" && given().any(|(given, _)| given.eq_ignore_ascii_case(name));
    let method = came.first.split(' ').next().unwrap_or_default().to_owned();
    let first = format!("{method} {}", address::shown(webhook.spec.kind, url));
    let unsaid = |text: &str| header::unsaid(text, text.len(), &secrets);
    let headers = came.headers.into_iter().map(|(name, value)| {
        let value = if is_given(&name) || name == "authorization" { header::HIDDEN.to_owned() } else { unsaid(&value) };
        (name, value)
    });
    let headers = headers.collect();
    let body = match String::from_utf8(without_picture(came.body)) {
        Ok(text) => unsaid(&text).into_bytes(),
        Err(error) => error.into_bytes(),
    };
    Came { first, headers, body }
}

/// With words in the place of a picture, which nobody reads as text.
fn without_picture(body: Vec<u8>) -> Vec<u8> {
    let picture = sample::PICTURE;
    let Some(from) = body.windows(picture.len()).position(|here| here == picture) else { return body };
    let said = format!("(picture, {} bytes here, about 26 kB of a real alert)", picture.len());
    [&body[..from], said.as_bytes(), &body[from + picture.len()..]].concat()
}

/// Takes one request and answers it.
async fn receive(listener: &TcpListener) -> std::io::Result<Came> {
    let (mut stream, _) = listener.accept().await?;
    let mut bytes = Vec::new();
    loop {
        if let Some(came) = read(&bytes) {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await?;
            return Ok(came);
        }
        if bytes.len() > REQUEST_BYTES || stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::Error::other("the request has no end"));
        }
    }
}

/// A request, once all of it is there.
fn read(bytes: &[u8]) -> Option<Came> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let first = lines.next()?.to_owned();
    let pair = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: Vec<_> = lines.filter_map(pair).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, length)| length.parse().ok()).unwrap_or(0);
    let body = bytes.get(end + 4..)?.get(..length)?.to_vec();
    Some(Came { first, headers, body })
}
