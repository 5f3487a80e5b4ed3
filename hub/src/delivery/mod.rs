//! What a webhook is told, in which form, where it may be told and when again. PURE: only [`policy`] asks which addresses this
//! machine has.
//!
//! The dispatcher that calls receivers is [`webhook`](crate::webhook); the outbox is in the store.

mod gathered;
pub mod header;
pub mod message;
pub mod payload;
pub mod policy;
pub mod retry;
pub mod sample;
mod sentence;
pub mod sign;
