//! Who may do what: commands beside the hub, tokens, sessions.

use std::collections::BTreeMap;

use telemetry_hub::model::access::{NewSession, Scope};
use telemetry_hub::model::device::{Labels, NewDevice};
use telemetry_hub::model::user::{Invite, Role, UserChange};
use telemetry_hub::store::{Config, Error, NewJoinToken, SecretKey, Store, Who};

use super::scene::{Hub, T0, new_device};

#[tokio::test]
async fn a_command_beside_the_hub_sees_and_is_seen() {
    let hub = Hub::new().await;
    let config = Config { dir: hub.dir.path().to_owned(), ..Config::default() };
    let key = SecretKey::load_or_create(hub.dir.path()).unwrap();
    assert!(matches!(Store::open(&config, &key), Err(Error::Locked(_))));
    let beside = Store::open_beside(&config, &key).unwrap();
    hub.put(0, &[(0, 0, 1.0)]).await;
    assert!(!hub.store.changed_elsewhere().unwrap());
    let token = beside.create_token("ci".to_owned(), Scope::Read, Labels::new(), [7; 32], None, T0).await.unwrap();
    assert!(hub.store.changed_elsewhere().unwrap());
    assert!(!hub.store.changed_elsewhere().unwrap());
    assert_eq!(hub.store.token(token.id).unwrap(), Some((token.clone(), [7; 32])));
    let join = hub.store.create_join_token(join_token(1), T0).await.unwrap();
    assert_eq!(beside.join_tokens(T0).await.unwrap(), [join]);
    beside.close().await.unwrap();
    hub.put(1, &[(0, 1_000, 1.0)]).await;
    hub.store.touch_token(token.id, T0).await.unwrap();
    hub.store.touch_token(token.id, T0.plus(59_999)).await.unwrap();
    assert_eq!(hub.store.tokens().await.unwrap()[0].last_used_at, Some(T0));
    hub.store.revoke_token(token.id).await.unwrap();
    assert!(matches!(hub.store.revoke_token(token.id).await, Err(Error::NotFound { what: "token" })));
}

#[tokio::test]
async fn tokens_keep_the_labels_they_are_limited_to() {
    let mut hub = Hub::new().await;
    let labels = Labels::from([("site".to_owned(), "south\n=1".to_owned()), ("floor".to_owned(), String::new())]);
    let limited =
        hub.store.create_token("wall".to_owned(), Scope::Read, labels.clone(), [7; 32], None, T0).await.unwrap();
    let all = hub.store.create_token("ci".to_owned(), Scope::Admin, Labels::new(), [8; 32], None, T0).await.unwrap();
    let refused = hub.store.create_token("x".to_owned(), Scope::Operate, labels.clone(), [9; 32], None, T0).await;
    assert!(refused.is_err(), "the schema takes none that is about the whole hub");
    hub.restart().await;
    assert_eq!(hub.store.tokens().await.unwrap(), [limited.clone(), all.clone()]);
    let (found, _) = hub.store.token(limited.id).unwrap().unwrap();
    assert_eq!((found.view().is_all(), all.view().is_all(), found.labels), (false, true, labels));
    hub.store.revoke_token(limited.id).await.unwrap();
    assert_eq!(hub.store.tokens().await.unwrap(), [all]);
}

#[tokio::test]
async fn a_join_token_admits_so_many_and_gives_its_labels() {
    let mut hub = Hub::new().await;
    let token = hub.store.create_join_token(join_token(1), T0).await.unwrap();
    let by_token = |n, at| NewDevice { join_token: Some(token.id), at, ..new_device(n, "tank") };
    let first = hub.store.adopt(by_token(2, T0)).await.unwrap();
    assert_eq!(first.labels, join_token(1).labels);
    assert!(matches!(hub.store.adopt(by_token(3, T0)).await, Err(Error::Conflict { field: "join_token", .. })));
    let two = hub.store.create_join_token(join_token(2), T0).await.unwrap();
    let late = NewDevice { join_token: Some(two.id), ..by_token(4, two.expires_at) };
    assert!(matches!(hub.store.adopt(late).await, Err(Error::Conflict { .. })));
    let unknown = NewDevice { join_token: Some(99), ..by_token(4, T0) };
    assert!(matches!(hub.store.adopt(unknown).await, Err(Error::NotFound { .. })));
    hub.restart().await;
    let uses: Vec<_> = hub.store.join_tokens(T0).await.unwrap().into_iter().map(|t| (t.uses_left, t.psk)).collect();
    assert_eq!(uses, [(0, [5; 32]), (2, [5; 32])]);
    assert_eq!(hub.store.join_tokens(T0.plus(30 * 86_400_000)).await.unwrap(), []);
}

