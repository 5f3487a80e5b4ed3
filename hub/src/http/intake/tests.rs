//! Readings that are pushed: on disk when it is said, as a whole or not at all, and by whoever may.

use axum::body::Body;
use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::http::tests::scene::{ADMIN, Answer, Scene, request, scene};
use crate::model::access::Scope;

mod influx;
mod otlp;
mod remote_write;

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

/// One request of somebody who may write, of so many devices.
fn fleet(token: &str, from: usize, devices: usize) -> axum::http::Request<Body> {
    let line = |n: usize| format!("{{\"device\":\"d{n}\",\"sensor\":\"t\",\"value\":1}}\n");
    let body: String = (from..from + devices).map(line).collect();
    let request = request("POST", "/api/v1/readings", token).header(header::CONTENT_TYPE, "application/x-ndjson");
    request.body(Body::from(body)).unwrap()
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
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::OK, json!({"stored": 3, "devices": 1, "left_out": 0, "problems": []}))
    );
    let many = json!([json, {"device": "cellar", "readings": []}, {"device": "shed", "readings": [{"sensor": "a b", "value": -1.0715086071862673e301}]}]);
    let answer = scene.push("/api/v1/readings", "application/json", many.to_string()).await;
    assert_eq!((&answer.json()["stored"], &answer.json()["devices"]), (&json!(4), &json!(2)));
    let lines = "{\"device\":\"shed\",\"sensor\":\"c\",\"value\":3}\n\n{\"device\":\"attic\",\"readings\":[{\"sensor\":\"hum\",\"value\":40}]}\n";
    let answer = scene.push("/api/v1/readings", "application/x-ndjson", lines).await;
    assert_eq!((&answer.json()["stored"], &answer.json()["devices"]), (&json!(2), &json!(2)));
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
    let outcomes = scene.state.wiring.way.desk.counters.outcomes();
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
                r#"{{"device":"d","readings":[{good},{{"sensor":"a","value":1,"unit":"furlongs per fortnight, at noon of the day"}}]}}"#
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
    for (path, kind, body, status, code) in [
        ("/api/v1/readings", "text/csv", "a", 415, "not_json"),
        ("/api/v1/readings", "application/json", "{", 400, "bad_json"),
        ("/api/v1/readings?precision=s", "application/json", "{}", 400, "invalid"),
        ("/api/v1/readings?partial=maybe", "application/json", "{}", 400, "invalid"),
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
    assert_eq!(scene.push("/write", "", vec![b'm', 0xff]).await.problem().1, json!("invalid"));
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
    let both =
        json!({"device": "shed", "readings": [{"sensor": "temp", "value": 99}, {"sensor": "noise", "value": 39}]});
    let refused = scene.call("POST", "/api/v1/readings", &both).await;
    assert_eq!(refused.problem(), (409, json!("conflict"), json!("sensor")));
    assert_eq!(scene.push("/write", "", "noise,device=shed value=40").await.status, StatusCode::NO_CONTENT);
    // Its own numbers and the hub's do not get mixed up.
    scene.measure(&shed, series[0], &[(now + 1, 21.0)]).await;
    assert_eq!(scene.newest().await, seen(&[("shed noise", 40.0), ("shed temp", 21.0)]));
    assert_eq!(scene.store.catalog().own_numbers(shed.no), &series[..]);
    scene.push("/write", "", "m,host=pest a=1").await;
    let pest = crate::access::pushed_device("pest");
    scene.call("POST", &format!("/api/v1/devices/{pest}/block"), &json!({})).await;
    let refused = scene.push("/write", "", "m,host=pest a=2").await;
    assert_eq!((refused.status, refused.json()["field"].clone()), (StatusCode::CONFLICT, json!("line 1.device")));
    // What is blocked keeps nobody else out.
    let partial = scene.push("/write", "", "m,host=pest a=2,b=2\nm,host=other a=2\ntemp,device=shed value=99").await;
    assert_eq!((partial.status, partial.json()["code"].clone()), (StatusCode::BAD_REQUEST, json!("partial")));
    let said = partial.json()["error"].as_str().unwrap().to_owned();
    assert!(said.starts_with("partial write: ") && said.contains("pest is blocked (2 readings)"), "{said}");
    assert!(said.contains("own agent") && said.ends_with("left out 3 readings, the others are stored"), "{said}");
    assert!(scene.store.catalog().device_by_name("other").is_some());
    assert!(!scene.newest().await.contains(&("shed temp".to_owned(), 99.0)));
    scene.call("POST", &format!("/api/v1/devices/{pest}/adopt"), &json!({})).await;
    assert_eq!(scene.push("/write", "", "m,host=pest a=3").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_is_new_on_a_full_hub_keeps_nothing_out_that_is_there() {
    let scene = scene();
    let token = scene.token(Scope::Ingest).await;
    assert_eq!(scene.send(fleet(&token, 0, 1)).await.status, StatusCode::OK);
    let many: String = (0..10_001).map(|n| format!("m,host=d0 f{n}=1\n")).collect();
    let push =
        request("POST", "/write", &token).body(Body::from(format!("{many}d0,host=d0 a=1\nt,host=d0 value=7"))).unwrap();
    let answer = scene.send(push).await;
    assert_eq!(
        (answer.status, answer.json()["code"].clone()),
        (StatusCode::BAD_REQUEST, json!("partial")),
        "{}",
        answer.text
    );
    assert!(answer.text.contains("left out 10002 readings"), "{}", answer.text);
    assert_eq!(scene.newest().await, seen(&[("d0 t", 7.0)]));
}

#[tokio::test]
async fn a_device_that_has_no_number_left_keeps_nobody_else_out() {
    let scene = scene();
    let token = scene.token(Scope::Ingest).await;
    let many: String = (0..4_097).map(|n| format!("m,host=full f{n}=1\n")).collect();
    let push = request("POST", "/write", &token).body(Body::from(format!("{many}m,host=b t=1\nm,host=c t=2"))).unwrap();
    let answer = scene.send(push).await;
    assert_eq!(answer.json()["code"], json!("partial"), "{}", answer.text);
    assert!(answer.text.contains("left out 4097 readings"), "{}", answer.text);
    assert_eq!(scene.newest().await, seen(&[("b m.t", 1.0), ("c m.t", 2.0)]));
}

#[tokio::test]
async fn readings_of_json_are_stored_without_those_that_are_wrong_if_that_is_asked() {
    let scene = scene();
    let path = "/api/v1/readings?partial=true";
    let body = json!([
        {"device": "a", "readings": [{"sensor": "t", "value": 1}, {"sensor": "t", "value": "x"}, {"sensor": "", "value": 1}]},
        {"device": "", "readings": [{"sensor": "t", "value": 1}]},
        {"device": "b", "readings": [{"sensor": "t", "value": 2}]},
    ]);
    let answer = scene.push(path, "application/json", body.to_string()).await;
    let said = answer.json();
    assert_eq!((&said["stored"], &said["devices"], &said["left_out"]), (&json!(2), &json!(2), &json!(3)), "{said}");
    let fields: Vec<_> = said["problems"].as_array().unwrap().iter().map(|problem| problem["field"].clone()).collect();
    assert_eq!(fields, ["[0].readings[1].value", "[0].readings[2].sensor", "[1].device"]);
    let lines = "{\"device\":\"a\",\"sensor\":\"t\",\"value\":3}\n{\"device\":\"a\"}\n{\n";
    let said = scene.push(path, "application/x-ndjson", lines).await.json();
    assert_eq!((&said["stored"], &said["left_out"]), (&json!(1), &json!(2)), "{said}");
    assert_eq!(scene.newest().await, seen(&[("a t", 3.0), ("b t", 2.0)]));
    let refused = scene.push(path, "application/x-ndjson", "{\"device\":\"a\"}\n").await;
    assert_eq!(refused.problem(), (400, json!("invalid"), json!("line 1.sensor")), "{}", refused.text);
}

#[tokio::test]
async fn spellings_of_a_unit_are_one_and_long_ones_of_real_devices_fit() {
    let scene = scene();
    for (written, kept) in
        [("\u{3bc}g/m³", "ug/m3"), ("\u{b5}g/m3", "ug/m3"), ("minutes or litres", "minutes or litres")]
    {
        let body = json!({"device": "d", "readings": [{"sensor": "t", "value": 1, "unit": written}]});
        let stored = scene.call("POST", "/api/v1/readings", &body).await;
        assert_eq!(stored.status, StatusCode::OK, "{}", stored.text);
        assert_eq!(scene.get("/api/v1/latest").await.json()["items"][0]["unit"], kept);
    }
}
