//! History comes in as it went out, in any packing, and says what is wrong with it.

use std::io::{Read as _, Write as _};

use axum::body::Body;
use axum::http::{StatusCode, header};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::http::tests::scene::{ADMIN, Answer, Scene, request, scene};
use crate::model::access::Scope;
use crate::model::device::DevicePatch;

const START: i64 = 1_700_000_000_000;
const RANGE: &str = "from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z";

impl Scene {
    /// The whole of it as a file.
    async fn whole(&self, format: &str) -> String {
        let answer = self.get(&format!("/api/v1/export?format={format}&{RANGE}")).await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.text
    }

    async fn import(&self, query: &str, kind: &str, body: impl Into<Body>) -> Answer {
        let request = request("POST", &format!("/api/v1/import?{query}"), ADMIN).header(header::CONTENT_TYPE, kind);
        self.send(request.body(body.into()).unwrap()).await
    }
}

/// A scene with devices and names of all kinds, and more readings than a part of an import.
async fn full() -> Scene {
    let mut scene = scene();
    let (shed, series) = scene.device(1, "=shed, \"the\" old").await;
    let (attic, _) = scene.device(2, "attic").await;
    scene
        .store
        .patch_device(
            attic.id,
            DevicePatch { name: Some("'attic".to_owned()), ..DevicePatch::default() },
            attic.first_seen,
        )
        .await
        .unwrap();
    for some in (0..2_000).collect::<Vec<i64>>().chunks(100) {
        let points: Vec<_> = some.iter().map(|n| (START + n * 1_000, *n as f64 / 7.0)).collect();
        scene.measure(&shed, series[0], &points).await;
    }
    let pushed = json!([
        {"device": "web01", "readings": [{"sensor": "+3.3V", "value": 3.29, "unit": "V", "at": START}, {"sensor": "a,b{c=\"d\"}", "value": -0.0, "at": START + 1}]},
        {"device": "'attic", "readings": [{"sensor": "@x", "value": 1e-300, "at": START}]},
    ]);
    let pushed = scene.call("POST", "/api/v1/readings", &pushed).await;
    assert_eq!(pushed.status, StatusCode::OK, "{}", pushed.text);
    scene
}

#[tokio::test]
async fn what_was_exported_comes_back_the_same_into_another_hub() {
    let from = full().await;
    for (format, kind) in [("csv", "text/csv"), ("ndjson", "application/x-ndjson")] {
        let file = from.whole(format).await;
        let to = scene();
        let asked = to.import("dry_run=true", kind, file.clone()).await.json();
        let (readings, devices) = (2_003, json!(["'attic", "=shed, \"the\" old", "web01"]));
        assert_eq!(
            (&asked["readings"], &asked["new_devices"], &asked["errors"]),
            (&json!(readings), &devices, &json!([]))
        );
        assert_eq!(to.store.catalog().device_count(), 0, "it was only asked");
        for again in [false, true] {
            let done = to.import("", kind, file.clone()).await;
            assert_eq!(done.status, StatusCode::OK, "{}", done.text);
            let done = done.json();
            assert_eq!((&done["readings"], &done["devices"]), (&json!(readings), &devices));
            assert_eq!(done["new_devices"], if again { json!([]) } else { devices.clone() });
            assert_eq!(
                (&done["from"], &done["to"]),
                (&json!("2023-11-14T22:13:20.000Z"), &json!("2023-11-14T22:46:39.000Z"))
            );
            assert!(to.whole(format).await == file, "{format}, again: {again}");
        }
        // A device that was imported is who it was: its agent is known when it comes, with the same history.
        let shed = to.device(1, "shed").await.0;
        assert_eq!((&*shed.name, to.store.catalog().device_count(), shed.has_key()), ("=shed, \"the\" old", 3, true));
        assert!(to.whole(format).await == file);
    }
}

