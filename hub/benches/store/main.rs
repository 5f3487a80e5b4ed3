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

use figures::Programs;
use table::Table;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let option = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).cloned();
    let number = |name: &str, usual: u64| option(name).map_or(usual, |text| text.parse().unwrap());
    let (hours, devices, seconds) = (number("--hours", 24), number("--devices", 1_000), number("--seconds", 12));
    let profile = option("--profile").unwrap_or_else(|| "dist".to_owned());
    let only = option("--only").unwrap_or_else(|| "udp,journal,day".to_owned());
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
        let journal = runtime.block_on(day::fill_journal(dir.path(), devices as usize));
        udp::full_journal(&programs, &mut table, dir.path(), &journal, seconds);
    }
    if wanted("day") {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        runtime.block_on(async {
            let day = day::fill(&mut table, dir.path(), devices as usize, hours as i64).await;
            let store = day::open(dir.path());
            queries::in_process(&mut table, &store, &day).await;
            store.close().await;
        });
    }
    table.print();
}

fn quantiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    format!("p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms", at(0.5), at(0.99), at(1.0))
}
