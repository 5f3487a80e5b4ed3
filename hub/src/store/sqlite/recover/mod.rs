//! A backup of the file, what can be read of a damaged one, and the file that readings are salvaged from.

pub(in crate::store) mod backup;
pub(in crate::store) mod old;
pub(in crate::store) mod salvage;
pub(in crate::store) mod sealed;

mod trailer;