#[tokio::test]
async fn files_are_packed_both_ways_where_that_is_said() {
    let from = full().await;
    let file = from.whole("csv").await;
    let ask = request("GET", &format!("/api/v1/export?{RANGE}"), ADMIN);
    let packed = from.respond(ask.header(header::ACCEPT_ENCODING, "br, gzip;q=0.8").body(Body::empty()).unwrap()).await;
    assert_eq!(
        (&packed.headers()[header::CONTENT_ENCODING], &packed.headers()[header::VARY]),
        (&"gzip".parse().unwrap(), &"accept-encoding".parse().unwrap())
    );
    let packed = packed.into_body().collect().await.unwrap().to_bytes();
    let mut plain = String::new();
    GzDecoder::new(&*packed).read_to_string(&mut plain).unwrap();
    assert!(plain == file && packed.len() < file.len() / 3, "{} of {}", packed.len(), file.len());
    for refused in ["identity", "gzip;q=0", "*;q=0"] {
        let ask = request("GET", &format!("/api/v1/export?{RANGE}"), ADMIN).header(header::ACCEPT_ENCODING, refused);
        assert!(from.send(ask.body(Body::empty()).unwrap()).await.text == file, "{refused}");
    }
    let import = async |to: &Scene, packed: Vec<u8>| {
        let request = request("POST", "/api/v1/import?format=csv", ADMIN).header(header::CONTENT_ENCODING, "gzip");
        to.send(request.body(Body::from(packed)).unwrap()).await
    };
    let to = scene();
    assert_eq!(import(&to, packed.to_vec()).await.json()["readings"], 2_003);
    assert!(to.whole("csv").await == file);
    let cut = import(&scene(), packed[..packed.len() - 9].to_vec()).await;
    assert_eq!(cut.problem().1, json!("cut"), "{}", cut.text);
    // What unpacks to a line without end is no file.
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    bomb.write_all(&vec![b'x'; 20 << 20]).unwrap();
    let bomb = import(&scene(), bomb.finish().unwrap()).await;
    assert!(bomb.problem().1 == json!("cut") && bomb.text.contains("a line is longer"), "{}", bomb.text);
}

#[tokio::test]
async fn a_wrong_line_ends_an_import_and_a_dry_run_names_them_all() {
    let scene = scene();
    let row = |n: i64, value: &str| format!("attic,temp,{},{value}\n", START + n);
    let mut file = "device,sensor,at,value\n".to_owned();
    // More than a part before the first wrong line.
    (0..160_000).for_each(|n| file += &row(n, "1"));
    file += &row(160_000, "warm");
    (0..30).for_each(|n| file += &row(n, "hot"));
    let asked = scene.import("dry_run=true&first_line=1000", "text/csv", file.clone()).await.json();
    assert_eq!(
        (&asked["readings"], asked["errors"].as_array().unwrap().len(), &asked["more_errors"]),
        (&json!(160_000), 20, &json!(11))
    );
    let first = json!({"line": 161_001, "field": "value", "detail": "`warm` is not a number"});
    assert_eq!((&asked["errors"][0], &asked["lines"]), (&first, &json!(160_032)));
    let deeds = async || scene.get("/api/v1/audit").await.json()["items"].clone();
    assert_eq!(deeds().await, json!([]), "what changes nothing is no deed");
    let ended = scene.import("", "text/csv", file).await;
    assert_eq!((&deeds().await[0]["action"], deeds().await.as_array().unwrap().len()), (&json!("import.began"), 1));
    assert_eq!(ended.problem(), (400, json!("invalid"), json!("line 160002.value")), "{}", ended.text);
    let stored = scene.get(&format!("/api/v1/query?device=*&sensor=*&{RANGE}&points=1")).await.json();
    let count = stored["series"][0]["count"][0].as_u64().unwrap();
    // All parts before it are stored, and it says so.
    assert!(count > 0 && ended.text.contains(&format!("stored up to line {}", count + 1)), "{count}: {}", ended.text);
    let nothing = scene.import("", "text/csv", "device,sensor\n").await;
    assert!(nothing.text.contains("nothing of it is stored"), "{}", nothing.text);
    for (query, kind, status, field) in [
        ("", "text/plain", 415, Value::Null),
        ("format=xml", "text/csv", 400, json!("format")),
        ("dry_run=perhaps", "text/csv", 400, json!("dry_run")),
        ("dryrun=true", "text/csv", 400, json!("dryrun")),
    ] {
        let answer = scene.import(query, kind, "x").await;
        let (is, _, named) = answer.problem();
        assert_eq!((is, named), (status, field), "{query} {kind}");
    }
    let write = scene.token(Scope::Write).await;
    let answer = scene.send(request("POST", "/api/v1/import?format=csv", &write).body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "history of any device is the admin's");
}
