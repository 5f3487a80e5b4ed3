//! People who sign in, their sessions and second factors.

use crate::model::UnixMillis;
use crate::model::access::{NewSession, Session};
use crate::model::user::{Invite, Role, User};
use crate::store::error::Result;

/// Admins who can sign in, and those who could if they had a password.
pub(in crate::store) struct Admins {
    pub(in crate::store) can: u32,
    pub(in crate::store) may: u32,
}

/// Users.
pub(in crate::store) trait Users {
    /// All users, oldest first.
    fn users(&self) -> Result<Vec<User>>;
    /// One user.
    fn user(&self, id: u64) -> Result<Option<User>>;
    /// Users with a password of that name or number, and its hash; no more than two.
    fn with_password(&self, called: Option<&str>, id: Option<u64>) -> Result<Vec<(User, String)>>;
    /// How many have chosen a password.
    fn passwords(&self) -> Result<u32>;
    /// How many there are.
    fn user_count(&self) -> Result<u32>;
    /// How many admins there are.
    fn admins(&self) -> Result<Admins>;
    /// The first admin who may sign in.
    fn first_admin(&self) -> Result<Option<User>>;
    /// Whom a link is for that works at `now`.
    fn invited(&self, hash: [u8; 32], now: UnixMillis) -> Result<Option<User>>;
    /// Whether another than `by` is called so.
    fn user_name_is_taken(&self, name: &str, by: Option<u64>) -> Result<bool>;
}

/// Changes of users.
pub(in crate::store) trait ChangeUsers: Users {
    /// Adds somebody without a password; their number.
    fn add_user(&self, name: &str, role: Role, now: UnixMillis) -> Result<u64>;
    /// Sets name, role and whether somebody may sign in.
    fn change_user(&self, id: u64, name: &str, role: Role, enabled: bool, now: UnixMillis) -> Result<()>;
    /// Sets a password, by which the link ends; whether there is such a user.
    fn put_password(&self, id: u64, password: &str, now: UnixMillis) -> Result<bool>;
    /// Sets the link by which somebody chooses a password, or takes it.
    fn put_invite(&self, id: u64, invite: Option<Invite>) -> Result<()>;
    /// Whether there was such a user to delete.
    fn delete_user(&self, id: u64) -> Result<bool>;
    /// Notes when somebody who may sign in was seen; whether there is such a user.
    fn see_user(&self, id: u64, now: UnixMillis) -> Result<bool>;
}

/// Which sessions hold: those whose time is not over at `now`, and that were used within `idle_ms`.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Holds {
    pub(in crate::store) now: UnixMillis,
    pub(in crate::store) idle_ms: i64,
}

/// Browsers that are signed in.
pub(in crate::store) trait Sessions {
    /// All that hold, oldest first.
    fn sessions(&self, holds: Holds) -> Result<Vec<Session>>;
    /// The one with this hash, if it holds.
    fn session(&self, hash: [u8; 32], holds: Holds) -> Result<Option<Session>>;
}

/// Changes of sessions.
pub(in crate::store) trait ChangeSessions: Sessions {
    /// Deletes those that do not hold.
    fn drop_old_sessions(&self, holds: Holds) -> Result<()>;
    /// Deletes all of a user but the `most` that were used last.
    fn keep_sessions(&self, user: u64, most: usize) -> Result<()>;
    /// Adds one.
    fn add_session(&self, new: &NewSession) -> Result<()>;
    /// Notes when one was used, and from where if that is known.
    fn use_session(&self, hash: [u8; 32], now: UnixMillis, from: Option<&str>) -> Result<()>;
    /// Deletes the one with this hash.
    fn delete_session(&self, hash: [u8; 32]) -> Result<()>;
    /// Whether there was such a session to delete, of `of` alone where that is said.
    fn end_session(&self, id: u64, of: Option<u64>) -> Result<bool>;
    /// Deletes the sessions of somebody, or of everybody, but one.
    fn end_sessions(&self, of: Option<u64>, but: Option<[u8; 32]>) -> Result<()>;
}

/// Second factors.
pub(in crate::store) trait SecondFactors {
    /// What somebody's app shares with the hub, sealed, and whether codes of it are asked for.
    fn second_factor(&self, user: u64) -> Result<Option<(Vec<u8>, bool)>>;
}

/// Changes of second factors.
pub(in crate::store) trait ChangeSecondFactors: SecondFactors {
    /// Puts a sealed secret in the place of one that waited.
    fn prepare_second_factor(&self, user: u64, sealed: &[u8]) -> Result<()>;
    /// Takes a step of time, unless it or a later one was taken.
    fn take_step(&self, user: u64, step: i64) -> Result<bool>;
    /// Turns the second factor on.
    fn turn_on_second_factor(&self, user: u64) -> Result<()>;
    /// Deletes the secret and the recovery codes.
    fn forget_second_factor(&self, user: u64) -> Result<()>;
    /// Puts recovery codes in the place of those there are.
    fn put_recovery_codes(&self, user: u64, hashes: &[[u8; 32]]) -> Result<()>;
    /// Whether there was such a code to delete.
    fn take_recovery_code(&self, user: u64, hash: [u8; 32]) -> Result<bool>;
}
