//! `/install.sh`, `/agent/{target}` and `/bundle/{file}`: how a device gets its agent.
//!
//! Script and bundle contain a join token, so they are made only for a link that has a valid one. A link whose token is missing,
//! wrong, used up or expired gets the same answer in each case, so that nobody learns which tokens exist, and an address has five
//! tries a minute. Unlike API tokens this secret is in a query string, because one line has to be enough on a device; it admits few
//! devices, and not for long. The agent's program is not secret and open to all.
//!
//! The answer of `/install.sh` is piped into a shell, so each refusal is a script that prints the reason and exits with 1.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio_util::io::ReaderStream;
use wire::handshake::JoinToken;

use crate::access::sha256;
use crate::bundle::agents::Agents;
use crate::bundle::script::{SPENT, Script, refusal};
use crate::bundle::{Payload, Settings, Target, agents, archive, deb};
use crate::clock::Clock;
use crate::http::error::{ApiError, Problem, Told};
use crate::http::gate::front::Encrypted;
use crate::http::gate::guard::public_url;
use crate::http::gate::host::has_port;
use crate::http::gate::peer::{Peer, is_proxied};
use crate::http::names::Names;
use crate::http::request::params::{Asked, FromParams, Nothing, Params};
use crate::http::request::path::Name;
use crate::http::shares::rooms::Rooms;
use crate::http::shares::throttle::{Throttle, Wait};
use crate::http::state::{JoinState, Routes};
use crate::proto::command::JoinPolicy;
use crate::store::Store;
use crate::tls::Tls;
use utoipa_axum::routes;

/// What a device gets from the hub.
pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(script)).routes(routes!(agent)).routes(routes!(bundle))
}

/// The parts of the hub from which a device gets its agent.
#[derive(Clone)]
pub(super) struct Packer {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) names: Arc<Names>,
    /// Where devices find the hub.
    pub(super) udp: SocketAddr,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) agents: Agents,
    /// Who may join.
    pub(super) join: Arc<JoinState>,
    /// Join tokens in links that did not work.
    pub(super) bad_links: Arc<Throttle>,
    pub(super) rooms: Arc<Rooms>,
}

const SHELL: &str = "text/x-shellscript; charset=utf-8";

/// What a link brings.
#[derive(Debug)]
pub(super) struct Link {
    token: Option<String>,
}

impl FromParams for Link {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        Ok(Self { token: params.one("token")? })
    }
}

/// A script that installs the agent on the device that runs it, and joins it:
/// `curl -sS 'http://hub:8080/install.sh?token=thj1_...' | sh`. An answer that refuses is a script too, which says why and
/// ends with 1.
#[utoipa::path(get, path = "/install.sh", tag = "install", params(("token" = String, Query, description = "A valid join token")),
    responses((status = 200, body = String, content_type = "text/x-shellscript"),
        (status = 403, description = "The token is missing or not valid", body = String, content_type = "text/x-shellscript"),
        (status = 429, description = "Too many invalid links came from this address", body = String, content_type = "text/x-shellscript")),
    security(()))]
pub(super) async fn script(
    State(packer): State<Packer>,
    peer: Peer,
    encrypted: Encrypted,
    headers: HeaderMap,
    Asked(link): Asked<Link>,
) -> Result<Response, ApiError> {
    let Some(token) = token(&packer, peer.0, link).await? else { return Ok(refused()) };
    let (url, hub) = addresses(&packer, encrypted, &headers)?;
    let agents = packer.agents.clone();
    let sums = packing(&packer, move || {
        let sum = |target| agents.read(target).map(|program| (target, sha256(&program)));
        agents.targets().into_iter().map(sum).collect::<Result<Vec<_>, _>>()
    });
    let sums = sums.await?.map_err(ApiError::internal)?;
    let from = downloads(&packer, &headers, &url);
    let script = Script { url: &url, from: &from, hub: &hub, token: &token, agents: &sums }.text();
    let script = script.ok_or_else(|| ApiError::invalid("host", format!("`{url}` is not an address for a script")))?;
    Ok(secret(SHELL, None, script))
}

