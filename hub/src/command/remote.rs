//! Asks a running hub over REST, for commands that work from anywhere.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::arguments::typed;
use super::data::{Data, asleep};
use super::outcome::Failure;
use super::trust;
use super::way::Way;
use crate::reach;
use crate::running::Running;

/// How long a connection may take to be established.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the lookup of a name may take.
const LOOKUP: Duration = Duration::from_secs(3);
/// Longest pause between two pieces of an answer: longer than an export waits for an overloaded hub.
const SILENCE: Duration = Duration::from_secs(90);

/// Which hub is asked, and by which right: on the hub's own machine its data directory is enough.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Remote {
    /// The hub [default: the one that runs on this machine]
    #[arg(long, value_name = "URL", env = "TELEMETRY_HUB_ADDRESS")]
    hub: Option<String>,
    /// API token; not needed on the hub's own machine
    #[arg(long, value_name = "TOKEN", env = "TELEMETRY_HUB_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// PEM file of the hub's certificate authority, such as its /ca.crt; not needed on the hub's own machine
    #[arg(long, value_name = "FILE", env = "TELEMETRY_HUB_CA")]
    ca: Option<PathBuf>,
    #[command(flatten)]
    data: Data,
}

impl Remote {
    /// The hub that is meant.
    pub(super) async fn find(&self) -> Result<Link, Failure> {
        let own: Vec<PathBuf> = self.data.candidates()?.into_iter().map(|(dir, _)| dir).collect();
        let trust = trust::config(self.ca.as_deref(), &own)?;
        let to = |base, token: &str, dir| Link::to(base, token.to_owned(), dir, trust);
        match (&self.hub, &self.token) {
            (Some(hub), Some(token)) => to(page(hub), token, None).await,
            (None, Some(token)) => {
                let running = self.data.running();
                let http = running.map_or_else(|_| NOBODY_SAID.to_owned(), |(_, running)| base_for_a_token(&running));
                to(http, token, None).await
            }
            (Some(hub), None) => {
                let base = page(hub);
                let Some(port) = port_here(&base).await? else { return Err(without_token(&base)) };
                let running = self.data.candidates()?;
                let is_it =
                    |running: &Running| running.http.port() == port && (running.tls || base.starts_with("http:"));
                let Some((dir, running)) = running.iter().find(|(_, running)| is_it(running)) else {
                    return Err(no_key(&base, &running));
                };
                // The key goes to the hub that left it, by this machine's own way there, whatever a name may lead to.
                to(base_of(running), &running.key, Some(dir.clone())).await
            }
            (None, None) => {
                let (dir, running) = self.data.running()?;
                to(base_of(&running), &running.key, Some(dir)).await
            }
        }
    }
}

/// Address of a hub if none is given.
const NOBODY_SAID: &str = "http://127.0.0.1:8080";

/// On this machine its own key may go by plain HTTP.
fn base_of(running: &Running) -> String {
    format!("http://{}", reach::here(running.http))
}

/// Any other may only by loopback.
fn base_for_a_token(running: &Running) -> String {
    let here = reach::here(running.http);
    if running.tls && !here.ip().is_loopback() { format!("https://{here}") } else { base_of(running) }
}

/// The port, if it is one of this machine.
async fn port_here(base: &str) -> Result<Option<u16>, Failure> {
    let url = url_of(base)?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let here = match host.parse::<IpAddr>() {
        Ok(ip) => reach::is_own(ip),
        Err(_) if reach::is_own_name(host, reach::hostname().as_deref()) => true,
        Err(_) => leads_here(host).await,
    };
    Ok(url.port_or_known_default().filter(|_| here))
}

/// Whether a name stands for addresses of this machine and no others.
async fn leads_here(name: &str) -> bool {
    let found = tokio::time::timeout(LOOKUP, tokio::net::lookup_host((name, 0))).await;
    let Ok(Ok(found)) = found else { return false };
    let mut found = found.peekable();
    found.peek().is_some() && found.all(|address| reach::is_own(address.ip()))
}

fn without_token(base: &str) -> Failure {
    Failure::Use(format!(
        "--token is missing: create one on the machine of {base}: telemetry-hub token create --scope read"
    ))
}

/// It is this machine, and nothing says that a hub listens there.
fn no_key(base: &str, running: &[(PathBuf, Running)]) -> Failure {
    let all: Vec<String> = running
        .iter()
        .filter_map(|(dir, running)| Some((dir, running.links().pop()?)))
        .map(|(dir, page)| format!("{page} has its data in {}", dir.display()))
        .collect();
    let all = if all.is_empty() { "use --data DIR if one does".to_owned() } else { all.join(", ") };
    Failure::Use(format!("--token is missing, and no hub that you own runs at {base} ({all})"))
}

