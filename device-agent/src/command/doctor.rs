//! `device-agent doctor`: looks at each step a reading takes and says which one fails.

use std::time::Duration;

use device_agent::clock;
use device_agent::identity::Identity;
use device_agent::net::Net;
use device_agent::random::Random;
use device_agent::sensor::{Host, Samples};
use device_agent::status;
use device_agent::uplink::words_of;
use lexopt::{Arg, Parser};
use wire::discovery::Probe;
use wire::packet::{MAX_DATAGRAM, Packet};

use super::{Common, Failure, on_one_thread, print};

const HELP: &str = "\
Looks at each step a reading takes and says which one fails.

Usage: device-agent doctor [--hub HOST:PORT] [--state DIR] [--config FILE]

Exit code 1 if a step fails.
";
/// How long answers to a probe are waited for.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn command(mut parser: Parser) -> Result<(), Failure> {
    let mut common = Common::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => common.help = true,
            Arg::Long(option @ ("state" | "config" | "hub")) => {
                let option = option.to_owned();
                common.take(&option, &mut parser)?;
            }
            other @ (Arg::Short(_) | Arg::Long(_) | Arg::Value(_)) => return Err(other.unexpected().into()),
        }
    }
    if common.help {
        return print(HELP);
    }
    let settings = common.settings()?;
    let mut healthy = true;
    let mut step = |good: bool, text: String| {
        healthy &= good;
        print(&format!("{} {text}\n", if good { "ok  " } else { "FAIL" }))
    };

    let running = status::ask(&settings.state).ok();
    let pinned = match &running {
        Some(report) => {
            step(true, format!("an agent runs as {} and is {}", report.id, report.state))?;
            None
        }
        None => match Identity::open(&settings.state) {
            Ok(identity) => {
                step(true, format!("identity {} in {}", identity.id(), settings.state.display()))?;
                step(!identity.is_volatile(), "state folder outlives a reboot".to_owned())?;
                identity.pinned_hub().map(|pin| pin.hub)
            }
            Err(error) => {
                step(false, format!("{error}"))?;
                None
            }
        },
    };

    let mut samples = Samples::default();
    let mut host = Host::new(&settings.sensor_root, settings.skip.clone());
    host.sample(&mut samples, |_, _| {});
    let count = samples.iter().filter(|sample| !host.skips(sample.name)).count();
    step(count > 0, format!("{count} sensors give readings"))?;
    for (source, error) in host.troubles() {
        step(false, format!("source {source}: {error}"))?;
    }

    let hubs = on_one_thread(search(settings.hub.clone()))?.map_err(|error| Failure::Failed(error.to_string()))?;
    for (hub, address) in &hubs {
        let known = if pinned.as_ref() == Some(hub) { ", the one this device belongs to" } else { "" };
        step(true, format!("hub at {address}: {}{known}", words_of(hub)))?;
    }
    if hubs.is_empty() {
        let hint = match &settings.hub {
            Some(hub) => format!("no hub answers at {hub}: is it running, and does a firewall let UDP through?"),
            None => {
                "no hub answers by multicast: is it in the same network? Else name it with --hub HOST:PORT".to_owned()
            }
        };
        step(false, hint)?;
    }
    if pinned.is_some_and(|pinned| !hubs.is_empty() && hubs.iter().all(|(hub, _)| *hub != pinned)) {
        step(false, "none of them is the hub this device belongs to".to_owned())?;
    }
    if healthy { Ok(()) } else { Err(Failure::Failed("something is wrong, see above".to_owned())) }
}

async fn search(hub: Option<String>) -> std::io::Result<Vec<(wire::PublicKey, std::net::SocketAddr)>> {
    let net = Net::open(false)?;
    let nonce = Random::from_system().map_err(std::io::Error::other)?.bits().to_le_bytes();
    let probe = Probe::new(nonce).encode();
    match hub {
        Some(hub) => {
            for address in tokio::net::lookup_host(&hub).await? {
                net.send(&probe, address).await;
            }
        }
        None => net.search(&probe).await,
    }
    let mut hubs = Vec::new();
    let mut buffer = [0; MAX_DATAGRAM];
    let until = clock::now().mono + PATIENCE;
    loop {
        tokio::select! {
            received = net.receive(&mut buffer) => {
                if let Ok(Packet::Answer(answer)) = Packet::parse(buffer.get(..received.length).unwrap_or_default()) {
                    let mut address = received.from;
                    address.set_port(answer.port);
                    if answer.nonce == nonce && !hubs.iter().any(|(hub, _)| *hub == answer.key) {
                        hubs.push((answer.key, address));
                    }
                }
            }
            () = clock::sleep_until(Some(until)) => return Ok(hubs),
        }
    }
}
