//! Who signs in, and what becomes of it.

mod audit;
mod password;
mod second_factor;
mod sessions;
mod sign_in;
mod users;