fn url_of(base: &str) -> Result<Url, Failure> {
    Url::parse(base).map_err(|error| {
        Failure::Use(format!("--hub {base}: {error}; write pi.local, 192.168.1.20:8080 or https://hub.example"))
    })
}

/// A URL as people write it: scheme and port may be left out.
pub(super) fn page(text: &str) -> String {
    if text.contains("://") {
        return text.trim_end_matches('/').to_owned();
    }
    let text = text.trim_end_matches('/');
    if let Ok(ip) = text.parse::<Ipv6Addr>() {
        return format!("http://[{ip}]:8080");
    }
    let has_port = text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { format!("http://{text}") } else { format!("http://{text}:8080") }
}

/// Parameters that have a value.
pub(super) fn given<const N: usize>(
    params: [(&'static str, Option<String>); N],
) -> impl Iterator<Item = (&'static str, String)> {
    params.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

/// What a refusal says (RFC 9457); each field is a flag here.
#[derive(Deserialize)]
struct Problem {
    detail: String,
    field: Option<String>,
}

/// A hub that is asked.
#[derive(Debug)]
pub(super) struct Link {
    base: String,
    token: String,
    /// Whose key the token is, if it is one.
    dir: Option<PathBuf>,
    way: Way,
    client: reqwest::Client,
    trust: rustls::ClientConfig,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    next: Option<String>,
}

impl Link {
    /// To the hub that runs on this machine with its data in `dir`.
    pub(super) async fn here(dir: PathBuf, running: &Running) -> Result<Self, Failure> {
        Self::to(base_of(running), running.key.clone(), Some(dir), trust::config(None, &[])?).await
    }

    async fn to(
        base: String,
        token: String,
        dir: Option<PathBuf>,
        trust: rustls::ClientConfig,
    ) -> Result<Self, Failure> {
        let url = url_of(&base)?;
        let way = Way::to(&url).await;
        let client = client(&way, trust.clone())?;
        Ok(Self { base, token, dir, way, client, trust })
    }

    /// Whose certificates are believed.
    pub(super) fn trust(&self) -> rustls::ClientConfig {
        self.trust.clone()
    }

    /// Where it is, without a path.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Where people open its page: on its own machine every address of it, elsewhere what was typed.
    pub(super) fn pages(&self) -> Vec<String> {
        let running = self.dir.as_deref().and_then(Running::of);
        running.map_or_else(|| vec![self.base.clone()], |running| running.links())
    }

    /// What it is asked by.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The answer to a question, as text.
    pub(super) async fn text(&self, path: &str, params: &[(&str, String)]) -> Result<String, Failure> {
        Ok(self.get(path, params).await?.text().await.context("the hub's answer")?)
    }

    /// An answer taken apart.
    pub(super) fn read<T: DeserializeOwned>(&self, text: &str) -> Result<T, Failure> {
        Ok(serde_json::from_str(text).with_context(|| format!("the answer of {} cannot be read", self.base))?)
    }

    /// Every item of a list, page by page.
    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        path: &str,
        params: &[(&str, String)],
    ) -> Result<Vec<T>, Failure> {
        let (mut items, mut cursor) = (Vec::new(), None);
        loop {
            let mut params = params.to_vec();
            if !params.iter().any(|(name, _)| *name == "limit") {
                params.push(("limit", "1000".to_owned()));
            }
            params.extend(cursor.map(|cursor| ("cursor", cursor)));
            let page: Page<T> = self.read(&self.text(path, &params).await?)?;
            items.extend(page.items);
            if page.next.is_none() {
                return Ok(items);
            }
            cursor = page.next;
        }
    }

    /// The same as one JSON text.
    pub(super) async fn all_as_json(&self, path: &str, params: &[(&str, String)]) -> Result<String, Failure> {
        let items: Vec<serde_json::Value> = self.all(path, params).await?;
        Ok(serde_json::json!({ "items": items }).to_string())
    }

    /// The answer to a question below `/api/v1`, its body still to be read. A question that was wrong is the user's.
    pub(super) async fn get(&self, path: &str, params: &[(&str, String)]) -> Result<Response, Failure> {
        match self.ask(self.client.get(self.url_for(path, params)?)).await? {
            Answer::Done(response) => Ok(response),
            Answer::Refused(refusal) => Err(refusal.failure()),
        }
    }

    /// Sends a body; one that the hub has no room for may be sent later.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        params: &[(&str, String)],
        kind: &'static str,
        body: Vec<u8>,
    ) -> Result<Upload<T>, Failure> {
        let request = self.client.post(self.url_for(path, params)?).header(CONTENT_TYPE, kind).body(body);
        match self.ask(request).await? {
            Answer::Done(response) => {
                let text = response.text().await.context("the hub's answer")?;
                Ok(Upload::Done(serde_json::from_str(&text).context("the hub's answer cannot be read")?))
            }
            Answer::Refused(Refused {
                status: StatusCode::SERVICE_UNAVAILABLE, later: Some(seconds), problem, ..
            }) => Ok(Upload::Later { seconds, detail: problem.detail }),
            Answer::Refused(refusal) => Err(refusal.failure()),
        }
    }

    /// Sends JSON, and takes the answer apart.
    pub(super) async fn posted<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        match self.post(path, &[], "application/json", serde_json::to_vec(body)?).await? {
            Upload::Done(answer) => Ok(answer),
            Upload::Later { detail, .. } => Err(Failure::Run(anyhow::anyhow!("{} is busy: {detail}", self.base))),
        }
    }

    /// The same, taken apart.
    pub(super) fn url(&self) -> Result<Url, Failure> {
        url_of(&self.base)
    }

    fn url_for(&self, path: &str, params: &[(&str, String)]) -> Result<Url, Failure> {
        Url::parse_with_params(&format!("{}/api/v1{path}", self.base), params)
            .map_err(|error| Failure::Use(format!("--hub {}: {error}", self.base)))
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let (base, way) = (&self.base, &self.way);
        let response = match request.bearer_auth(&self.token).send().await {
            Err(error) if error.is_builder() => {
                return Err(Failure::Use(format!("--hub or --token cannot be used: {:#}", anyhow::Error::from(error))));
            }
            Err(error) if error.is_connect() && way.is_straight() => return Err(self.nobody(error)),
            answer => answer.with_context(|| way.asking(base))?,
        };
        let status = response.status();
        if let (StatusCode::UNAUTHORIZED, Some(dir)) = (status, &self.dir) {
            return Err(Failure::Run(anyhow::anyhow!("{} (something else answers at {base})", asleep(dir))));
        }
        if way.is_page_of_proxy(&response) {
            return Err(way.stranger(base, status).into());
        }
        if status.is_success() {
            return Ok(Answer::Done(response));
        }
        let later = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let text = response.text().await?;
        let problem = serde_json::from_str::<Problem>(&text).map_err(|_| way.stranger(base, status))?;
        Ok(Answer::Refused(Refused { base: base.to_owned(), status, later, problem }))
    }
}

