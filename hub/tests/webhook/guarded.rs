//! Where no webhook goes.

use super::*;

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let inside = WebhookSink::answering([status(200)]).await;
    let sink = WebhookSink::answering([Answer::With(302, "location", inside.url())]).await;
    let Tried { attempt, outcome, .. } = client().deliver(&at(&sink), &message()).await;
    assert_eq!((attempt.status, outcome), (Some(302), Outcome::Unavailable { retry_after: None }));
    assert!(inside.received().is_empty());
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_the_second_time_is_not_called_there() {
    let sink = WebhookSink::answering([status(200)]).await;
    let inside = std::net::TcpListener::bind(("127.0.0.2", sink.address.port())).unwrap();
    inside.set_nonblocking(true).unwrap();
    let rebinds = Rebinds([[127, 0, 0, 1], [127, 0, 0, 2]].map(IpAddr::from), AtomicUsize::new(0));
    let policy = Policy { allow: vec!["127.0.0.1/32".parse().unwrap()], ..Policy::default() };
    let client = Client::with_lookup(HubId::from_bytes([1; 16]), policy, rebinds).unwrap();
    let mut webhook = at(&sink);
    webhook.spec.url = format!("http://rebinds.test:{}/hook", sink.address.port());
    let Tried { attempt: first, outcome, .. } = client.deliver(&webhook, &message()).await;
    assert_eq!((first.status, outcome), (Some(200), Outcome::Delivered));
    let Tried { attempt: second, .. } = client.deliver(&webhook, &message()).await;
    assert!(second.status.is_none() && second.error.is_some(), "{second:?}");
    assert_eq!(inside.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(sink.received().len(), 1);
}

/// A name that has another address each time it is asked for.
struct Rebinds([IpAddr; 2], AtomicUsize);

impl Lookup for Rebinds {
    fn lookup(&self, _name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let address = self.0[self.1.fetch_add(1, Ordering::Relaxed) % 2];
        Box::pin(async move { Ok(vec![address]) })
    }
}

#[tokio::test]
async fn loopback_is_not_called_unless_it_is_allowed() {
    let sink = WebhookSink::answering([status(200)]).await;
    let strict = Client::new(HubId::from_bytes([1; 16]), Policy::default()).unwrap();
    let mut by_name = at(&sink);
    by_name.spec.url = format!("http://localhost.localdomain:{}/", sink.address.port());
    for webhook in [at(&sink), by_name] {
        let Tried { attempt, .. } = strict.deliver(&webhook, &message()).await;
        assert!(attempt.status.is_none() && attempt.error.is_some(), "{attempt:?}");
    }
    assert!(sink.received().is_empty());
}
