//! What a webhook sends, in which format, to which addresses, and when again after a failure. PURE: only [`policy`]
//! asks which addresses this machine has.
//!
//! ```text
//!   what changed ──▶ audience ──▶ payload ──▶ outbox ──▶ message ──▶ sign, header, policy ──▶ called ──▶ retry, mend
//!
//!   audience   whom to tell                              sign     the proof of who sent it
//!   payload    the body, in the hub's own format         header   further headers
//!   sentence   the same in words for people              policy   whether the address may be called
//!   gathered   many in one moment, as one message        retry    when again
//!   grouping   many of a rule wait for each other        mend     what a person must do
//!   summary    what waited, as one message               sample   an invented event, to show
//!   template   words that a person wrote                 trial    whether those can be used, and what they say
//!   message    the form that its kind of webhook reads
//! ```
//!
//! The dispatcher that calls receivers is [`webhook`](crate::webhook); the outbox is in the store.

pub mod audience;
mod gathered;
pub mod grouping;
pub mod header;
pub mod heartbeat;
pub mod mend;
pub mod message;
pub mod payload;
pub mod policy;
pub mod retry;
pub mod sample;
mod sentence;
pub use sentence::devices;
pub mod sign;
pub mod summary;
pub mod template;
#[cfg(test)]
mod tests;
pub mod trial;
