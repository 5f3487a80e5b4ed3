//! A running hub over REST, for commands that ask it from anywhere.

use std::time::Duration;

use anyhow::Context;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::Failure;
use super::way::Way;

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);
/// Between two pieces of an answer: longer than an export waits for an overloaded hub.
const SILENCE: Duration = Duration::from_secs(90);

/// Where the hub is, and by which right it is asked.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Remote {
    /// The hub
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", env = "TELEMETRY_HUB_ADDRESS")]
    pub(super) hub: String,
    /// API token, with the scope that is needed: read, or admin to import
    #[arg(long, value_name = "TOKEN", env = "TELEMETRY_HUB_TOKEN", hide_env_values = true)]
    pub(super) token: String,
}

/// Which readings, for commands that read the past.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Selection {
    /// Devices, by id or name; repeatable, all when left out
    #[arg(long, value_name = "GLOB")]
    device: Vec<String>,
    /// Sensors; repeatable, all when left out
    #[arg(long, value_name = "GLOB")]
    sensor: Vec<String>,
    /// Label the device must have, key=value; repeatable
    #[arg(long, value_name = "K=V")]
    label: Vec<String>,
    /// Start, included: RFC 3339, epoch milliseconds, or now-6h; an hour before the end when left out
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// End, not included; now when left out
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
}

impl Selection {
    /// As parameters of a question.
    pub(super) fn params(self) -> Vec<(&'static str, String)> {
        let many = [("device", self.device), ("sensor", self.sensor), ("label", self.label)];
        let many = many.into_iter().flat_map(|(name, values)| values.into_iter().map(move |value| (name, value)));
        many.chain(given([("from", self.from), ("to", self.to)])).collect()
    }
}

/// Parameters that have a value.
pub(super) fn given<const N: usize>(
    params: [(&'static str, Option<String>); N],
) -> impl Iterator<Item = (&'static str, String)> {
    params.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

/// What a refusal says (RFC 9457); each field is a flag here.
#[derive(serde::Deserialize)]
struct Problem {
    detail: String,
    field: Option<String>,
}

impl Remote {
    /// The answer to a question below `/api/v1`, its body still to be read. A question that was wrong is the user's.
    pub(super) async fn get(&self, path: &str, params: &[(&str, String)]) -> Result<Response, Failure> {
        let url = self.url(path, params)?;
        let way = Way::to(&url).await;
        match self.ask(client(&way)?.get(url), &way).await? {
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
        let url = self.url(path, params)?;
        let way = Way::to(&url).await;
        let request = client(&way)?.post(url).header(CONTENT_TYPE, kind).body(body);
        match self.ask(request, &way).await? {
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

    fn base(&self) -> &str {
        self.hub.trim_end_matches('/')
    }

    fn url(&self, path: &str, params: &[(&str, String)]) -> Result<Url, Failure> {
        Url::parse_with_params(&format!("{}/api/v1{path}", self.base()), params)
            .map_err(|error| Failure::Use(format!("--hub {}: {error}", self.hub)))
    }

    async fn ask(&self, request: RequestBuilder, way: &Way) -> Result<Answer, Failure> {
        let base = self.base();
        let response = match request.bearer_auth(&self.token).send().await {
            Err(error) if error.is_builder() => {
                return Err(Failure::Use(format!("--hub or --token cannot be used: {:#}", anyhow::Error::from(error))));
            }
            answer => answer.with_context(|| way.asking(base))?,
        };
        let status = response.status();
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
                Failure::Use(format!("--{field}: {}", problem.detail))
            }
            (StatusCode::BAD_REQUEST, _) => Failure::Use(problem.detail),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                Failure::Use(format!("--token: {}", problem.detail))
            }
            _ => Failure::Run(anyhow::anyhow!("{base} answered {status}: {}", problem.detail)),
        }
    }
}

fn client(way: &Way) -> reqwest::Result<reqwest::Client> {
    // Process-wide and first come, first served: another part may have installed the same provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        way.on(reqwest::Client::builder())
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
    };
    // A machine without root certificates can still ask a hub by http.
    builder().build().or_else(|_| builder().tls_certs_only([]).build())
}
