//! The telemetry hub as a library: the binary is a thin `main` around it, and the tests start the same parts.
//!
//! ```text
//!   7  command                                   │ one command a file; `serve` runs a hub
//!   6  hub                                       │ composition: the only one that knows everybody
//!   5  http   webhook   udp   door               │ shells: tokio, sockets, threads
//!   4  ingest   registrar   identity   links   settings   picture
//!                                                │ the pipeline of readings; devices that join; who this hub is; what people set on the page; alerts drawn
//!   3  store   tls   config                      │ the disk and all SQL; certificates; flags, variables, file
//!   2  proto   rules   delivery   bundle   running   promql
//!                                                │ PURE: the protocol, the alerts, what is told of them; an agent packed; which hub runs here;
//!                                                │ questions in PromQL
//!   1  access   age   clock   counter   zones   presence   live
//!                                                │ nouns that decide, files sealed in the format age, subscriptions; all PURE but the clock
//!   0  model   durable   line   observe   password   pressure   random   reach   supervisor
//!                                                │ nouns, files that are whole, texts, randomness, figures, tasks and their end
//! ```
//!
//! Imports point down, never up; shells do not import shells, they meet through channels made in `hub`. JSON lives in
//! `http`, `delivery::{payload, message}`, `settings`, `door::otlp`, `door::mqtt::{heard, spoken}` (what is said at a broker) and
//! `command::{remote, watch}`, SQL in `store::sqlite`, datagram bytes in `wire`.
//! `tests/house` checks it.
//!
//! # Who uses it
//!
//! The binary uses [`command`], [`config`] and [`hub`]. The other public modules are public because tests and benches start
//! them alone; what nobody outside needs is private. Only those three must document every field. Elsewhere each type and
//! function says what it is, and a field is documented where its name and type are not enough (`tests/house`).
//!
//! # Glossary
//!
//! What devices send:
//!
//! - **series**: the readings of one sensor of one device; *sensor* is the device's side of it, *series* the store's.
//! - **batch**: readings that a device sends, stores and has acknowledged together; known by device, epoch and number.
//! - **epoch**: one boot of a device. Batch numbers begin anew in each.
//! - **lane**: *live* for readings as they are taken, *recovered* for those that a device kept while it had no hub.
//! - **floor** (not one of the map): the lowest batch number of a boot that a device still holds. What is missing below it never
//!   comes.
//! - **mark, islands**: of a receive window: every batch up to the *mark* is on disk; *islands* are the runs above it that are on
//!   disk too.
//! - **window**: the batches of an epoch that arrived (protocol), or the last while of a series that a condition looks at (rules).
//! - **credit**: how many unacknowledged batches a device may have on the way. A full hub grants less.
//! - **session**: one handshake between device and hub, and what was encrypted under its keys.
//! - **adopt**: a person, or a join token, lets a new device in. Before that it is *pending* and nothing of it is stored.
//! - **presence**: what is known of devices right now and never stored: online or not, address, health.
//! - **ledger**: how many readings a device took each hour, beside how many arrived, were left out or were lost.
//!
//! What the store does:
//!
//! - **journal**: the table of batches as they came. A commit appends to it; it is the part of the file not yet in blocks.
//! - **head**: the same in memory, and the newest point of each series. Queries read it first.
//! - **maker**: the thread that packs the head into blocks.
//! - **cut**: one packing of one device, and the point in its journal up to which readings are in blocks.
//! - **span**: a row of `times`: the moments of readings, shared by all series of a cut that have the same ones.
//! - **block**: the packed values of one series in one span, with their figures.
//! - **figures**: count, sum, minimum, maximum, first and last of some readings.
//! - **cell**: figures of five minutes inside a span. They answer a chart without unpacking blocks.
//! - **fold**: to replace raw readings that grow too old by figures.
//! - **rollup**: the figures that a fold leaves, by the minute and by the hour.
//! - **tier**: one of the three ages of a reading: raw, minutes, hours. Each is kept for its own time.
//! - **keeper**: the half of the maker that folds, deletes what is too old, and makes room below the size limit.
//! - **set aside**: moved to `damaged-<when>` and left alone, because it is damaged. The hub continues with a new database.
//! - **salvage**: to bring the readings of a database that was set aside into the one in use.
//!
//! What is told:
//!
//! - **condition**: what a rule asks of readings. Beyond its *limit* it is true; back past *clear*, if it has that, it is good again.
//! - **measure**: what the numbers of an alert say: a value, a rate, a deviation, a time.
//! - **proposed**: what the rules would change once it is on disk.
//! - **pending, firing**: of an alert whose condition is true: not yet, and already, for as long as `for` says. Both are *open* (on the
//!   page and the command line: *active*).
//! - **shed**: to give something up on purpose under load, in the order that `pressure` publishes.
//! - **muted**: of an alert that began under a silence. It is shown, and nobody is notified while the silence lasts.
//! - **unknown**: of an alert that fires while nothing is heard of what it is about.
//! - **inhibited**: of an alert of a sensor that began while its device was offline. It is shown, and told once the device is back.
//! - **historical**: of an alert that was over when the hub learned of it, from late readings. It is notified once, as past.
//! - **outbox**: the deliveries to webhooks that are not settled, committed together with what caused them.
//! - **backtest**: a rule run over stored readings, to see when it would have fired.

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
mod door;
mod durable;
mod http;
#[warn(missing_docs)]
pub mod hub;
pub mod identity;
mod ingest;
mod line;
mod links;
mod live;
pub mod model;
mod observe;
mod password;
pub mod picture;
mod presence;
pub mod pressure;
mod promql;
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
