//! Exports: every reading once, in order, in both formats; a file that is not whole says so.

use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::files::rows::ExportRow;
use crate::http::limits::{EXPORTS, EXPORTS_OF_ONE};
use crate::http::serve;
use crate::http::tests::scene::{ADMIN, Scene, request, scene};
use crate::model::UnixMillis;
use crate::model::access::Scope;
use crate::model::device::Device;
use crate::model::reading::SeriesId;
use crate::model::when::moment;

const START: i64 = 1_700_000_000_000;
/// More than a page, and more text than may be on its way.
const MANY: i64 = 24_000;

impl Scene {
    /// A device with [`MANY`] readings, one a second.
    async fn talker(&mut self, number: u8, name: &str) -> (Device, Vec<SeriesId>) {
        let (device, series) = self.device(number, name).await;
        let points: Vec<_> = (0..MANY).map(|n| (START + n * 1_000, (n % 17) as f64)).collect();
        for some in points.chunks(200) {
            self.measure(&device, series[0], some).await;
        }
        (device, series)
    }

    async fn export(&self, query: &str) -> Body {
        let path = format!("/api/v1/export?from={START}&to=now&{query}");
        let response = self.respond(request("GET", &path, ADMIN).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body()
    }
}

async fn frame(body: &mut Body) -> Option<Result<String, axum::Error>> {
    let frame = body.frame().await?;
    Some(frame.map(|frame| String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()))
}

/// What comes until the end, and whether that was the end of the file.
async fn rest(body: &mut Body) -> (String, bool) {
    let mut text = String::new();
    while let Some(next) = frame(body).await {
        let Ok(piece) = next else { return (text, false) };
        text.push_str(&piece);
    }
    (text, true)
}

#[tokio::test]
async fn an_export_holds_every_reading_of_what_is_meant_by_series_and_time() {
    let mut scene = scene();
    let (shed, shed_series) = scene.device(1, "shed").await;
    let (odd, odd_series) = scene.device(2, "a \"hot\", dry place").await;
    let (other, other_series) = scene.device(3, "zoo").await;
    for device in [&shed, &odd] {
        scene.call("PATCH", &format!("/api/v1/devices/{}", device.id), &json!({"labels": {"floor": "1"}})).await;
    }
    scene.measure(&shed, shed_series[0], &[(START + 2_000, 2.0), (START + 3_000, -0.5)]).await;
    // Late.
    scene.measure(&shed, shed_series[0], &[(START, 20.25), (START + 1_001, 1e300)]).await;
    scene.measure(&odd, odd_series[0], &[(START + 4_000, 4.0)]).await;
    scene.measure(&other, other_series[0], &[(START, 9.0)]).await;

    let range = format!("from={START}&to={}", START + 3_000);
    let csv = scene.get(&format!("/api/v1/export?{range}&device=sh*&sensor=temp")).await;
    assert_eq!(csv.headers[header::CONTENT_TYPE], "text/csv; charset=utf-8; header=present");
    assert_eq!(
        csv.headers[header::CONTENT_DISPOSITION],
        "attachment; filename=\"shed_20231114T221320Z_20231114T221323Z.csv\""
    );
    let id = shed.id;
    assert_eq!(
        csv.text,
        format!(
            "device,sensor,unit,at,value,device_name,kind\r\n\
             {id},temp,Cel,2023-11-14T22:13:20.000Z,20.25,shed,gauge\r\n\
             {id},temp,Cel,2023-11-14T22:13:21.001Z,1e+300,shed,gauge\r\n\
             {id},temp,Cel,2023-11-14T22:13:22.000Z,2.0,shed,gauge\r\n"
        )
    );

    let all = format!("from={START}&to={}&label=floor=1", START + 10_000);
    let csv = scene.get(&format!("/api/v1/export?{all}")).await;
    let quoted = format!("{},temp,Cel,2023-11-14T22:13:24.000Z,4.0,\"a \"\"hot\"\", dry place\",gauge", odd.id);
    assert_eq!(csv.text.lines().nth(1), Some(quoted.as_str()));
    assert_eq!(csv.text.lines().count(), 1 + 1 + 4);

    let ndjson = scene.get(&format!("/api/v1/export?{all}&format=ndjson")).await;
    assert_eq!(ndjson.headers[header::CONTENT_TYPE], "application/x-ndjson");
    let row = |device: &Device, at: i64, value: f64| {
        let row = ExportRow {
            device: device.id.to_string(),
            sensor: "temp".to_owned(),
            unit: "Cel".to_owned(),
            at: moment(UnixMillis(START + at)),
            value,
            device_name: device.name.clone(),
            kind: crate::http::devices::kind::Kind::Gauge,
        };
        serde_json::to_value(row).unwrap()
    };
    let expected = [
        row(&odd, 4_000, 4.0),
        row(&shed, 0, 20.25),
        row(&shed, 1_001, 1e300),
        row(&shed, 2_000, 2.0),
        row(&shed, 3_000, -0.5),
    ];
    let lines: Vec<Value> = ndjson.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, expected);

