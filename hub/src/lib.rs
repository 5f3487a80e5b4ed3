//! The telemetry hub as a library: the binary is a thin `main` around it, and the tests start the same parts.
//!
//! ```text
//!   7  command                                   │ one command a file; `serve` runs a hub
//!   6  hub                                       │ composition: the only one that knows everybody
//!   5  http   webhook   udp                      │ shells: tokio, sockets, threads
//!   4  ingest   registrar   identity   links   settings
//!                                                │ the pipeline of readings; devices that join; who this hub is; what it remembers
//!   3  store   tls   config                      │ the disk and all SQL; certificates; settings
//!   2  proto   rules   delivery   bundle   running
//!                                                │ PURE: the protocol, the alerts, what is told of them; an agent packed; which hub runs here
//!   1  access   age   clock   counter   zones   presence   live
//!                                                │ nouns that decide, sealed files, subscriptions; all PURE but the clock
//!   0  model   durable   line   observe   password   pressure   random   reach   supervisor
//!                                                │ nouns, files that are whole, texts, randomness, figures, tasks and their end
//! ```
//!
//! Imports point down, never up; shells do not import shells, they meet through channels made in `hub`. JSON lives in
//! `http`, `delivery::payload` and `delivery::message`, SQL in `store::sqlite`, datagram bytes in `wire`. `tests/house` checks it.
//!
//! # Who uses it
//!
//! The binary uses [`command`], [`config`] and [`hub`]. The other public modules are public because tests and benches start
//! them alone; what nobody outside needs is private. So only those three have to explain every field; elsewhere each type and
//! function says what it is, and a field whose name and type say it says no more (`tests/house`).

pub mod access;
mod age;
mod bundle;
pub mod clock;
#[warn(missing_docs)]
pub mod command;
#[warn(missing_docs)]
pub mod config;
pub mod counter;
pub mod delivery;
mod durable;
mod http;
#[warn(missing_docs)]
pub mod hub;
pub mod identity;
pub mod ingest;
mod line;
mod links;
mod live;
pub mod model;
mod observe;
mod password;
mod presence;
pub mod pressure;
pub mod proto;
mod random;
pub mod reach;
mod registrar;
pub mod rules;
mod running;
mod settings;
pub mod store;
mod supervisor;
mod tls;
mod udp;
pub mod webhook;
pub mod zones;
