//! The port: what the store asks of a database. What readings, rules and devices mean is decided above it; how they lie in tables is
//! known below it alone.
//!
//! ```text
//!   write, query, maker, catalog ..      ask           decide what is stored, found, let go
//!   ───────────────────────────────────────────────────────────────────────────────────────
//!   engine   snapshot  transaction  nouns              traits: questions and changes
//!   ───────────────────────────────────────────────────────────────────────────────────────
//!   sqlite                               answers       rows, SQL, the file
//! ```
//!
//! Three rules:
//!
//! - A call is a question, never a row: "the values of this series in these spans", "the rules". An engine across a network
//!   answers one call by one message.
//! - The port is synchronous. It is asked on the store's own threads, which may wait.
//! - An engine knows the nouns of `model` and what is packed; it never sees the open write ([`Scope`](super::write::inbox::Scope)),
//!   the memory or the store.

pub(super) mod nouns;
pub(super) mod snapshot;
pub(super) mod transaction;
