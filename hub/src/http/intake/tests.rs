//! Readings that are pushed: on disk when it is said, as a whole or not at all, and by whoever may.

use axum::body::Body;
use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::http::tests::scene::{ADMIN, Answer, Scene, request, scene};
use crate::model::access::Scope;

impl Scene {
    async fn push(&self, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
        let request = request("POST", path, ADMIN).header(header::CONTENT_TYPE, kind);
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Names and values of what came last.
    async fn newest(&self) -> Vec<(String, f64)> {
        let latest = self.get("/api/v1/latest").await.json();
        let devices = self.get("/api/v1/devices").await.json();
        let name = |id: &Value| {
            let all = devices["items"].as_array().unwrap();
            all.iter().find(|device| device["id"] == *id).unwrap()["name"].as_str().unwrap().to_owned()
        };
        let items = latest["items"].as_array().unwrap();
        let row = |item: &Value| {
            let sensor = item["sensor"].as_str().unwrap();
            (format!("{} {sensor}", name(&item["device"])), item["value"].as_f64().unwrap())
        };
        items.iter().map(row).collect()
    }
}

fn seen(rows: &[(&str, f64)]) -> Vec<(String, f64)> {
    rows.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

#[tokio::test]
async fn no_device_is_called_like_the_id_of_one_and_an_id_means_its_device() {
    let scene = scene();
    let (attic, _) = scene.device(1, "attic").await;
    let (cellar, _) = scene.device(2, "cellar").await;
    let readings = |device: &str| json!({"device": device, "readings": [{"sensor": "extra", "value": 40}]});
    let sent = scene.call("POST", "/api/v1/readings", &readings(&attic.id.to_string())).await;
    assert_eq!((sent.status, scene.newest().await), (StatusCode::OK, seen(&[("attic extra", 40.0)])));
    let nobody = crate::model::DeviceId::from_bytes([9; 16]).to_string();
    let refused = scene.call("POST", "/api/v1/readings", &readings(&nobody)).await;
    assert_eq!((refused.problem().0, refused.problem().2), (400, json!("device")), "{}", refused.text);
    for name in [attic.id.to_string(), nobody.to_lowercase()] {
        let renamed = scene.call("PATCH", &format!("/api/v1/devices/{}", cellar.id), &json!({"name": name})).await;
        assert_eq!((renamed.problem().0, renamed.problem().2), (400, json!("name")), "{}", renamed.text);
    }
}

#[tokio::test]
async fn what_is_pushed_is_there_when_it_is_said_and_its_device_is_online() {
    let scene = scene();
    let now = Clock.wall().0;
    let json = json!({"device": "attic", "readings": [
        {"sensor": "temp", "value": 21, "unit": "Cel", "at": now - 1_000},
        {"sensor": "temp", "value": 22.5, "at": now},
        {"sensor": "door", "value": true, "at": "now-1s"},
    ]});
    let answer = scene.push("/api/v1/readings", "application/json", json.to_string()).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"stored": 3, "devices": 1})));
    let many = json!([json, {"device": "cellar", "readings": []}, {"device": "shed", "readings": [{"sensor": "a b", "value": -1.0715086071862673e301}]}]);
    let answer = scene.push("/api/v1/readings", "application/json", many.to_string()).await;
    assert_eq!(answer.json(), json!({"stored": 4, "devices": 2}));
    let lines = "{\"device\":\"shed\",\"sensor\":\"c\",\"value\":3}\n\n{\"device\":\"attic\",\"readings\":[{\"sensor\":\"hum\",\"value\":40}]}\n";
    let answer = scene.push("/api/v1/readings", "application/x-ndjson", lines).await;
    assert_eq!(answer.json(), json!({"stored": 2, "devices": 2}));
    let expected = [
        ("attic door", 1.0),
        ("attic hum", 40.0),
        ("attic temp", 22.5),
        ("shed a b", -1.071_508_607_186_267_3e301),
        ("shed c", 3.0),
    ];
    assert_eq!(scene.newest().await, seen(&expected));
    // What came twice is there once.
    let range = format!("from={}&to={}", now - 10_000, now + 10_000);
    let page = scene.get(&format!("/api/v1/readings?device=attic&sensor=temp&{range}")).await.json();
    assert_eq!(page["items"], json!([[now - 1_000, 21.0], [now, 22.5]]));
    let devices = scene.get("/api/v1/devices?status=online").await.json();
    let attic = &devices["items"][0];
    let about = json!([attic["name"], attic["words"], attic["link"], attic["address"], attic["sensors"]]);
    assert_eq!(about, json!(["attic", [], null, "192.168.0.5", 3]));
}

