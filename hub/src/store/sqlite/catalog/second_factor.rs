//! Rows of second factors and recovery codes.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::store::engine::nouns::{ChangeSecondFactors, SecondFactors};
use crate::store::error::Result;
use crate::store::sqlite::column::signed;

const PREPARE: &str = "INSERT INTO second_factor (user, sealed, last_step) VALUES (:user, :sealed, 0)
    ON CONFLICT (user) DO UPDATE SET sealed = excluded.sealed, last_step = 0";
const SECRET: &str = "SELECT sealed, is_on IS NOT NULL AS is_on FROM second_factor WHERE user = :user";
const TAKE_STEP: &str = "UPDATE second_factor SET last_step = :step WHERE user = :user AND last_step < :step";
const TURN_ON: &str = "UPDATE second_factor SET is_on = 1 WHERE user = :user";
const PUT_RECOVERY: &str = "INSERT INTO recovery_code (user, hash) VALUES (:user, :hash)";
const TAKE_RECOVERY: &str = "DELETE FROM recovery_code WHERE user = :user AND hash = :hash";
const FORGET: &str = "DELETE FROM second_factor WHERE user = :user";
const FORGET_RECOVERY: &str = "DELETE FROM recovery_code WHERE user = :user";

impl SecondFactors for Connection {
    fn second_factor(&self, user: u64) -> Result<Option<(Vec<u8>, bool)>> {
        let row = |row: &Row<'_>| Ok((row.get("sealed")?, row.get("is_on")?));
        Ok(self.prepare_cached(SECRET)?.query_row(named_params! { ":user": signed(user) }, row).optional()?)
    }
}

impl ChangeSecondFactors for Connection {
    fn prepare_second_factor(&self, user: u64, sealed: &[u8]) -> Result<()> {
        self.prepare_cached(PREPARE)?.execute(named_params! { ":user": signed(user), ":sealed": sealed })?;
        Ok(())
    }

    fn take_step(&self, user: u64, step: i64) -> Result<bool> {
        let params = named_params! { ":user": signed(user), ":step": step };
        Ok(self.prepare_cached(TAKE_STEP)?.execute(params)? > 0)
    }

    fn turn_on_second_factor(&self, user: u64) -> Result<()> {
        self.prepare_cached(TURN_ON)?.execute(named_params! { ":user": signed(user) })?;
        Ok(())
    }

    fn forget_second_factor(&self, user: u64) -> Result<()> {
        for forget in [FORGET, FORGET_RECOVERY] {
            self.prepare_cached(forget)?.execute(named_params! { ":user": signed(user) })?;
        }
        Ok(())
    }

    fn put_recovery_codes(&self, user: u64, hashes: &[[u8; 32]]) -> Result<()> {
        self.prepare_cached(FORGET_RECOVERY)?.execute(named_params! { ":user": signed(user) })?;
        let mut put = self.prepare_cached(PUT_RECOVERY)?;
        for hash in hashes {
            put.execute(named_params! { ":user": signed(user), ":hash": hash })?;
        }
        Ok(())
    }

    fn take_recovery_code(&self, user: u64, hash: [u8; 32]) -> Result<bool> {
        let params = named_params! { ":user": signed(user), ":hash": hash };
        Ok(self.prepare_cached(TAKE_RECOVERY)?.execute(params)? > 0)
    }
}
