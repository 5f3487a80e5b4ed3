//! What many at once may cost the hub's memory, by its program: heads and handshakes without end, bodies of strangers, answers that
//! nobody reads, queries that wait, subscriptions; plain and by TLS. Each costs at most 64 MiB above an idle hub, all of them at once
//! 128; a minute later all but 16 are given back; and clients beside them are answered. What was measured is printed. And whose access
//! ends keeps nothing of it.
//!
//! `SOAK=1` has all of them at once for two minutes.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod heads;
mod requests;
mod scene;
mod sockets;
mod tls;
mod together;
