//! The telemetry hub as a library: the binary is a thin `main` around it, and the tests start the same parts.
//!
//! ```text
//!   4  hub (the only one that knows everybody)   command
//!   3  udp   http   webhook (dispatcher)   observe          shells: tokio, sockets, threads
//!   2  ingest ──▶ store   live   bundle (an agent, packed)  ports and pipeline
//!   1  proto   rules ──▶ counter   line   webhook::{payload, retry}   PURE: no tokio, no clock, no randomness source
//!   0  model ──▶ wire   pressure   durable   zones   age    nouns and contract; what is given up under load; whole files;
//!                                                           rules of time zones; files that a passphrase opens
//!      tls                                                  certificates: of files, or of the hub's own authority
//!      reach   running                                      by which addresses others get here; which hub runs on this machine
//! ```
//!
//! Imports point down, never up; shells do not import shells, they meet through channels made in `hub`. JSON lives in
//! `http::dto` and `webhook::payload`, SQL in `store`, datagram bytes in `wire`. `tests/house` checks it.

pub mod access;
pub mod age;
pub mod bundle;
pub mod clock;
pub mod command;
pub mod config;
pub mod counter;
pub mod durable;
pub mod http;
pub mod hub;
pub mod identity;
pub mod ingest;
pub mod line;
pub mod live;
pub mod model;
pub mod observe;
pub mod presence;
pub mod pressure;
pub mod proto;
pub mod reach;
pub mod registrar;
pub mod rules;
pub mod running;
pub mod store;
pub mod supervisor;
pub mod tls;
pub mod udp;
pub mod webhook;
pub mod zones;
