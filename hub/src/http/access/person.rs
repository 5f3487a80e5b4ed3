//! The people who sign in, their links and second factors, as JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::request::text;
use crate::http::request::text::UserId;
use crate::model::{UnixMillis, user, when};

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look.
    Viewer,
    /// Look; acknowledge and silence alerts, change rules, add, name and block devices.
    Operator,
    /// Everything, also users, tokens, webhooks and settings.
    Admin,
}

impl From<user::Role> for Role {
    fn from(role: user::Role) -> Self {
        match role {
            user::Role::Viewer => Self::Viewer,
            user::Role::Operator => Self::Operator,
            user::Role::Admin => Self::Admin,
        }
    }
}

impl From<Role> for user::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Operator => Self::Operator,
            Role::Admin => Self::Admin,
        }
    }
}

/// Somebody who signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct User {
    /// Text of its id.
    pub id: String,
    /// What they sign in by; capitals do not matter.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether they may sign in.
    pub enabled: bool,
    /// Whether they have chosen a password.
    pub has_password: bool,
    /// Until when their link works; null where there is none, or it has expired.
    pub invited_until: Option<String>,
    /// Whether a code is asked for beside the password.
    pub second_factor: bool,
    /// When they were added.
    pub created_at: String,
    /// When they were last seen, to the minute; null if never.
    pub last_seen_at: Option<String>,
}

impl User {
    /// As it is at `now`.
    pub(crate) fn of(user: user::User, now: UnixMillis) -> Self {
        Self {
            id: text::id(UserId(user.id)),
            name: user.name,
            role: user.role.into(),
            enabled: user.enabled,
            has_password: user.has_password,
            invited_until: user.invited_until.filter(|until| *until > now).map(when::moment),
            second_factor: user.second_factor,
            created_at: when::moment(user.created_at),
            last_seen_at: user.seen_at.map(when::moment),
        }
    }
}

/// A link by which somebody chooses a password, once.
#[derive(Serialize, ToSchema)]
pub(crate) struct InviteLink {
    /// What the link has behind the address of the page: `/#invite=...`.
    pub path: String,
    /// When it stops working.
    pub expires_at: String,
}

impl InviteLink {
    /// Behind the address of the page.
    pub(crate) fn of(path: String, until: UnixMillis) -> Self {
        Self { path, expires_at: when::moment(until) }
    }
}

/// A user, with the link by which they choose a password, which is shown only once.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserWithLink {
    /// The user.
    #[serde(flatten)]
    pub user: User,
    /// The link.
    pub link: InviteLink,
}

/// A user to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// What they will sign in by: 1 to 64 characters.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// What of a user to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserPatch {
    /// What they sign in by.
    pub name: Option<String>,
    /// What they may do.
    pub role: Option<Role>,
    /// Whether they may sign in.
    pub enabled: Option<bool>,
}

/// Who is signed in, as they see themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Me {
    /// Text of its id.
    pub id: String,
    /// What they sign in by.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether a code is asked for beside the password.
    pub second_factor: bool,
    /// Recovery codes that are left.
    pub recovery_codes: u32,
}

impl From<user::User> for Me {
    fn from(user: user::User) -> Self {
        Self {
            id: text::id(UserId(user.id)),
            name: user.name,
            role: user.role.into(),
            second_factor: user.second_factor,
            recovery_codes: user.recovery_codes,
        }
    }
}

/// Whom a link is for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Invitation {
    /// What they sign in by.
    pub name: String,
    /// Whether a code is asked for, too.
    pub second_factor: bool,
}

/// The code of a link; with a password, to set it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationRequest {
    /// What the link has behind `#invite=`.
    pub invitation: String,
    /// The password to set: at least 8 characters.
    pub password: Option<String>,
    /// A code of the authenticator app or a recovery code, if the second factor is on.
    pub code: Option<String>,
}

/// One's password once more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordRequest {
    /// The current password.
    pub password: String,
}

/// A code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeRequest {
    /// Of the authenticator app; where it is on already, also a recovery code.
    pub code: String,
}

/// What an authenticator app has to know. It counts once a code of it was sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecondFactorDraft {
    /// To type into the app: base32.
    pub secret: String,
    /// The same as the app reads it.
    pub uri: String,
    /// The same as a QR code: an SVG.
    pub qr_svg: String,
}

/// Codes for when the app is lost, each of which works once. They are shown only once.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// The codes.
    pub codes: Vec<String>,
}
