//! What the addresses of a configuration have in common: a port that is one, and flags whose errors hold no secrets.

use std::ffi::OsStr;

use axum::http::Uri;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command};

/// The port of an address; `None` where it has none.
///
/// # Errors
/// Something stands there that is no port, with what would be one.
pub(super) fn port(url: &Uri) -> Result<Option<u16>, String> {
    let Some(authority) = url.authority() else { return Ok(None) };
    let place = authority.as_str().rsplit('@').next().unwrap_or_default();
    let behind = place.strip_prefix(authority.host()).unwrap_or_default();
    let digits = behind.strip_prefix(':').unwrap_or_default();
    let port = digits.parse().ok().filter(|port| *port > 0 && digits.bytes().all(|digit| digit.is_ascii_digit()));
    if behind.is_empty() || port.is_some() {
        return Ok(port);
    }
    // What stands there may be the begin of a password, so it is not said.
    Err("what stands behind `:` is not a port: write a number from 1 to 65535, or leave it out with its `:`".to_owned())
}

/// Reads a flag with an address. Clap would print the value that is wrong, with the password in it.
#[derive(Debug, Clone)]
pub(super) struct Address<T: 'static>(pub(super) fn(&str) -> Result<T, String>);

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Address<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        let read = value.to_str().ok_or_else(|| "this is not UTF-8".to_owned()).and_then(self.0);
        read.map_err(|why| {
            let flag = arg.and_then(Arg::get_long).unwrap_or_default();
            clap::Error::raw(ErrorKind::ValueValidation, format!("--{flag}: {why}\n")).with_cmd(command)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_number_that_is_one() {
        let read = |text: &str| port(&text.parse().unwrap());
        assert_eq!(read("http://pi"), Ok(None));
        assert_eq!(read("http://me@[::1]:80/x"), Ok(Some(80)));
        for text in ["http://pi:99999", "http://pi:abc", "http://pi:", "http://pi:0", "http://me@[::1]:x"] {
            assert!(read(text).unwrap_err().contains("1 to 65535"), "{text}");
        }
    }
}
