//! Rows of users.

use rusqlite::{Connection, OptionalExtension as _, Params, Row, named_params};

use crate::model::UnixMillis;
use crate::model::user::{Invite, Role, User, called};
use crate::store::engine::nouns::{Admins, ChangeUsers, Users};
use crate::store::error::Result;
use crate::store::sqlite::column::{signed, unsigned};

const SELECT: &str = "SELECT id, name, role, enabled, password, invite_until_at, created_at, seen_at,
    EXISTS (SELECT 1 FROM second_factor WHERE second_factor.user = user.id AND is_on) AS second_factor,
    (SELECT COUNT(*) FROM recovery_code WHERE recovery_code.user = user.id) AS recovery_codes FROM user";
/// Two are enough to know that there is not only one.
const WITH_PASSWORD: &str =
    "WHERE password <> '' AND called = COALESCE(:name, called) AND id = COALESCE(:id, id) LIMIT 2";
const INVITED: &str = "WHERE invite = :hash AND invite_until_at > :now AND enabled";
const FIRST_ADMIN: &str = "WHERE role = 'admin' AND enabled ORDER BY id LIMIT 1";
const PASSWORDS: &str = "SELECT COUNT(*) FROM user WHERE password <> ''";
const COUNT: &str = "SELECT COUNT(*) FROM user";
/// Those who can sign in, and those who could if they had a password.
const ADMINS: &str =
    "SELECT COUNT(*) FILTER (WHERE password <> ''), COUNT(*) FROM user WHERE role = 'admin' AND enabled";
const TAKEN: &str = "SELECT 1 FROM user WHERE called = :called AND id IS NOT :id";

impl Users for Connection {
    fn users(&self) -> Result<Vec<User>> {
        let mut statement = self.prepare_cached(&select("ORDER BY id"))?;
        Ok(statement.query_map([], user_from_row)?.collect::<rusqlite::Result<_>>()?)
    }

    fn user(&self, id: u64) -> Result<Option<User>> {
        one(self, "WHERE id = :id", named_params! { ":id": signed(id) })
    }

    fn with_password(&self, called: Option<&str>, id: Option<u64>) -> Result<Vec<(User, String)>> {
        let params = named_params! { ":name": called, ":id": id.map(signed) };
        let both = |row: &Row<'_>| Ok((user_from_row(row)?, row.get("password")?));
        let mut statement = self.prepare_cached(&select(WITH_PASSWORD))?;
        Ok(statement.query_map(params, both)?.collect::<rusqlite::Result<_>>()?)
    }

    fn passwords(&self) -> Result<u32> {
        Ok(self.prepare_cached(PASSWORDS)?.query_row([], |row| row.get(0))?)
    }

    fn user_count(&self) -> Result<u32> {
        Ok(self.prepare_cached(COUNT)?.query_row([], |row| row.get(0))?)
    }

    fn admins(&self) -> Result<Admins> {
        let both = |row: &Row<'_>| Ok(Admins { can: row.get(0)?, may: row.get(1)? });
        Ok(self.prepare_cached(ADMINS)?.query_row([], both)?)
    }

    fn first_admin(&self) -> Result<Option<User>> {
        one(self, FIRST_ADMIN, [])
    }

    fn invited(&self, hash: [u8; 32], now: UnixMillis) -> Result<Option<User>> {
        one(self, INVITED, named_params! { ":hash": hash, ":now": now.0 })
    }

    fn user_name_is_taken(&self, name: &str, by: Option<u64>) -> Result<bool> {
        let params = named_params! { ":called": called(name), ":id": by.map(signed) };
        Ok(self.prepare_cached(TAKEN)?.exists(params)?)
    }
}

fn select(rest: &str) -> String {
    format!("{SELECT} {rest}")
}

fn one(conn: &Connection, which: &str, params: impl Params) -> Result<Option<User>> {
    Ok(conn.prepare_cached(&select(which))?.query_row(params, user_from_row).optional()?)
}

const INSERT: &str = "INSERT INTO user (name, called, role, password, enabled, created_at, updated_at)
    VALUES (:name, :called, :role, '', 1, :now, :now)";
const CHANGE: &str =
    "UPDATE user SET name = :name, called = :called, role = :role, enabled = :enabled, updated_at = :now
    WHERE id = :id";
const PUT_PASSWORD: &str =
    "UPDATE user SET password = :password, invite = NULL, invite_until_at = NULL, updated_at = :now
    WHERE id = :id";
const PUT_INVITE: &str = "UPDATE user SET invite = :hash, invite_until_at = :until WHERE id = :id";
const DELETE: &str = "DELETE FROM user WHERE id = :id";
const SEE: &str = "UPDATE user SET seen_at = :now WHERE id = :user AND enabled";

impl ChangeUsers for Connection {
    fn add_user(&self, name: &str, role: Role, now: UnixMillis) -> Result<u64> {
        let params = named_params! { ":name": name, ":called": called(name), ":role": role, ":now": now.0 };
        self.prepare_cached(INSERT)?.execute(params)?;
        Ok(unsigned(self.last_insert_rowid()))
    }

    fn change_user(&self, id: u64, name: &str, role: Role, enabled: bool, now: UnixMillis) -> Result<()> {
        self.prepare_cached(CHANGE)?.execute(named_params! {
            ":id": signed(id),
            ":name": name,
            ":called": called(name),
            ":role": role,
            ":enabled": enabled,
            ":now": now.0,
        })?;
        Ok(())
    }

    fn put_password(&self, id: u64, password: &str, now: UnixMillis) -> Result<bool> {
        let params = named_params! { ":id": signed(id), ":password": password, ":now": now.0 };
        Ok(self.prepare_cached(PUT_PASSWORD)?.execute(params)? > 0)
    }

    fn put_invite(&self, id: u64, invite: Option<Invite>) -> Result<()> {
        let (hash, until) = (invite.map(|invite| invite.hash), invite.map(|invite| invite.until.0));
        self.prepare_cached(PUT_INVITE)?
            .execute(named_params! { ":id": signed(id), ":hash": hash, ":until": until })?;
        Ok(())
    }

    fn delete_user(&self, id: u64) -> Result<bool> {
        Ok(self.prepare_cached(DELETE)?.execute(named_params! { ":id": signed(id) })? > 0)
    }

    fn see_user(&self, id: u64, now: UnixMillis) -> Result<bool> {
        let params = named_params! { ":user": signed(id), ":now": now.0 };
        Ok(self.prepare_cached(SEE)?.execute(params)? > 0)
    }
}

fn user_from_row(row: &Row<'_>) -> rusqlite::Result<User> {
    let maybe = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(UnixMillis));
    Ok(User {
        id: unsigned(row.get("id")?),
        name: row.get("name")?,
        role: row.get("role")?,
        enabled: row.get("enabled")?,
        has_password: !row.get_ref("password")?.as_str()?.is_empty(),
        invited_until: maybe("invite_until_at")?,
        second_factor: row.get("second_factor")?,
        recovery_codes: row.get("recovery_codes")?,
        created_at: UnixMillis(row.get("created_at")?),
        seen_at: maybe("seen_at")?,
    })
}
