//! Secrets in links that commands on the hub's own machine print: one kind sets the first password, the others sign a
//! browser in.
//!
//! Each works once. Only their SHA-256 is kept.

use crate::access::sha256;
use crate::model::UnixMillis;
use crate::model::user::Invite;
use crate::password::{self, Passwords};
use crate::random::{self, NoRandomness};
use crate::store::{self, Store};

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The store could not be asked, or told.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// No secret without randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The password that nobody knows could not be made.
    #[error(transparent)]
    Password(#[from] password::Failed),
}

/// File in the data directory with the token of the setup link, for its owner only.
pub(crate) const SETUP_FILE: &str = "setup-token";
/// Setting: SHA-256 of the token of the setup link.
const SETUP_TOKEN: &str = "setup_token";
/// Setting: SHA-256 of the login code and when it expires.
const LOGIN_CODE: &str = "login_code";
/// How long a login code is valid, in milliseconds.
const LOGIN_CODE_MS: i64 = 10 * 60_000;

/// How long an invitation is valid, in milliseconds.
const INVITATION_MS: i64 = 24 * 3_600_000;

/// Makes the token of the setup link while nobody has a password; the one before stops working.
///
/// # Errors
/// Those of the store.
pub(crate) async fn mint_setup_token(store: &Store) -> Result<Option<String>, Error> {
    if store.passwords()? > 0 {
        return Ok(None);
    }
    let token = crate::access::hex(&random::bytes::<16>()?);
    store.put_setting(SETUP_TOKEN, sha256(token.as_bytes()).to_vec()).await?;
    Ok(Some(token))
}

/// Sets an admin password that nobody knows: only links open such a hub.
///
/// # Errors
/// Those of the store.
pub(crate) async fn set_unknown_password(store: &Store, now: UnixMillis) -> Result<(), Error> {
    let password = crate::access::hex(&random::bytes::<16>()?);
    let hash = Passwords::default().hash(password, random::bytes()?).await?;
    store.set_first_password(hash, now).await?;
    Ok(())
}

/// Whether this is the token of the setup link.
///
/// # Errors
/// Those of the store.
pub(crate) async fn is_setup_token(store: &Store, token: &str) -> Result<bool, Error> {
    let stored = store.setting(SETUP_TOKEN).await?;
    Ok(stored.is_some_and(|hash| hash == sha256(token.trim().as_bytes())))
}

/// Ends the setup link.
///
/// # Errors
/// Those of the store.
pub(crate) async fn spend_setup_token(store: &Store) -> Result<(), Error> {
    Ok(store.put_setting(SETUP_TOKEN, Vec::new()).await?)
}

/// Makes a code that signs one browser in as the first admin, once, within ten minutes (`#login=<code>`).
///
/// # Errors
/// Those of the store.
pub(crate) async fn mint_login_code(store: &Store, now: UnixMillis) -> Result<String, Error> {
    let code = crate::access::hex(&random::bytes::<16>()?);
    let mut setting = sha256(code.as_bytes()).to_vec();
    setting.extend(now.plus(LOGIN_CODE_MS).0.to_be_bytes());
    store.put_setting(LOGIN_CODE, setting).await?;
    Ok(code)
}

/// Whether this is the login code; it is spent when it is.
///
/// # Errors
/// Those of the store.
pub(crate) async fn take_login_code(store: &Store, code: &str, now: UnixMillis) -> Result<bool, Error> {
    let Some(setting) = store.setting(LOGIN_CODE).await? else { return Ok(false) };
    let Some((hash, end)) = setting.split_at_checked(32) else { return Ok(false) };
    let end = end.try_into().map(i64::from_be_bytes).unwrap_or(0);
    if hash != sha256(code.trim().as_bytes()) || end <= now.0 {
        return Ok(false);
    }
    store.put_setting(LOGIN_CODE, Vec::new()).await?;
    Ok(true)
}

/// The path of a link by which somebody chooses a password, and what is kept of it.
///
/// # Errors
/// The operating system has no randomness.
pub(crate) fn invite(now: UnixMillis) -> Result<(String, Invite), NoRandomness> {
    let code = crate::access::hex(&random::bytes::<16>()?);
    let invite = Invite { hash: sha256(code.as_bytes()), until: now.plus(INVITATION_MS) };
    Ok((format!("/#invite={code}"), invite))
}
