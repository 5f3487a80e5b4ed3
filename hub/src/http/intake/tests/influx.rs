//! On the paths that clients of InfluxDB know: what is stored, and what they are told of the rest.

use super::*;

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

#[tokio::test]
async fn good_lines_are_stored_and_each_version_of_influxdb_tells_of_the_others() {
    let scene = scene();
    let second = Clock.wall().0 / 1_000;
    let late = second + 400;
    let text = |n: u32| {
        format!(
            "m,host=h{n} a=1 {second}\nm,host=h{n} a=1,b=NaN {second}\n\nm,host=h{n} a= {second}\nm,host=h{n} a=2 {late}\nm,host=h{n} c=3 {second}"
        )
    };
    for (n, path) in
        [(1, "/write?precision=s"), (2, "/api/v2/write?precision=s"), (3, "/api/v3/write_lp?precision=second")]
    {
        let answer = scene.push(path, "text/plain", text(n)).await;
        let told = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
        assert_eq!((answer.status, told("content-type")), (StatusCode::BAD_REQUEST, "application/json".to_owned()));
        assert_eq!(told("x-readings-stored"), "2");
        let said = answer.json();
        if n == 3 {
            assert_eq!(
                said["error"],
                "partial write of line protocol occurred: left out 3 of 5 lines, the others are stored"
            );
            let lines: Vec<_> =
                said["data"].as_array().unwrap().iter().map(|line| line["line_number"].clone()).collect();
            assert_eq!(lines, [2, 4, 5]);
            assert_eq!(said["data"][0]["original_line"], format!("m,host=h3 a=1,b=NaN {second}"));
        } else {
            let error = said["error"].as_str().unwrap();
            assert!(error.starts_with("partial write: line 2, column 17: `NaN` is not a value"), "{error}");
            assert!(error.ends_with("left out 3 of 5 lines, the others are stored"), "{error}");
            assert!(error.contains("precision=s is in force: is that right?"), "{error}");
            assert_eq!((&said["message"], &said["field"]), (&said["error"], &json!("line 2")));
        }
    }
    let expected: Vec<_> = (1..=3).flat_map(|n| [(format!("h{n} m.a"), 1.0), (format!("h{n} m.c"), 3.0)]).collect();
    assert_eq!(scene.newest().await, expected);
    let left_out: Vec<_> = scene.state.wiring.way.desk.counters.what_was_left_out().collect();
    assert_eq!(left_out, [("invalid", 9), ("not_taken", 0), ("replaced", 0)]);
    // Nothing good in it, or all or nothing asked for.
    let long = "x".repeat(65);
    let (distant, written) = (late * 1_000_000_000, scene.newest().await.len());
    for line in ["m", "m a=nan", "m a=1 1", &format!("m a=1 {distant}"), &format!("m,host={long} a=1")] {
        let answer = scene.push("/write", "", format!("# none\n{line}")).await;
        let said = answer.json();
        assert_eq!((answer.status, &said["field"]), (StatusCode::BAD_REQUEST, &json!("line 2")), "{line}");
        let error = said["error"].as_str().unwrap();
        assert!(error.starts_with("unable to parse: ") && error.ends_with("nothing is stored"), "{error}");
    }
    let answer = scene.push("/api/v3/write_lp?accept_partial=false&no_sync=true", "", "m z=1\nm z=x").await;
    let error = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(answer.status == 400 && error.starts_with("parsing failed for write_lp endpoint"), "{error}");
    assert_eq!(scene.newest().await.len(), written, "nothing of those was taken");
    // By the size of the number where version 3 says nothing.
    for unit in [1, 1_000, 1_000_000, 1_000_000_000] {
        let answer = scene.push("/api/v3/write_lp?db=any", "", format!("auto v=1 {}", second * unit)).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text);
    }
}