    let nothing = scene.get(&format!("/api/v1/export?{range}&device=nobody*")).await;
    assert_eq!((nothing.status, nothing.text.lines().count()), (StatusCode::OK, 1));
}

#[tokio::test]
async fn who_may_read_may_export() {
    let scene = scene();
    let reader = scene.token(Scope::Read).await;
    let asked = |token: &str| request("GET", "/api/v1/export", token).body(Body::empty()).unwrap();
    assert_eq!(scene.send(asked(&reader)).await.status, StatusCode::OK);
    assert_eq!(scene.send(asked("")).await.problem().0, 401);
}

#[tokio::test]
async fn a_file_of_many_pages_has_each_reading_once() {
    let mut scene = scene();
    scene.talker(1, "shed").await;
    let (text, is_whole) = rest(&mut scene.export("sensor=temp").await).await;
    assert!(is_whole);
    let times = text.lines().skip(1).map(|line| line.split(',').nth(3).unwrap().to_owned());
    let expected = (0..MANY).map(|n| moment(UnixMillis(START + n * 1_000)));
    assert!(times.eq(expected));
}

#[tokio::test]
async fn what_ends_before_its_end_fails_and_says_why() {
    let mut scene = scene();
    scene.talker(1, "attic").await;
    let (gone, _) = scene.talker(2, "barn").await;
    let mut csv = scene.export("format=csv").await;
    let mut ndjson = scene.export("format=ndjson").await;
    let first = [frame(&mut csv).await, frame(&mut ndjson).await];
    assert!(first.into_iter().all(|piece| piece.unwrap().unwrap().len() > 1_000));
    scene.store.delete_device(gone.id).await.unwrap();
    let (text, is_whole) = rest(&mut csv).await;
    assert!(!is_whole && text.ends_with("attic,gauge\r\n"), "a cut file looks whole");
    let (text, is_whole) = rest(&mut ndjson).await;
    assert!(!is_whole && text.ends_with("{\"error\":\"a device was removed while it was exported\"}\n"));

    // Whoever asked lost their access meanwhile.
    let reader = scene.token(Scope::Read).await;
    let asked = request("GET", &format!("/api/v1/export?from={START}&to=now"), &reader).body(Body::empty()).unwrap();
    let mut csv = scene.respond(asked).await.into_body();
    frame(&mut csv).await.unwrap().unwrap();
    assert_eq!(scene.call("DELETE", "/api/v1/tokens/tok_1", &json!({})).await.status, StatusCode::NO_CONTENT);
    assert!(!rest(&mut csv).await.1, "a file went on after its token was revoked");

    let mut csv = scene.export("").await;
    frame(&mut csv).await.unwrap().unwrap();
    scene.state.own.ongoing.closing.cancel();
    assert!(!rest(&mut csv).await.1, "a hub that stops ended the file as if it were whole");
}

