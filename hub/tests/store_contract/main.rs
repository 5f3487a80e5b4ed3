//! What the store promises, through its public methods alone: a second engine would have to pass the same suite.

#![expect(clippy::unwrap_used, reason = "the scenes below the tests fail as loudly as the tests")]

mod access;
mod alerts;
mod audit;
mod backups;
mod commits;
mod counters;
mod cut;
mod devices;
mod figures;
mod folds;
mod ledger;
mod readings;
mod recovers;
mod room;
mod scene;
mod webhooks;
