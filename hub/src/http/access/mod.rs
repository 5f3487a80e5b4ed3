//! People and programs: how they sign in, what they may do, and what they changed.

pub(super) mod account;
pub(super) mod audit;
pub(super) mod browser;
pub(super) mod cookie;
pub(super) mod dto;
pub(super) mod invitation;
pub(super) mod join_tokens;
pub(super) mod person;
pub(super) mod proof;
pub(super) mod qr;
pub(super) mod second_factor;
pub(super) mod session;
pub(super) mod sessions;
pub(super) mod setup;
#[cfg(test)]
mod tests;
pub(super) mod tokens;
pub(super) mod totp;
pub(super) mod users;

use crate::http::state::Routes;
use utoipa_axum::routes;

/// People, programs, and what they changed.
pub(super) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(session::show, session::sign_in, session::sign_out))
        .routes(routes!(sessions::list, sessions::end_others))
        .routes(routes!(sessions::end))
        .routes(routes!(audit::list))
        .routes(routes!(setup::setup_state, setup::setup))
        .routes(routes!(account::change_password))
        .routes(routes!(second_factor::prepare, second_factor::turn_on))
        .routes(routes!(second_factor::turn_off))
        .routes(routes!(second_factor::renew))
        .routes(routes!(invitation::look, invitation::accept))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::change, users::delete))
        .routes(routes!(users::reset))
        .routes(routes!(users::drop_second_factor))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(join_tokens::list, join_tokens::create))
        .routes(routes!(join_tokens::revoke))
}
