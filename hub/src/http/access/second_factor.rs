//! `/second-factor`: codes of an authenticator app in addition to the password, and recovery codes for when the app is
//! lost.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::person::{CodeRequest, PasswordRequest, RecoveryCodes, SecondFactorDraft};
use super::proof::{confirm, prove};
use super::{qr, totp};
use crate::access::sha256;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::Account;
use crate::http::gate::peer::Peer;
use crate::http::gate::tries::guess_code;
use crate::http::keys::Keys;
use crate::http::request::body::Body;
use crate::random;

/// Recovery codes of a user, for when the phone is lost.
const RECOVERY_CODES: usize = 10;
/// Name of the hub in an authenticator app if its computer has no name.
const ISSUER: &str = "Telemetry hub";

/// Begins to set up a second factor: what the app has to know. It counts once a code of it is sent by PUT.
#[utoipa::path(post, path = "/api/v1/second-factor", tag = "access", request_body = PasswordRequest,
    responses((status = 200, body = SecondFactorDraft), (status = 403, description = "The password is wrong", body = Problem),
        (status = 409, description = "It is on already", body = Problem), (status = 429, body = Problem)))]
pub(in crate::http) async fn prepare(
    State(keys): State<Arc<Keys>>,
    account: Account,
    peer: Peer,
    Body(request): Body<PasswordRequest>,
) -> Result<Json<SecondFactorDraft>, ApiError> {
    let user = prove(&keys, peer, account.user, request.password).await?;
    let secret: [u8; totp::SECRET_LEN] = random::bytes()?;
    keys.store.prepare_second_factor(user.id, secret.to_vec()).await?;
    let issuer = keys.hostname.as_ref().filter(|name| !name.is_empty());
    let issuer = issuer.map_or_else(|| ISSUER.to_owned(), |host| format!("{ISSUER} {host}"));
    let uri = totp::uri(&secret, &issuer, &user.name);
    Ok(Json(SecondFactorDraft { secret: totp::base32(&secret), qr_svg: qr::svg(&uri)?, uri }))
}

/// Turns the second factor on, with a code that the app shows. Only this answer contains the recovery codes.
#[utoipa::path(put, path = "/api/v1/second-factor", tag = "access", request_body = CodeRequest,
    responses((status = 200, body = RecoveryCodes), (status = 400, description = "The code is wrong", body = Problem),
        (status = 409, description = "It is on already, or was not begun", body = Problem), (status = 429, body = Problem)))]
pub(in crate::http) async fn turn_on(
    State(keys): State<Arc<Keys>>,
    account: Account,
    peer: Peer,
    Body(request): Body<CodeRequest>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let secret = match keys.store.second_factor(account.user)? {
        Some((_, true)) => return Err(ApiError::conflict("code", "the second factor is on already")),
        Some((secret, false)) => secret,
        None => return Err(ApiError::conflict("code", "begin anew: ask for the QR code first")),
    };
    guess_code(&keys, peer, account.user).await?;
    let step = totp::step_of(&secret, &request.code, keys.clock.wall().0 / 1000).ok_or_else(|| {
        let detail = "this is not the code that the app shows: is the time right, on your phone and on the hub?";
        ApiError::invalid("code", detail)
    })?;
    keys.codes.forgive(account.user);
    let (codes, hashes) = recovery_codes()?;
    let user = keys.store.turn_on_second_factor(account.user, step, hashes).await?;
    tracing::info!(user = user.id, "{} turned the second factor on", user.name);
    Ok(Json(RecoveryCodes { codes }))
}

/// Turns the second factor off, with a code of it or a recovery code.
#[utoipa::path(post, path = "/api/v1/second-factor/off", tag = "access", request_body = CodeRequest,
    responses((status = 204, description = "Off"), (status = 403, description = "The code is wrong", body = Problem),
        (status = 409, description = "It is not on", body = Problem), (status = 429, body = Problem)))]
pub(in crate::http) async fn turn_off(
    State(keys): State<Arc<Keys>>,
    account: Account,
    peer: Peer,
    Body(request): Body<CodeRequest>,
) -> Result<StatusCode, ApiError> {
    confirm(&keys, peer, account.user, &request.code).await?;
    keys.store.turn_off_second_factor(account.user).await?;
    tracing::info!(user = account.user, "a user turned the second factor off");
    Ok(StatusCode::NO_CONTENT)
}

/// Makes other recovery codes, with a code; those from before work no longer. Only this answer contains them.
#[utoipa::path(post, path = "/api/v1/second-factor/recovery-codes", tag = "access", request_body = CodeRequest,
    responses((status = 200, body = RecoveryCodes), (status = 403, description = "The code is wrong", body = Problem),
        (status = 409, description = "It is not on", body = Problem), (status = 429, body = Problem)))]
pub(in crate::http) async fn renew(
    State(keys): State<Arc<Keys>>,
    account: Account,
    peer: Peer,
    Body(request): Body<CodeRequest>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    confirm(&keys, peer, account.user, &request.code).await?;
    let (codes, hashes) = recovery_codes()?;
    keys.store.put_recovery_codes(account.user, hashes).await?;
    Ok(Json(RecoveryCodes { codes }))
}

/// Recovery codes, and what is kept of them.
fn recovery_codes() -> Result<(Vec<String>, Vec<[u8; 32]>), ApiError> {
    let codes =
        (0..RECOVERY_CODES).map(|_| Ok(totp::recovery(&random::bytes()?))).collect::<Result<Vec<_>, ApiError>>()?;
    let hashes = codes.iter().map(|code| sha256(totp::letters(code).as_bytes())).collect();
    Ok((codes, hashes))
}
