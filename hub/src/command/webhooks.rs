//! `telemetry-hub webhooks`: who is told of alerts, what became of it, and tries: a test, an echo, messages sent again.

use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use super::out::{self, print, tell};
use super::outcome::{Failure, Outcome};
use super::remote::{Link, Page, Remote, given};
use super::selection::hint;
use super::shown;
use super::table::Table;
use crate::clock::Clock;
use crate::model::UnixMillis;

/// How long a test is watched: a receiver may take 15 s, a mail server 25 s.
const PATIENCE: Duration = Duration::from_secs(40);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(250);
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

#[derive(Debug, Deserialize)]
struct Delivery {
    id: String,
    webhook: String,
    event: String,
    state: String,
    attempts: Vec<Attempt>,
    next_attempt_at: Option<String>,
    created_at: String,
}

#[derive(Debug, Deserialize)]
struct Attempt {
    status: Option<u16>,
    error: Option<String>,
    duration_ms: u64,
}

#[derive(Debug, Deserialize)]
struct Echo {
    request: String,
    headers: Vec<Header>,
    body: String,
    findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Debug, Deserialize)]
struct Finding {
    is_right: bool,
    text: String,
}

/// What has no more to say.
#[derive(Debug, Serialize)]
struct Nothing {}

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

pub(super) async fn run(action: Action) -> Outcome {
    match action {
        Action::List(List { hub, json }) => list(&hub.find().await?, json).await,
        Action::Test(One { hub, webhook }) => test(&hub.find().await?, &webhook).await,
        Action::Echo(One { hub, webhook }) => echo(&hub.find().await?, &webhook).await,
        Action::Log(args) => log(args).await,
        Action::Replay(args) => replay(args).await,
    }
}

async fn list(link: &Link, json: bool) -> Outcome {
    if json {
        print(link.all_as_json("/webhooks", &[]).await?);
        return Ok(());
    }
    let (webhooks, now) = (link.all::<Webhook>("/webhooks", &[]).await?, Clock.wall());
    let mut table = Table::new(["ID", "NAME", "SENDS TO", "STATE", "LAST MESSAGE", "RULES", "ADDRESS"]).right([5]);
    for webhook in &webhooks {
        table.row(row(webhook, now));
    }
    if table.is_empty() {
        tell("no webhooks: create one on the page, or by POST /api/v1/webhooks");
    }
    out::write(&table.text());
    webhooks.iter().filter_map(|webhook| to_mend(webhook, now)).for_each(tell);
    Ok(())
}

fn row(webhook: &Webhook, now: UnixMillis) -> [String; 7] {
    let state = match (webhook.enabled, &webhook.disabled_reason, &webhook.problem) {
        (_, Some(_), _) => "off by the hub",
        (false, None, _) => "off",
        (true, None, _) if webhook.failing_since.is_some() => "failing",
        (true, None, Some(_)) => "look at this",
        (true, None, None) => "on",
    };
    let last = webhook.last_delivery.as_ref().map_or_else(
        || "none".to_owned(),
        |last| format!("{} {}", last.state, shown::read(&last.at).map_or_else(String::new, |at| shown::ago(at, now))),
    );
    [
        webhook.id.clone(),
        shown::name(&webhook.name),
        webhook.kind.clone(),
        state.to_owned(),
        last,
        shown::count(webhook.rules),
        shown::name(&webhook.url),
    ]
}

