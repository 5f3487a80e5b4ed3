//! Where readings come from: the machine's own `/proc` and `/sys`, one kind of source a file.
//!
//! ```text
//!   Host ──▶ Trip with an Errand: list a class, describe a device, read a channel ──▶ crew::Crew ──▶ Samples
//!    ├── home       who is here, who is away    └── files   small files kept open
//!    ├── register   which name a thing has          limits  what a value can be
//!    └── origin     what stays of a thing
//! ```
//!
//! Every path hangs under a root folder, so that a test hands it a fixture tree. Each file has an [`errand::Errand`]
//! of its own, read on a thread of the crew, those that are well together with others of their device ([`tour`]): one that
//! fails, is slow or never answers delays no other, and is named in [`Host::troubles`] and [`Host::remarks`]. What each source
//! reads, names and drops: `hub/docs/sources.md`.

mod adapter;
mod class;
mod cpu;
mod device;
mod disk;
mod errand;
mod error;
mod files;
mod home;
mod host;
mod hwmon;
mod iio;
mod inventory;
mod limits;
mod load;
mod memory;
mod naming;
mod network;
mod number;
mod open;
mod origin;
mod passing;
mod power;
mod proof;
mod register;
mod remarks;
pub mod replay;
mod samples;
mod spelling;
mod table;
mod thermal;
mod thing;
mod tour;
mod trip;

pub(crate) use class::Class;
pub use error::Error;
pub(crate) use files::{Content, Files};
pub use host::Host;
pub(crate) use number::{times, told};
pub use remarks::Remark;
pub use samples::{Sample, Samples};
use spelling::cut_part;
pub(crate) use spelling::name_part;
pub use table::{Apart, Giver, Moment, SensorTable, TableFull};
