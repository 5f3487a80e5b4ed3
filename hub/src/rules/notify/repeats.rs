//! Says when it is told again that an alert still fires. PURE.
//!
//! A webhook may want to be told every so often until somebody acknowledges the alert. When it was told last is in the
//! [`Ledger`](super::ledger::Ledger), and so on disk: a restart tells nothing sooner. Nothing is told again of what is
//! acknowledged, silenced or flaps, in the quiet hours of the webhook, or while it has not taken an earlier message about the alert.
//!
//! Alertmanager keeps alerts in memory only: it is told again of each alert, whoever has acknowledged it.

use std::collections::BTreeMap;

use crate::model::UnixMillis;
use crate::model::webhook::{Webhook, WebhookId};

/// Times between two looks at what fires: what is spared now may not be then.
const LOOK_MS: i64 = 5 * 60_000;
/// What is told again in one commit; the others have the next one.
pub(super) const AT_ONCE: usize = 1_000;

/// Who wants to be told again, and when that is looked at next.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    every: BTreeMap<WebhookId, Every>,
    next: Option<UnixMillis>,
}

/// How often a webhook is told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Every {
    pub(super) ms: i64,
    /// Whether an acknowledgement ends it.
    pub(super) until_acked: bool,
}

impl Repeats {
    /// Other webhooks from here on.
    pub(super) fn set(&mut self, now: UnixMillis, webhooks: &[Webhook]) {
        let every = |webhook: &Webhook| {
            let resent = webhook.spec.kind.resent_every();
            let wanted = resent.or(webhook.spec.repeat_every)?;
            let ms = i64::try_from(wanted.as_millis()).unwrap_or(i64::MAX);
            Some((webhook.id, Every { ms, until_acked: resent.is_none() }))
        };
        self.every = webhooks.iter().filter(|webhook| webhook.works()).filter_map(every).collect();
        self.next = (!self.every.is_empty()).then_some(now);
    }

    pub(super) const fn poll_timeout(&self) -> Option<UnixMillis> {
        self.next
    }

    pub(super) fn every(&self) -> impl Iterator<Item = (WebhookId, Every)> + '_ {
        self.every.iter().map(|(webhook, every)| (*webhook, *every))
    }

    /// When to look next, if nothing is due sooner.
    pub(super) const fn look_after(now: UnixMillis) -> UnixMillis {
        now.plus(LOOK_MS)
    }

    pub(super) fn apply(&mut self, next: UnixMillis) {
        self.next = (!self.every.is_empty()).then_some(next);
    }
}