/// What a person has to do at it.
fn to_mend(webhook: &Webhook, now: UnixMillis) -> Option<String> {
    let ago = |text: &str| shown::read(text).map_or_else(String::new, |at| format!(" (since {})", shown::ago(at, now)));
    let said = match (&webhook.disabled_reason, &webhook.problem, &webhook.failing_since) {
        (Some(reason), ..) => format!("the hub turned it off: {reason}"),
        (None, Some(problem), _) => format!("{}{}", problem.text, ago(&problem.since)),
        (None, None, Some(since)) => format!("every attempt fails{}", ago(since)),
        (None, None, None) if webhook.failed > 0 => String::new(),
        (None, None, None) => return None,
    };
    let failed = match webhook.failed {
        0 => String::new(),
        failed => {
            let failed = shown::of(failed, "message");
            if webhook.enabled && webhook.disabled_reason.is_none() {
                format!("{failed} failed: telemetry-hub webhooks replay --state failed --webhook {}", webhook.id)
            } else {
                format!("{failed} failed, which can be sent again once it is on")
            }
        }
    };
    let parts: Vec<String> = [said, failed].into_iter().filter(|part| !part.is_empty()).collect();
    Some(format!("{} {}: {}", webhook.id, shown::name(&webhook.name), in_a_line(&parts.join("; "))))
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

async fn test(link: &Link, wanted: &str) -> Outcome {
    let webhook = find(link, wanted, "WEBHOOK").await?;
    if !webhook.enabled {
        let detail = format!("WEBHOOK: {} is off: turn it on first", shown::name(&webhook.name));
        return Err(Failure::Use(detail));
    }
    let mut delivery: Delivery = link.posted(&format!("/webhooks/{}/test", webhook.id), &Nothing {}).await?;
    let end = Clock.now() + PATIENCE;
    while delivery.state == "pending" && delivery.attempts.is_empty() && Clock.now() < end {
        tokio::time::sleep(LOOK).await;
        delivery = link.read(&link.text(&format!("/deliveries/{}", delivery.id), &[]).await?)?;
    }
    print(became(&delivery, Clock.wall()));
    if delivery.state == "delivered" { Ok(()) } else { Err(Failure::Told) }
}

/// What became of a message: `delivered: 200 in 34 ms`.
fn became(delivery: &Delivery, now: UnixMillis) -> String {
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

async fn echo(link: &Link, wanted: &str) -> Outcome {
    let webhook = find(link, wanted, "WEBHOOK").await?;
    let echo: Echo = link.posted(&format!("/webhooks/{}/echo", webhook.id), &Nothing {}).await?;
    print(echo.request);
    for Header { name, value } in echo.headers {
        print(format_args!("{name}: {value}"));
    }
    print(format_args!("\n{}", echo.body));
    for Finding { is_right, text } in &echo.findings {
        tell(format_args!("{} {text}", if *is_right { "ok  " } else { "FAIL" }));
    }
    if echo.findings.iter().all(|finding| finding.is_right) { Ok(()) } else { Err(Failure::Told) }
}

async fn log(args: Log) -> Outcome {
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

async fn replay(args: Replay) -> Outcome {
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

    fn webhook(changes: serde_json::Value) -> Webhook {
        let mut webhook = json!({"id": "whk_1", "name": "pager", "kind": "generic", "url": "https://example.org/(hidden)",
            "enabled": true, "disabled_reason": null, "rules": 3, "last_delivery": null, "problem": null, "failed": 0,
            "failing_since": null});
        webhook.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        serde_json::from_value(webhook).unwrap()
    }

    #[test]
    fn a_webhook_says_how_it_stands_and_what_to_mend() {
        let now = shown::read(NOW).unwrap();
        let problem = json!({"since": "2026-11-22T11:55:00Z", "text": "the receiver refuses the token (401)"});
        for (changes, state, mend) in [
            (json!({}), "on", None),
            (json!({"enabled": false}), "off", None),
            (
                json!({"problem": problem, "failing_since": "2026-11-22T11:55:00Z"}),
                "failing",
                Some("whk_1 pager: the receiver refuses the token (401) (since 5 min ago)"),
            ),
            (
                json!({"disabled_reason": "the receiver answered 410", "failed": 2}),
                "off by the hub",
                Some(
                    "whk_1 pager: the hub turned it off: the receiver answered 410; 2 messages failed, which can be \
                    sent again once it is on",
                ),
            ),
            (
                json!({"failed": 2}),
                "on",
                Some("whk_1 pager: 2 messages failed: telemetry-hub webhooks replay --state failed --webhook whk_1"),
            ),
        ] {
            let webhook = webhook(changes);
            assert_eq!((row(&webhook, now)[3].as_str(), to_mend(&webhook, now).as_deref()), (state, mend));
        }
    }

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
