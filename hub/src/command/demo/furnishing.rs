//! What the demo's hub knows before its first device is there: a webhook to the built-in receiver, and rules that tell it.

use std::time::Duration;

use crate::clock::Clock;
use crate::model::device::Labels;
use crate::model::rule::{Condition, Op, RuleSpec, Severity};
use crate::model::webhook::{WebhookId, WebhookSpec};
use crate::store::Store;
use crate::webhook::sign;

pub(super) async fn furnish(store: &Store, receiver: &str) -> anyhow::Result<()> {
    let now = Clock.wall();
    let spec = WebhookSpec::new("demo receiver", receiver);
    let webhook = store.create_webhook(spec, sign::generate_secret()?, now).await?;
    let warm = Condition::Threshold { op: Op::Above, value: 24.5, clear: Some(24.0) };
    let gone = Condition::Silence { after: Duration::from_secs(10) };
    store.create_rule(rule("Greenhouse too warm", "zone-*", "temperature", warm, 5, webhook.id), now).await?;
    store.create_rule(rule("Device silent", "tool-shed", "mem.used_pct", gone, 0, webhook.id), now).await?;
    Ok(())
}

fn rule(name: &str, device: &str, sensor: &str, condition: Condition, hold: u64, webhook: WebhookId) -> RuleSpec {
    RuleSpec {
        name: name.to_owned(),
        device: device.to_owned(),
        sensor: sensor.to_owned(),
        labels: Labels::new(),
        condition,
        hold: Duration::from_secs(hold),
        severity: Severity::Warning,
        webhooks: vec![webhook],
        enabled: true,
    }
}
