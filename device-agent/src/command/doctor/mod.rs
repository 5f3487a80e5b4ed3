//! `device-agent doctor`: looks at each step a reading takes and says which one fails.

mod rungs;

use device_agent::clock;
use device_agent::identity::{Identity, Pin};
use device_agent::sensor::{Host, Samples};
use device_agent::status;
use device_agent::uplink::words_of;
use lexopt::{Arg, Parser};

use rungs::{Found, climb};

use super::{Common, Failure, on_one_thread, print};

const HELP: &str = "\
Looks at each step a reading takes and says which one fails.

Usage: device-agent doctor [--hub HOST:PORT] [--state DIR] [--config FILE]

Every way by which an agent finds its hub is told with its result and the one command that would change it: the last known
hub, --hub, well-known names, multicast over IPv4 and over IPv6, broadcast. One that is reached is enough.
Exit code 1 if a step fails. It may run beside the agent.
";

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
                identity.pinned_hub()
            }
            Err(error) => {
                step(false, format!("{error}"))?;
                None
            }
        },
    };

    let mut samples = Samples::default();
    let mut host = Host::new(&settings.sensor_root, settings.skip.clone()).including(settings.include.clone());
    host.look(clock::now(), &mut samples, |_, _| {});
    let count = samples.iter().filter(|sample| !host.skips(sample.name)).count();
    step(count > 0, format!("{count} sensors give readings"))?;
    for trouble in host.troubles() {
        step(false, format!("source {}: {}", trouble.source, trouble.error))?;
    }

    if clock::now().unix < wire::UnixMillis(1_704_067_200_000) {
        step(false, "this machine's clock is not set; fix: sudo timedatectl set-ntp true".to_owned())?;
    }
    if let Some(offset) = running.as_ref().and_then(|report| report.clock_offset_ms).filter(|ms| ms.abs() > 60_000) {
        let text =
            format!("this clock and the hub's are {} s apart; fix: sudo timedatectl set-ntp true", offset / 1_000);
        step(false, text)?;
    }
    if let Some(report) = &running {
        for trouble in report.failing.iter().filter(|trouble| host.troubles().all(|seen| seen.source != trouble.source))
        {
            step(false, format!("source {}: {}", trouble.source, trouble.error))?;
        }
        // Without readings to send there is nothing more to look at.
        let hint = match report.state.as_str() {
            "pending" => Some(
                "a hub waits for you to adopt this device; fix: adopt it on the hub's page, or telemetry-hub join-token create --uses 1",
            ),
            "handshaking" => Some(
                "a hub was found and does not answer the handshake: closed to joins, or the token is spent; fix: telemetry-hub join-token create --uses 1",
            ),
            _ => None,
        };
        if let Some(hint) = hint {
            step(false, hint.to_owned())?;
        }
    }

    // The rungs by which an agent finds its hub. One that is reached is enough.
    let in_use = running.as_ref().and_then(|report| report.hub.as_ref()?.parse().ok());
    let last_known = pinned.as_ref().and_then(|pin| pin.address).or(in_use);
    let rungs = on_one_thread(climb(settings.hub, settings.hub_names, last_known))?;
    let rungs = rungs.map_err(|error| Failure::Failed(format!("cannot open a UDP socket: {error}")))?;
    let reached = rungs.iter().any(|rung| !rung.hubs.is_empty());
    for rung in &rungs {
        for Found { hub, address, accepting } in &rung.hubs {
            let known = if pinned.as_ref().is_some_and(|pin| pin.hub == *hub) { ", this device's own" } else { "" };
            step(true, format!("{}: hub at {address}: {}{known}", rung.name, words_of(hub)))?;
            if !accepting && running.is_none() && pinned.is_none() {
                let text =
                    format!("the hub at {address} is closed to joins; fix: telemetry-hub join-token create --uses 1");
                step(false, text)?;
            }
        }
        if rung.hubs.is_empty() {
            let text = format!("{}: {}; fix: {}", rung.name, rung.why, rung.fix);
            if reached || rung.is_optional { print(&format!("none {text}\n"))? } else { step(false, text)? }
        }
    }
    if !reached && rungs.iter().all(|rung| rung.is_optional) {
        step(false, "no way to a hub: this machine has no network that is up; fix: ip -brief address".to_owned())?;
    }
    let foreign = |pin: &Pin| reached && rungs.iter().flat_map(|rung| &rung.hubs).all(|found| found.hub != pin.hub);
    if pinned.as_ref().is_some_and(foreign) {
        let text =
            "none of them is the hub this device belongs to; fix: start that hub, or join another with --join-token";
        step(false, text.to_owned())?;
    }
    if healthy { Ok(()) } else { Err(Failure::Failed("something is wrong, see above".to_owned())) }
}
