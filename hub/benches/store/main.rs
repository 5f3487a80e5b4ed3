//! The table of the store: what readings cost to take in, to keep, and to find again, beside one row a reading.
//!
//! What is said of UDP and HTTP is measured with the programs of `--profile` (build them first: `make bench-store` does);
//! the rest in this process.
//!
//! `cargo bench -p telemetry-hub --bench store -- [--hours 24] [--devices 1000] [--seconds 12] [--profile dist|release]
//! [--only udp,journal,day]`

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, reads the clock, and fails by panicking"
)]

mod day;
#[path = "../figures/mod.rs"]
mod figures;
mod fleet;
mod queries;
mod row_store;
mod table;
mod udp;

use std::time::Duration;

use figures::{Options, Programs};
use table::Table;

fn main() {
    let options = Options::given();
    let (hours, devices, seconds) =
        (options.or("--hours", 24), options.or("--devices", 1_000), options.or("--seconds", 12));
    let (profile, only) = (options.profile(), options.or("--only", "udp,journal,day".to_owned()));
    let wanted = |part: &str| only.split(',').any(|name| name == part);
    let programs = Programs::of(&profile);
    println!("{profile} build; sender, hub and queries share {} cores", std::thread::available_parallelism().unwrap());

    let mut table = Table::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if wanted("udp") {
        udp::ingest(&programs, &mut table, seconds);
    }
    if wanted("journal") {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let journal = runtime.block_on(day::fill_journal(dir.path(), devices));
        udp::full_journal(&programs, &mut table, dir.path(), &journal, seconds);
    }
    if wanted("day") {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        runtime.block_on(async {
            let day = day::fill(&mut table, dir.path(), devices, hours).await;
            let store = day::open(dir.path());
            queries::in_process(&mut table, &store, &day).await;
            store.close().await.unwrap();
        });
    }
    table.print();
}

fn quantiles(times: &mut [Duration]) -> String {
    let [p50, p99, max] = figures::quantiles(times);
    format!("p50 {p50:.3} ms, p99 {p99:.3} ms, max {max:.3} ms")
}