/// Around all that can refuse a request, also before it comes here: what is no script becomes one.
pub(super) async fn for_a_shell(request: Request, next: Next) -> Response {
    let is_for_a_shell = request.uri().path() == "/install.sh";
    let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    // It throws away what stands in a refusal: the script has to say it all the same.
    let is_for_wget = is_for_a_shell && agent.is_some_and(|agent| agent.starts_with("Wget"));
    let mut response = as_script(is_for_a_shell, next.run(request).await);
    if is_for_wget {
        *response.status_mut() = StatusCode::OK;
    }
    response
}

fn as_script(is_for_a_shell: bool, response: Response) -> Response {
    let is_script = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == SHELL);
    if !is_for_a_shell || is_script {
        return response;
    }
    let why =
        response.extensions().get::<Told>().map_or("the hub failed; see its log for the reason", |told| &told.detail);
    let mut script = no_script(response.status(), why);
    if let Some(seconds) = response.headers().get(header::RETRY_AFTER) {
        script.headers_mut().insert(header::RETRY_AFTER, seconds.clone());
    }
    script
}

/// The agent for a machine: `x86_64`, `aarch64` or `armhf`.
#[utoipa::path(get, path = "/agent/{target}", tag = "install", params(("target" = String, Path, description = "Machine")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = Problem)),
    security(()))]
pub(super) async fn agent(
    State(packer): State<Packer>,
    Name(target): Name,
    _: Asked<Nothing>,
) -> Result<Response, ApiError> {
    let missing = || no_agent(&target);
    let path = target.parse().ok().and_then(|target: Target| packer.agents.path(target)).ok_or_else(missing)?;
    let file = tokio::fs::File::open(&path).await.map_err(|_| missing())?;
    let length = file.metadata().await.map_err(ApiError::internal)?.len();
    // Piece by piece: a thousand devices that download at once need little memory.
    let body = Body::from_stream(ReaderStream::new(file));
    Ok((
        [(header::CONTENT_TYPE, "application/octet-stream".to_owned()), (header::CONTENT_LENGTH, length.to_string())],
        body,
    )
        .into_response())
}

/// Agent, configuration and service for a machine: `<machine>.deb` or `<machine>.tar.gz`, to be unpacked at `/`.
#[utoipa::path(get, path = "/bundle/{file}", tag = "install",
    params(("file" = String, Path, description = "`aarch64.deb`, `armhf.tar.gz`, ..."), ("token" = String, Query, description = "A valid join token")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 403, description = "The token is missing or not valid", body = String, content_type = "text/plain"),
        (status = 404, body = Problem), (status = 429, body = Problem)),
    security(()))]
pub(super) async fn bundle(
    State(packer): State<Packer>,
    peer: Peer,
    encrypted: Encrypted,
    headers: HeaderMap,
    Name(file): Name,
    Asked(link): Asked<Link>,
) -> Result<Response, ApiError> {
    let Some(token) = token(&packer, peer.0, link).await? else {
        // It is shown in place of the package.
        let why = secret("text/plain; charset=utf-8", None, format!("device-agent: {SPENT}\n"));
        return Ok((StatusCode::FORBIDDEN, why).into_response());
    };
    let parsed =
        file.split_once('.').and_then(|(target, kind)| Some((target.parse::<Target>().ok()?, kind.to_owned())));
    let unknown = || {
        ApiError::not_found(format!(
            "there is no bundle `{file}`: write a machine and a kind, such as aarch64.deb or armhf.tar.gz"
        ))
    };
    let (target, kind) = parsed.filter(|(_, kind)| ["deb", "tar.gz"].contains(&kind.as_str())).ok_or_else(unknown)?;
    let (_, hub) = addresses(&packer, encrypted, &headers)?;
    let settings = Settings { hub: Some(hub), join_token: Some(token), ..Settings::default() };
    let agents = packer.agents.clone();
    let name = format!("attachment; filename=\"device-agent_{file}\"");
    let made = packing(&packer, move || {
        let program = agents.read(target).map_err(|error| match error {
            agents::Error::Missing { target, .. } => no_agent(target.name()),
            other @ (agents::Error::Unreadable { .. } | agents::Error::Unfit { .. }) => ApiError::internal(other),
        })?;
        let payload = Payload { target, program, settings };
        if kind == "deb" { deb::package(&payload) } else { archive::tar_gz(&payload) }.map_err(ApiError::internal)
    });
    Ok(secret("application/octet-stream", Some(name), made.await??))
}

