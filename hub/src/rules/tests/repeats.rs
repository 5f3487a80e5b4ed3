//! When it is told again that an alert still fires.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::alert::Ack;
use crate::model::notice::Notice;
use crate::model::webhook::{Event, NewDelivery, Webhook, WebhookId, WebhookKind, WebhookSpec};
use crate::rules::notify::ledger::Ledger;
use crate::rules::notify::{Before, Notifier};

const HOUR: i64 = 3_600;
const TOLD: WebhookId = WebhookId(1);

/// An alert that fires since 0 s, and who was told then.
fn firing() -> Alert {
    let mut scene = Scene::with([above(90.0)]);
    let proposed = scene.propose(0, 91.0);
    scene.committed(proposed);
    scene.stored.iter().find(|alert| alert.state == AlertState::Firing).unwrap().clone()
}

fn notifier(kind: WebhookKind, every: Option<Duration>, last: i64) -> Notifier {
    let ledger = Ledger::new([((firing().id, TOLD), (1, at(last)))]);
    let mut notifier = Notifier::new(at(last), Before { ledger, ..Before::default() });
    let spec = WebhookSpec { kind, repeat_every: every, ..WebhookSpec::new("ops", "http://ops/") };
    notifier.set_webhooks(at(last), &[Webhook::new(TOLD, spec, Vec::new(), at(0))]);
    notifier
}

/// Who is told again at a second, and when it is looked at next.
fn again(notifier: &mut Notifier, second: i64, alert: Alert, hears: bool) -> (usize, Option<i64>) {
    let told = notifier.again(at(second), vec![alert], &Scene::with([above(90.0)]).catalog, |_, _| hears);
    let notices = told.notices.clone();
    let delivery = |notice: &Notice| {
        let Notice::Repeated { alert, at, to } = notice else { panic!("{notice:?}") };
        let (webhook, alert, event) = (*to, Some(alert.id), Event::AlertRepeated);
        NewDelivery { webhook, alert, event, body: Vec::new(), created_at: *at, group: None }
    };
    let deliveries: Vec<_> = notices.iter().map(delivery).collect();
    notifier.apply(told, &deliveries);
    (deliveries.len(), notifier.poll_timeout(at(second)).map(|next| next.since(at(second)) / 1_000))
}

#[test]
fn it_is_told_again_each_time_that_was_asked_for_counted_from_what_was_told_last() {
    let mut notifier = notifier(WebhookKind::Slack, Some(Duration::from_secs(4 * 3_600)), 0);
    assert!(notifier.is_again_due(at(0)), "what was missed while the hub was off");
    let alert = firing();
    assert_eq!(again(&mut notifier, 0, alert.clone(), true), (0, Some(300)));
    assert!(!notifier.is_again_due(at(299)));
    assert_eq!(again(&mut notifier, 4 * HOUR - 10, alert.clone(), true), (0, Some(10)));
    assert_eq!(again(&mut notifier, 4 * HOUR, alert.clone(), true), (1, Some(300)));
    assert_eq!(again(&mut notifier, 4 * HOUR + 1, alert.clone(), true), (0, Some(300)));
    assert_eq!(again(&mut notifier, 9 * HOUR, alert.clone(), false), (0, Some(300)), "quiet, or something waits");
    assert_eq!(again(&mut notifier, 9 * HOUR + 300, alert.clone(), true), (1, Some(300)));
    let ack = Ack { at: at(10 * HOUR), by: "anna".into(), comment: None };
    let acked = Alert { acked: Some(Arc::new(ack)), ..alert.clone() };
    assert_eq!(again(&mut notifier, 20 * HOUR, acked, true).0, 0, "somebody looks after it");
    assert_eq!(again(&mut notifier, 20 * HOUR, Alert { state: AlertState::Resolved, ..alert }, true).0, 0);
}

#[test]
fn nobody_is_told_again_who_did_not_ask_but_alertmanager_is_whoever_acknowledged() {
    let mut once = notifier(WebhookKind::Slack, None, 0);
    assert_eq!(once.poll_timeout(at(0)), None);
    assert_eq!(again(&mut once, 20 * HOUR, firing(), true), (0, None));
    let mut alertmanager = notifier(WebhookKind::Alertmanager, None, 0);
    let ack = Ack { at: at(0), by: "anna".into(), comment: None };
    let acked = Alert { acked: Some(Arc::new(ack)), ..firing() };
    assert_eq!(again(&mut alertmanager, 300, acked.clone(), true), (1, Some(300)));
    assert_eq!(again(&mut alertmanager, 600, acked, true), (1, Some(300)));
    let unknown = Alert { unknown_since: Some(at(600)), ..firing() };
    assert_eq!(again(&mut alertmanager, 900, unknown.clone(), true), (1, Some(300)), "it would end by itself");
    let mut people = notifier(WebhookKind::Slack, Some(Duration::from_secs(3_600)), 0);
    assert_eq!(again(&mut people, 2 * HOUR, unknown, true).0, 0, "nobody knows whether it is still so");
}
