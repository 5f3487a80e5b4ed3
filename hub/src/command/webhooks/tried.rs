//! `webhooks test` and `webhooks echo`: what a receiver gets, and what it answers.

use std::time::Duration;

use serde::Deserialize;

use super::super::out::{print, tell};
use super::super::outcome::{Failure, Outcome};
use super::super::remote::Link;
use super::super::shown;
use super::found::{Nothing, find, in_a_line};
use super::messages::{Delivery, became};
use crate::clock::Clock;

/// How long a test is watched: a receiver may take 15 s, a mail server 25 s.
const PATIENCE: Duration = Duration::from_secs(40);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(250);

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

pub(super) async fn test(link: &Link, wanted: &str) -> Outcome {
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
    if delivery.state == "delivered" {
        return Ok(());
    }
    // A receiver that is gone is not called any more.
    let after = find(link, &webhook.id, "WEBHOOK").await?;
    if let Some(reason) = &after.disabled_reason {
        tell(format_args!("{} is off now: {}", shown::name(&after.name), in_a_line(reason)));
    }
    Err(Failure::Told)
}

pub(super) async fn echo(link: &Link, wanted: &str) -> Outcome {
    let webhook = find(link, wanted, "WEBHOOK").await?;
    if webhook.kind == "email" {
        let detail = format!(
            "WEBHOOK: {} sends mail by SMTP, which an echo does not speak: send a test with `webhooks test`, or look at the preview on the page",
            shown::name(&webhook.name)
        );
        return Err(Failure::Use(detail));
    }
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
