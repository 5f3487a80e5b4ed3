//! What senders of remote write are answered.

use super::*;

/// A field with a text or a message.
fn field(tag: u8, inside: &[u8]) -> Vec<u8> {
    [&[tag << 3 | 2, u8::try_from(inside.len()).unwrap()], inside].concat()
}

fn series(instance: &str, name: &str, value: f64, at: i64) -> Vec<u8> {
    let label = |name: &str, value: &str| field(1, &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat());
    let labels = [label("__name__", name), label("instance", instance), label("job", "node")].concat();
    let mut sample = [&[0x09][..], &value.to_le_bytes(), &[0x10]].concat();
    let mut rest = at.unsigned_abs();
    while rest > 0x7f {
        sample.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    sample.push(rest as u8);
    field(1, &[labels, field(2, &sample)].concat())
}

impl Scene {
    async fn write(&self, kind: &str, coding: &str, plain: &[u8]) -> Answer {
        let request = request("POST", "/api/v1/write", ADMIN).header(header::CONTENT_TYPE, kind);
        let body = snap::raw::Encoder::new().compress_vec(plain).unwrap();
        self.send(request.header(header::CONTENT_ENCODING, coding).body(body.into()).unwrap()).await
    }
}

#[tokio::test]
async fn samples_are_on_disk_when_it_is_said_and_wrong_ones_are_told() {
    let scene = scene();
    let now = Clock.wall().0;
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let good = [
        series("pi:9100", "load", 1.5, now),
        series("pi:9100", "gone", stale, now),
        series("pi:9100", "none", f64::NAN, now),
    ]
    .concat();
    let written =
        |answer: &Answer| answer.headers["x-prometheus-remote-write-samples-written"].to_str().unwrap().to_owned();
    for _ in 0..2 {
        let answer = scene.write("application/x-protobuf", "snappy", &good).await;
        assert_eq!((answer.status, &*written(&answer)), (StatusCode::NO_CONTENT, "3"), "{}", answer.text);
    }
    assert_eq!(scene.newest().await, seen(&[("node/pi:9100 load", 1.5)]));
    // Out of order, and one from the future.
    let some = [series("pi:9100", "load", 9.0, now + 3_600_000), series("pi:9100", "load", 1.0, now - 60_000)].concat();
    let answer = scene.write("application/x-protobuf;proto=prometheus.WriteRequest", "SNAPPY", &some).await;
    assert_eq!((answer.problem().0, answer.problem().1, &*written(&answer)), (400, json!("partial"), "1"));
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("`load`: ") && detail.ends_with("left out 1 sample, the others are stored"), "{detail}");
    let count = scene.get("/api/v1/query?device=node*&points=1&from=now-1h&to=now%2B5m").await.json();
    assert_eq!(count["series"][0]["count"], json!([2]), "{count}");
}

#[tokio::test]
async fn what_is_no_remote_write_is_refused() {
    let scene = scene();
    for kind in ["application/json", "application/x-protobuf;proto=other.Request", ""] {
        assert_eq!(scene.write(kind, "snappy", b"").await.problem().0, 415, "{kind}");
    }
    let v2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    assert_eq!(scene.write(v2, "snappy", b"").await.status, StatusCode::NO_CONTENT);
    assert_eq!(scene.write(v2, "zstd", b"").await.problem(), (415, json!("encoding"), Value::Null));
    assert_eq!(scene.write(v2, "gzip", b"").await.problem().0, 400);
    assert_eq!(
        scene.write(v2, "snappy", &field(5, &[0x0a, 1, 9])).await.problem(),
        (400, json!("invalid"), json!("body"))
    );
}

/// Of so many targets, a sample each.
fn targets(from: usize, count: usize, at: i64) -> Vec<u8> {
    (from..from + count).flat_map(|n| series(&format!("n{n}"), "up", 1.0, at)).collect()
}

#[tokio::test]
async fn who_makes_too_much_at_once_comes_again_and_what_is_there_goes_on() {
    let scene = scene();
    let (token, now) = (scene.token(Scope::Ingest).await, Clock.wall().0);
    let send = async |body: Vec<u8>| {
        let request = request("POST", "/api/v1/write", &token).header(header::CONTENT_TYPE, "application/x-protobuf");
        scene.send(request.body(body.into()).unwrap()).await
    };
    assert_eq!(send(targets(0, 900, now)).await.status, StatusCode::NO_CONTENT);
    // Prometheus drops what is answered with 429.
    let again = send(targets(900, 900, now)).await;
    assert_eq!((again.problem().0, again.problem().1), (503, json!("too_many_new")), "{}", again.text);
    assert!(again.headers.contains_key(header::RETRY_AFTER));
    assert_eq!(send(targets(0, 900, now + 1)).await.status, StatusCode::NO_CONTENT);
}
