//! `webhooks list`: how each stands, and what has to be mended.

use super::super::out::{self, print, tell};
use super::super::outcome::Outcome;
use super::super::remote::Link;
use super::super::shown;
use super::super::table::Table;
use super::found::{Webhook, in_a_line};
use crate::clock::Clock;
use crate::model::UnixMillis;

pub(super) async fn list(link: &Link, json: bool) -> Outcome {
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
}