#[tokio::test]
async fn sessions_end_by_time_by_idleness_and_by_hand() {
    const DAY: i64 = 86_400_000;
    let hub = Hub::new().await;
    let admin = hub.store.set_first_password("hash".to_owned(), T0).await.unwrap();
    let holds = async |hash: u8, now: i64| hub.store.session([hash; 32], T0.plus(now), None).await.unwrap().is_some();
    for hash in [1, 2, 3] {
        hub.store.create_session(session(hash, 0)).await.unwrap();
    }
    assert!(!holds(9, 0).await);
    assert!(holds(1, 6 * DAY).await && holds(1, 12 * DAY).await && !holds(2, 12 * DAY).await);
    for day in [18, 24, 29] {
        assert!(holds(1, day * DAY).await);
    }
    assert!(!holds(1, 30 * DAY).await);
    hub.store.delete_session([3; 32]).await.unwrap();
    assert!(!holds(3, 1).await);
    hub.store.set_password(admin.id, "other".to_owned(), Some([2; 32]), T0).await.unwrap();
    assert!(holds(2, 1).await && !holds(1, 1).await, "all but one");
    hub.store.set_password(admin.id, "other".to_owned(), None, T0).await.unwrap();
    assert!(!holds(2, 1).await);
    hub.store.put_setting("admin", vec![1]).await.unwrap();
    hub.store.put_setting("admin", vec![2]).await.unwrap();
    assert_eq!(hub.store.setting("admin").await.unwrap(), Some(vec![2]));
    assert_eq!(hub.store.setting("other").await.unwrap(), None);
}

