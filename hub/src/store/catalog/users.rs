//! People who sign in: their names, roles and passwords, and the links with which they choose a password.
//!
//! A user who loses something (a role, the password, the right to sign in) loses their sessions in the same
//! transaction. No change made over HTTP removes the last admin who can sign in.

use crate::model::UnixMillis;
use crate::model::user::{Invite, Role, User, UserChange, called};
use crate::store::Store;
use crate::store::engine::transaction::Transaction;
use crate::store::error::{Error, Result};

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
        self.readers().run(|reader| reader.ask()?.users()).await
    }

    /// One user.
    ///
    /// # Errors
    /// Those of any read.
    pub fn user(&self, id: u64) -> Result<Option<User>> {
        self.glance(|ask| ask.user(id))
    }

    /// Somebody who has chosen a password, and its hash; disabled ones too. Nobody when `Only` one is asked for and there are more.
    ///
    /// # Errors
    /// Those of any read.
    pub fn user_with_password(&self, who: &Who) -> Result<Option<(User, String)>> {
        self.glance(|ask| {
            let (name, id) = match who {
                Who::Only => (None, None),
                Who::Named(name) => (Some(called(name)), None),
                Who::Id(id) => (None, Some(*id)),
            };
            let mut two = ask.with_password(name.as_deref(), id)?;
            Ok(if two.len() == 1 { two.pop() } else { None })
        })
    }

    /// How many users have chosen a password.
    ///
    /// # Errors
    /// Those of any read.
    pub fn passwords(&self) -> Result<u32> {
        self.glance(|ask| ask.passwords())
    }

    /// The admin whom links of the hub's own machine sign in: the first who may.
    ///
    /// # Errors
    /// Those of any read.
    pub fn first_admin(&self) -> Result<Option<User>> {
        self.glance(|ask| ask.first_admin())
    }

    /// Sets the first password of a hub: that of the first admin, who is made where there is none.
    ///
    /// # Errors
    /// `Conflict` when somebody has a password.
    pub async fn set_first_password(&self, password: String, now: UnixMillis) -> Result<User> {
        self.change(move |open| {
            let tx = open.tx;
            if tx.passwords()? > 0 {
                return Err(Error::conflict("setup_token", "the admin password is already set; sign in with it"));
            }
            let id = match tx.first_admin()? {
                Some(first) => first.id,
                None => insert(tx, FIRST, Role::Admin, None, now)?,
            };
            put_password(tx, id, &password, now)?;
            read(tx, id)
        })
        .await
    }

    /// Adds somebody who chooses a password by a link.
    ///
    /// # Errors
    /// `Conflict` when the name is taken, or there are as many as there may be.
    pub async fn create_user(&self, name: String, role: Role, invite: Invite, now: UnixMillis) -> Result<User> {
        self.change(move |open| {
            if open.tx.user_count()? >= MOST {
                return Err(Error::conflict("name", format!("there are {MOST} users, as many as there may be")));
            }
            let id = insert(open.tx, &name, role, Some(invite), now)?;
            read(open.tx, id)
        })
        .await
    }

    /// Changes somebody. With another role, or when they may not sign in any more, their sessions end.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when the name is taken, or no admin would be left.
    pub async fn change_user(&self, id: u64, change: UserChange, now: UnixMillis) -> Result<User> {
        self.change(move |open| {
            let tx = open.tx;
            let before = read(tx, id)?;
            let role = change.role.unwrap_or(before.role);
            let enabled = change.enabled.unwrap_or(before.enabled);
            let name = change.name.unwrap_or_else(|| before.name.clone());
            not_taken(tx, &name, Some(id))?;
            keeping_an_admin(tx, || tx.change_user(id, &name, role, enabled, now))?;
            if (role, enabled) != (before.role, before.enabled) {
                tx.end_sessions(Some(id), None)?;
            }
            read(tx, id)
        })
        .await
    }

    /// Deletes somebody, with all they need to sign in.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when no admin would be left.
    pub async fn delete_user(&self, id: u64) -> Result<()> {
        self.change(move |open| {
            let tx = open.tx;
            tx.end_sessions(Some(id), None)?;
            keeping_an_admin(tx, || if tx.delete_user(id)? { Ok(()) } else { Err(Error::missing("user")) })
        })
        .await
    }

    /// Takes somebody's password and sessions, and lets them choose another by a link.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn reset_user(&self, id: u64, invite: Option<Invite>, now: UnixMillis) -> Result<User> {
        self.change(move |open| {
            put_password(open.tx, id, "", now)?;
            open.tx.put_invite(id, invite)?;
            open.tx.end_sessions(Some(id), None)?;
            read(open.tx, id)
        })
        .await
    }

    /// Sets somebody's password, and ends their sessions but one.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_password(&self, id: u64, password: String, but: Option<[u8; 32]>, now: UnixMillis) -> Result<()> {
        self.change(move |open| {
            put_password(open.tx, id, &password, now)?;
            open.tx.end_sessions(Some(id), but)
        })
        .await
    }

    /// Whom a link is for, as long as it works.
    ///
    /// # Errors
    /// Those of any read.
    pub fn invited(&self, hash: [u8; 32], now: UnixMillis) -> Result<Option<User>> {
        self.glance(|ask| ask.invited(hash, now))
    }

    /// Sets the password of whom a link is for, and ends the link.
    ///
    /// # Errors
    /// `NotFound` when the link works no longer.
    pub async fn take_invite(&self, hash: [u8; 32], password: String, now: UnixMillis) -> Result<User> {
        self.change(move |open| {
            let user = open.tx.invited(hash, now)?.ok_or_else(|| Error::missing("link"))?;
            put_password(open.tx, user.id, &password, now)?;
            read(open.tx, user.id)
        })
        .await
    }
}

fn insert(tx: &dyn Transaction, name: &str, role: Role, invite: Option<Invite>, now: UnixMillis) -> Result<u64> {
    not_taken(tx, name, None)?;
    let id = tx.add_user(name, role, now)?;
    tx.put_invite(id, invite)?;
    Ok(id)
}

fn not_taken(tx: &dyn Transaction, name: &str, by: Option<u64>) -> Result<()> {
    if tx.user_name_is_taken(name, by)? {
        return Err(Error::conflict("name", format!("there is a user called {name} already")));
    }
    Ok(())
}

/// Sets a password, by which a link that sets one has done its work.
fn put_password(tx: &dyn Transaction, id: u64, password: &str, now: UnixMillis) -> Result<()> {
    if tx.put_password(id, password, now)? { Ok(()) } else { Err(Error::missing("user")) }
}

/// Does what may take an admin away, and refuses it when nobody is left who could sign in as one.
fn keeping_an_admin(tx: &dyn Transaction, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let before = tx.admins()?;
    work()?;
    let after = tx.admins()?;
    if after.may == 0 || after.can < before.can.min(1) {
        return Err(Error::conflict("role", LAST_ADMIN));
    }
    Ok(())
}

/// One user, who has to be there.
pub(super) fn read(tx: &dyn Transaction, id: u64) -> Result<User> {
    tx.user(id)?.ok_or_else(|| Error::missing("user"))
}
