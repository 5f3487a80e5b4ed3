//! `webhooks log` and `webhooks replay`: what became of messages, and sending them again.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::super::out::{self, print, tell};
use super::super::outcome::{Failure, Outcome};
use super::super::remote::{Page, Remote, given};
use super::super::shown;
use super::super::table::Table;
use super::found::{Nothing, find, in_a_line};
use crate::clock::Clock;
use crate::model::UnixMillis;

/// Messages of a log when nobody says.
const USUAL_LOG: u16 = 20;

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
pub(super) struct Delivery {
    pub(super) id: String,
    pub(super) webhook: String,
    pub(super) event: String,
    pub(super) state: String,
    pub(super) attempts: Vec<Attempt>,
    pub(super) next_attempt_at: Option<String>,
    pub(super) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Attempt {
    status: Option<u16>,
    error: Option<String>,
    duration_ms: u64,
}

/// Which messages are sent again.
#[derive(Debug, Serialize)]
struct Which {
    webhook: Option<String>,
    state: Option<&'static str>,
    from: Option<String>,
    to: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Replayed {
    replayed: u64,
    more: bool,
    #[serde(default)]
    off: u64,
}

/// What became of a message: `delivered: 200 in 34 ms`.
pub(super) fn became(delivery: &Delivery, now: UnixMillis) -> String {
    let last = delivery.attempts.last().map(|attempt| {
        let status = attempt.status.map(|status| status.to_string());
        let said: Vec<String> = [status, attempt.error.as_deref().map(in_a_line)].into_iter().flatten().collect();
        format!(": {} in {} ms", said.join(", "), shown::count(attempt.duration_ms))
    });
    let next = delivery.next_attempt_at.as_deref().filter(|_| delivery.state == "pending").and_then(shown::read);
    let next = next.map(|at| match at.since(now) {
        ..=0 => "; it is tried now".to_owned(),
        wait => format!("; tried again in {}", shown::length(wait / 1_000)),
    });
    let state =
        if delivery.state == "pending" && !delivery.attempts.is_empty() { "did not arrive" } else { &delivery.state };
    format!("{state}{}{}", last.unwrap_or_default(), next.unwrap_or_default())
}

pub(super) async fn log(args: Log) -> Outcome {
    let link = args.hub.find().await?;
    let webhook = match &args.webhook {
        Some(wanted) => Some(find(&link, wanted, "WEBHOOK").await?.id),
        None => None,
    };
    let state = args.state.map(|state| state.word().to_owned());
    let params: Vec<_> =
        given([("webhook", webhook), ("state", state), ("limit", Some(args.limit.to_string()))]).collect();
    let text = link.text("/deliveries", &params).await?;
    if args.json {
        print(text);
        return Ok(());
    }
    let Page::<Delivery> { items, .. } = link.read(&text)?;
    let now = Clock.wall();
    let mut table = Table::new(["ID", "WEBHOOK", "CAUSED", "EVENT", "TRIES", "OUTCOME"]).right([4]);
    for delivery in &items {
        table.row([
            delivery.id.clone(),
            delivery.webhook.clone(),
            shown::read(&delivery.created_at).map_or_else(|| "-".to_owned(), shown::moment),
            delivery.event.clone(),
            shown::count(delivery.attempts.len() as u64),
            became(delivery, now),
        ]);
    }
    if table.is_empty() {
        tell("no messages");
    }
    out::write(&table.text());
    Ok(())
}

pub(super) async fn replay(args: Replay) -> Outcome {
    if args.message.is_none() && args.state.is_none() && args.from.is_none() {
        let detail = "say which messages: --state failed, --from TIME, or one by its id (`webhooks log` shows it)";
        return Err(Failure::Use(detail.to_owned()));
    }
    let link = args.hub.find().await?;
    if let Some(message) = args.message {
        let delivery: Delivery = link.posted(&format!("/deliveries/{message}/replay"), &Nothing {}).await?;
        print(format_args!("{} is sent again", delivery.id));
        return Ok(());
    }
    let webhook = match &args.webhook {
        Some(wanted) => Some(find(&link, wanted, "--webhook").await?.id),
        None => None,
    };
    let asked = Which { webhook, state: args.state.map(State::word), from: args.from, to: args.to };
    let Replayed { replayed, more, off } = link.posted("/deliveries/replay", &asked).await?;
    let rest = if more { "; there are more: run it again once these are through" } else { "" };
    print(format_args!("{} sent again{}{rest}", shown::of(replayed, "message"), left(off)));
    Ok(())
}

/// `; 2 messages are left: their webhook is off, turn it on first`.
fn left(off: u64) -> String {
    match off {
        0 => String::new(),
        1 => "; 1 message is left because its webhook is off: turn that on first".to_owned(),
        1_000.. => "; 1000 messages or more are left because their webhooks are off: turn those on first".to_owned(),
        off => format!("; {off} messages are left because their webhook is off: turn that on first"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-11-22T12:00:00Z";

    #[test]
    fn a_message_says_what_became_of_it() {
        let now = shown::read(NOW).unwrap();
        for (state, attempts, next, says) in [
            ("pending", json!([]), Some("2026-11-22T12:00:00Z"), "pending; it is tried now"),
            ("delivered", json!([{"status": 200, "error": null, "duration_ms": 34}]), None, "delivered: 200 in 34 ms"),
            (
                "pending",
                json!([{"status": null, "error": "cannot connect", "duration_ms": 2}]),
                Some("2026-11-22T12:00:30Z"),
                "did not arrive: cannot connect in 2 ms; tried again in 30 s",
            ),
        ] {
            let delivery = json!({"id": "dlv_1", "webhook": "whk_1", "event": "webhook.test", "state": state,
                "attempts": attempts, "next_attempt_at": next, "created_at": NOW});
            assert_eq!(became(&serde_json::from_value(delivery).unwrap(), now), says);
        }
    }
}
