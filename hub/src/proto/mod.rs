//! The hub's half of the UDP protocol, pure: no socket, no clock, no task.

pub mod command;
