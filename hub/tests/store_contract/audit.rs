//! What people changed: bounded, and of a command beside the hub too.

use telemetry_hub::model::access::Scope;
use telemetry_hub::model::audit::{Actor, ActorKind};
use telemetry_hub::model::device::Labels;
use telemetry_hub::store::{Config, SecretKey, Store, acts, with_actor};

use super::scene::{Hub, T0};

fn token(number: u64) -> Actor {
    Actor { kind: ActorKind::Token, who: format!("tok_{number}"), address: "192.168.0.5".to_owned() }
}

#[tokio::test]
async fn a_command_beside_the_hub_is_somebody_and_the_hub_itself_is_not() {
    let hub = Hub::new().await;
    hub.store.create_token("own".to_owned(), Scope::Read, Labels::new(), [1; 32], None, T0).await.unwrap();
    assert_eq!(hub.store.audit(None, 10).await.unwrap(), []);
    let actor = Some(Actor { kind: ActorKind::Command, who: "anna".to_owned(), address: String::new() });
    let config = Config { dir: hub.dir.path().to_owned(), actor: actor.clone(), ..Config::default() };
    let key = SecretKey::load_or_create(hub.dir.path()).unwrap();
    let beside = Store::open_beside(&config, &key).unwrap();
    beside.revoke_token(1).await.unwrap();
    beside.revoke_token(1).await.unwrap_err();
    beside.close().await.unwrap();
    let entries = hub.store.audit(None, 10).await.unwrap();
    assert_eq!(entries.len(), 1, "what failed changed nothing");
    assert_eq!((entries[0].action.as_str(), entries[0].subject.as_str()), ("token.revoked", "tok_1"));
    assert_eq!((Some(&entries[0].actor), entries[0].name.as_str()), (actor.as_ref(), "own"));
}

#[tokio::test]
async fn whoever_fills_the_log_pushes_out_their_own() {
    let hub = Hub::new().await;
    hub.store.note_of(token(1), "hub.tried", "first".to_owned()).await.unwrap();
    // Many a commit, each of many: ten thousand one after the other would take minutes on a slow disk. Those of one commit may
    // stand in any order, so what goes is fifty whole ones.
    for fifty in (0..10_049).collect::<Vec<u32>>().chunks(50) {
        let notes = fifty.iter().map(|n| hub.store.note_of(token(2), "hub.tried", n.to_string()));
        futures_util::future::try_join_all(notes).await.unwrap();
    }
    let entries = hub.store.audit(None, 20_000).await.unwrap();
    assert_eq!(entries.len(), 10_000);
    assert_eq!(entries.last().unwrap().name, "first", "it is the oldest, and somebody else's");
    let mut kept: Vec<u32> = entries[..9_999].iter().map(|entry| entry.name.parse().unwrap()).collect();
    kept.sort_unstable();
    assert_eq!(kept, (50..10_049).collect::<Vec<u32>>(), "the oldest of whoever wrote most went");
}

#[tokio::test]
async fn what_is_done_in_a_request_is_of_whoever_acts_in_it() {
    let hub = Hub::new().await;
    let make = async |number: u8| {
        hub.store.create_token("t".to_owned(), Scope::Read, Labels::new(), [number; 32], None, T0).await.unwrap();
    };
    with_actor(async {
        make(1).await;
        acts(token(7));
        acts(token(8));
        make(2).await;
    })
    .await;
    make(3).await;
    let entries = hub.store.audit(None, 10).await.unwrap();
    let who: Vec<_> = entries.iter().map(|entry| (entry.actor.who.as_str(), entry.subject.as_str())).collect();
    assert_eq!(who, [("tok_7", "tok_2")]);
}
