//! `telemetry-hub webhooks`: who is told of alerts, what became of it, and tries: a test, an echo, messages sent again.

mod found;
mod listed;
mod messages;
mod tried;

use clap::Subcommand;

use self::messages::{Log, Replay};
use super::outcome::Outcome;
use super::remote::Remote;

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

pub(super) async fn run(action: Action) -> Outcome {
    match action {
        Action::List(List { hub, json }) => listed::list(&hub.find().await?, json).await,
        Action::Test(One { hub, webhook }) => tried::test(&hub.find().await?, &webhook).await,
        Action::Echo(One { hub, webhook }) => tried::echo(&hub.find().await?, &webhook).await,
        Action::Log(args) => messages::log(args).await,
        Action::Replay(args) => messages::replay(args).await,
    }
}