impl Link {
    /// What to say when nobody is there.
    pub(super) fn nobody(&self, error: impl Into<anyhow::Error>) -> Failure {
        let error = error.into();
        if let Some(text) = trust::untrusted(&self.base, &error) {
            return Failure::Run(anyhow::anyhow!(text));
        }
        let text = match &self.dir {
            Some(dir) => asleep(dir),
            None => format!("no hub answers at {}; is --hub right, and is the hub running?", self.base),
        };
        // What lies between is told by the address; what the system said is the reason.
        Failure::Run(anyhow::anyhow!("{text}: {}", error.root_cause()))
    }
}

/// What became of a body.
pub(super) enum Upload<T> {
    /// It was taken, and what the hub says of it.
    Done(T),
    /// There was no room for it.
    Later {
        /// When to try again.
        seconds: u64,
        /// What the hub says.
        detail: String,
    },
}

enum Answer {
    Done(Response),
    Refused(Refused),
}

struct Refused {
    base: String,
    status: StatusCode,
    later: Option<u64>,
    problem: Problem,
}

impl Refused {
    fn failure(self) -> Failure {
        let Self { base, status, problem, .. } = self;
        match (status, problem.field) {
            // What is about a line of a body is no flag.
            (StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND, Some(field)) if !field.starts_with("line ") => {
                Failure::Use(format!("{}: {}", typed(&field, std::env::args()), problem.detail))
            }
            (StatusCode::BAD_REQUEST, _) => Failure::Use(problem.detail),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                Failure::Use(format!("--token: {}", problem.detail))
            }
            _ => Failure::Run(anyhow::anyhow!("{base} answered {status}: {}", problem.detail)),
        }
    }
}

fn client(way: &Way, trust: rustls::ClientConfig) -> reqwest::Result<reqwest::Client> {
    way.on(reqwest::Client::builder())
        .tls_backend_preconfigured(trust)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .build()
}
