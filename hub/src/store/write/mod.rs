//! Writes: what is asked of the writer ([`inbox`]), and the writer itself.
//!
//! What a person changes goes into the audit log in the same savepoint: who they are is [`acting`]'s, what is kept of it `sqlite::trail`'s.

pub(super) mod acting;
mod apply;
pub(super) mod commit;
pub(super) mod inbox;
pub(super) mod writer;