/// The token of a link, if it works.
async fn token(packer: &Packer, from: SocketAddr, link: Link) -> Result<Option<JoinToken>, ApiError> {
    packer.bad_links.attempt(packer.clock.now(), from.ip()).map_err(|Wait { seconds, .. }| {
        let detail = format!("too many install commands that do not work: try again in {seconds} s");
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", detail).retry_after(seconds)
    })?;
    let Some(token) = link.token.and_then(|text| text.parse::<JoinToken>().ok()) else { return Ok(None) };
    let now = packer.clock.wall();
    let psk = token.psk();
    // Compared by the hash of the secret, whose timing tells nothing about the secret.
    let works = packer
        .store
        .join_tokens(now)
        .await?
        .into_iter()
        .any(|known| known.id == token.id && known.psk == psk && known.uses_left > 0 && known.expires_at > now);
    if !works {
        return Ok(None);
    }
    packer.bad_links.take_back(from.ip());
    if packer.join.get(packer.clock.now()).policy == JoinPolicy::Closed {
        return Err(ApiError::forbidden(
            "closed",
            "this hub accepts no new devices at the moment, even with a token: open it on its page, under Hub",
        ));
    }
    Ok(Some(token))
}

/// The page and the door for devices, by the name this request came to: a device that got here by it gets there again.
fn addresses(
    packer: &Packer,
    Encrypted(encrypted): Encrypted,
    headers: &HeaderMap,
) -> Result<(String, String), ApiError> {
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let host = text(header::HOST.as_str()).ok_or_else(|| ApiError::invalid("host", "the request has no `Host`"))?;
    // From a proxy. Whoever forges it spoils a script for nobody but himself.
    let is_https = encrypted || packer.tls.is_some() || text("x-forwarded-proto") == Some("https");
    let scheme = if is_https { "https" } else { "http" };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    // By the name in its own URL the hub is found where that says, also below a path.
    let url = public_url(&packer.names, host).map_or_else(|| format!("{scheme}://{host}"), ToOwned::to_owned);
    Ok((url, format!("{name}:{}", packer.udp.port())))
}

/// Where the agent is downloaded from. Not by the hub's own TLS, whose certificate the device does not know, and `BusyBox`
/// checks none: the agent is no secret, and the script has its SHA-256. The port is the same.
fn downloads(packer: &Packer, headers: &HeaderMap, url: &str) -> String {
    let rest = url.strip_prefix("https://").filter(|_| packer.tls.is_some() && !is_proxied(headers));
    let Some(rest) = rest else { return url.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let port = if has_port(host) { "" } else { ":443" };
    format!("http://{host}{port}{path}")
}

fn refused() -> Response {
    no_script(StatusCode::FORBIDDEN, SPENT)
}

fn no_script(status: StatusCode, why: &str) -> Response {
    (status, secret(SHELL, None, refusal(why))).into_response()
}

/// An answer that nobody keeps.
fn secret(kind: &'static str, name: Option<String>, body: impl Into<Body>) -> Response {
    let mut response =
        ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], body.into()).into_response();
    if let Some(name) = name.and_then(|name| name.parse().ok()) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    response
}

fn no_agent(target: &str) -> ApiError {
    ApiError::not_found(format!(
        "this hub has no agent for `{target}`: it looks for device-agent-{target} in its agents folder"
    ))
}

/// Reads and packs programs on another thread, few at a time: each takes the memory of some agents.
async fn packing<T: Send + 'static>(packer: &Packer, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    let _permit = packer.rooms.packing.acquire().await.map_err(|_| ApiError::stopping())?;
    tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)
}
