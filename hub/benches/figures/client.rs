//! The least of an HTTP client: one connection, one request after the other.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::ops::Range;

use serde_json::Value;

/// Room for a read: most answers are one.
const STEP: usize = 1 << 20;

pub(crate) struct Client {
    stream: TcpStream,
    host: String,
    token: String,
    /// What came last. It never shrinks, so that allocations are not measured as well.
    answer: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(host: &str, token: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host: host.to_owned(), token: token.to_owned(), answer: Vec::new() })
    }

    /// The body of an answer that has to be one.
    pub(crate) fn get(&mut self, path: &str) -> &[u8] {
        self.answered("GET", path, "")
    }

    /// The same, for what is asked with a body.
    pub(crate) fn post(&mut self, path: &str, body: &Value) -> &[u8] {
        self.answered("POST", path, &body.to_string())
    }

    fn answered(&mut self, method: &str, path: &str, body: &str) -> &[u8] {
        let (status, body) = self.ask(method, path, body).unwrap_or_else(|error| panic!("{path}: {error}"));
        let body = self.answer.get(body).unwrap();
        assert!((200..300).contains(&status), "{path}: {}", String::from_utf8_lossy(body));
        body
    }

    pub(crate) fn text(&mut self, path: &str) -> String {
        String::from_utf8(self.get(path).to_vec()).unwrap()
    }

    pub(crate) fn json(&mut self, path: &str) -> Value {
        serde_json::from_slice(self.get(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Whether it answers and says yes.
    pub(crate) fn agrees(&mut self, path: &str) -> bool {
        self.ask("GET", path, "").is_ok_and(|(status, _)| status == 200)
    }

    /// Asks and reads the answer to its end: its status, and where in `answer` the body lies.
    fn ask(&mut self, method: &str, path: &str, body: &str) -> io::Result<(u16, Range<usize>)> {
        let (host, token) = (&self.host, &self.token);
        let kind = if body.is_empty() {
            String::new()
        } else {
            format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len())
        };
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n{kind}\r\n{body}");
        self.stream.write_all(request.as_bytes())?;
        let mut filled = 0;
        let head = loop {
            filled = self.more(filled)?;
            if let Some(end) = self.answer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = String::from_utf8_lossy(&self.answer[..head]).to_ascii_lowercase();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
        let (Some(status), Some(length)) = (status, length) else { return Err(io::ErrorKind::InvalidData.into()) };
        while filled < head + length {
            filled = self.more(filled)?;
        }
        Ok((status, head..head + length))
    }

    /// Reads on behind what is there; how much there is then.
    fn more(&mut self, filled: usize) -> io::Result<usize> {
        if self.answer.len() < filled + STEP {
            self.answer.resize(2 * filled + STEP, 0);
        }
        match self.stream.read(&mut self.answer[filled..])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(filled + read),
        }
    }
}