#[tokio::test]
async fn points_of_the_line_protocol_are_readings_of_their_hosts() {
    let scene = scene();
    let second = Clock.wall().0 / 1_000;
    let text = format!(
        "cpu,host=web01,cpu=cpu0 usage=3.5,model=\"x\",up=t {second}\n# a comment\nmem,host=web01 used=41i {second}\nweather temp=1 {second}"
    );
    for path in ["/write?db=any&precision=s", "/api/v2/write?org=o&bucket=b&precision=s"] {
        let answer = scene.push(path, "text/plain; charset=utf-8", text.clone()).await;
        let told = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
        assert_eq!(
            (answer.status, told("x-readings-stored"), told("x-values-skipped")),
            (StatusCode::NO_CONTENT, "4".to_owned(), "1".to_owned())
        );
    }
    let expected = [
        ("weather temp", 1.0),
        ("web01 cpu.up{cpu=cpu0}", 1.0),
        ("web01 cpu.usage{cpu=cpu0}", 3.5),
        ("web01 mem.used", 41.0),
    ];
    assert_eq!(scene.newest().await, seen(&expected));
    // Another name for people is no other device.
    let id = crate::access::pushed_device("web01").to_string();
    let renamed = scene.call("PATCH", &format!("/api/v1/devices/{id}"), &json!({"name": "Web server"})).await;
    assert_eq!(renamed.status, StatusCode::OK, "{}", renamed.text);
    for name in ["web01", "Web\\ server"] {
        let answer = scene.push("/write", "", format!("mem,host={name} used=7")).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text);
    }
    assert!(scene.newest().await.contains(&("Web server mem.used".to_owned(), 7.0)));
    assert_eq!(scene.get("/api/v1/devices").await.json()["items"].as_array().unwrap().len(), 2);
}

