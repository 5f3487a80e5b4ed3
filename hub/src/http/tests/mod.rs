//! What all of the surface keeps to, against a real store in a temporary directory. The tests of a resource stand beside it.

mod admission;
mod bad_requests;
pub(in crate::http) mod conditions;
mod hang_up;
mod limited;
mod names;
mod roles;
pub(super) mod scene;
mod unseen;
