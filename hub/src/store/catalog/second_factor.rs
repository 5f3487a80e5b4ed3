//! Second factors: the secret that an authenticator app shares with the hub, sealed under `secret.key`; the newest code
//! that was used; and the recovery codes, each of which works once.

use super::users::read;
use crate::model::user::User;
use crate::store::Store;
use crate::store::error::{Error, Result};

impl Store {
    /// Keeps a secret that is to be confirmed by a code; one that waits for that gives way.
    ///
    /// # Errors
    /// `Conflict` while one is on.
    pub async fn prepare_second_factor(&self, user: u64, secret: Vec<u8>) -> Result<()> {
        let sealed = self.key().seal(&purpose(user), &secret)?;
        self.change(move |open| {
            if read(open.tx, user)?.second_factor {
                return Err(Error::conflict("code", "the second factor is on already: turn it off first"));
            }
            open.tx.prepare_second_factor(user, &sealed)
        })
        .await
    }

    /// What somebody's app shares with the hub, and whether codes of it are asked for.
    ///
    /// # Errors
    /// `Corrupt` when it was sealed under another key.
    pub fn second_factor(&self, user: u64) -> Result<Option<(Vec<u8>, bool)>> {
        let found = self.glance(|ask| ask.second_factor(user))?;
        found.map(|(sealed, is_on)| Ok((self.key().open(&purpose(user), &sealed)?, is_on))).transpose()
    }

    /// Takes a code of a step of time, unless it or a later one was taken.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn take_step(&self, user: u64, step: i64) -> Result<bool> {
        self.change(move |open| open.tx.take_step(user, step)).await
    }

    /// Turns the second factor on, by a code of it; with these recovery codes.
    ///
    /// # Errors
    /// `Conflict` when that code was taken before.
    pub async fn turn_on_second_factor(&self, user: u64, step: i64, recovery: Vec<[u8; 32]>) -> Result<User> {
        self.change(move |open| {
            if !open.tx.take_step(user, step)? {
                return Err(Error::conflict("code", "this code was used before: wait for the next one"));
            }
            open.tx.turn_on_second_factor(user)?;
            open.tx.put_recovery_codes(user, &recovery)?;
            read(open.tx, user)
        })
        .await
    }

    /// Puts other recovery codes in place of those there are.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn put_recovery_codes(&self, user: u64, recovery: Vec<[u8; 32]>) -> Result<()> {
        self.change(move |open| open.tx.put_recovery_codes(user, &recovery)).await
    }

    /// Takes a recovery code, if it is one.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn take_recovery_code(&self, user: u64, hash: [u8; 32]) -> Result<bool> {
        self.change(move |open| open.tx.take_recovery_code(user, hash)).await
    }

    /// Turns the second factor off, and forgets all of it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn turn_off_second_factor(&self, user: u64) -> Result<()> {
        self.change(move |open| {
            read(open.tx, user)?;
            open.tx.forget_second_factor(user)
        })
        .await
    }
}

fn purpose(user: u64) -> String {
    format!("second factor {user}")
}
