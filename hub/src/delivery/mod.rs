//! What a webhook sends, in which format, to which addresses, and when again after a failure. PURE: only [`policy`]
//! asks which addresses this machine has.
//!
//! ```text
//!   what changed ──▶ payload ──▶ outbox ──▶ message ──▶ sign, header, policy ──▶ called ──▶ retry, mend
//!                    │ whom to tell,        │ the form that    │ proof, further headers,    │ when again, and what
//!                    │ and the body         │ its kind reads   │ whether it may be called   │ a person must do
//!                    ├─ sentence: in words for people
//!                    └─ gathered, summary: many at once, and what waited, as one       sample: an invented one, to show
//! ```
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
