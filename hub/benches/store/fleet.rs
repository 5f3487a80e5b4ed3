//! The default fleet, that of every figure quoted for other stores: devices x 10 sensors, values as real sensors give
//! them (slow, quantised, counters, states), every 10 s with a few milliseconds of jitter.

use std::time::{SystemTime, UNIX_EPOCH};

use telemetry_hub::model::device::{DeviceNo, Introduction, NewDevice};
use telemetry_hub::model::reading::{Batch, BatchId, SeriesId};
use telemetry_hub::model::{BatchSeq, Epoch, Lane, PublicKey, SensorKind, SensorNo, SensorSpec, UnixMillis};
use telemetry_hub::store::Store;
use wire::Reading;
use wire::batch::{BatchBuilder, MAX_BODY};

pub(crate) const SENSORS: usize = 10;
pub(crate) const INTERVAL: i64 = 10_000;

pub(crate) struct Device {
    pub(crate) no: DeviceNo,
    pub(crate) series: Vec<SeriesId>,
    seq: u64,
    noise: u64,
    /// Slow values and counters, as integers over their resolution.
    state: [i64; SENSORS],
}

/// Adopts a fleet and registers its sensors.
pub(crate) async fn adopt(store: &Store, devices: usize) -> Vec<Device> {
    let mut fleet = Vec::with_capacity(devices);
    for n in 0..devices {
        fleet.push(Device::adopt(store, n).await);
    }
    fleet
}

/// The same fleet for a store of another kind: series are numbered through.
pub(crate) fn offline(devices: usize) -> Vec<Device> {
    let series = |n: usize| (0..SENSORS).map(|sensor| SeriesId((n * SENSORS + sensor) as u32)).collect();
    (0..devices).map(|n| Device::new(DeviceNo(n as u32 + 1), series(n), n)).collect()
}

impl Device {
    async fn adopt(store: &Store, n: usize) -> Self {
        let mut key = [7; 32];
        key[..8].copy_from_slice(&(n as u64).to_le_bytes());
        let device = NewDevice {
            key: PublicKey(key),
            introduction: Introduction { name: format!("node-{n}"), ..Introduction::default() },
            address: None,
            at: UnixMillis(0),
            join_token: None,
            handshake_counter: 1,
        };
        let no = store.adopt(device).await.unwrap().no;
        let names = ["temp", "hum", "press", "co2", "lux", "bat", "rssi", "door", "packets", "energy"];
        let sensor = |(n, name): (usize, &str)| SensorSpec {
            name: name.to_owned(),
            unit: String::new(),
            kind: if n >= 8 { SensorKind::Counter } else { SensorKind::Gauge },
            interval_ms: INTERVAL as u32,
        };
        let sensors = names.into_iter().enumerate().map(sensor).collect();
        let series = store.register_sensors(no, SensorNo(0), sensors).await.unwrap();
        Self::new(no, series, n)
    }

    fn new(no: DeviceNo, series: Vec<SeriesId>, n: usize) -> Self {
        let mut noise = (n as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let state = [215, 90, 10_132, 600, 300, 3_700, -60, 0, 0, 0].map(|usual| usual + (next(&mut noise) % 7) as i64);
        Self { no, series, seq: 0, noise, state: [&state[..7], &[0, 0, 0]].concat().try_into().unwrap() }
    }

    /// `samples` samples from tick `tick` on.
    pub(crate) fn batch(&mut self, t0: UnixMillis, tick: i64, samples: usize) -> Batch {
        let mut builder = BatchBuilder::new(MAX_BODY);
        let count = samples * SENSORS;
        let mut batch = Batch {
            id: BatchId { device: self.no, epoch: Epoch(1), seq: BatchSeq(self.seq) },
            lane: Lane::Live,
            received_at: UnixMillis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64),
            payload: Vec::new(),
            series: Vec::with_capacity(count),
            at: Vec::with_capacity(count),
            value: Vec::with_capacity(count),
        };
        self.seq += 1;
        let phase = i64::from(self.no.0) * 7_919 % INTERVAL;
        for n in 0..samples as i64 {
            let at = t0.plus((tick + n) * INTERVAL + phase + (next(&mut self.noise) % 10) as i64);
            self.step();
            for (sensor, value) in self.values().into_iter().enumerate() {
                assert!(builder.push(&Reading { sensor: SensorNo(sensor as u16), at, value }));
                batch.series.push(self.series[sensor]);
                batch.at.push(at);
                batch.value.push(value);
            }
        }
        batch.payload = builder.finish();
        batch
    }

    /// Ten seconds pass: slow things move by one step now and then, counters grow.
    fn step(&mut self) {
        // Chance of a step in 256, by sensor: 0.1 C every two minutes, pressure and humidity alike, light and radio more.
        const MOVES: [u64; 7] = [24, 20, 28, 96, 64, 4, 110];
        for (sensor, chance) in MOVES.into_iter().enumerate() {
            let noise = next(&mut self.noise);
            if noise % 256 < chance {
                let size = if sensor == 3 || sensor == 4 { 1 + (noise >> 20) as i64 % 4 } else { 1 };
                self.state[sensor] += if noise & 0x1000 == 0 { size } else { -size };
            }
        }
        let noise = next(&mut self.noise);
        if noise % 256 < 1 {
            self.state[7] ^= 1;
        }
        self.state[8] += 10 + (noise >> 10) as i64 % 3;
        self.state[9] += 4 + i64::from((noise >> 30) & 3 == 0);
    }

    fn values(&self) -> [f64; SENSORS] {
        let mut values = self.state.map(|state| state as f64);
        values[0] /= 10.0;
        values[1] /= 2.0;
        values[2] /= 10.0;
        values
    }
}

fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}
