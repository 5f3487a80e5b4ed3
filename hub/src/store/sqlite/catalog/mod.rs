//! Rows of the nouns: each file answers the two traits of its noun ([`crate::store::engine::nouns`]).

mod access;
mod alert_parts;
mod alerts;
pub(super) mod audit;
mod claims;
mod devices;
mod due;
mod explained;
mod hardware;
mod join;
mod late;
mod ledger;
mod outbox;
#[cfg(test)]
mod plans;
mod reached;
mod rules;
mod second_factor;
mod sensors;
mod sessions;
mod silences;
mod together;
mod users;
mod waiting;
mod webhooks;
