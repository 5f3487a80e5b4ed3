//! The least of an HTTP client: one connection, one request after the other.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

pub(crate) struct Client {
    stream: TcpStream,
    host: SocketAddr,
    token: String,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn new(host: SocketAddr, token: String) -> Self {
        let stream = TcpStream::connect(host).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, host, token, buffer: vec![0; 1 << 20] }
    }

    /// Asks, reads the answer to its end, returns the length of its body.
    pub(crate) fn get(&mut self, path: &str) -> usize {
        let (host, token) = (self.host, &self.token);
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n");
        self.stream.write_all(request.as_bytes()).unwrap();
        let mut read = 0;
        let head = loop {
            let more = self.stream.read(&mut self.buffer[read..]).unwrap();
            assert!(more > 0, "{path}: the hub hung up");
            read += more;
            if let Some(end) = self.buffer[..read].windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = String::from_utf8_lossy(&self.buffer[..head]).into_owned();
        assert!(
            text.starts_with("HTTP/1.1 200"),
            "{path}: {text}{}",
            String::from_utf8_lossy(&self.buffer[head..read])
        );
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let length: usize = length.trim().parse().unwrap();
        let mut left = length - (read - head);
        while left > 0 {
            let more = self.stream.read(&mut self.buffer).unwrap();
            assert!(more > 0, "{path}: the hub hung up");
            left -= more;
        }
        length
    }
}
