//! The WebSocket over a real port.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::http::config::Config;
use crate::http::serve;
use crate::http::tests::scene::{ADMIN, Scene, request, scene, scene_with};
use crate::links::mint_setup_token;
use crate::live::Update;
use crate::model::access::Scope;
use crate::model::user::Role;

pub(in crate::http) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(in crate::http) struct Served {
    at: String,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

pub(in crate::http) async fn start(scene: &Scene) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, stop) = (listener.local_addr().unwrap().to_string(), CancellationToken::new());
    let task = TaskTracker::new().spawn(serve(listener, scene.state.clone(), stop.clone()));
    Served { at, stop, task }
}

pub(in crate::http) async fn open(served: &Served, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
    let mut request = format!("ws://{}/api/v1/live", served.at).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    connect_async(request).await.map(|(socket, _)| socket)
}

async fn open_as_admin(served: &Served) -> Socket {
    open(served, &[("authorization", &format!("Bearer {ADMIN}"))]).await.unwrap()
}

pub(in crate::http) async fn next(socket: &mut Socket) -> Value {
    loop {
        // Long enough for a machine that is busy with builds: five seconds were not, once.
        let message = tokio::time::timeout(Duration::from_secs(30), socket.next()).await.unwrap().unwrap().unwrap();
        match message {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Close(frame) => return json!({"closed": u16::from(frame.unwrap().code)}),
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}

pub(in crate::http) async fn say(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

#[tokio::test]
async fn a_subscription_gets_a_snapshot_then_readings_and_1001_at_stop() {
    let mut scene = scene();
    let (device, series) = scene.device(1, "shed").await;
    let id = device.id.to_string();
    let now = Clock.wall().0;
    scene.measure(&device, series[0], &[(now, 1.0)]).await;
    let served = start(&scene).await;
    let mut socket = open_as_admin(&served).await;
    let hello = next(&mut socket).await;
    assert_eq!((&hello["type"], &hello["version"]), (&json!("hello"), &json!("0.0.0-test")));
    assert_eq!(scene.state.own.sockets.count(), 1);

    say(&mut socket, json!({"type": "subscribe", "id": 1, "device": "sh*", "sensor": "t*", "resume": "123"})).await;
    assert_eq!(next(&mut socket).await, json!({"type": "snapshot", "id": 1, "rows": [[id, "temp", now, 1.0]]}));
    assert_eq!(next(&mut socket).await, json!({"type": "gap", "id": 1, "since": 123}));
    scene.measure(&device, series[0], &[(now + 1_000, 2.0)]).await;
    assert_eq!(
        next(&mut socket).await,
        json!({"type": "readings", "id": 1, "lane": "live", "rows": [[id, "temp", now + 1_000, 2.0]]})
    );
    say(&mut socket, json!({"type": "unsubscribe", "id": 1})).await;
    say(&mut socket, json!({"type": "subscribe", "id": 2, "sensor": "noise"})).await;
    assert_eq!(next(&mut socket).await, json!({"type": "snapshot", "id": 2, "rows": []}));
    scene.measure(&device, series[0], &[(now + 2_000, 3.0)]).await;

    let waiting = scene.wait(9, "new");
    scene.bus.publish(Arc::new(Update::Device(waiting)));
    let pending = next(&mut socket).await;
    assert_eq!((&pending["type"], &pending["device"]["status"]), (&json!("device"), &json!("pending")));
    scene.bus.publish(Arc::new(Update::Removed(waiting)));
    assert_eq!(next(&mut socket).await, json!({"type": "device", "removed": waiting.to_string()}));

    served.stop.cancel();
    assert_eq!(next(&mut socket).await, json!({"closed": 1001}));
    tokio::time::timeout(Duration::from_secs(5), served.task).await.unwrap().unwrap().unwrap();
    assert_eq!(scene.state.own.sockets.count(), 0);
}

#[tokio::test]
async fn a_listener_that_missed_updates_is_told_since_when() {
    let scene = scene();
    let served = start(&scene).await;
    let mut socket = open_as_admin(&served).await;
    let hello = next(&mut socket).await;
    say(&mut socket, json!({"type": "subscribe", "id": 5})).await;
    next(&mut socket).await;
    // On this single-threaded runtime nobody listens until the next await, so the ring overflows.
    for _ in 0..1_000 {
        scene.bus.publish(Arc::new(Update::Batches(Vec::new())));
    }
    let gap = next(&mut socket).await;
    assert_eq!((&gap["type"], &gap["id"]), (&json!("gap"), &json!(5)));
    assert!(gap["since"].as_i64() >= hello["server_time"].as_i64());
}

#[tokio::test]
async fn a_client_that_never_reads_is_closed_with_1013_and_delays_nobody() {
    // Ten seconds in the field; the bound is the same code.
    let config = Config { stuck: Duration::from_millis(300), ..Config::default() };
    let mut scene = scene_with(config);
    let (device, series) = scene.device(1, "shed").await;
    let served = start(&scene).await;
    let (mut stalled, mut healthy) = (open_as_admin(&served).await, open_as_admin(&served).await);
    for socket in [&mut stalled, &mut healthy] {
        next(socket).await;
        say(socket, json!({"type": "subscribe", "id": 1, "max_hz": 100})).await;
        assert_eq!(next(socket).await["type"], "snapshot");
    }
    // Rows enough to fill what the kernel buffers on both sides of a connection, some megabytes.
    let rows = |round: i64| (0..1_000).map(|row| (round * 1_000 + row, 1.0)).collect::<Vec<_>>();
    let mut received = 0;
    for round in 0..10_000 {
        if scene.state.own.sockets.too_slow.load(Ordering::Relaxed) > 0 {
            break;
        }
        let batch = scene.unstored(&device, series[0], &rows(round));
        scene.bus.publish(Arc::new(Update::Batches(vec![batch])));
        // One message a round: were it delayed by the other client, this would time out.
        let told = next(&mut healthy).await;
        assert_eq!(told["type"], "readings", "the healthy one missed something");
        received += told["rows"].as_array().unwrap().len();
    }
    assert_eq!(scene.state.own.sockets.too_slow.load(Ordering::Relaxed), 1);
    assert!(received > 10_000, "{received}");
    let end = loop {
        match tokio::time::timeout(Duration::from_secs(5), stalled.next()).await.unwrap() {
            Some(Ok(Message::Close(frame))) => break frame.map(|frame| u16::from(frame.code)),
            Some(Ok(_)) => {}
            other => panic!("closed without a word: {other:?}"),
        }
    };
    assert_eq!(end, Some(1013));
    drop(stalled);
    scene.measure(&device, series[0], &[(Clock.wall().0, 2.0)]).await;
    assert_eq!(next(&mut healthy).await["type"], "readings");
    let metrics = scene.get("/metrics").await;
    assert!(metrics.text.contains("hub_live_too_slow_total 1"), "{}", metrics.text);
}

#[tokio::test]
async fn connections_of_one_token_share_a_room_and_take_it_from_no_other() {
    let scene = scene();
    let served = start(&scene).await;
    let mut other = open_as_admin(&served).await;
    next(&mut other).await;
    let bearer = format!("Bearer {}", scene.token(Scope::Read).await);
    let (mut open_ones, mut refused) = (Vec::new(), None);
    while refused.is_none() {
        assert!(open_ones.len() < 20, "20 connections of 500 subscriptions have room");
        let mut socket = open(&served, &[("authorization", &bearer)]).await.unwrap();
        next(&mut socket).await;
        for id in 0..500 {
            let subscribe = json!({"type": "subscribe", "id": id, "device": "nobody"});
            // One that is closed takes no more.
            let _ = socket.send(Message::text(subscribe.to_string())).await;
            let answer = next(&mut socket).await;
            if answer["type"] != "snapshot" {
                refused = Some(answer);
                break;
            }
        }
        open_ones.push(socket);
    }
    assert_eq!((refused, open_ones.len() > 10), (Some(json!({"closed": 1013})), true), "{}", open_ones.len());
    say(&mut other, json!({"type": "subscribe", "id": 1})).await;
    assert_eq!(next(&mut other).await["type"], "snapshot", "another has its own");
    // Whoever unsubscribes gives back, and so does whoever goes.
    open_ones.truncate(1);
    let mut socket = open(&served, &[("authorization", &bearer)]).await.unwrap();
    next(&mut socket).await;
    say(&mut socket, json!({"type": "subscribe", "id": 1, "device": "nobody"})).await;
    assert_eq!(next(&mut socket).await["type"], "snapshot");
}

#[tokio::test]
async fn strangers_and_rule_breakers_are_closed_with_1008() {
    let scene = scene();
    let served = start(&scene).await;
    let mut stranger = open(&served, &[]).await.unwrap();
    assert_eq!(next(&mut stranger).await, json!({"closed": 1008}));
    let mut babbler = open_as_admin(&served).await;
    next(&mut babbler).await;
    say(&mut babbler, json!({"type": "sing"})).await;
    assert_eq!(next(&mut babbler).await["type"], "error");
    assert_eq!(next(&mut babbler).await, json!({"closed": 1008}));
    let sends = format!("Bearer {}", scene.token(Scope::Ingest).await);
    for (headers, status) in [
        (vec![("authorization", sends.as_str())], 403),
        (vec![("authorization", "Bearer thp_1_wrong")], 401),
        (vec![("origin", "http://evil.example")], 403),
        (vec![("host", "evil.example")], 421),
    ] {
        match open(&served, &headers).await {
            Err(Error::Http(response)) => assert_eq!(response.status().as_u16(), status),
            other => panic!("{headers:?} got {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_session_that_is_ended_ends_its_open_sockets_at_once() {
    let scene = scene();
    let served = start(&scene).await;
    let session = async |n: u8| {
        let cookie = scene.session(n).await;
        let mut socket = open(&served, &[("cookie", &cookie)]).await.unwrap();
        assert_eq!(next(&mut socket).await["type"], "hello");
        (cookie, socket)
    };
    let ((leaves, mut gone), (_, mut other)) = (session(1).await, session(2).await);
    let sign_out = request("DELETE", "/api/v1/session", "").header("cookie", leaves).body(Body::empty()).unwrap();
    assert_eq!(scene.send(sign_out).await.status, 204);
    assert_eq!(next(&mut gone).await, json!({"closed": 1008}));

    let token = mint_setup_token(&scene.store).await.unwrap().unwrap();
    let setup = json!({"setup_token": token, "password": "correct horse"});
    assert_eq!(scene.call("POST", "/api/v1/setup", &setup).await.status, 204);
    say(&mut other, json!({"type": "subscribe", "id": 1})).await;
    assert_eq!(next(&mut other).await["type"], "snapshot", "nobody else was signed out");
    let change = json!({"password": "correct horse", "new_password": "battery staple"});
    assert_eq!(scene.call("PUT", "/api/v1/password", &change).await.status, 204);
    assert_eq!(next(&mut other).await, json!({"closed": 1008}));
}

#[tokio::test]
async fn a_user_who_loses_something_is_cut_off_at_once_and_others_are_not() {
    let scene = scene();
    let served = start(&scene).await;
    let anna = scene.user("anna", Role::Operator).await;
    let admin = scene.session(1).await;
    let path = format!("/api/v1/users/usr_{anna}");
    let mut stays = open(&served, &[("cookie", &admin)]).await.unwrap();
    assert_eq!(next(&mut stays).await["type"], "hello");
    for (n, (method, path, body)) in [
        ("PATCH", path.clone(), json!({"role": "viewer"})),
        ("POST", format!("{path}/reset"), json!({})),
        ("DELETE", path, json!({})),
    ]
    .into_iter()
    .enumerate()
    {
        let hers = scene.session_of(anna, 10 + n as u32).await;
        let mut socket = open(&served, &[("cookie", &hers)]).await.unwrap();
        assert_eq!(next(&mut socket).await["type"], "hello");
        assert!(scene.by(&admin, method, &path, &body).await.status.is_success());
        assert_eq!(next(&mut socket).await, json!({"closed": 1008}), "{method} {path}");
    }
    say(&mut stays, json!({"type": "subscribe", "id": 1, "device": "*", "sensor": "*"})).await;
    assert_eq!(next(&mut stays).await["type"], "snapshot");
    served.stop.cancel();
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_its_sockets_at_once_also_one_that_never_pauses() {
    let scene = scene();
    let served = start(&scene).await;
    let token = scene.call("POST", "/api/v1/tokens", &json!({"name": "wall", "scope": "read"})).await.json();
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let mut floods = open(&served, &[("authorization", &bearer)]).await.unwrap();
    let mut other = open_as_admin(&served).await;
    assert_eq!((&next(&mut floods).await["type"], &next(&mut other).await["type"]), (&json!("hello"), &json!("hello")));
    let (mut says, mut hears) = floods.split();
    let flood = async {
        let message = json!({"type": "unsubscribe", "id": 1}).to_string();
        while says.send(Message::text(message.clone())).await.is_ok() {}
    };
    let revoke = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let path = format!("/api/v1/tokens/{}", token["id"].as_str().unwrap());
        assert_eq!(scene.call("DELETE", &path, &json!({})).await.status, 204);
        while !matches!(hears.next().await, None | Some(Ok(Message::Close(_)) | Err(_))) {}
    };
    tokio::time::timeout(Duration::from_secs(5), async { tokio::join!(flood, revoke) }).await.expect("it went on");
    say(&mut other, json!({"type": "subscribe", "id": 1})).await;
    assert_eq!(next(&mut other).await["type"], "snapshot");
}
