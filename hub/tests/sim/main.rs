//! Deterministic simulation: the hub's endpoint and several of the agent's uplinks over a bad network, in virtual time.
//!
//! One number makes a run: how many devices, their spools and rhythm, how bad the network is, when the hub or a device
//! dies, when the disk is full. The endpoint and the uplink are the ones that ship; store, registrar, network and clock are
//! a few lines each. Judged after every step, and at the end:
//!
//! - a reading is stored once, and no batch leaves the endpoint again before it was committed or refused;
//! - the loss ledger balances: with what is stored, and with what each device took and dropped, by the hour;
//! - a device lets go only of what is stored (or counted as dropped because its spool was full);
//! - once the faults have ended every spool drains in bounded time, and live readings are stored within 2 s (99 %), also
//!   those that are measured while older ones wait;
//! - the queues of the endpoint keep their bounds.
//!
//! `SIM_SEEDS=2000 cargo test -p telemetry-hub --test sim -- --nocapture` runs more of them and prints the table;
//! `SIM_SEED=7 cargo test -p telemetry-hub --test sim -- --nocapture` runs one. Mistakes planted in the wrappers
//! ([`plan::Bug`]) show that the simulation sees.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "the files of one test")]
#![allow(clippy::print_stdout, reason = "the table of outcomes is for people")]

mod device;
mod hub;
mod plan;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plan::Bug;
use world::Outcome;

/// Seeds in an ordinary test run.
const SEEDS: u64 = 200;
/// Seeds within which a planted bug must be found; the first that finds it ends the search.
const BUG_SEEDS: u64 = 2_000;
const WORKERS: usize = 2;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn seeds() -> Vec<u64> {
    number("SIM_SEED").map_or_else(|| (0..number("SIM_SEEDS").unwrap_or(SEEDS)).collect(), |seed| vec![seed])
}

fn run(seed: u64) -> Result<Outcome, String> {
    let outcome = std::panic::catch_unwind(|| world::run(seed, None)).unwrap_or_else(|_| Err("it panicked".to_owned()));
    outcome.map_err(|violation| {
        format!(
            "seed {seed} {violation}\n  plan: {:?}\n  again: SIM_SEED={seed} cargo test -p telemetry-hub --test sim -- --nocapture",
            plan::Plan::new(seed, None)
        )
    })
}

#[test]
fn every_spooled_reading_is_stored_once_whatever_happens() {
    let seeds = seeds();
    let next = AtomicU64::new(0);
    let outcomes: Vec<Result<Outcome, String>> = std::thread::scope(|scope| {
        let worker = || {
            let mut outcomes = Vec::new();
            while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                outcomes.push(run(*seed));
            }
            outcomes
        };
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let failed: Vec<&String> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    for failure in failed.iter().take(5) {
        println!("{failure}");
    }
    table(&outcomes.iter().flatten().collect::<Vec<_>>());
    assert!(failed.is_empty(), "{} of {} seeds failed, the first: {}", failed.len(), outcomes.len(), failed[0]);
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in [3, 14] {
        assert_eq!(world::run(seed, None), world::run(seed, None));
    }
}

#[test]
fn every_planted_bug_is_found() {
    if number("SIM_SEED").is_some() {
        return;
    }
    println!("{:<18} found by  as", "planted bug");
    let blind: Vec<Bug> = Bug::ALL.into_iter().filter(|bug| !is_found(*bug)).collect();
    assert!(blind.is_empty(), "not found within {BUG_SEEDS} seeds: {blind:?}");
}

fn is_found(bug: Bug) -> bool {
    let found = (0..BUG_SEEDS).find_map(|seed| Some((seed, world::run(seed, Some(bug)).err()?)));
    if let Some((seed, violation)) = &found {
        println!("{:<18} seed {seed:<3}  {violation}", format!("{bug:?}"));
    }
    found.is_some()
}

fn table(outcomes: &[&Outcome]) {
    let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(|outcome| of(outcome)).sum::<u64>();
    let ages = |of: fn(&Outcome) -> &Vec<Duration>| {
        let mut ages: Vec<Duration> = outcomes.iter().flat_map(|outcome| of(outcome)).copied().collect();
        ages.sort_unstable();
        let at = |share: usize| ages.get(ages.len().saturating_sub(1) * share / 1_000).copied().unwrap_or_default();
        format!("{:>10.0?}   99 %: {:.0?}, 99.9 %: {:.0?}, of {} readings", at(500), at(990), at(999), ages.len())
    };
    let time: Duration = outcomes.iter().map(|outcome| outcome.virtual_time).sum();
    let drained = outcomes.iter().map(|outcome| outcome.drained).max().unwrap_or_default();
    println!("runs                 {:>10}   virtual time {:.1} h", outcomes.len(), time.as_secs_f64() / 3_600.0);
    println!("readings spooled     {:>10}   all of them stored once, except:", sum(|o| o.readings));
    println!("  dropped, counted   {:>10}   the spool was full", sum(|o| o.dropped));
    println!("  lost to power cuts {:>10}   never acknowledged", sum(|o| o.cut));
    println!("datagrams            {:>10}   {} lost on the way", sum(|o| o.datagrams), sum(|o| o.lost));
    println!("hub restarts         {:>10}", sum(|o| o.restarts));
    let mut refused = std::collections::BTreeMap::new();
    outcomes
        .iter()
        .flat_map(|outcome| &outcome.refused)
        .for_each(|(reason, n)| *refused.entry(reason).or_insert(0) += n);
    let refused: Vec<String> = refused.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
    println!("refused by the hub   {:>10}   {}", "", refused.join(", "));
    println!("live staleness       {}", ages(|outcome| &outcome.staleness));
    println!("  while backfilling  {}", ages(|outcome| &outcome.backfilling));
    println!("last spool empty     {drained:>10.1?}   after the last reading");
}
