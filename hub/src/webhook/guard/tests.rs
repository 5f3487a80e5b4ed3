//! A resolver that is lied to.

use std::net::Ipv4Addr;
use std::sync::Mutex;

use super::*;

#[tokio::test]
async fn a_name_that_answers_differently_the_second_time_gains_nothing() {
    let public: IpAddr = "93.184.216.34".parse().unwrap();
    let rebinding = Rebinding(Mutex::new(vec![vec![IpAddr::V4(Ipv4Addr::LOCALHOST)], vec![public]]));
    let resolver = Filtered::new(Arc::new(Policy::default()), Arc::new(rebinding), 80);
    assert_eq!(resolver.addresses("evil.example").await.unwrap(), [SocketAddr::new(public, 80)]);
    let refused = resolver.addresses("evil.example").await.unwrap_err();
    assert!(matches!(refused.downcast_ref(), Some(Refused::Name { .. })), "{refused}");
}

#[tokio::test]
async fn of_mixed_answers_only_the_allowed_ones_are_used() {
    let public: IpAddr = "93.184.216.34".parse().unwrap();
    let mixed = vec!["::1".parse().unwrap(), public, "169.254.169.254".parse().unwrap()];
    let mut resolver = Filtered::new(Arc::new(Policy::default()), Arc::new(Rebinding(Mutex::new(vec![mixed]))), 443);
    let addrs: Vec<_> = resolver.call("mixed.example".parse().unwrap()).await.unwrap().collect();
    assert_eq!(addrs, [SocketAddr::new(public, 443)]);
}

#[tokio::test]
async fn a_name_does_not_lead_to_the_hub_itself_either() {
    let home = || Arc::new(Rebinding(Mutex::new(vec![vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]])));
    let resolver = |port| Filtered::new(Arc::new(at_home()), home(), port);
    let refused = resolver(8080).addresses("hub.example").await.unwrap_err();
    assert!(matches!(refused.downcast_ref(), Some(Refused::Own(_))), "{refused}");
    assert!(resolver(8081).addresses("hub.example").await.is_ok());
}

/// A hub on port 8080 of every address, which may call everybody.
fn at_home() -> Policy {
    let allow = ["0.0.0.0/0", "::/0"].map(|net| net.parse().unwrap());
    Policy { allow: allow.to_vec(), own: Some("[::]:8080".parse().unwrap()), ..Policy::default() }
}

/// Answers from the last list to the first.
struct Rebinding(Mutex<Vec<Vec<IpAddr>>>);

impl Lookup for Rebinding {
    fn lookup(&self, _name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let answer = self.0.lock().unwrap().pop().unwrap_or_default();
        Box::pin(async move { Ok(answer) })
    }
}