#[tokio::test]
async fn there_are_so_many_exports_at_once_and_who_hangs_up_leaves_a_place() {
    let mut scene = scene();
    scene.talker(1, "shed").await;
    let mut open = Vec::new();
    for _ in 0..EXPORTS_OF_ONE {
        open.push(scene.export("").await);
    }
    let refused = scene.get("/api/v1/export").await;
    assert_eq!((refused.problem().0, refused.problem().1), (503, json!("busy")));
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    // None of those is read, and somebody else has a file all the same.
    let other = scene.token(Scope::Read).await;
    let ask = request("GET", &format!("/api/v1/export?from={START}&to=now"), &other).body(Body::empty()).unwrap();
    assert!(rest(&mut scene.respond(ask).await.into_body()).await.1, "two slow readers hold all there is");
    open.pop();
    let freed = async {
        while scene.state.own.rooms.exports.places() <= EXPORTS - EXPORTS_OF_ONE {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), freed).await.expect("written on for nobody");
    assert!(rest(&mut open.remove(0)).await.1, "the other went on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hangs_up_ends_its_export() {
    let mut scene = scene();
    // More than the kernel takes for a client that does not read: 5 MB.
    for (number, name) in [(1, "attic"), (2, "barn"), (3, "cellar")] {
        scene.talker(number, name).await;
    }
    let (listener, stop) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), CancellationToken::new());
    let at = listener.local_addr().unwrap();
    let serving = TaskTracker::new().spawn(serve(listener, scene.state.clone(), stop.clone()));
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut client = socket.connect(at).await.unwrap();
    let ask =
        format!("GET /api/v1/export?from={START} HTTP/1.1\r\nhost: {at}\r\nauthorization: Bearer {ADMIN}\r\n\r\n");
    client.write_all(ask.as_bytes()).await.unwrap();
    let mut head = [0; 15];
    client.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    let places = || scene.state.own.rooms.exports.places();
    assert_eq!(places(), EXPORTS - 1, "written without anybody who reads it");
    drop(client);
    let freed = async {
        while places() < EXPORTS {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), freed).await.expect("written on for nobody");
    stop.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_export_pauses_while_the_hub_is_pressed() {
    let mut scene = scene();
    scene.talker(1, "attic").await;
    scene.talker(2, "barn").await;
    let mut body = scene.export("").await;
    let mut text = frame(&mut body).await.unwrap().unwrap();
    scene.state.wiring.pressure.set(3);
    let refused = || scene.state.wiring.pressure.counts().find(|(what, _)| *what == "history").map(|(_, count)| count);
    while refused() == Some(0) {
        if let Ok(piece) = tokio::time::timeout(Duration::from_millis(50), frame(&mut body)).await {
            text.push_str(&piece.unwrap().unwrap());
        }
    }
    scene.state.wiring.pressure.set(0);
    let (more, is_whole) = rest(&mut body).await;
    assert!(is_whole);
    assert_eq!(text.lines().count() + more.lines().count() - 1, 2 * MANY as usize);
}

#[tokio::test]
async fn a_file_is_called_as_its_device_in_whatever_letters() {
    let scene = scene();
    scene.device(1, "Küche/Heizung").await;
    scene.device(2, "отопление").await;
    let called = async |name: &str| {
        let range = format!("from={START}&to={}", START + 3_000);
        let csv = scene.get(&format!("/api/v1/export?{range}&device={name}")).await;
        csv.headers[header::CONTENT_DISPOSITION].to_str().unwrap().to_owned()
    };
    assert_eq!(
        called("K*").await,
        "attachment; filename=\"K_che_Heizung_20231114T221320Z_20231114T221323Z.csv\"; \
         filename*=UTF-8''K%C3%BCche_Heizung_20231114T221320Z_20231114T221323Z.csv"
    );
    assert!(called("%D0%BE*").await.starts_with("attachment; filename=\"readings_2023"));
}
