//! E-mail by real sockets: with TLS, with STARTTLS, without, and whatever a mail server may say.

#![expect(clippy::unwrap_used, reason = "in a test a failure is a panic")]

#[path = "support/mail_server.rs"]
mod mail_server;

use std::net::IpAddr;

use futures_util::future::BoxFuture;
use mail_server::{Handed, MailServer, Speaks};
use telemetry_hub::clock::Clock;
use telemetry_hub::delivery::payload::test_delivery;
use telemetry_hub::delivery::policy::Policy;
use telemetry_hub::delivery::retry::Outcome;
use telemetry_hub::model::HubId;
use telemetry_hub::model::webhook::{
    Delivery, DeliveryId, DeliveryState, Event, Fields, ProblemKind, Webhook, WebhookId, WebhookKind, WebhookSpec,
};
use telemetry_hub::webhook::guard::Lookup;
use telemetry_hub::webhook::{Client, Tried};

const LATER: Outcome = Outcome::Unavailable { retry_after: None };

#[tokio::test]
async fn a_message_is_handed_over_with_tls_and_with_starttls_to_each_recipient() {
    for (speaks, scheme) in [(Speaks::Tls, "smtps"), (Speaks::StartTls, "smtp")] {
        let server = MailServer::that(speaks).await;
        let webhook = to(&server, scheme, &[("to", "ann@example.org, Bob <bob@example.org>")]);
        let Tried { attempt, outcome, problem } = client(&server).deliver(&webhook, &message()).await;
        assert_eq!((outcome, attempt.status, attempt.error, problem), (Outcome::Delivered, Some(250), None, None));
        assert_eq!(attempt.response.as_deref(), Some("2.0.0 Ok: queued as 4711"));
        let Handed { from, to, text } = server.handed().remove(0);
        assert_eq!((&*from, to), ("hub@example.org", vec!["ann@example.org".to_owned(), "bob@example.org".to_owned()]));
        assert!(
            text.contains("Subject: Test from the telemetry hub\r\n") && text.contains("@example.org>\r\n"),
            "{text}"
        );
        // By name, pinned to the address that was judged.
        let webhook = Webhook {
            spec: WebhookSpec { url: format!("{scheme}://localhost.test:{}", server.address.port()), ..webhook.spec },
            ..webhook
        };
        assert_eq!(client(&server).deliver(&webhook, &message()).await.outcome, Outcome::Delivered);
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_ends_it_before_anything_is_said() {
    for (speaks, scheme) in [(Speaks::Tls, "smtps"), (Speaks::StartTls, "smtp")] {
        let server = MailServer::that(speaks).await;
        let strange = Client::with_lookup(hub(), policy(), Names).unwrap();
        let Tried { outcome, problem, .. } = strange.deliver(&to(&server, scheme, &[]), &message()).await;
        let problem = problem.unwrap();
        assert_eq!((outcome, problem.kind), (LATER, ProblemKind::Address));
        assert!(problem.text.contains("certificate") && server.handed().is_empty(), "{}", problem.text);
    }
}

#[tokio::test]
async fn without_encryption_nothing_is_said_unless_a_person_allows_it_and_the_server_is_local() {
    let server = MailServer::that(Speaks::Plainly).await;
    let Tried { attempt, problem, .. } = client(&server).deliver(&to(&server, "smtp", &[]), &message()).await;
    assert!(problem.unwrap().text.contains("STARTTLS") && server.handed().is_empty(), "{attempt:?}");
    let allowed = to(&server, "smtp", &[("plain_text", "yes")]);
    assert_eq!(client(&server).deliver(&allowed, &message()).await.outcome, Outcome::Delivered);
    assert_eq!(server.handed().len(), 1);
    // What is sent before TLS is no part of what is said within it.
    let server = MailServer::that(Speaks::MoreBeforeTls).await;
    let Tried { outcome, .. } = client(&server).deliver(&to(&server, "smtp", &[]), &message()).await;
    assert_eq!((outcome, server.handed().len()), (LATER, 0));
}

#[tokio::test]
async fn a_wrong_password_is_said_without_it() {
    let server = MailServer::that(Speaks::Tls).await;
    let wrong = to(&server, "smtps", &[("password", "open sesame")]);
    let tried = client(&server).deliver(&wrong, &message()).await;
    let problem = tried.problem.clone().unwrap();
    assert_eq!((tried.outcome, tried.attempt.status, problem.kind), (LATER, Some(535), ProblemKind::Token));
    assert!(problem.text.contains("5.7.8 Authentication credentials invalid: (hidden)"), "{}", problem.text);
    let said = format!("{tried:?}");
    for secret in ["open sesame", "b3BlbiBzZXNhbWU", "AGh1YgBvcGVuIHNlc2FtZQ"] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[tokio::test]
async fn a_recipient_who_is_refused_keeps_the_message_from_nobody_else() {
    let server = MailServer::that(Speaks::Tls).await;
    let client = client(&server);
    let none = client.deliver(&to(&server, "smtps", &[("to", "refused@example.org")]), &message()).await;
    let problem = none.problem.unwrap();
    assert_eq!((none.outcome, none.attempt.status, problem.kind), (LATER, Some(550), ProblemKind::Address));
    assert!(problem.text.contains("refused@example.org: 550 5.1.1 User unknown"), "{}", problem.text);
    let later = client.deliver(&to(&server, "smtps", &[("to", "later@example.org")]), &message()).await;
    assert_eq!((later.outcome, later.attempt.status, later.problem), (LATER, Some(450), None), "it passes");
    assert!(server.handed().is_empty());
    let some =
        client.deliver(&to(&server, "smtps", &[("to", "refused@example.org, ann@example.org")]), &message()).await;
    assert_eq!((some.outcome, some.attempt.error), (Outcome::Delivered, None));
    assert!(some.problem.unwrap().text.contains("refused@example.org"));
    assert_eq!(server.handed()[0].to, ["ann@example.org"]);
}

#[tokio::test]
async fn a_server_that_says_nothing_holds_nobody_up() {
    let server = MailServer::that(Speaks::BlackHole).await;
    for scheme in ["smtps", "smtp"] {
        let Tried { attempt, outcome, problem } = client(&server).deliver(&to(&server, scheme, &[]), &message()).await;
        assert_eq!((outcome, attempt.status, problem), (LATER, None, None));
        // By the limit of the step, not by that of all of them.
        let error = attempt.error.unwrap();
        assert!(error.contains("within 10 s") || error.contains("within 5 s"), "{error}");
    }
}

#[tokio::test]
async fn a_greeting_without_end_is_cut_and_others_go_on_meanwhile() {
    for speaks in [Speaks::LinesWithoutEnd, Speaks::LineWithoutEnd] {
        let server = MailServer::that(speaks).await;
        for changes in [&[("plain_text", "yes")][..], &[]] {
            let Tried { attempt, outcome, .. } =
                client(&server).deliver(&to(&server, "smtp", changes), &message()).await;
            assert_eq!((outcome, attempt.status), (LATER, None));
            let error = attempt.error.unwrap();
            // It is cut by what it says, not by how long it takes.
            assert!(error.len() < 200 && !error.contains("within") && !error.contains("took more"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_port_without_tls_or_without_logins_says_what_to_write() {
    let plain = MailServer::that(Speaks::Plainly).await;
    let problem = client(&plain).deliver(&to(&plain, "smtps", &[]), &message()).await.problem.unwrap();
    assert!(problem.text.contains("write smtp:// instead of smtps://"), "{}", problem.text);
    let server = MailServer::that(Speaks::WithoutLogin).await;
    let tried = client(&server).deliver(&to(&server, "smtp", &[("plain_text", "yes")]), &message()).await;
    let problem = tried.problem.unwrap();
    assert_eq!(problem.kind, ProblemKind::Token, "{}", problem.text);
    assert!(problem.text.contains("offers no login"), "{}", problem.text);
}

#[tokio::test]
async fn the_guard_holds_for_mail_servers() {
    let server = MailServer::that(Speaks::Tls).await;
    let strict = Client::with_lookup(hub(), Policy::default(), Names).unwrap().trusting(server.trust.clone());
    let literal = to(&server, "smtps", &[]);
    let mut named = literal.clone();
    named.spec.url = format!("smtps://localhost.test:{}", server.address.port());
    for webhook in [literal, named] {
        let Tried { attempt, problem, .. } = strict.deliver(&webhook, &message()).await;
        assert_eq!(problem.map(|problem| problem.kind), Some(ProblemKind::Policy), "{attempt:?}");
    }
    assert!(server.handed().is_empty());
}

/// Every name is this machine.
struct Names;

impl Lookup for Names {
    fn lookup(&self, _name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(vec![IpAddr::from([127, 0, 0, 1])]) })
    }
}

const fn hub() -> HubId {
    HubId::from_bytes([1; 16])
}

fn policy() -> Policy {
    Policy { allow: vec!["127.0.0.0/8".parse().unwrap()], ..Policy::default() }
}

fn client(server: &MailServer) -> Client {
    Client::with_lookup(hub(), policy(), Names).unwrap().trusting(server.trust.clone())
}

fn to(server: &MailServer, scheme: &str, changes: &[(&str, &str)]) -> Webhook {
    let usual = [
        ("to", "ann@example.org"),
        ("from", "Hub <hub@example.org>"),
        ("username", "hub"),
        ("password", "sesame open"),
    ];
    let fields = usual.iter().chain(changes).map(|&(name, value)| (name.to_owned(), value.to_owned()));
    let spec = WebhookSpec {
        kind: WebhookKind::Email,
        fields: Fields(fields.collect()),
        ..WebhookSpec::new("mail", format!("{scheme}://{}", server.address))
    };
    Webhook::new(WebhookId(1), spec, Vec::new(), Clock.wall())
}

fn message() -> Delivery {
    let now = Clock.wall();
    Delivery {
        id: DeliveryId(1),
        webhook: WebhookId(1),
        alert: None,
        event: Event::Test,
        state: DeliveryState::Pending,
        attempts: vec![],
        by_hand: 0,
        summary: None,
        urgency: telemetry_hub::model::hearing::Urgency::Ordinary,
        next_attempt_at: Some(now),
        created_at: now,
        held_until: None,
        body: test_delivery(WebhookId(1), "mail", now).body,
    }
}
