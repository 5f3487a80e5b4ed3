//! The surface against a real store in a temporary directory.

mod access;
mod audit;
mod bad_requests;
mod counters;
mod data;
mod export;
mod hang_up;
mod import;
mod leaving;
mod limited;
mod live;
mod password;
mod push;
mod roles;
mod scene;
mod second_factor;
mod sessions;
mod sign_in;
mod unseen;
mod users;
mod webhook_kinds;
mod webhooks;
