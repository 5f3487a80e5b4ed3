//! P2: whatever the network does to datagrams, each reading is stored once.
//!
//! A fleet of the agent's own code sends through a proxy that loses, doubles, reorders and damages datagrams both ways.
//! The same is done in virtual time, thousands of times over, by `tests/sim`; here with the sockets of the programs.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use telemetry_hub::clock::Clock;

use crate::dice::Dice;
use crate::soak;
use crate::support::fleet::Fleet;
use crate::support::{HubProcess, eventually};

/// Of a hundred datagrams: lost, doubled, damaged.
const LOST: u64 = 30;
const DOUBLED: u64 = 20;
const DAMAGED: u64 = 1;
/// Datagrams that one may be behind.
const DEPTH: usize = 64;

#[test]
fn through_a_network_that_loses_doubles_reorders_and_damages_each_reading_is_stored_once() {
    let seed = std::env::var("CHAOS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let (seconds, enough) = if soak() { (1_200, 50_000_000) } else { (11, 500_000) };
    let hub = HubProcess::start("token");
    let token = hub.join_token(40);
    let proxy = Proxy::start(&hub, seed);
    let (duration, seed_is) = (format!("{seconds}s"), seed.to_string());
    let args =
        ["--devices", "40", "--sensors", "50", "--interval", "20ms", "--duration", &duration, "--seed", &seed_is];
    let mut fleet = Fleet::start(proxy.address, &token, &args);
    eventually("the fleet has joined", Duration::from_secs(20), || {
        (hub.get("/api/v1/hub")["devices"]["online"] == 40).then_some(())
    });
    proxy.bad.store(true, Ordering::Relaxed);
    // The fleet ends 30 s after its last reading. A batch whose five tries in that time are all lost, one of thirty that are
    // the last of a device, is no mistake of anybody's, nor is a device that lost its hub and is in a pause of ten seconds:
    // at the end the network is good again, for twice as long.
    let good_again = Clock.now() + Duration::from_secs(seconds + 10);
    while !fleet.is_over() {
        proxy.bad.fetch_and(Clock.now() < good_again, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(100));
    }
    let (whole, said) = fleet.outcome(Duration::from_secs(1));
    let number = |name: &str| said[name].as_u64().unwrap();
    let metrics = hub.request("GET", "/metrics", None).unwrap().1;
    let dropped: Vec<&str> = metrics.lines().filter(|line| is_drop(line)).collect();
    assert!(whole, "seed {seed}: {said}; the hub dropped {dropped:?}");
    assert!(number("sent") > enough, "hardly anything was sent: {said}");
    let figures = proxy.figures();
    // What the fleet dropped for want of room may have been stored before its acknowledgement was lost.
    let stored = hub.count();
    assert!(
        (number("acked")..=number("sent")).contains(&stored),
        "seed {seed}: {stored} stored of {said}; {figures:?}"
    );
    assert!(number("dropped") > 0 || stored == number("sent"), "seed {seed}: {stored} stored of {said}");
    // How many datagrams there were depends on how much of the machine this had; of each kind there were some.
    assert!(figures.iter().all(|count| *count > 30), "the network was kind: {figures:?}");
    eprintln!(
        "{stored} readings stored of {} sent, {} dropped; lost, doubled, damaged: {figures:?}",
        number("sent"),
        number("dropped")
    );
}

/// Whether a line of the metrics counts datagrams that were dropped.
fn is_drop(line: &str) -> bool {
    line.starts_with("hub_udp_dropped_total") && !line.ends_with(" 0")
}

/// A bad network between a fleet and a hub.
struct Proxy {
    address: SocketAddr,
    /// Until then it is a good one: joining through loss is `tests/sim`'s, and takes its time by design.
    bad: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    done: Arc<[AtomicU64; 3]>,
}

impl Proxy {
    fn start(hub: &HubProcess, seed: u64) -> Self {
        let (front, back) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let address = front.local_addr().unwrap();
        back.connect(hub.udp).unwrap();
        let client = Arc::new(std::sync::Mutex::new(None));
        let (stop, done) = (Arc::<AtomicBool>::default(), Arc::<[AtomicU64; 3]>::default());
        let bad = Arc::<AtomicBool>::default();
        for socket in [&front, &back] {
            socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        }
        {
            let (front, back) = (front.try_clone().unwrap(), back.try_clone().unwrap());
            let (client, stop, done) = (Arc::clone(&client), Arc::clone(&stop), Arc::clone(&done));
            let bad = Arc::clone(&bad);
            std::thread::spawn(move || {
                spoil(
                    seed,
                    (&stop, &bad),
                    &done,
                    |buffer| {
                        let (size, from) = front.recv_from(buffer).ok()?;
                        *client.lock().unwrap() = Some(from);
                        Some(size)
                    },
                    |datagram| drop(back.send(datagram)),
                );
            });
        }
        {
            let (stop, done, bad) = (Arc::clone(&stop), Arc::clone(&done), Arc::clone(&bad));
            std::thread::spawn(move || {
                spoil(
                    seed + 1,
                    (&stop, &bad),
                    &done,
                    |buffer| back.recv(buffer).ok(),
                    |datagram| {
                        if let Some(to) = *client.lock().unwrap() {
                            let _ = front.send_to(datagram, to);
                        }
                    },
                );
            });
        }
        Self { address, bad, stop, done }
    }

    fn figures(&self) -> [u64; 3] {
        [0, 1, 2].map(|n| self.done[n].load(Ordering::Relaxed))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Passes datagrams on, badly.
fn spoil(
    seed: u64,
    (stop, bad): (&AtomicBool, &AtomicBool),
    done: &[AtomicU64; 3],
    mut receive: impl FnMut(&mut [u8]) -> Option<usize>,
    send: impl Fn(&[u8]),
) {
    let mut dice = Dice::new(seed);
    let mut held: Vec<Vec<u8>> = Vec::new();
    let mut buffer = [0; 2_048];
    let count = |n: usize| done[n].fetch_add(1, Ordering::Relaxed);
    while !stop.load(Ordering::Relaxed) {
        if let Some(size) = receive(&mut buffer) {
            if !bad.load(Ordering::Relaxed) {
                send(&buffer[..size]);
                continue;
            }
            if dice.below(100) < LOST {
                count(0);
                continue;
            }
            let mut datagram = buffer[..size].to_vec();
            if dice.below(100) < DAMAGED {
                count(2);
                datagram[dice.below(size as u64) as usize] ^= 1 << dice.below(8);
            }
            if dice.below(100) < DOUBLED {
                count(1);
                held.push(datagram.clone());
            }
            held.push(datagram);
        } else {
            // Quiet: what waits goes on its way, so that an exchange of one question does not hang.
            held.drain(..).for_each(|datagram| send(&datagram));
        }
        while held.len() > dice.below(DEPTH as u64) as usize {
            let next = dice.below(held.len() as u64) as usize;
            send(&held.swap_remove(next));
        }
    }
}
