//! Who hears of what, and in how many messages.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::delivery::payload::devices_in;
use crate::delivery::tests::scene::{NOW, catalog, newly_told, put, read, rule, teller, webhook};
use crate::model::alert::{Ack, Measure};
use crate::model::device::{Device, DeviceNo, Labels};
use crate::model::reading::SeriesId;
use crate::model::rule::Severity;
use crate::model::webhook::WebhookKind;
use crate::model::{DeviceId, PublicKey, UnixMillis};

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
        let audience = Audience { grouping: &grouping, ..Audience::new(&rules, &webhooks) };
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
fn what_changes_while_it_waits_is_told_as_it_is_then() {
    let mut chat = webhook(8);
    chat.spec.kind = WebhookKind::Slack;
    let (rules, webhooks) = ([rule()], [webhook(7), chat]);
    let mut grouping = Grouping::default();
    let mut told = |notices: &[Notice]| {
        let audience = Audience { said: &|_, _| 1, grouping: &grouping, ..Audience::new(&rules, &webhooks) };
        let told = deliveries_for(notices, &audience, &catalog(), &teller(None));
        grouping.note(&told);
        told
    };
    let fires = |device, at| on(device, AlertState::Firing, at);
    told(&[fires(1, 0), fires(2, 1_000), fires(3, 1_000)]);
    let acked = |device: u32, at: i64| {
        let Notice::Changed { alert, .. } = fires(device, 1_000) else { panic!() };
        let ack = Ack { at: UnixMillis(at), by: "ann".into(), comment: Some("mine".into()) };
        Notice::Acknowledged { alert: Alert { acked: Some(ack.into()), ..alert }, to: Hearers::All }
    };
    let seen = |told: &[NewDelivery]| {
        let of = |one: &NewDelivery| {
            (one.webhook.0, one.event, one.group.and_then(|group| group.until).map(|until| until.0))
        };
        told.iter().map(of).collect::<Vec<_>>()
    };
    let until = Some(30_000);
    // Two at once, of which one was told: no message about many says that somebody has seen what nobody heard of.
    let both = told(&[acked(1, 4_000), acked(2, 4_000)]);
    let [ack, fired] = [&both[both.len() - 2], &both[both.len() - 1]];
    assert_eq!(seen(&both[both.len() - 2..]), [(8, Event::AlertAcknowledged, None), (8, Event::AlertFiring, until)]);
    assert!(read(ack)["title"].as_str().unwrap().starts_with("Acknowledged: "));
    let text = read(fired)["text"].to_string();
    assert!(text.contains("above the limit") && text.contains("ann acknowledged the alert"), "{text}");
    assert_eq!(read(fired)["data"]["alert"]["acked_by"], "ann");

    let over = told(&[on(2, AlertState::Resolved, 6_000), on(1, AlertState::Resolved, 6_000)]);
    let of_chat: Vec<_> = over.iter().filter(|one| one.webhook == WebhookId(8)).cloned().collect();
    assert_eq!(seen(&of_chat), [(8, Event::AlertPast, until), (8, Event::AlertResolved, None)]);
    let past = read(&of_chat[0]);
    assert!(past["title"].as_str().unwrap().starts_with("Past alert: too hot"), "{past}");
    assert_eq!(past["data"]["alert"]["state"], "historical");
    assert!(past["text"].as_str().unwrap().ends_with(" It is over."), "{past}");
    // Once its time has come it is told step by step.
    assert_eq!(seen(&told(&[on(3, AlertState::Resolved, 30_000)]))[1].1, Event::AlertResolved);
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
        let audience = Audience { grouping: &grouping, ..Audience::new(&rules, &webhooks) };
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

#[test]
fn what_a_webhook_is_told_of_an_alert_is_numbered() {
    let (rules, webhooks) = ([rule()], [webhook(7), webhook(8)]);
    // The second knows it already.
    let said = |_, webhook| u32::from(webhook == WebhookId(8)) * 3;
    let audience = Audience { said: &said, ..Audience::new(&rules, &webhooks) };
    let notices = [put(AlertState::Firing), put(AlertState::Resolved)];
    let told = deliveries_for(&notices, &audience, &catalog(), &teller(None));
    let numbers = |id| {
        let to = told.iter().filter(|one| one.webhook == WebhookId(id)).map(read);
        to.map(|body| (body["type"].clone(), body["data"]["alert"]["sequence"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(numbers(7), [(json!("alert.firing"), json!(1)), (json!("alert.resolved"), json!(2))]);
    assert_eq!(numbers(8), [(json!("alert.firing"), json!(4)), (json!("alert.resolved"), json!(5))]);
    assert_eq!(read(&told[0])["data"]["alert"]["url"], Value::Null);
}

#[test]
fn a_webhook_with_a_filter_hears_what_passes_and_the_end_of_what_it_knows() {
    let mut choosy = webhook(8);
    let told = |choosy: &Webhook, state, said: u32| {
        let (rules, webhooks) = ([rule()], [webhook(7), choosy.clone()]);
        let grouping = Grouping::default();
        let audience = Audience { said: &|_, _| said, grouping: &grouping, ..Audience::new(&rules, &webhooks) };
        let told = deliveries_for(&[put(state)], &audience, &catalog(), &teller(None));
        told.iter().map(|told| told.webhook.0).collect::<Vec<_>>()
    };
    let (firing, resolved) = (AlertState::Firing, AlertState::Resolved);
    choosy.spec.filter.labels = Labels::from([("room".into(), "lab".into())]);
    assert_eq!(told(&choosy, firing, 0), [7, 8]);
    choosy.spec.filter.labels = Labels::from([("room".into(), "office".into())]);
    assert_eq!((told(&choosy, firing, 0), told(&choosy, resolved, 0)), (vec![7], vec![7]));
    assert_eq!(told(&choosy, resolved, 1), [7, 8], "it was told before the filter was set");
    choosy.spec.filter = Filter { least: Severity::Critical, ..Filter::default() };
    assert_eq!(told(&choosy, firing, 0), [7, 8]);
    choosy.spec.filter.tags = Labels::from([("team".into(), "night".into())]);
    assert_eq!(told(&choosy, firing, 0), [7], "its rule has no tags");
    choosy.spec.enabled = false;
    assert_eq!(told(&choosy, resolved, 1), [7]);
}

#[test]
fn of_what_flaps_programs_hear_each_change_and_people_how_it_ended() {
    let mut chat = webhook(8);
    chat.spec.kind = WebhookKind::Ntfy;
    let webhooks = [webhook(7), chat];
    let told = |state, to| {
        let Notice::Changed { alert, occurred_at, points, .. } = put(state) else { panic!() };
        let notice = Notice::Changed { alert, occurred_at, points, to };
        let told = newly_told(&[notice], &[rule()], &webhooks, &catalog(), &teller(None));
        told.iter().map(|told| told.webhook.0).collect::<Vec<_>>()
    };
    let fires = |to| told(AlertState::Firing, to);
    assert_eq!(
        (fires(Hearers::All), fires(Hearers::EachChange), fires(Hearers::Calmed)),
        (vec![7, 8], vec![7], vec![8])
    );
    assert_eq!(fires(Hearers::One(WebhookId(8))), [8]);
    assert_eq!(
        told(AlertState::Resolved, Hearers::Calmed),
        Vec::<u64>::new(),
        "of an end those hear who know the alert"
    );
}

#[test]
fn what_keeps_incidents_begins_none_anew_that_is_open_and_ends_the_one_that_flapped() {
    let mut pager = webhook(9);
    pager.spec.kind = WebhookKind::PagerDuty;
    let mut chat = webhook(8);
    chat.spec.kind = WebhookKind::Ntfy;
    let webhooks = [webhook(7), chat, pager];
    let rules = [rule()];
    let told = |state, to, said: u32| {
        let Notice::Changed { alert, occurred_at, points, .. } = put(state) else { panic!() };
        let audience = Audience { said: &|_, _| said, ..Audience::new(&rules, &webhooks) };
        let notice = Notice::Changed { alert, occurred_at, points, to };
        let told = deliveries_for(&[notice], &audience, &catalog(), &teller(None));
        told.iter().map(|told| told.webhook.0).collect::<Vec<_>>()
    };
    assert_eq!(told(AlertState::Firing, Hearers::Calmed, 0), [8, 9]);
    assert_eq!(told(AlertState::Firing, Hearers::Calmed, 2), [8], "its incident is open");
    assert_eq!(told(AlertState::Resolved, Hearers::Incidents, 2), [9]);
    assert_eq!(told(AlertState::Resolved, Hearers::Incidents, 0), Vec::<u64>::new());
}

#[test]
fn an_acknowledgement_is_told_to_those_who_know_the_alert_and_many_of_them_in_one_sentence() {
    let mut chat = webhook(8);
    chat.spec.kind = WebhookKind::Ntfy;
    let mut alertmanager = webhook(9);
    alertmanager.spec.kind = WebhookKind::Alertmanager;
    let (rules, webhooks) = ([rule()], [webhook(7), chat, alertmanager]);
    let ack = Arc::new(Ack { at: NOW, by: "anna".to_owned(), comment: Some("on  it".to_owned()) });
    let acked = |id| {
        let Notice::Changed { alert, .. } = put(AlertState::Firing) else { panic!() };
        let alert = Alert { id: AlertId(id), acked: Some(Arc::clone(&ack)), ..alert };
        Notice::Acknowledged { alert, to: Hearers::All }
    };
    let told_of = |count: u64, said: u32| {
        let said = move |_, _| said;
        let audience = Audience { said: &said, ..Audience::new(&rules, &webhooks) };
        let notices: Vec<_> = (1..=count).map(acked).collect();
        deliveries_for(&notices, &audience, &catalog(), &teller(Some("http://hub")))
    };
    assert_eq!(told_of(2, 0), [], "nobody was told of the alert");
    let one = told_of(1, 1);
    assert_eq!(one.iter().map(|told| told.webhook.0).collect::<Vec<_>>(), [7, 8]);
    let body = read(&one[0]);
    assert_eq!(body["text"], "anna acknowledged the alert at 2027-01-15 08:00 UTC, saying “on it”.");
    assert_eq!(
        (&body["data"]["alert"]["acked_by"], &body["data"]["alert"]["ack_comment"]),
        (&json!("anna"), &json!("on  it"))
    );
    let many = told_of(30, 1);
    let to = |id| many.iter().filter(|told| told.webhook == WebhookId(id)).collect::<Vec<_>>();
    assert_eq!((to(7).len(), to(8).len()), (30, 1));
    assert_eq!(read(to(8)[0])["title"], "Acknowledged: 30 alerts of too hot");
    assert_eq!(
        read(to(8)[0])["text"],
        "anna acknowledged 30 alerts of too hot at 2027-01-15 08:00 UTC, saying “on it”."
    );
}

#[test]
fn only_the_enabled_webhooks_of_the_rule_are_told() {
    let mut off = webhook(8);
    off.spec.enabled = false;
    let gone = Webhook { disabled_reason: Some("410".into()), ..webhook(9) };
    let told = newly_told(
        &[put(AlertState::Firing)],
        &[rule()],
        &[webhook(7), off, gone, webhook(10)],
        &catalog(),
        &teller(None),
    );
    assert_eq!(told.iter().map(|delivery| delivery.webhook.0).collect::<Vec<_>>(), [7]);
}

#[test]
fn devices_that_go_at_once_are_one_sentence_where_people_read_and_one_alert_each_for_programs() {
    let mut catalog = catalog();
    let device = catalog.device(DeviceNo(1)).cloned().unwrap();
    let gone: Vec<Notice> = (1..=299)
        .map(|no| {
            let (id, key) = (DeviceId::from_bytes([no as u8; 16]), PublicKey([no as u8; 32]));
            catalog.put_device(Device { no: DeviceNo(no), id, key, name: format!("box-{no:03}"), ..device.clone() });
            let Notice::Changed { alert, .. } = put(AlertState::Firing) else { panic!() };
            let began = NOW.plus(i64::from(no % 3) * 60_000);
            let about = Subject::Device(DeviceNo(no));
            let (id, measure) = (AlertId(u64::from(no)), Measure::Silence);
            let alert = Alert { id, about, measure, started_at: began, ..alert };
            Notice::Changed { alert, occurred_at: NOW.plus(180_000), points: Vec::new(), to: Hearers::All }
        })
        .collect();
    let mut chat = webhook(8);
    chat.spec.kind = WebhookKind::Ntfy;
    let webhooks = [webhook(7), chat];
    let told_of = |notices: &[Notice]| {
        let told = newly_told(notices, &[rule()], &webhooks, &catalog, &teller(Some("http://hub")));
        let to = |id| told.iter().filter(|one| one.webhook == WebhookId(id)).map(read).collect::<Vec<_>>();
        (to(7), to(8))
    };
    let (programs, people) = told_of(&gone);
    assert_eq!((programs.len(), people.len()), (299, 1));
    assert_eq!(people[0]["title"], "299 devices are offline");
    assert_eq!(
        people[0]["text"],
        "box-001, box-002, box-003 and 296 more went offline between 2027-01-15 08:00 and 08:02 UTC: nothing is heard from \
         them since."
    );
    let group = json!({"group": {"count": 299, "severity": "critical", "url": "http://hub/?status=offline"}});
    assert_eq!((&people[0]["data"], &people[0]["type"]), (&group, &json!("alert.firing")));
    assert_eq!(devices_in(people[0].to_string().as_bytes()), Some(299));
    // Three are all named; one is told as ever.
    let (_, three) = told_of(&[gone[2].clone(), gone[5].clone(), gone[8].clone()]);
    assert_eq!(
        three[0]["text"],
        "box-003, box-006 and box-009 went offline at 2027-01-15 08:00 UTC: nothing is heard from them since."
    );
    let (_, one) = told_of(&gone[..1]);
    assert_eq!(devices_in(one[0].to_string().as_bytes()), None);
    assert!(one[0]["data"]["alert"]["id"] == "alr_1" && one[0]["data"]["group"].is_null(), "{}", one[0]);
    let back: Vec<Notice> = gone[..2]
        .iter()
        .map(|notice| {
            let Notice::Changed { alert, .. } = notice else { panic!() };
            let (state, resolved_at) = (AlertState::Resolved, Some(NOW.plus(300_000)));
            let alert = Alert { state, resolved_at, last: Some(0.0), ..alert.clone() };
            Notice::Changed { alert, occurred_at: NOW.plus(300_000), points: Vec::new(), to: Hearers::All }
        })
        .collect();
    // Their rule was switched off while they were away.
    let unwatched = back.iter().map(|notice| {
        let Notice::Changed { alert, occurred_at, .. } = notice else { panic!() };
        let alert = Alert { last: None, ..alert.clone() };
        Notice::Changed { alert, occurred_at: *occurred_at, points: Vec::new(), to: Hearers::All }
    });
    let (_, unwatched) = told_of(&unwatched.collect::<Vec<_>>());
    assert_eq!(unwatched[0]["title"], "Resolved: 2 alerts of devices offline");
    let text = unwatched[0]["text"].as_str().unwrap();
    assert!(!text.contains("no longer offline") && text.ends_with("They may still be offline."), "{text}");
    let (_, back) = told_of(&back);
    let told = newly_told(&gone, &[], &webhooks, &catalog, &teller(None));
    assert!(told.is_empty(), "the rule says who is told");
    let all = RuleSpec { webhooks: Vec::new(), all_webhooks: true, ..rule().spec };
    let all = newly_told(&gone, &[Rule { spec: all, ..rule() }], &webhooks, &catalog, &teller(None));
    assert_eq!(all.len(), 300);
    let title = Some("{{ device }} is out of reach".to_owned());
    let spec = RuleSpec { message: crate::model::rule::Message { title, text: None }, ..rule().spec };
    let worded = newly_told(&gone, &[Rule { spec, ..rule() }], &webhooks, &catalog, &teller(None));
    let worded = read(worded.iter().find(|one| one.webhook == WebhookId(8)).unwrap());
    assert_eq!(worded["title"], "299 devices are offline");
    let text = worded["text"].as_str().unwrap();
    let own = "box-001 is out of reach; box-002 is out of reach; box-003 is out of reach; and 296 more. They went offline between";
    assert!(text.starts_with(own), "{text}");
    assert_eq!(back[0]["title"], "Resolved: 2 devices offline");
    assert_eq!(
        back[0]["text"],
        "box-001 and box-002 are no longer offline. Nothing was heard from them for up to 4 min."
    );
}
