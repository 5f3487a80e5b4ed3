//! `telemetry-hub webhooks`: who is told of alerts, what became of it, and tries: a test, an echo, messages sent again.

mod listed;
mod messages;
mod tried;

use clap::{Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use super::outcome::{Failure, Outcome};
use super::remote::{Link, Remote};
use super::selection::hint;
use super::shown;

/// Messages of a log when nobody says.
const USUAL_LOG: u16 = 20;

/// What to do with webhooks.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List webhooks, and what has to be mended at them
    List(List),
    /// Send a test message, and say whether it arrived; exit code 1 where it did not
    Test(One),
    /// Send an invented alert to an echo in the hub, and show what a receiver would get; nothing goes to the webhook's address
    Echo(One),
    /// Show the newest messages, and what became of them
    Log(Log),
    /// Send messages again: one, those that failed, or those of a time
    Replay(Replay),
}

/// Arguments of `webhooks list`.
#[derive(Debug, clap::Args)]
pub struct List {
    #[command(flatten)]
    hub: Remote,
    /// Print the hub's answer as JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `webhooks test` and `webhooks echo`.
#[derive(Debug, clap::Args)]
pub struct One {
    #[command(flatten)]
    hub: Remote,
    /// Name or id as listed
    webhook: String,
}

/// Arguments of `webhooks log`.
#[derive(Debug, clap::Args)]
pub struct Log {
    #[command(flatten)]
    hub: Remote,
    /// Name or id as listed; all webhooks when left out
    webhook: Option<String>,
    /// Only messages in this state
    #[arg(long, value_enum)]
    state: Option<State>,
    /// How many, the newest first
    #[arg(long, value_name = "COUNT", default_value_t = USUAL_LOG, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Print the hub's answer as JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `webhooks replay`.
#[derive(Debug, clap::Args)]
pub struct Replay {
    #[command(flatten)]
    hub: Remote,
    /// One message, by its id as `webhooks log` shows it
    #[arg(value_name = "MESSAGE", conflicts_with_all = ["webhook", "state", "from", "to"])]
    message: Option<String>,
    /// Only those to this webhook, by name or id
    #[arg(long, value_name = "WEBHOOK")]
    webhook: Option<String>,
    /// Only messages in this state; with `failed` those of all times, unless --from says since when
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Caused at or after this: 2026-11-22T11:40:00Z, epoch milliseconds, or now-6h
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Caused before this [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
}

/// `--state`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    /// Waits to be sent
    Pending,
    /// Arrived
    Delivered,
    /// Was given up
    Failed,
    /// Was not sent: over before quiet hours were
    Withdrawn,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

#[derive(Debug, Deserialize)]
struct Webhook {
    id: String,
    name: String,
    kind: String,
    url: String,
    enabled: bool,
    disabled_reason: Option<String>,
    rules: u64,
    last_delivery: Option<Last>,
    problem: Option<Problem>,
    failed: u64,
    failing_since: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Last {
    at: String,
    state: String,
}

#[derive(Debug, Deserialize)]
struct Problem {
    since: String,
    text: String,
}

/// What has no more to say.
#[derive(Debug, Serialize)]
struct Nothing {}

pub(super) async fn run(action: Action) -> Outcome {
    match action {
        Action::List(List { hub, json }) => listed::list(&hub.find().await?, json).await,
        Action::Test(One { hub, webhook }) => tried::test(&hub.find().await?, &webhook).await,
        Action::Echo(One { hub, webhook }) => tried::echo(&hub.find().await?, &webhook).await,
        Action::Log(args) => messages::log(args).await,
        Action::Replay(args) => messages::replay(args).await,
    }
}

/// What a receiver may have said, without what a terminal obeys.
fn in_a_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A webhook by name or id.
async fn find(link: &Link, wanted: &str, place: &str) -> Result<Webhook, Failure> {
    let mut webhooks: Vec<Webhook> = link.all("/webhooks", &[]).await?;
    if let Some(at) = webhooks.iter().position(|webhook| webhook.id == wanted) {
        return Ok(webhooks.swap_remove(at));
    }
    let named: Vec<usize> = (0..webhooks.len()).filter(|&at| webhooks[at].name == wanted).collect();
    match named[..] {
        [at] => Ok(webhooks.swap_remove(at)),
        [] => {
            let names = webhooks.iter().map(|webhook| shown::name(&webhook.name)).collect();
            Err(Failure::Use(format!("{place}: no webhook is called `{wanted}`{}", hint(wanted, names))))
        }
        _ => {
            let ids: Vec<&str> = named.iter().map(|&at| &*webhooks[at].id).collect();
            Err(Failure::Use(format!(
                "{place}: several webhooks are called `{wanted}`: write one of {}",
                ids.join(", ")
            )))
        }
    }
}
