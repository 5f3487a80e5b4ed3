//! What the hub promises when the machine under it does not keep its own: power cuts, failing, full and slow disks, damaged
//! files, upgrades and backups in the middle of it all, more load than it can bear, and a long time.
//!
//! `make test` runs the short forms; `make soak` sets `SOAK=1` for the long ones.

#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]
#![allow(clippy::print_stdout, reason = "the driver's result")]

#[path = "../support/mod.rs"]
mod support;

mod backup;
mod chaos;
mod corruption;
mod dice;
mod disk;
mod disk_full;
mod driver;
mod failing_io;
mod ledger;
mod migrations;
mod overload;
mod power_cut;
mod replay;
mod stability;
mod viewer;
/// The long form of the tests.
fn soak() -> bool {
    std::env::var_os("SOAK").is_some()
}
