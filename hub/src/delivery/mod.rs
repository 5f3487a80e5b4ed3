//! What a webhook sends, in which format, to which addresses, and when again after a failure. PURE: only [`policy`]
//! asks which addresses this machine has.
//!
//! The dispatcher that calls receivers is [`webhook`](crate::webhook); the outbox is in the store.

pub mod audience;
mod gathered;
pub mod header;
pub mod mend;
pub mod message;
pub mod payload;
pub mod policy;
pub mod retry;
pub mod sample;
mod sentence;
pub mod sign;
pub mod summary;