#[tokio::test]
async fn a_session_tells_from_where_it_is_used_and_the_one_that_rests_longest_gives_way() {
    let hub = Hub::new().await;
    hub.store.set_first_password("hash".to_owned(), T0).await.unwrap();
    let first = hub.store.create_session(session(0, 0)).await.unwrap();
    assert_eq!((first.address.as_str(), first.browser.as_str()), ("192.168.0.5", "Firefox on Linux"));
    let elsewhere = Some(std::net::IpAddr::from([10, 0, 0, 1]));
    hub.store.session([0; 32], T0.plus(59_000), elsewhere).await.unwrap();
    assert_eq!(hub.store.sessions(T0).await.unwrap(), [first], "to the minute");
    hub.store.session([0; 32], T0.plus(60_000), elsewhere).await.unwrap();
    let moved = hub.store.sessions(T0.plus(60_000)).await.unwrap().remove(0);
    assert_eq!((moved.address.as_str(), moved.used_at), ("10.0.0.1", T0.plus(60_000)));
    assert_eq!(moved.ends_at, T0.plus(60_000 + 7 * 86_400_000));
    for number in 1..=u8::MAX {
        hub.store.create_session(session(number, i64::from(number))).await.unwrap();
    }
    assert_eq!(hub.store.sessions(T0.plus(60_000)).await.unwrap().len(), 256);
    let mut one_more = session(0, 61_000);
    one_more.hash[0] = 1;
    let newest = hub.store.create_session(one_more).await.unwrap();
    let left = hub.store.sessions(T0.plus(61_000)).await.unwrap();
    assert_eq!((left.len(), left[0].id, left[1].id, left[255].id), (256, moved.id, 3, newest.id));
    hub.store.end_session(3, None).await.unwrap();
    assert!(matches!(hub.store.end_session(3, None).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn users_are_found_by_name_and_take_their_sessions_with_them() {
    let mut hub = Hub::new().await;
    let admin = hub.store.set_first_password("one".to_owned(), T0).await.unwrap();
    assert_eq!((admin.id, admin.name.as_str(), admin.role, admin.has_password), (1, "admin", Role::Admin, true));
    assert!(matches!(hub.store.set_first_password("two".to_owned(), T0).await, Err(Error::Conflict { .. })));
    let invite = Invite { hash: [9; 32], until: T0.plus(1_000) };
    let anna = hub.store.create_user("Anna".to_owned(), Role::Viewer, invite, T0).await.unwrap();
    let again = hub.store.create_user("ANNA".to_owned(), Role::Viewer, Invite { hash: [8; 32], ..invite }, T0).await;
    assert!(matches!(again, Err(Error::Conflict { field: "name", .. })));
    assert_eq!(hub.store.user_with_password(&Who::Only).unwrap().unwrap().0.id, 1, "she has none yet");
    assert_eq!(hub.store.invited([9; 32], T0.plus(1_000)).unwrap(), None, "it has expired");
    assert_eq!(hub.store.take_invite([9; 32], "three".to_owned(), T0).await.unwrap().id, anna.id);
    assert!(matches!(hub.store.take_invite([9; 32], "four".to_owned(), T0).await, Err(Error::NotFound { .. })));
    hub.restart().await;
    let (found, hash) = hub.store.user_with_password(&Who::Named(" anna ".to_owned())).unwrap().unwrap();
    assert_eq!((found.id, hash.as_str()), (anna.id, "three"));
    assert_eq!(hub.store.user_with_password(&Who::Only).unwrap(), None, "there are two");
    for number in [1, 2] {
        hub.store.create_session(NewSession { user: number.into(), ..session(number, 0) }).await.unwrap();
    }
    let change = UserChange { enabled: Some(false), ..UserChange::default() };
    hub.store.change_user(anna.id, change, T0).await.unwrap();
    let left = hub.store.sessions(T0).await.unwrap();
    assert_eq!((left.len(), left[0].user, left[0].user_name.as_str()), (1, 1, "admin"));
    let refused = hub.store.create_session(NewSession { user: anna.id, ..session(3, 0) }).await;
    assert!(matches!(refused, Err(Error::NotFound { what: "user" })));
    assert!(matches!(hub.store.delete_user(1).await, Err(Error::Conflict { field: "role", .. })));
    hub.store.delete_user(anna.id).await.unwrap();
    assert_eq!(hub.store.users().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_second_factor_takes_no_code_twice() {
    let mut hub = Hub::new().await;
    let admin = hub.store.set_first_password("one".to_owned(), T0).await.unwrap().id;
    hub.store.prepare_second_factor(admin, vec![0x5a; 20]).await.unwrap();
    assert_eq!(hub.store.second_factor(admin).unwrap(), Some((vec![0x5a; 20], false)));
    assert!(!hub.store.user(admin).unwrap().unwrap().second_factor);
    let on = hub.store.turn_on_second_factor(admin, 7, vec![[1; 32], [2; 32]]).await.unwrap();
    assert_eq!((on.second_factor, on.recovery_codes), (true, 2));
    assert!(matches!(hub.store.prepare_second_factor(admin, vec![1; 20]).await, Err(Error::Conflict { .. })));
    hub.restart().await;
    let mut taken = Vec::new();
    for step in [7, 6, 8, 8, 9] {
        taken.push(hub.store.take_step(admin, step).await.unwrap());
    }
    assert_eq!(taken, [false, false, true, false, true]);
    assert!(hub.store.take_recovery_code(admin, [2; 32]).await.unwrap());
    assert!(!hub.store.take_recovery_code(admin, [2; 32]).await.unwrap());
    hub.store.turn_off_second_factor(admin).await.unwrap();
    assert_eq!(hub.store.second_factor(admin).unwrap(), None);
    assert_eq!(hub.store.user(admin).unwrap().unwrap().recovery_codes, 0);
}

/// A session of 30 days that begins at a moment.
fn session(number: u8, at: i64) -> NewSession {
    NewSession {
        hash: [number; 32],
        user: 1,
        at: T0.plus(at),
        expires_at: T0.plus(at + 30 * 86_400_000),
        address: "192.168.0.5".to_owned(),
        browser: "Firefox on Linux".to_owned(),
    }
}

fn join_token(uses: u32) -> NewJoinToken {
    NewJoinToken {
        psk: [5; 32],
        name: "north".to_owned(),
        uses,
        labels: BTreeMap::from([("site".to_owned(), "north\n=1".to_owned())]),
        expires_at: T0.plus(3_600_000),
    }
}
