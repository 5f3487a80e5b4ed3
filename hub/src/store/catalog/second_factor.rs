//! Second factors: what an authenticator app shares with the hub, sealed under `secret.key`; the newest code that was taken; and
//! the codes for whoever has lost the phone, each of which works once.

use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::users::read;
use crate::model::user::User;
use crate::store::error::{Error, Result};
use crate::store::sqlite::column::signed;
use crate::store::{SecretKey, Store};

impl Store {
    /// Keeps a secret that is to be confirmed by a code; one that waits for that gives way.
    ///
    /// # Errors
    /// `Conflict` while one is on.
    pub async fn prepare_second_factor(&self, user: u64, secret: Vec<u8>) -> Result<()> {
        let sealed = self.key().seal(&purpose(user), &secret)?;
        self.change(move |write| {
            if read(write.conn, user)?.second_factor {
                return Err(Error::conflict("code", "the second factor is on already: turn it off first"));
            }
            let params = named_params! { ":user": signed(user), ":sealed": sealed };
            write.conn.prepare_cached(PREPARE)?.execute(params)?;
            Ok(())
        })
        .await
    }

    /// What somebody's app shares with the hub, and whether codes of it are asked for.
    ///
    /// # Errors
    /// `Corrupt` when it was sealed under another key.
    pub fn second_factor(&self, user: u64) -> Result<Option<(Vec<u8>, bool)>> {
        self.glance(|conn| secret(conn, self.key(), user))
    }

    /// Takes a code of a step of time, unless it or a later one was taken.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn take_step(&self, user: u64, step: i64) -> Result<bool> {
        self.change(move |write| taken(write.conn, user, step)).await
    }

    /// Turns the second factor on, by a code of it; with these recovery codes.
    ///
    /// # Errors
    /// `Conflict` when that code was taken before.
    pub async fn turn_on_second_factor(&self, user: u64, step: i64, recovery: Vec<[u8; 32]>) -> Result<User> {
        self.change(move |write| {
            if !taken(write.conn, user, step)? {
                return Err(Error::conflict("code", "this code was used before: wait for the next one"));
            }
            write.conn.prepare_cached(TURN_ON)?.execute(named_params! { ":user": signed(user) })?;
            put_recovery(write.conn, user, &recovery)?;
            read(write.conn, user)
        })
        .await
    }

    /// Puts other recovery codes in place of those there are.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn put_recovery_codes(&self, user: u64, recovery: Vec<[u8; 32]>) -> Result<()> {
        self.change(move |write| put_recovery(write.conn, user, &recovery)).await
    }

    /// Takes a recovery code, if it is one.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn take_recovery_code(&self, user: u64, hash: [u8; 32]) -> Result<bool> {
        self.change(move |write| {
            let params = named_params! { ":user": signed(user), ":hash": hash };
            Ok(write.conn.prepare_cached(TAKE_RECOVERY)?.execute(params)? > 0)
        })
        .await
    }

    /// Turns the second factor off, and forgets all of it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn turn_off_second_factor(&self, user: u64) -> Result<()> {
        self.change(move |write| {
            read(write.conn, user)?;
            for forget in [FORGET, FORGET_RECOVERY] {
                write.conn.prepare_cached(forget)?.execute(named_params! { ":user": signed(user) })?;
            }
            Ok(())
        })
        .await
    }
}

fn purpose(user: u64) -> String {
    format!("second factor {user}")
}

fn secret(conn: &Connection, key: &SecretKey, user: u64) -> Result<Option<(Vec<u8>, bool)>> {
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Vec<u8>>("sealed")?, row.get("is_on")?));
    let found = conn.prepare_cached(SECRET)?.query_row(named_params! { ":user": signed(user) }, row).optional()?;
    found.map(|(sealed, is_on)| Ok((key.open(&purpose(user), &sealed)?, is_on))).transpose()
}

fn taken(conn: &Connection, user: u64, step: i64) -> Result<bool> {
    let params = named_params! { ":user": signed(user), ":step": step };
    Ok(conn.prepare_cached(TAKE_STEP)?.execute(params)? > 0)
}

fn put_recovery(conn: &Connection, user: u64, hashes: &[[u8; 32]]) -> Result<()> {
    conn.prepare_cached(FORGET_RECOVERY)?.execute(named_params! { ":user": signed(user) })?;
    let mut put = conn.prepare_cached(PUT_RECOVERY)?;
    for hash in hashes {
        put.execute(named_params! { ":user": signed(user), ":hash": hash })?;
    }
    Ok(())
}

const PREPARE: &str = "INSERT INTO second_factor (user, sealed, last_step) VALUES (:user, :sealed, 0)
    ON CONFLICT (user) DO UPDATE SET sealed = excluded.sealed, last_step = 0";
const SECRET: &str = "SELECT sealed, is_on IS NOT NULL AS is_on FROM second_factor WHERE user = :user";
const TAKE_STEP: &str = "UPDATE second_factor SET last_step = :step WHERE user = :user AND last_step < :step";
const TURN_ON: &str = "UPDATE second_factor SET is_on = 1 WHERE user = :user";
const PUT_RECOVERY: &str = "INSERT INTO recovery_code (user, hash) VALUES (:user, :hash)";
const TAKE_RECOVERY: &str = "DELETE FROM recovery_code WHERE user = :user AND hash = :hash";
const FORGET: &str = "DELETE FROM second_factor WHERE user = :user";
const FORGET_RECOVERY: &str = "DELETE FROM recovery_code WHERE user = :user";
