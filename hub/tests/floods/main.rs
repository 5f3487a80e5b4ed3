//! What many at once may cost the hub's memory, by its program: heads and handshakes without end, bodies of strangers, answers that
//! nobody reads, subscriptions; plain and by TLS. Each costs at most 64 MiB above an idle hub; of answers, bodies and subscriptions half
//! of that is given back within a minute, of the others glibc keeps what it has; a client beside them is answered. What was measured is printed. And whose access ends keeps nothing of it.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod heads;
mod requests;
mod scene;
mod sockets;
mod tls;
