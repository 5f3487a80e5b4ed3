//! A small program around the store, for tests that run it a hundred times on a failing disk: this test binary itself,
//! started anew with the name of one ignored test.
//!
//! It prints `acked N` for each batch that the store said is on disk. It ends with 1 and a text on stderr when the store
//! cannot go on, as a hub would.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use telemetry_hub::model::UnixMillis;
use telemetry_hub::model::device::{Introduction, NewDevice};
use telemetry_hub::model::reading::{Batch, BatchId};
use telemetry_hub::model::{BatchSeq, Epoch, Lane, PublicKey, SensorKind, SensorNo, SensorSpec};
use telemetry_hub::store::{Commit, Error};
use wire::Reading;
use wire::batch::{BatchBuilder, MAX_BODY};

use crate::disk::Disk;
use crate::ledger::open;
use crate::support::device::READINGS;

pub(crate) const START: i64 = 1_700_000_000_000;
/// Batches it commits, one after the other.
const BATCHES: u64 = 40;

/// Runs the driver on a disk to its end.
pub(crate) fn run(disk: &Disk) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "driver::commits_batches_one_by_one", "--nocapture", "--test-threads=1"])
        .env("FAULTY_DRIVER", &disk.root)
        .env("RUST_BACKTRACE", "0")
        .envs(disk.environment())
        .output()
        .unwrap()
}

/// Batches that the driver was told are on disk.
pub(crate) fn acked(output: &Output) -> Vec<u64> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.split("acked ").nth(1)?.trim().parse().ok()).collect()
}

#[test]
#[ignore = "a program that other tests start"]
fn commits_batches_one_by_one() {
    let Some(dir) = std::env::var_os("FAULTY_DRIVER").map(PathBuf::from) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    if let Err(error) = runtime.block_on(drive(&dir)) {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

async fn drive(dir: &Path) -> Result<(), Error> {
    let store = open(dir)?;
    let new = NewDevice {
        key: PublicKey([7; 32]),
        introduction: Introduction { name: "ledger".to_owned(), ..Introduction::default() },
        address: None,
        handshake_counter: 1,
        join_token: None,
        at: UnixMillis(START),
    };
    let device = store.adopt(new).await?;
    let spec = SensorSpec { name: "ledger".to_owned(), unit: String::new(), kind: SensorKind::Gauge, interval_ms: 0 };
    let series = store.register_sensors(device.no, SensorNo(0), vec![spec]).await?;
    for seq in 0..BATCHES {
        let mut builder = BatchBuilder::new(MAX_BODY);
        let mut batch = Batch {
            id: BatchId { device: device.no, epoch: Epoch(1), seq: BatchSeq(seq) },
            lane: Lane::Live,
            received_at: UnixMillis(START),
            payload: Vec::new(),
            series: Vec::new(),
            at: Vec::new(),
            value: Vec::new(),
        };
        for nth in seq * READINGS..(seq + 1) * READINGS {
            let (at, value) = (UnixMillis(START + nth as i64), (nth % 1_000) as f64 / 10.0);
            assert!(builder.push(&Reading { sensor: SensorNo(0), at, value }));
            batch.series.push(series[0]);
            batch.at.push(at);
            batch.value.push(value);
        }
        batch.payload = builder.finish();
        loop {
            let commit = Commit { batches: vec![batch.clone()], ..Commit::default() };
            match store.commit(commit).await {
                Ok(_) => break println!("acked {seq}"),
                // As ingest does, in less time.
                Err(Error::Full) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                Err(error) => return Err(error),
            }
        }
        if seq == BATCHES / 2 {
            match store.make_blocks().await {
                Ok(()) | Err(Error::Full) => {}
                Err(error) => return Err(error),
            }
        }
    }
    store.close().await?;
    Ok(())
}
