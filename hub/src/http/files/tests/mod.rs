//! Readings as files.

mod export;
mod import;
