//! Tests of [`super`](super).

use super::*;
use crate::delivery::payload::tests::{catalog, put, read, rule, teller, webhook};
use crate::model::UnixMillis;
use crate::model::alert::Measure;
use crate::model::device::{Device, DeviceNo};
use crate::model::notice::Notice;
use crate::model::reading::SeriesId;
use crate::model::webhook::WebhookKind;

/// What fires, or is over, on a device at so many milliseconds.
fn on(device: u32, state: AlertState, at_ms: i64) -> Notice {
    let Notice::Changed { alert, occurred_at, points, to } = put(state) else { panic!() };
    let about = Subject::Series { device: DeviceNo(device), series: SeriesId(device) };
    let alert = Alert { id: AlertId(u64::from(device)), about, learned_at: UnixMillis(at_ms), ..alert };
    Notice::Changed { alert, occurred_at, points, to }
}

#[test]
fn people_wait_for_more_of_a_rule_and_programs_do_not() {
    let mut chat = webhook(8);
    chat.spec.kind = WebhookKind::Slack;
    let (rules, webhooks) = ([rule()], [webhook(7), chat]);
    let mut grouping = Grouping::default();
    let mut told = |notices: &[Notice]| {
        let audience = Audience {
            rules: &rules,
            webhooks: &webhooks,
            said: &|_, _| 0,
            grouping: &grouping,
            beside: &|_| None,
            reasons: &HashMap::new(),
        };
        let told = deliveries_for(notices, &audience, &catalog(), &teller(None));
        grouping.note(&told);
        let of = |one: &NewDelivery| {
            let until = one.group.and_then(|group| group.until).map(|until| until.0);
            (one.webhook.0, one.alert.unwrap().0, one.group.is_some(), until)
        };
        told.iter().map(of).collect::<Vec<_>>()
    };
    let fires = |device, at| on(device, AlertState::Firing, at);
    // Within one commit as well.
    assert_eq!(
        told(&[fires(1, 0), fires(2, 0)]),
        [(7, 1, false, None), (8, 1, true, None), (7, 2, false, None), (8, 2, true, Some(30_000))]
    );
    assert_eq!(told(&[fires(3, 29_000)]), [(7, 3, false, None), (8, 3, true, Some(30_000))]);
    assert_eq!(told(&[on(1, AlertState::Resolved, 29_500)])[1], (8, 1, true, None), "what is over is not held by it");
}

#[test]
fn devices_that_go_while_something_waits_wait_with_it_each_for_itself() {
    let mut chat = webhook(8);
    chat.spec.kind = WebhookKind::Slack;
    let (rules, webhooks) = ([rule()], [chat]);
    let mut all = catalog();
    let first = all.device(DeviceNo(1)).unwrap().clone();
    (2..=9).for_each(|no| all.put_device(Device { no: DeviceNo(no), name: format!("boiler-{no}"), ..first.clone() }));
    let gone = |device: u32, at| {
        let Notice::Changed { alert, occurred_at, points, to } = on(device, AlertState::Firing, at) else { panic!() };
        let alert = Alert { measure: Measure::Silence, about: Subject::Device(DeviceNo(device)), ..alert };
        Notice::Changed { alert, occurred_at, points, to }
    };
    let mut grouping = Grouping::default();
    let mut told = |notices: &[Notice]| {
        let audience = Audience {
            rules: &rules,
            webhooks: &webhooks,
            said: &|_, _| 0,
            grouping: &grouping,
            beside: &|_| None,
            reasons: &HashMap::new(),
        };
        let told = deliveries_for(notices, &audience, &all, &teller(None));
        grouping.note(&told);
        told
    };
    let at_once = told(&[gone(1, 0), gone(2, 0), gone(3, 0)]);
    assert_eq!(at_once.len(), 1);
    assert_eq!(read(&at_once[0])["data"]["group"]["count"], 3);
    let later = told(&[gone(4, 1_000), gone(5, 1_000)]);
    let until = |one: &NewDelivery| one.group.and_then(|group| group.until);
    assert_eq!(later.iter().map(until).collect::<Vec<_>>(), [Some(UnixMillis(30_000)); 2]);
}