/// One request of somebody who may write, of so many devices.
fn fleet(token: &str, from: usize, devices: usize) -> axum::http::Request<Body> {
    let line = |n: usize| format!("{{\"device\":\"d{n}\",\"sensor\":\"t\",\"value\":1}}\n");
    let body: String = (from..from + devices).map(line).collect();
    let request = request("POST", "/api/v1/readings", token).header(header::CONTENT_TYPE, "application/x-ndjson");
    request.body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn one_request_does_not_make_all_the_devices_there_can_be() {
    let scene = scene();
    let token = scene.token(Scope::Write).await;
    let refused = scene.send(fleet(&token, 0, 1_001)).await;
    assert_eq!((refused.problem().0, refused.problem().1), (413, json!("too_many_new")));
    assert!(refused.text.contains("telemetry-hub import"), "{}", refused.text);
    assert_eq!(scene.store.catalog().device_count(), 0, "nothing of it");
    assert_eq!(scene.send(fleet(&token, 0, 1_000)).await.status, StatusCode::OK);
    let refused = scene.send(fleet(&token, 1_000, 10)).await;
    assert_eq!((refused.problem().0, refused.problem().1), (429, json!("too_many_new")));
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    // What exists goes on, and an admin brings a whole fleet.
    assert_eq!(scene.send(fleet(&token, 0, 1_000)).await.status, StatusCode::OK);
    assert_eq!(scene.send(fleet(ADMIN, 1_000, 1_500)).await.status, StatusCode::OK);
    let outcomes = scene.state.wiring.desk.counters.outcomes();
    assert_eq!(outcomes.filter(|(name, _)| *name == "too_many_new").map(|(_, count)| count).sum::<u64>(), 2);
}

/// Bodies of which one byte comes, announced and not, by everybody who may write; and one that comes.
#[tokio::test]
async fn bodies_that_do_not_come_keep_nobody_out() {
    use futures_util::StreamExt as _;
    let scene = scene();
    let mut stuck = Vec::new();
    for n in 0..16 {
        let length = (n % 2 == 0).then(|| (8 << 20).to_string());
        let first = futures_util::stream::once(async { Ok::<_, std::io::Error>(bytes::Bytes::from_static(b" ")) });
        let never = Body::from_stream(first.chain(futures_util::stream::pending()));
        let mut ask = request("POST", "/api/v1/readings", ADMIN).header(header::CONTENT_TYPE, "application/json");
        if let Some(length) = length {
            ask = ask.header(header::CONTENT_LENGTH, length);
        }
        stuck.push(Box::pin(scene.send(ask.body(never).unwrap())));
    }
    let mut stuck = std::pin::pin!(futures_util::future::join_all(stuck));
    let push =
        scene.push("/api/v1/readings", "application/json", r#"{"device":"d","readings":[{"sensor":"a","value":1}]}"#);
    tokio::select! {
        biased;
        _ = stuck.as_mut() => panic!("they ended"),
        answer = push => assert_eq!(answer.status, StatusCode::OK, "{}", answer.text),
    }
}

#[tokio::test]
async fn a_request_with_anything_wrong_is_refused_as_a_whole_and_says_where() {
    let scene = scene();
    let now = Clock.wall().0;
    let good = r#"{"sensor":"a","value":1}"#;
    let future = now + 400_000;
    let cases = [
        (format!(r#"{{"device":"d","readings":[{good},{{"sensor":"a"}}]}}"#), "readings[1].value"),
        (format!(r#"{{"device":"d","readings":[{good},{{"sensor":"a","value":"x"}}]}}"#), "readings[1].value"),
        (format!(r#"{{"device":"d","readings":[{good},{{"sensor":"a","value":null}}]}}"#), "readings[1].value"),
        (format!(r#"{{"device":"d","readings":[{good},{{"sensor":"","value":1}}]}}"#), "readings[1].sensor"),
        (format!(r#"{{"device":"d","readings":[{good},{{"sensor":"a","value":1,"at":{future}}}]}}"#), "readings[1].at"),
        (
            format!(r#"{{"device":"d","readings":[{good},{{"sensor":"a","value":1,"at":1700000000}}]}}"#),
            "readings[1].at",
        ),
        (format!(r#"{{"device":"d","readings":[{good},{{"sensor":"a","value":1,"at":"noon"}}]}}"#), "readings[1].at"),
        (
            format!(
                r#"{{"device":"d","readings":[{good},{{"sensor":"a","value":1,"unit":"furlongs per fortnight"}}]}}"#
            ),
            "readings[1].unit",
        ),
        (format!(r#"{{"device":"","readings":[{good}]}}"#), "device"),
        (format!(r#"{{"readings":[{good}]}}"#), "device"),
        (
            format!(
                r#"[{{"device":"d","readings":[{good}]}},{{"device":"d","readings":[{{"sensor":"a","value":1,"at":1}}]}}]"#
            ),
            "[1].readings[0].at",
        ),
    ];
    for (body, field) in cases {
        let answer = scene.push("/api/v1/readings", "application/json", body.clone()).await;
        assert_eq!(answer.problem(), (400, json!("invalid"), json!(field)), "{body}: {}", answer.text);
    }
    let line = r#"{"device":"d","sensor":"a","value":1}"#;
    for (second, field) in [
        (r#"{"device":"d","sensor":"a"}"#, "line 2.value"),
        (r#"{"device":"d","value":1}"#, "line 2.sensor"),
        (r#"{"device":"d","sensor":"a","value":1,"readings":[]}"#, "line 2.readings"),
        (r#"{"device":"d","sensor":"a","value":1,"quality":"good"}"#, "line 2.quality"),
    ] {
        let answer = scene.push("/api/v1/readings", "application/x-ndjson", format!("{line}\n{second}\n{line}")).await;
        assert_eq!(answer.problem(), (400, json!("invalid"), json!(field)), "{second}: {}", answer.text);
    }
    let long = "x".repeat(65);
    for line in ["m", "m a=nan", "m a=1 1", &format!("m a=1 {future}000000"), &format!("m,host={long} a=1")] {
        let answer = scene.push("/write", "", format!("m a=1\n{line}")).await;
        assert_eq!(answer.problem(), (400, json!("invalid"), json!("line 2")), "{line}: {}", answer.text);
        assert_eq!(answer.json()["message"], answer.json()["detail"]);
    }
    for (path, kind, body, status, code) in [
        ("/api/v1/readings", "text/csv", "a", 415, "not_json"),
        ("/api/v1/readings", "application/json", "{", 400, "bad_json"),
        ("/api/v1/readings?precision=s", "application/json", "{}", 400, "invalid"),
        ("/write?precision=fortnight", "", "m a=1", 400, "invalid"),
        ("/write?bukket=b", "", "m a=1", 400, "invalid"),
        ("/write?u=me&p=secret", "", "m a=1", 400, "invalid"),
    ] {
        let answer = scene.push(path, kind, body).await;
        let (is, named, _) = answer.problem();
        assert_eq!((is, named), (status, json!(code)), "{path}: {}", answer.text);
    }
    let many = "m a=1\n".repeat(200_001);
    assert_eq!(scene.push("/write", "", many).await.problem().0, 413);
    assert_eq!(scene.push("/write", "", vec![b'#'; (8 << 20) + 1]).await.problem().0, 413);
    assert_eq!(scene.push("/write", "", vec![b'm', 0xff]).await.problem().1, json!("not_text"));
    let zipped = request("POST", "/write", ADMIN).header(header::CONTENT_ENCODING, "zstd");
    assert_eq!(scene.send(zipped.body(Body::from("m a=1")).unwrap()).await.problem().0, 415);
    assert!(scene.newest().await.is_empty() && scene.store.catalog().device_count() == 0, "nothing of it was taken");
}

#[tokio::test]
async fn a_token_that_may_write_is_what_it_takes_however_a_client_sends_it() {
    let scene = scene();
    let (read, write) = (scene.token(Scope::Read).await, scene.token(Scope::Write).await);
    let basic = |token: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("me:{token}"));
    for (authorization, status) in [
        (format!("Bearer {write}"), 204),
        (format!("Token {write}"), 204),
        (format!("Basic {}", basic(&write)), 204),
        (format!("Token {read}"), 403),
        (format!("Basic {}", basic("thp_1_00")), 401),
        ("Basic ***".to_owned(), 401),
        ("Digest x".to_owned(), 401),
        (String::new(), 401),
    ] {
        let mut request = request("POST", "/api/v2/write", "");
        if !authorization.is_empty() {
            request = request.header(header::AUTHORIZATION, &authorization);
        }
        let answer = scene.send(request.body(Body::from("m a=1")).unwrap()).await;
        assert_eq!(answer.status.as_u16(), status, "{authorization}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_devices_own_sensors_are_its_own_and_a_blocked_device_is_heard_no_more() {
    let mut scene = scene();
    let (shed, series) = scene.device(1, "shed").await;
    let now = Clock.wall().0;
    scene.measure(&shed, series[0], &[(now, 20.0)]).await;
    let refused = scene.push("/write", "", "temp,device=shed value=99\nnoise,device=shed value=40").await;
    assert_eq!(refused.problem(), (409, json!("conflict"), json!("sensor")));
    assert_eq!(scene.push("/write", "", "noise,device=shed value=40").await.status, StatusCode::NO_CONTENT);
    // Its own numbers and the hub's do not get mixed up.
    scene.measure(&shed, series[0], &[(now + 1, 21.0)]).await;
    assert_eq!(scene.newest().await, seen(&[("shed noise", 40.0), ("shed temp", 21.0)]));
    assert_eq!(scene.store.catalog().own_numbers(shed.no), &series[..]);
    scene.push("/write", "", "m,host=pest a=1").await;
    let pest = crate::access::pushed_device("pest");
    scene.call("POST", &format!("/api/v1/devices/{pest}/block"), &json!({})).await;
    let refused = scene.push("/write", "", "m,host=pest a=2\nm,host=other a=2").await;
    assert_eq!(refused.problem(), (409, json!("conflict"), json!("line 1.device")));
    assert!(scene.store.catalog().device_by_name("other").is_none());
    scene.call("POST", &format!("/api/v1/devices/{pest}/adopt"), &json!({})).await;
    assert_eq!(scene.push("/write", "", "m,host=pest a=3").await.status, StatusCode::NO_CONTENT);
}