#[tokio::test]
async fn a_line_that_is_no_text_costs_no_other_and_what_becomes_of_every_request_is_counted() {
    let scene = scene();
    for path in ["/write", "/api/v2/write", "/api/v3/write_lp"] {
        let answer = scene.push(path, "", &b"m,host=a f=1\nm,host=\xff f=1\nm,host=b f=1"[..]).await;
        let stored = answer.headers["x-readings-stored"].to_str().unwrap().to_owned();
        assert_eq!((answer.status, stored), (StatusCode::BAD_REQUEST, "2".to_owned()), "{}", answer.text);
        assert!(answer.text.contains("left out 1 of 3 lines, the others are stored"), "{}", answer.text);
        assert!(answer.text.contains("this is not UTF-8"), "{}", answer.text);
    }
    // Lines of one request that say no time are of one moment, as in InfluxDB: the last counts.
    let answer = scene.push("/write", "", "m,host=c f=1\nm,host=c f=2\nm,host=c f=3").await;
    let stored = answer.headers["x-readings-stored"].to_str().unwrap().to_owned();
    assert_eq!((answer.status, stored), (StatusCode::NO_CONTENT, "1".to_owned()));
    assert!(scene.newest().await.contains(&("c m.f".to_owned(), 3.0)));
    let pest = crate::access::pushed_device("c");
    scene.call("POST", &format!("/api/v1/devices/{pest}/block"), &json!({})).await;
    let answer = scene.push("/write", "", "m,host=c f=1\nm f=x").await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.text);
    assert!(answer.text.contains("1 of 2 lines cannot be read: line 2, column 5"), "{}", answer.text);
    assert_eq!(scene.push("/write?precision=fortnight", "", "m f=1").await.status, StatusCode::BAD_REQUEST);
    let answer = scene.push("/write", "", "m f=x").await;
    assert!(answer.text.contains("left out 1 of 1 line, nothing"), "{}", answer.text);
    let counters = &scene.state.wiring.way.desk.counters;
    assert_eq!(counters.what_was_left_out().map(|(_, count)| count).collect::<Vec<_>>(), [4, 0, 2]);
    let outcomes: Vec<_> = counters.outcomes().filter(|(_, count)| *count > 0).collect();
    assert_eq!(outcomes, [("stored", 4), ("invalid", 2), ("not_taken", 1)]);
    assert_eq!(counters.readings(), 7);
}

#[tokio::test]
async fn on_the_paths_of_influxdb_every_refusal_is_plain_json_without_a_time_to_come_again() {
    let scene = scene();
    let token = scene.token(Scope::Ingest).await;
    scene.send(fleet(&token, 0, 1_000)).await;
    let write = |token: &str, path: &str, body: &'static str| {
        scene.send(request("POST", path, token).body(Body::from(body)).unwrap())
    };
    for path in ["/write", "/api/v2/write", "/api/v3/write_lp"] {
        let too_fast = write(&token, path, "m,host=new1 a=1\nm,host=new2 a=1\nm,host=new3 a=1").await;
        let nobody = write("", path, "m a=1").await;
        let method = scene.get(path).await;
        let coded = request("POST", path, ADMIN).header(header::CONTENT_ENCODING, "zstd");
        let coded = scene.send(coded.body(Body::from("m a=1")).unwrap()).await;
        for (answer, status) in [(too_fast, 429), (nobody, 401), (method, 405), (coded, 415)] {
            assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text);
            assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
            assert!(!answer.headers.contains_key(header::RETRY_AFTER));
            let said = answer.json();
            assert!(said["message"] == said["error"] && said["message"].as_str().unwrap().len() > 10, "{said}");
        }
        for coding in ["Identity", "GZIP"] {
            let coded = request("POST", path, ADMIN).header(header::CONTENT_ENCODING, coding);
            let answer = scene.send(coded.body(Body::from("m a=1")).unwrap()).await;
            assert_ne!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn clients_of_influxdb_1_find_the_database_that_they_ask_for() {
    let scene = scene();
    let form = "application/x-www-form-urlencoded";
    let created = scene.push("/query", form, "q=CREATE+DATABASE+%22telegraf%22").await;
    assert_eq!(
        (created.status, created.json()),
        (StatusCode::OK, json!({"results": [{"statement_id": 0, "series": []}]}))
    );
    assert_eq!(scene.push("/query?q=create%20database%20x", "", "").await.status, StatusCode::OK);
    let listed = scene.get("/query?db=x&q=SHOW%20DATABASES;").await;
    assert_eq!(listed.json()["results"][0]["series"][0]["values"], json!([["telemetry-hub"]]));
    for (path, body) in [("/query", "q=SELECT+1"), ("/query", ""), ("/query?q=DROP%20DATABASE%20x", "")] {
        let refused = scene.push(path, form, body).await;
        assert_eq!((refused.status, refused.json()["field"].clone()), (StatusCode::BAD_REQUEST, json!("q")));
    }
    let health = scene.send(request("GET", "/health", "").body(Body::empty()).unwrap()).await;
    assert_eq!((&health.json()["name"], &health.json()["status"]), (&json!("influxdb"), &json!("pass")));
}
