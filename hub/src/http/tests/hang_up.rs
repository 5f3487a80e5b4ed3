//! Who hangs up stops the work that was done for them.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::scene::{ADMIN, Scene, scene};
use crate::clock::Clock;
use crate::http::serve;

async fn until_reads_are(scene: &Scene, count: usize, limit: Duration) -> bool {
    let waited = async {
        while scene.store.stats().reads != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(limit, waited).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hangs_up_frees_its_reader() {
    let mut scene = scene();
    let (device, series) = scene.device(1, "shed").await;
    let start = Clock.wall().0 - 250_000_000;
    for batch in 0..1_000 {
        let points: Vec<_> = (0..200).map(|n| (start + (batch * 200 + n) * 1_000, (n % 17) as f64)).collect();
        scene.measure(&device, series[0], &points).await;
    }
    let (listener, stop) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), CancellationToken::new());
    let at = listener.local_addr().unwrap();
    let serving = TaskTracker::new().spawn(serve(listener, scene.state.clone(), stop.clone()));

    // Many seconds of work: each of fifty queries sorts through all readings ten times.
    let agg: Vec<String> = (1..=10).map(|n| format!("p{n}")).collect();
    let query = json!({"sensor": ["temp"], "from": start, "points": 2, "agg": agg});
    let body = json!({"queries": vec![query; 50]}).to_string();
    let head = format!(
        "POST /api/v1/query HTTP/1.1\r\nhost: {at}\r\nauthorization: Bearer {ADMIN}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut client = TcpStream::connect(at).await.unwrap();
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(body.as_bytes()).await.unwrap();
    assert!(until_reads_are(&scene, 1, Duration::from_secs(5)).await, "the query never ran");
    drop(client);
    assert!(until_reads_are(&scene, 0, Duration::from_secs(3)).await, "the query went on for nobody");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(scene.store.stats().reads, 0, "the next query of the request began");
    stop.cancel();
    serving.await.unwrap().unwrap();
}
