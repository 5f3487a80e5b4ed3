//! Access: the checks before every handler, and how a handler learns who calls it and what they may do.
//!
//! ```text
//!   front: through a proxy? → guard, host: by its own name? → plain: not in clear? → origin: own page?
//!                                                                  → auth: who is it (credentials), what may they do? → handler
//! ```

pub(super) mod actor;
pub(super) mod auth;
pub(super) mod credentials;
pub(super) mod front;
pub(super) mod guard;
pub(super) mod history;
pub(super) mod host;
pub(super) mod origin;
pub(super) mod patience;
pub(super) mod peer;
pub(super) mod plain;
pub(super) mod tries;
