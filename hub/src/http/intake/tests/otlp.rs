//! What clients of OpenTelemetry are answered.

use super::*;

fn metrics(points: &[Value]) -> Value {
    json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "host.name", "value": {"stringValue": "pi"}}]},
        "scopeMetrics": [{"metrics": [{"name": "temperature", "unit": "Cel", "gauge": {"dataPoints": points}}]}],
    }]})
}

fn point(value: Value, at: i64) -> Value {
    json!({"timeUnixNano": format!("{at}000000"), "asDouble": value})
}

#[tokio::test]
async fn what_is_left_out_is_told_beside_what_is_stored() {
    let scene = scene();
    let now = Clock.wall().0;
    let send =
        async |points: &[Value]| scene.push("/v1/metrics", "application/json", metrics(points).to_string()).await;
    let all = send(&[point(json!(20), now - 1_000), point(json!(21.5), now)]).await;
    assert_eq!((all.status, all.json()), (StatusCode::OK, json!({"partialSuccess": null})));
    assert_eq!(scene.newest().await, seen(&[("pi temperature", 21.5)]));
    let some = send(&[point(json!(null), now), point(json!(22), now + 1), point(json!(1), now + 3_600_000)]).await;
    assert_eq!((some.status, &some.json()["partialSuccess"]["rejectedDataPoints"]), (StatusCode::OK, &json!("2")));
    let why = some.json()["partialSuccess"]["errorMessage"].as_str().unwrap().to_owned();
    assert_eq!(why, "`temperature`: NaN is no number that can be stored");
    assert_eq!(scene.newest().await, seen(&[("pi temperature", 22.0)]));
    // Of what is left out beside something else nobody is told by a client.
    let nothing = send(&[point(json!("NaN"), now)]).await;
    assert_eq!(nothing.problem(), (400, json!("invalid"), json!("dataPoints")));
    let said = nothing.json();
    assert_eq!((&said["code"], said["message"].as_str().unwrap().contains("nothing is stored")), (&json!(3), true));
    let ended = json!({"timeUnixNano": format!("{now}000000"), "flags": 1});
    assert_eq!(send(&[ended]).await.json(), json!({"partialSuccess": null}));
    let none = scene.push("/v1/metrics", "application/x-protobuf", Vec::new()).await;
    assert_eq!(
        (none.status, &*none.text, &none.headers[header::CONTENT_TYPE]),
        (StatusCode::OK, "", &"application/x-protobuf".parse().unwrap())
    );
}

#[tokio::test]
async fn refusals_are_in_the_encoding_of_the_request() {
    let scene = scene();
    let send = async |token: &str, kind: &str, body: &str| {
        let request = request("POST", "/v1/metrics", token).header(header::CONTENT_TYPE, kind);
        scene.send(request.body(Body::from(body.to_owned())).unwrap()).await
    };
    let nobody = send("thp_no", "application/json", "{}").await;
    assert_eq!((nobody.problem().0, &nobody.json()["code"]), (401, &json!(16)));
    assert!(nobody.headers.contains_key(header::WWW_AUTHENTICATE));
    let reader = scene.token(Scope::Read).await;
    let may_not = send(&reader, "application/json", "{}").await;
    assert_eq!((may_not.problem().0, &may_not.json()["code"]), (403, &json!(7)));
    for (kind, body) in [("application/json", "{"), ("application/json", "\u{7f}"), ("text/plain", "{}")] {
        let refused = send(ADMIN, kind, body).await;
        assert_eq!((refused.status.is_client_error(), &refused.json()["code"]), (true, &json!(3)), "{body}");
    }
    let broken = send(ADMIN, "application/x-protobuf", "\n\u{7f}").await;
    assert_eq!(
        (broken.status.as_u16(), &broken.headers[header::CONTENT_TYPE]),
        (400, &"application/x-protobuf".parse().unwrap())
    );
    // `code` 3, then the message.
    assert!(
        broken.text.starts_with("\u{8}\u{3}\u{12}") && broken.text.contains("not the protobuf message"),
        "{}",
        broken.text
    );
    assert_eq!(scene.call("GET", "/v1/metrics", &json!({})).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn nobody_is_told_to_wait_for_longer_than_clients_wait() {
    let scene = scene();
    let (token, now) = (scene.token(Scope::Ingest).await, Clock.wall().0);
    let send = async |from: usize| {
        let of = |n: usize| {
            let mut one = metrics(&[point(json!(1), now)])["resourceMetrics"][0].clone();
            one["resource"]["attributes"][0]["value"] = json!({"stringValue": format!("n{n}")});
            one
        };
        let body = json!({"resourceMetrics": (from..from + 900).map(of).collect::<Vec<_>>()});
        let request = request("POST", "/v1/metrics", &token).header(header::CONTENT_TYPE, "application/json");
        scene.send(request.body(body.to_string().into()).unwrap()).await
    };
    assert_eq!(send(0).await.status, StatusCode::OK);
    let again = send(900).await;
    assert_eq!((again.problem().0, again.problem().1, &again.json()["code"]), (429, json!("too_many_new"), &json!(8)));
    let wait: u32 = again.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
}
