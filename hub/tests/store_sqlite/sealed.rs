//! What is sealed under the secret key lies nowhere in the clear, and what is damaged opens nothing.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use telemetry_hub::model::access::Scope;
use telemetry_hub::model::device::Labels;
use telemetry_hub::model::webhook::{Fields, Headers, Template, WebhookKind, WebhookSpec};
use telemetry_hub::store::NewJoinToken;

use crate::scene::{Hub, T0};

const CREDENTIAL: &str = "Bearer tk_of_the_receiver";
const FIELD: &str = "routing_key_of_the_receiver";

#[tokio::test]
async fn url_headers_and_fields_of_a_webhook_are_nowhere_in_the_data_directory() {
    let mut hub = Hub::new().await;
    let webhook = hub.webhook().await;
    let fields = Fields([("routing_key".to_owned(), FIELD.to_owned())].into());
    let template = Template {
        content_type: Some("text/plain".to_owned()),
        body: Some(format!("a=b\\\n{CREDENTIAL}\n")),
        headers: [("X-Key".to_owned(), CREDENTIAL.to_owned())].into(),
    };
    let spec = WebhookSpec { kind: WebhookKind::PagerDuty, fields, template, ..with_credential(webhook.spec.clone()) };
    let wanted = spec.clone();
    hub.store.change_webhook(webhook.id, T0, move |_| Ok::<_, ()>(wanted)).await.unwrap().unwrap();
    hub.restart().await;
    assert_eq!(hub.store.webhook(webhook.id).await.unwrap().spec, spec);
    let printed = format!("{:?}", hub.store.webhook(webhook.id).await);
    assert!(!printed.contains(CREDENTIAL) && !printed.contains(FIELD), "not by Debug either: {printed}");
    hub.store.clone().close().await.unwrap();
    assert!([CREDENTIAL, FIELD, "example.org"].iter().all(|text| !any_file_has(hub.dir.path(), text)));
}

#[tokio::test]
async fn what_an_older_hub_kept_plain_is_sealed_when_it_is_opened() {
    for url in ["https://example.org/hook", ""] {
        plain_is_sealed(url).await;
    }
}

async fn plain_is_sealed(url: &str) {
    let mut hub = Hub::new().await;
    let webhook = hub.webhook().await;
    hub.store.clone().close().await.unwrap();
    let conn = Connection::open(hub.dir.path().join("telemetry.db")).unwrap();
    let plain = format!("Authorization={CREDENTIAL}\n");
    conn.execute("UPDATE webhook SET headers = ?1, headers_sealed = NULL", [plain]).unwrap();
    if !url.is_empty() {
        conn.execute("UPDATE webhook SET url = ?1, url_sealed = NULL", [url]).unwrap();
    }
    drop(conn);
    hub.restart().await;
    let read = hub.store.webhook(webhook.id).await.unwrap();
    assert_eq!(read.spec, with_credential(webhook.spec));
    let conn = Connection::open(hub.dir.path().join("telemetry.db")).unwrap();
    let left: String = conn.query_row("SELECT headers || url FROM webhook", [], |row| row.get(0)).unwrap();
    assert_eq!(left, "");
    drop(conn);
    hub.store.clone().close().await.unwrap();
    let is_left = |text| any_file_has(hub.dir.path(), text);
    assert!(!is_left(CREDENTIAL) && !is_left("example.org"), "what was there before is overwritten");
}

fn with_credential(spec: WebhookSpec) -> WebhookSpec {
    WebhookSpec { headers: Headers(vec![("Authorization".to_owned(), CREDENTIAL.to_owned())]), ..spec }
}

fn any_file_has(dir: &Path, text: &str) -> bool {
    fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        path.is_file() && fs::read(path).unwrap().windows(text.len()).any(|bytes| bytes == text.as_bytes())
    })
}

#[tokio::test]
async fn keys_of_join_tokens_and_secrets_of_second_factors_lie_sealed() {
    let mut hub = Hub::new().await;
    let (name, expires_at) = ("north".to_owned(), T0.plus(3_600_000));
    let token = NewJoinToken { psk: [5; 32], name, uses: 2, labels: Labels::new(), expires_at };
    hub.store.create_join_token(token, T0).await.unwrap();
    let admin = hub.store.set_first_password("one".to_owned(), T0).await.unwrap().id;
    hub.store.prepare_second_factor(admin, vec![0x5a; 20]).await.unwrap();
    hub.restart().await;
    let file = fs::read(hub.dir.path().join("telemetry.db")).unwrap();
    assert!(!file.windows(32).any(|bytes| bytes == [5; 32]), "the key lies in the file in the clear");
    assert!(!file.windows(20).any(|bytes| bytes == [0x5a; 20]), "the secret lies in the file in the clear");
}

#[tokio::test]
async fn a_token_whose_labels_are_damaged_opens_nothing() {
    let hub = Hub::new().await;
    let labels = Labels::from([("site".to_owned(), "south\n=1".to_owned()), ("floor".to_owned(), String::new())]);
    let limited = hub.store.create_token("wall".to_owned(), Scope::Read, labels, [7; 32], None, T0).await.unwrap();
    let path = hub.dir.path().join("telemetry.db");
    for damaged in ["site", "site=south", "site=south\nfloor"] {
        let file = Connection::open(&path).unwrap();
        file.execute("UPDATE token SET labels = ?1 WHERE id = ?2", (damaged, limited.id as i64)).unwrap();
        drop(file);
        assert!(hub.store.token(limited.id).is_err(), "{damaged:?}");
    }
}
