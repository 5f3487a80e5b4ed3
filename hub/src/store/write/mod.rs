//! Writes: what is asked of the writer ([`inbox`]), what waits for what ([`queue`]), how a group is committed ([`group`]), and the
//! thread that does it ([`writer`]).
//!
//! What a person changes goes into the audit log in the same savepoint: who they are is [`acting`]'s, what is kept of it `sqlite::trail`'s.

pub(super) mod acting;
mod apply;
pub(super) mod commit;
mod group;
pub(super) mod inbox;
mod queue;
pub(super) mod writer;
