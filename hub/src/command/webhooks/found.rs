//! A webhook as the hub lists it, found by name or id.

use serde::{Deserialize, Serialize};

use super::super::outcome::Failure;
use super::super::remote::Link;
use super::super::selection::hint;
use super::super::shown;

#[derive(Debug, Deserialize)]
pub(super) struct Webhook {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) url: String,
    pub(super) enabled: bool,
    pub(super) disabled_reason: Option<String>,
    pub(super) rules: u64,
    pub(super) last_delivery: Option<Last>,
    pub(super) problem: Option<Problem>,
    pub(super) failed: u64,
    pub(super) failing_since: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Last {
    pub(super) at: String,
    pub(super) state: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    pub(super) since: String,
    pub(super) text: String,
}

/// What has no more to say.
#[derive(Debug, Serialize)]
pub(super) struct Nothing {}

/// What a receiver may have said, without what a terminal obeys.
pub(super) fn in_a_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A webhook by name or id.
pub(super) async fn find(link: &Link, wanted: &str, place: &str) -> Result<Webhook, Failure> {
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
