//! What happens in one run, all of it from one number.

use std::time::Duration;

use device_agent::random::Random;
use wire::handshake::JoinToken;

/// A mistake put in on purpose, to see that the simulation would find it. All of them live in the test's own wrappers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The hub acknowledges what it has, not what it has on disk.
    AckBeforeCommit,
    /// The hub starts with empty receive windows.
    WindowForgotten,
    /// The mark read back at a start is one too high.
    MarkOffByOne,
    /// A captured datagram works again.
    Replays,
    /// A batch that the disk refused is not let in again.
    RefusalForgotten,
    /// The device forgets a batch when it has sent it.
    TrimOnSend,
    /// The device does not take back what was in flight when it lost the hub.
    NoRewind,
    /// A report of the ledger that comes again is counted again.
    ReportsRepeated,
    /// The device numbers its batches from 0 at a boot without counting the boot.
    EpochReused,
    /// The device sends what waited before what is live, with all of its budget.
    BacklogFirst,
}

impl Bug {
    pub const ALL: [Self; 10] = [
        Self::AckBeforeCommit,
        Self::WindowForgotten,
        Self::MarkOffByOne,
        Self::Replays,
        Self::RefusalForgotten,
        Self::TrimOnSend,
        Self::NoRewind,
        Self::ReportsRepeated,
        Self::EpochReused,
        Self::BacklogFirst,
    ];
}

/// How bad the network is. Shares are of datagrams.
#[derive(Debug, Clone, Default)]
pub struct Weather {
    pub loss: f64,
    /// How often a burst begins; in a burst nearly everything is lost.
    pub burst: f64,
    pub duplicate: f64,
    pub late: f64,
    /// One bit is turned over.
    pub corrupt: f64,
    /// A copy comes again seconds later: a replay.
    pub replay: f64,
    pub delay: Duration,
    pub jitter: Duration,
}

/// Something bad, and until when where that matters.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The hub's process dies and comes back after this time.
    HubRestart(Duration),
    /// Nothing passes between the hub and this device (or any, if there is no such device).
    Partition(usize, Duration),
    /// The device starts again and has its spool.
    Reboot(usize),
    /// The device starts again and has lost it.
    PowerCut(usize),
    /// The device has another address from here on.
    Roam(usize),
    /// The disk refuses everything for this long.
    DiskFull(Duration),
    /// Commits take seconds for this long.
    DiskSlow(Duration),
}

/// One run.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub bug: Option<Bug>,
    pub devices: usize,
    /// Time between a device's readings.
    pub interval: Duration,
    /// Batches that wait in the spool at the start.
    pub backlog: usize,
    pub max_in_flight: u32,
    /// Bytes a spool may hold.
    pub memory: usize,
    pub token: bool,
    /// Longest time of a commit.
    pub commit: Duration,
    pub weather: Weather,
    pub faults: Vec<(Duration, Fault)>,
    /// Faults end here.
    pub calm_at: Duration,
}

impl Plan {
    /// How long the spools may take to drain once it is calm: the backlog goes out in at most half of the credit, and each
    /// round takes a round trip and two commits.
    pub fn patience(&self) -> Duration {
        let round = (self.weather.delay + self.weather.jitter + self.commit) * 2;
        Duration::from_secs(30) + round * (2 * self.backlog as u32 / (self.max_in_flight / 2))
    }
}

pub fn token() -> JoinToken {
    JoinToken::new(7, [5; 16])
}

impl Plan {
    pub fn new(seed: u64, bug: Option<Bug>) -> Self {
        let mut random = Random::new(seed);
        let ms = Duration::from_millis;
        let mut pick = |low: u64, high: u64| low + random.bits() % (high - low + 1);
        let devices = [1, 2, 3, 5, 12][pick(0, 4) as usize];
        let calm_at = Duration::from_secs(pick(15, 90));
        let share = |n: u64| n as f64 / 100.0;
        let weather = Weather {
            loss: share([0, 1, 5, 15, 30, 50][pick(0, 5) as usize]),
            burst: share([0, 0, 1, 3][pick(0, 3) as usize]),
            duplicate: share([0, 2, 20][pick(0, 2) as usize]),
            late: share([0, 5, 20][pick(0, 2) as usize]),
            corrupt: share([0, 0, 1][pick(0, 2) as usize]),
            replay: share([0, 1, 5][pick(0, 2) as usize]),
            delay: ms([0, 1, 10, 60][pick(0, 3) as usize]),
            jitter: ms([0, 1, 20, 80][pick(0, 3) as usize]),
        };
        let mut faults = Vec::new();
        for _ in 0..pick(0, 6) {
            let at = ms(pick(500, calm_at.as_millis() as u64 - 1_000));
            let device = pick(0, devices as u64) as usize;
            let one = device % devices;
            faults.push((
                at,
                match pick(0, 9) {
                    0..=2 => Fault::HubRestart(ms([0, 50, 1_000, 8_000][pick(0, 3) as usize])),
                    3 | 4 => Fault::Partition(device, ms(pick(200, 20_000))),
                    5 => Fault::Reboot(one),
                    6 => Fault::PowerCut(one),
                    7 => Fault::Roam(one),
                    8 => Fault::DiskSlow(ms(pick(500, 10_000))),
                    _ => Fault::DiskFull(ms(pick(100, 6_000))),
                },
            ));
        }
        faults.sort_by_key(|(at, _)| *at);
        Self {
            seed,
            bug,
            devices,
            interval: ms([200, 500, 1_000][pick(0, 2) as usize]),
            backlog: [0, 0, 50, 300][pick(0, 3) as usize],
            max_in_flight: [4, 16, 64, 256][pick(0, 3) as usize] as u32,
            memory: if pick(0, 9) == 0 { 8 << 10 } else { 4 << 20 },
            token: pick(0, 1) == 0,
            commit: ms([5, 50, 200][pick(0, 2) as usize]),
            weather,
            faults,
            calm_at,
        }
    }
}
