//! People who sign in: their names, roles and passwords, and the links by which they choose one.
//!
//! Whoever loses something (a role, the password, the right to sign in) loses their sessions in the same transaction. No change
//! made over HTTP takes away the last admin who can sign in.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::sessions::end_others;
use crate::model::UnixMillis;
use crate::model::user::{Invite, Role, User, UserChange, called};
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::sqlite::column::{signed, unsigned};

/// People at once: far more than look after one hub.
const MOST: u32 = 256;
/// Name of the first one, until somebody gives them another.
const FIRST: &str = "admin";
const LAST_ADMIN: &str = "this is the only admin who can sign in: make somebody else admin first";

/// Whose password is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The only user who has chosen a password.
    Only,
    /// By name.
    Named(String),
    /// By row number.
    Id(u64),
}

impl Store {
    /// All users, oldest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn users(&self) -> Result<Vec<User>> {
        self.readers()
            .run(|reader| {
                let mut statement = reader.conn()?.prepare_cached(&select("ORDER BY id"))?;
                Ok(statement.query_map([], user_from_row)?.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// One user.
    ///
    /// # Errors
    /// Those of any read.
    pub fn user(&self, id: u64) -> Result<Option<User>> {
        self.glance(|conn| found(conn, id))
    }

    /// Somebody who has chosen a password, and its hash; disabled ones too. Nobody when `Only` one is asked for and there are more.
    ///
    /// # Errors
    /// Those of any read.
    pub fn user_with_password(&self, who: &Who) -> Result<Option<(User, String)>> {
        self.glance(|conn| {
            let (name, id) = match who {
                Who::Only => (None, None),
                Who::Named(name) => (Some(called(name)), None),
                Who::Id(id) => (None, Some(signed(*id))),
            };
            let params = named_params! { ":name": name, ":id": id };
            let both = |row: &Row<'_>| Ok((user_from_row(row)?, row.get("password")?));
            let mut statement = conn.prepare_cached(&select(WITH_PASSWORD))?;
            let mut two = statement.query_map(params, both)?.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(if two.len() == 1 { two.pop() } else { None })
        })
    }

    /// How many users have chosen a password.
    ///
    /// # Errors
    /// Those of any read.
    pub fn passwords(&self) -> Result<u32> {
        self.glance(|conn| Ok(conn.prepare_cached(PASSWORDS)?.query_row([], |row| row.get(0))?))
    }

    /// The admin whom links of the hub's own machine sign in: the first who may.
    ///
    /// # Errors
    /// Those of any read.
    pub fn first_admin(&self) -> Result<Option<User>> {
        self.glance(first_admin)
    }

    /// Sets the first password of a hub: that of the first admin, who is made where there is none.
    ///
    /// # Errors
    /// `Conflict` when somebody has a password.
    pub async fn set_first_password(&self, password: String, now: UnixMillis) -> Result<User> {
        self.change(move |write| {
            let conn = write.conn;
            if conn.prepare_cached(PASSWORDS)?.query_row([], |row| row.get::<_, u32>(0))? > 0 {
                return Err(Error::conflict("setup_token", "the admin password is already set; sign in with it"));
            }
            let id = match first_admin(conn)? {
                Some(first) => first.id,
                None => insert(conn, FIRST, Role::Admin, None, now)?,
            };
            put_password(conn, id, &password, now)?;
            read(conn, id)
        })
        .await
    }

    /// Adds somebody who chooses a password by a link.
    ///
    /// # Errors
    /// `Conflict` when the name is taken, or there are as many as there may be.
    pub async fn create_user(&self, name: String, role: Role, invite: Invite, now: UnixMillis) -> Result<User> {
        self.change(move |write| {
            let count: u32 = write.conn.prepare_cached(COUNT)?.query_row([], |row| row.get(0))?;
            if count >= MOST {
                return Err(Error::conflict("name", format!("there are {MOST} users, as many as there may be")));
            }
            let id = insert(write.conn, &name, role, Some(invite), now)?;
            read(write.conn, id)
        })
        .await
    }

    /// Changes somebody. With another role, or when they may not sign in any more, their sessions end.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when the name is taken, or no admin would be left.
    pub async fn change_user(&self, id: u64, change: UserChange, now: UnixMillis) -> Result<User> {
        self.change(move |write| {
            let conn = write.conn;
            let before = read(conn, id)?;
            let role = change.role.unwrap_or(before.role);
            let enabled = change.enabled.unwrap_or(before.enabled);
            let name = change.name.unwrap_or_else(|| before.name.clone());
            not_taken(conn, &name, Some(id))?;
            keeping_an_admin(conn, || {
                conn.prepare_cached(CHANGE)?.execute(named_params! {
                    ":id": signed(id),
                    ":name": name,
                    ":called": called(&name),
                    ":role": role,
                    ":enabled": enabled,
                    ":now": now.0,
                })?;
                Ok(())
            })?;
            if (role, enabled) != (before.role, before.enabled) {
                end_others(conn, Some(id), None)?;
            }
            read(conn, id)
        })
        .await
    }

    /// Deletes somebody, with all they need to sign in.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when no admin would be left.
    pub async fn delete_user(&self, id: u64) -> Result<()> {
        self.change(move |write| {
            let conn = write.conn;
            end_others(conn, Some(id), None)?;
            keeping_an_admin(conn, || {
                match conn.prepare_cached(DELETE)?.execute(named_params! { ":id": signed(id) })? {
                    0 => Err(Error::missing("user")),
                    _ => Ok(()),
                }
            })
        })
        .await
    }

    /// Takes somebody's password and sessions, and lets them choose another by a link.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn reset_user(&self, id: u64, invite: Option<Invite>, now: UnixMillis) -> Result<User> {
        self.change(move |write| {
            put_password(write.conn, id, "", now)?;
            put_invite(write.conn, id, invite)?;
            end_others(write.conn, Some(id), None)?;
            read(write.conn, id)
        })
        .await
    }

    /// Sets somebody's password, and ends their sessions but one.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_password(&self, id: u64, password: String, but: Option<[u8; 32]>, now: UnixMillis) -> Result<()> {
        self.change(move |write| {
            put_password(write.conn, id, &password, now)?;
            end_others(write.conn, Some(id), but)
        })
        .await
    }

    /// Whom a link is for, as long as it works.
    ///
    /// # Errors
    /// Those of any read.
    pub fn invited(&self, hash: [u8; 32], now: UnixMillis) -> Result<Option<User>> {
        self.glance(|conn| invited(conn, hash, now))
    }

    /// Sets the password of whom a link is for, and ends the link.
    ///
    /// # Errors
    /// `NotFound` when the link works no longer.
    pub async fn take_invite(&self, hash: [u8; 32], password: String, now: UnixMillis) -> Result<User> {
        self.change(move |write| {
            let user = invited(write.conn, hash, now)?.ok_or_else(|| Error::missing("link"))?;
            put_password(write.conn, user.id, &password, now)?;
            read(write.conn, user.id)
        })
        .await
    }
}

fn insert(conn: &Connection, name: &str, role: Role, invite: Option<Invite>, now: UnixMillis) -> Result<u64> {
    not_taken(conn, name, None)?;
    let params = named_params! { ":name": name, ":called": called(name), ":role": role, ":now": now.0 };
    conn.prepare_cached(INSERT)?.execute(params)?;
    let id = unsigned(conn.last_insert_rowid());
    put_invite(conn, id, invite)?;
    Ok(id)
}

fn not_taken(conn: &Connection, name: &str, by: Option<u64>) -> Result<()> {
    let params = named_params! { ":called": called(name), ":id": by.map(signed) };
    if conn.prepare_cached(TAKEN)?.exists(params)? {
        return Err(Error::conflict("name", format!("there is a user called {name} already")));
    }
    Ok(())
}

/// Sets a password, by which a link that sets one has done its work.
fn put_password(conn: &Connection, id: u64, password: &str, now: UnixMillis) -> Result<()> {
    let params = named_params! { ":id": signed(id), ":password": password, ":now": now.0 };
    match conn.prepare_cached(PUT_PASSWORD)?.execute(params)? {
        0 => Err(Error::missing("user")),
        _ => Ok(()),
    }
}

fn put_invite(conn: &Connection, id: u64, invite: Option<Invite>) -> Result<()> {
    let (hash, until) = (invite.map(|invite| invite.hash), invite.map(|invite| invite.until.0));
    conn.prepare_cached(PUT_INVITE)?.execute(named_params! { ":id": signed(id), ":hash": hash, ":until": until })?;
    Ok(())
}

/// Does what may take an admin away, and refuses it when nobody is left who could sign in as one.
fn keeping_an_admin(conn: &Connection, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let admins = || -> Result<(u32, u32)> {
        Ok(conn.prepare_cached(ADMINS)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?)
    };
    let (could_before, _) = admins()?;
    work()?;
    let (could, may) = admins()?;
    if may == 0 || could < could_before.min(1) {
        return Err(Error::conflict("role", LAST_ADMIN));
    }
    Ok(())
}

fn invited(conn: &Connection, hash: [u8; 32], now: UnixMillis) -> Result<Option<User>> {
    let params = named_params! { ":hash": hash, ":now": now.0 };
    let mut statement = conn.prepare_cached(&select(INVITED))?;
    Ok(statement.query_row(params, user_from_row).optional()?)
}

fn first_admin(conn: &Connection) -> Result<Option<User>> {
    let mut statement = conn.prepare_cached(&select("WHERE role = 'admin' AND enabled ORDER BY id LIMIT 1"))?;
    Ok(statement.query_row([], user_from_row).optional()?)
}

fn found(conn: &Connection, id: u64) -> Result<Option<User>> {
    let mut statement = conn.prepare_cached(&select("WHERE id = :id"))?;
    Ok(statement.query_row(named_params! { ":id": signed(id) }, user_from_row).optional()?)
}

/// One user, who has to be there.
pub(super) fn read(conn: &Connection, id: u64) -> Result<User> {
    found(conn, id)?.ok_or_else(|| Error::missing("user"))
}

fn select(rest: &str) -> String {
    format!("{SELECT} {rest}")
}

const SELECT: &str = "SELECT id, name, role, enabled, password, invite_until_at, created_at, seen_at,
    EXISTS (SELECT 1 FROM second_factor WHERE second_factor.user = user.id AND is_on) AS second_factor,
    (SELECT COUNT(*) FROM recovery_code WHERE recovery_code.user = user.id) AS recovery_codes FROM user";
/// Two are enough to know that there is not only one.
const WITH_PASSWORD: &str =
    "WHERE password <> '' AND called = COALESCE(:name, called) AND id = COALESCE(:id, id) LIMIT 2";
const INVITED: &str = "WHERE invite = :hash AND invite_until_at > :now AND enabled";
const PASSWORDS: &str = "SELECT COUNT(*) FROM user WHERE password <> ''";
const COUNT: &str = "SELECT COUNT(*) FROM user";
/// Those who can sign in, and those who could if they had a password.
const ADMINS: &str =
    "SELECT COUNT(*) FILTER (WHERE password <> ''), COUNT(*) FROM user WHERE role = 'admin' AND enabled";
const TAKEN: &str = "SELECT 1 FROM user WHERE called = :called AND id IS NOT :id";
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
