//! Tokens, join tokens, sessions, the password.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::person::Me;
use crate::http::request::text;
use crate::http::request::text::{JoinTokenId, SessionId, TokenId, UserId};
use crate::model::{access, when};

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Send readings, and nothing else.
    Ingest,
    /// Look.
    Read,
    /// Look, acknowledge alerts, silence them for at most 24 hours, send readings.
    Write,
    /// That, and change rules, silence for longer, add, name and block devices.
    Operate,
    /// Everything.
    Admin,
}

impl From<access::Scope> for Scope {
    fn from(scope: access::Scope) -> Self {
        match scope {
            access::Scope::Ingest => Self::Ingest,
            access::Scope::Read => Self::Read,
            access::Scope::Write => Self::Write,
            access::Scope::Operate => Self::Operate,
            access::Scope::Admin => Self::Admin,
        }
    }
}

impl From<Scope> for access::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Ingest => Self::Ingest,
            Scope::Read => Self::Read,
            Scope::Write => Self::Write,
            Scope::Operate => Self::Operate,
            Scope::Admin => Self::Admin,
        }
    }
}

/// An API token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Token {
    /// Text of its id.
    pub id: String,
    /// Name.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// It is only for devices that have all of these labels; for everything where there are none.
    pub labels: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: String,
    /// When it stops working.
    pub expires_at: Option<String>,
    /// When it was last used.
    pub last_used_at: Option<String>,
}

/// An API token, with its text, which is shown only once.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenWithText {
    /// The token.
    #[serde(flatten)]
    pub row: Token,
    /// What to send as `Authorization: Bearer`.
    pub token: String,
}

impl From<access::Token> for Token {
    fn from(token: access::Token) -> Self {
        Self {
            id: text::id(TokenId(token.id)),
            name: token.name,
            scope: token.scope.into(),
            labels: token.labels,
            created_at: when::moment(token.created_at),
            expires_at: token.expires_at.map(when::moment),
            last_used_at: token.last_used_at.map(when::moment),
        }
    }
}

/// An API token to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// Name.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// Makes it only for devices that have all of these labels, with the scopes `ingest`, `read` and `write`: others are for
    /// it as if they were not there. For everything when left out.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How long it works, such as `30d`; for ever when left out.
    pub expires: Option<String>,
}

/// A join token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct JoinToken {
    /// Text of its id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Devices it still admits.
    pub uses_left: u32,
    /// Labels given to devices that join with it.
    pub labels: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: String,
    /// When it stops working.
    pub expires_at: String,
}

/// A join token, with its text, which is shown only once.
#[derive(Serialize, ToSchema)]
pub(crate) struct JoinTokenWithText {
    /// The join token.
    #[serde(flatten)]
    pub row: JoinToken,
    /// What to give to `device-agent run --join-token`.
    pub token: String,
}

impl From<access::JoinToken> for JoinToken {
    fn from(token: access::JoinToken) -> Self {
        Self {
            id: text::id(JoinTokenId(token.id)),
            name: token.name,
            uses_left: token.uses_left,
            labels: token.labels,
            created_at: when::moment(token.created_at),
            expires_at: when::moment(token.expires_at),
        }
    }
}

/// A join token to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewJoinToken {
    /// Name.
    pub name: Option<String>,
    /// Devices it admits; one when left out.
    pub uses: Option<u32>,
    /// How long it works, at most 90 days; 24 hours when left out.
    pub expires: Option<String>,
    /// Labels to give to devices that join with it.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// How somebody signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SignedInBy {
    /// A cookie.
    Session,
    /// A bearer token.
    Token,
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SignedIn {
    /// What they may do.
    pub scope: Scope,
    /// Only with devices that have all of these labels; with everything where there are none.
    pub labels: BTreeMap<String, String>,
    /// How they signed in.
    pub via: SignedInBy,
    /// The user whose session it is; null for a token.
    pub user: Option<Me>,
}

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Session {
    /// Text of its id; it opens nothing.
    pub id: String,
    /// Text of the id of whose it is.
    pub user: String,
    /// What they are called.
    pub user_name: String,
    /// When it signed in.
    pub created_at: String,
    /// When it was last used, to the minute.
    pub last_used_at: String,
    /// When it ends if it is not used again: 7 days after its last use, 30 days after it signed in at the latest.
    pub ends_at: String,
    /// Address it was last used from, to the minute; null where an older hub did not note it.
    pub address: Option<String>,
    /// What the browser calls itself, shortened; null where it did not say.
    pub browser: Option<String>,
    /// Whether it is the session that asks.
    pub current: bool,
}

impl Session {
    /// As the session with the number `asks` sees it.
    pub(crate) fn of(session: access::Session, asks: Option<u64>) -> Self {
        let said = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            id: text::id(SessionId(session.id)),
            user: text::id(UserId(session.user)),
            user_name: session.user_name,
            created_at: when::moment(session.created_at),
            last_used_at: when::moment(session.used_at),
            ends_at: when::moment(session.ends_at),
            address: said(session.address),
            browser: said(session.browser),
            current: asks == Some(session.id),
        }
    }
}

/// To sign in: name and password, or the code of a link the hub printed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInRequest {
    /// Whose password it is; may be left out as long as only one user has one.
    pub name: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// A code of the authenticator app, or a recovery code: for users who have turned the second factor on.
    pub code: Option<String>,
    /// A code that works once.
    pub login_code: Option<String>,
}

/// To set the first password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupRequest {
    /// From the link the hub printed.
    pub setup_token: String,
    /// At least 8 characters.
    pub password: String,
}

/// To change the password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The current password.
    pub password: String,
    /// The new password: at least 8 characters.
    pub new_password: String,
}

/// What the page shows before anybody is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SetupState {
    /// True until the first password is set.
    pub needed: bool,
    /// Whether a name is asked for: more than one user has a password.
    pub by_name: bool,
    /// Name of the hub's computer, to tell one hub from another; null where it has none.
    pub name: Option<String>,
}
