//! What people changed, and who they were: the entries of the audit log.

use super::UnixMillis;

/// How somebody who changes something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// A browser that is signed in.
    Session,
    Token,
    /// The token of `--admin-token-file`.
    AdminFile,
    /// A command on the hub's machine.
    Command,
    /// Somebody who signs in, and is known by how.
    SignIn,
    /// Nobody is known.
    Nobody,
}

/// Who changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// How they are known.
    pub kind: ActorKind,
    /// Id and name of the session or token; the user of a command; how somebody signed in.
    pub who: String,
    /// IP address they came from; empty for a command.
    pub address: String,
}

/// Stands between the user and the session in [`Actor::who`].
const SESSION: &str = ", ses_";

impl Actor {
    /// A user in a browser.
    #[must_use]
    pub fn session((user, name): (u64, &str), (session, browser): (u64, &str), address: String) -> Self {
        Self { kind: ActorKind::Session, who: format!("usr_{user} {name}{SESSION}{session} {browser}"), address }
    }

    /// A program with a stored token.
    #[must_use]
    pub fn token(id: u64, name: &str, address: String) -> Self {
        Self { kind: ActorKind::Token, who: format!("tok_{id} {name}"), address }
    }

    /// What people call them: the name of the user or of the token.
    #[must_use]
    pub fn called(&self) -> &str {
        let name = |who: &'_ str| who.split_once(' ').map_or(0, |(id, _)| id.len() + 1);
        match self.kind {
            ActorKind::Session => {
                let user = self.who.rfind(SESSION).map_or(&*self.who, |end| &self.who[..end]);
                &user[name(user)..]
            }
            ActorKind::Token => &self.who[name(&self.who)..],
            ActorKind::AdminFile => "admin token",
            ActorKind::Command => "command line",
            ActorKind::SignIn | ActorKind::Nobody => "",
        }
    }
}

/// Something that was changed or tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Row number, growing with time.
    pub id: u64,
    pub at: UnixMillis,
    pub actor: Actor,
    /// What was done: `rule.changed`.
    pub action: String,
    /// Id of what it was done to: `rul_1`, a device's id, the key of a setting.
    pub subject: String,
    /// Its name then; of what has none, a word about it.
    pub name: String,
    /// What of it changed.
    pub fields: Vec<Field>,
}

/// One thing that changed. A secret is `(hidden)` on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub field: String,
    /// What it was; `None` where there was nothing.
    pub before: Option<String>,
    /// What it became; `None` where nothing is left.
    pub after: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_called_by_their_name_whatever_is_in_it() {
        for name in ["anna", "Anna Maria, ses_7 of night", "usr_2 x", ""] {
            assert_eq!(Actor::session((1, name), (12, "Firefox on Linux"), String::new()).called(), name);
            assert_eq!(Actor::token(3, name, String::new()).called(), name);
        }
        let command = Actor { kind: ActorKind::Command, who: "root".to_owned(), address: String::new() };
        assert_eq!(command.called(), "command line");
    }
}
