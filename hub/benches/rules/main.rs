//! What rules cost: those in force while readings come, and one that is tried on a year.
//!
//! `cost`: the programs of `--profile`, by turns without rules and with 1,000 of them over the 10,000 series of 1,000 devices; each rule
//! watches one device, each series has one rule; and with 1,000 about devices that are not there. `year`: a year of 100 series at one
//! reading a minute (52.6 million), in this process: each rule is asked for over HTTP, and run in the same process reading by reading as
//! well, whose outcome has to be the same.
//!
//! `cargo bench -p telemetry-hub --bench rules -- [--only cost,year] [--profile dist|release] [--seconds 3] [--settle 25]
//! [--rounds 8] [--load TEXT] [--days 365] [--devices 10] [--keep DIR] [--rule TEXT] [--fast] [--counters]`
//!
//! `--keep` leaves the loaded year for the next run, `--rule` runs the rules whose name has this text, `--fast` leaves the slow way
//! out. `--counters` loads meters instead of temperatures.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, reads the clock, and fails by panicking"
)]

mod cost;
#[path = "../figures/mod.rs"]
mod figures;
mod slowly;
mod year;

use figures::Options;

fn main() {
    let options = Options::given();
    let only = options.or("--only", "cost,year".to_owned());
    let wanted = |part: &str| only.split(',').any(|name| name == part);
    if wanted("cost") {
        cost::run(&options);
    }
    if wanted("year") {
        year::run(&options);
    }
}
