//! The nouns of the hub: plain data, no serde, no I/O, no clock.
//!
//! Everything above speaks these types; each border (JSON, SQL, datagrams) converts with `From`/`TryFrom`.

pub mod access;
pub mod alert;
pub mod audit;
pub mod called;
pub mod catalog;
pub mod delivery;
pub mod device;
pub mod explain;
pub mod glob;
pub mod hearing;
pub mod id;
pub mod join_token;
pub mod ledger;
pub mod limits;
pub mod looked;
pub mod measure;
pub mod notice;
pub mod numbering;
pub mod pushed;
pub mod quantity;
pub mod reading;
pub mod retention;
pub mod room;
pub mod rule;
pub mod run;
pub mod scope;
pub mod seldom;
pub mod severity;
pub mod shown;
pub mod silence;
pub mod text;
pub mod topic_rule;
pub mod unit;
pub mod unsaid;
pub mod user;
pub mod view;
pub mod webhook;
pub mod weekly;
pub mod when;

pub use wire::{
    BatchSeq, DeviceId, Epoch, Hour, HubId, Lane, Numbering, PublicKey, SensorKind, SensorNo, SensorSpec, SeqSet,
    UnixMillis,
};
