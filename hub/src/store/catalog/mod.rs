//! Everything that has a name or is set by people: devices, sensors, rules, alerts, webhooks, tokens. Rows in, nouns
//! out.

pub(super) mod access;
pub(super) mod alerts;
mod audit;
pub(super) mod claims;
pub(super) mod device_rows;
pub(super) mod devices;
pub(super) mod explained;
pub(super) mod given;
pub(super) mod join;
pub(super) mod late;
pub(super) mod ledger;
pub(super) mod outbox;
pub(super) mod replay;
pub(super) mod rules;
mod second_factor;
pub(super) mod sensors;
mod sessions;
pub(super) mod silences;
pub(super) mod swap;
pub(super) mod users;
pub(super) mod webhooks;
