//! Sets the demo's hub up before its first device is there: a webhook to the built-in receiver, and rules that notify
//! it. Once the real devices are there, it gives them a note that explains their charts.

use std::time::Duration;

use crate::clock::Clock;
use crate::delivery::sign;
use crate::model::device::{DevicePatch, Labels};
use crate::model::rule::{Condition, Message, Op, RuleSpec, Severity};
use crate::model::webhook::{WebhookId, WebhookSpec};
use crate::random;
use crate::store::Store;

pub(super) async fn furnish(store: &Store, receiver: &str) -> anyhow::Result<()> {
    let now = Clock.wall();
    let spec = WebhookSpec::new("demo receiver", receiver);
    let webhook = store.create_webhook(spec, sign::secret(random::bytes()?), now).await?;
    let warm = Condition::Threshold { op: Op::Above, value: 24.5, clear: Some(24.0) };
    let gone = Condition::Silence { after: Duration::from_secs(10) };
    store.create_rule(rule("Greenhouse too warm", "zone-*", "temperature", warm, 5, webhook.id), now).await?;
    store.create_rule(rule("Device silent", "tool-shed", "mem.used_pct", gone, 0, webhook.id), now).await?;
    Ok(())
}

/// Notes for the devices that are not simulated, for people who look at their charts.
const NOTES: [(&str, &str); 2] = [
    (
        "this-computer",
        "The real sensors of this computer, measured since the demo began. Only the simulated zones have a week of history.",
    ),
    (
        "tool-shed",
        "Loses its connection for 20 s in every minute, on purpose. It sends the sensors of this computer, too.",
    ),
];
/// How long to wait for a device.
const ARRIVAL: Duration = Duration::from_secs(10);
/// How often to look for it.
const LOOK: Duration = Duration::from_millis(100);

/// Writes notes about them, as their owner would.
pub(super) async fn introduce(store: &Store) {
    for (name, text) in NOTES {
        let arrived = async {
            loop {
                let found = store.catalog().devices().find(|device| device.name == name).map(|device| device.id);
                match found {
                    Some(id) => return id,
                    None => tokio::time::sleep(LOOK).await,
                }
            }
        };
        let Ok(id) = tokio::time::timeout(ARRIVAL, arrived).await else { continue };
        let patch = DevicePatch { notes: Some(text.to_owned()), ..DevicePatch::default() };
        if let Err(error) = store.patch_device(id, patch, Clock.wall()).await {
            tracing::warn!(%error, device = name, "the demo could not note what {name} is: {error}");
        }
    }
}

fn rule(name: &str, device: &str, sensor: &str, condition: Condition, hold: u64, webhook: WebhookId) -> RuleSpec {
    RuleSpec {
        name: name.to_owned(),
        device: device.to_owned(),
        sensor: sensor.to_owned(),
        labels: Labels::new(),
        condition,
        hold: Duration::from_secs(hold),
        clear_for: Duration::ZERO,
        severity: Severity::Warning,
        tags: Labels::new(),
        webhooks: vec![webhook],
        all_webhooks: false,
        enabled: true,
        message: Message::default(),
    }
}
