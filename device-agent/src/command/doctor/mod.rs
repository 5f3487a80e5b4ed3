//! `device-agent doctor`: checks each step that a reading takes, and says which one fails.

mod findings;
mod rungs;

use std::collections::BTreeSet;
use std::time::Duration;

use device_agent::clock;
use device_agent::config::Settings;
use device_agent::identity::{Identity, Pin};
use device_agent::intake::{Intake, Source};
use device_agent::links;
use device_agent::quantity;
use device_agent::sensor::{Host, Samples};
use device_agent::status::{self, Report};
use device_agent::uplink::words_of;
use lexopt::{Arg, Parser};

use findings::{About, Findings};
use rungs::{Found, Rung, climb};

use super::failure::{Failure, print};
use super::options::Common;
use super::runtime::on_one_thread;

/// How long to wait for files and the 1-Wire bus: a file that hangs is named after 2 s, a thermometer after 5 s.
const SOURCES_WAIT: Duration = Duration::from_secs(6);

const HELP: &str = "\
Checks each step a reading takes and says first which one fails.

Usage: device-agent doctor [--hub HOST[:PORT]] [--state DIR] [--config FILE]

Tries every way to find the hub: the last known address, --hub, well-known names, multicast over IPv4 and IPv6, broadcast.
One that works is enough; each failure comes with a command that would fix it.
Exit code 1 if a step fails. It may run while the agent runs. Commands of the configuration are not run: only the agent does that.
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
    let mut findings = Findings::default();
    let running = status::ask(&settings.state).ok();
    let pinned = look_at_state(&settings, running.as_ref(), &mut findings);
    look_at_sensors(&settings, running.as_ref(), &mut findings);
    if running.is_none() {
        on_one_thread(look_at_sources(&settings, &mut findings))?;
    }
    look_at_clock(running.as_ref(), &mut findings);

    // The rungs by which an agent finds its hub. One that is reached is enough.
    let of_the_agent = running.as_ref().and_then(|report| report.hub.as_ref().or(report.last_hub.as_ref()));
    let in_use = of_the_agent.and_then(|address| address.parse().ok());
    let last_known = pinned.as_ref().and_then(|pin| pin.address).or(in_use);
    let rungs = on_one_thread(climb(settings.hub, settings.hub_names, last_known))?;
    let rungs = rungs.map_err(|error| Failure::Failed(format!("cannot open a UDP socket: {error}")))?;
    look_at_ways(&rungs, running.as_ref(), pinned.as_ref(), &mut findings);

    let problems = findings.problems();
    print(&findings.text(running.is_some()))?;
    if problems == 0 { Ok(()) } else { Err(Failure::Told) }
}

fn look_at_state(settings: &Settings, running: Option<&Report>, findings: &mut Findings) -> Option<Pin> {
    if let Some(report) = running {
        match &report.claimed {
            Some(claim) if !claim.goes_on => {
                findings.wrong(About::Identity, format_args!("{}; {}", claim.refusal(), claim.hint));
                findings.good(format_args!("an agent runs as {}", report.id));
            }
            claimed => {
                if let Some(claim) = claimed {
                    findings.wrong(About::Identity, &claim.hint);
                }
                findings.good(format_args!("an agent runs as {} and is {}", report.id, report.state));
            }
        }
        return None;
    }
    match Identity::open(&settings.state) {
        Ok(identity) => {
            findings.good(format_args!("identity {} in {}", identity.id(), settings.state.display()));
            if identity.is_volatile() {
                let folder = settings.state.display();
                let text = format!(
                    "{folder} is in memory: identity and unsent readings are lost at a reboot; fix: --state DIR"
                );
                findings.wrong(About::State, text);
            } else {
                findings.good("state folder survives a reboot");
            }
            identity.pinned_hub()
        }
        Err(error) => {
            findings.wrong(About::State, error);
            None
        }
    }
}

fn look_at_sensors(settings: &Settings, running: Option<&Report>, findings: &mut Findings) {
    let mut samples = Samples::default();
    let mut host = Host::new(&settings.sensor_root, settings.skip.clone()).including(settings.include.clone());
    host.look_to_the_end(clock::now(), &mut samples);
    let count = samples.iter().filter(|sample| !host.skips(sample.name)).count();
    if count == 0 {
        findings.wrong(
            About::Sensor,
            "no sensor of this machine can be read; fix: configure [[file]], [[exec]] or [[listen]]",
        );
    } else {
        findings.good(format_args!("{} can be read", quantity::of(count as u64, "sensor")));
    }
    for trouble in host.troubles() {
        findings.wrong(About::Sensor, format_args!("source {}: {}", trouble.source, trouble.error));
    }
    for trouble in running.into_iter().flat_map(|report| &report.failing) {
        let seen = host.troubles().find(|seen| seen.source == trouble.source).map_or("", |seen| &*seen.error);
        let others = others(&trouble.error, seen);
        if !others.is_empty() {
            findings.wrong(About::Sensor, format_args!("source {}: {others}", trouble.source));
        }
    }
}

/// Failures of the agent that do not happen here as well; each text begins with its file.
fn others(error: &str, seen: &str) -> String {
    let file = |thing: &str| thing.split(": ").next().unwrap_or_default().to_owned();
    let seen: Vec<String> = seen.split("; ").map(file).collect();
    error.split("; ").filter(|thing| !seen.contains(&file(thing))).collect::<Vec<_>>().join("; ")
}

/// The files of the configuration and the 1-Wire bus, while no agent asks them. Commands are not run: what else they do is
/// not for a look. A socket is a matter of who sends.
async fn look_at_sources(settings: &Settings, findings: &mut Findings) {
    let is_file = |source: &&Source| matches!(source, Source::File { .. } | Source::OneWire(_));
    let sources: Vec<Source> = settings.sources.iter().filter(is_file).cloned().collect();
    // Of probes that answer one by one the last is known when all have had their time.
    let bus = settings.sensor_root.join("sys/bus/w1/devices");
    let has_probes = std::fs::read_dir(bus).is_ok_and(|mut probes| probes.next().is_some());
    let (count, mut answered) = (sources.len() + usize::from(has_probes), BTreeSet::new());
    let mut intake = Intake::start(sources);
    let until = clock::now().mono + SOURCES_WAIT;
    while answered.len() < count {
        let left = until.saturating_duration_since(clock::now().mono);
        let Ok(arrived) = tokio::time::timeout(left, intake.next()).await else { break };
        intake.note(&arrived, arrived.at.unix);
        answered.insert(intake.key_of(&arrived).to_owned());
    }
    for trouble in intake.troubles() {
        findings.wrong(About::Sensor, format_args!("source {}: {}", trouble.source, trouble.error));
    }
}

fn look_at_clock(running: Option<&Report>, findings: &mut Findings) {
    if clock::now().unix < wire::UnixMillis(1_704_067_200_000) {
        findings.wrong(About::Clock, "this machine's clock is not set; fix: sudo timedatectl set-ntp true");
    }
    if let Some(offset) = running.and_then(|report| report.clock_offset_ms).filter(|ms| ms.abs() > 60_000) {
        let apart = offset / 1_000;
        let text = format!("this clock and the hub's are {apart} s apart; fix: sudo timedatectl set-ntp true");
        findings.wrong(About::Clock, text);
    }
}

fn look_at_ways(rungs: &[Rung], running: Option<&Report>, pinned: Option<&Pin>, findings: &mut Findings) {
    let has_network = links::up().iter().any(|link| !link.address.is_loopback());
    // Once it belongs to a hub, no other is of any use to the device.
    let of_the_agent = running.and_then(|report| report.hub_words.clone().or_else(|| report.last_hub_words.clone()));
    let own = pinned.map(|pin| words_of(&pin.hub)).or(of_the_agent);
    let is_own = |found: &Found| own.as_ref().is_none_or(|own| *own == words_of(&found.hub));
    let found_any = rungs.iter().any(|rung| !rung.hubs.is_empty());
    let reached = rungs.iter().flat_map(|rung| &rung.hubs).any(is_own);
    if !has_network && !reached {
        let text = "this machine has no network: is the cable plugged in, is it in the Wi-Fi? fix: ip -brief link";
        findings.wrong(About::Network, text);
    }
    // Until a device has joined, the hub that a person named is the only one it asks.
    let has_none = |report: &Report| report.hub.is_none() && report.last_hub.is_none();
    let only_given = pinned.is_none() && running.is_none_or(has_none) && rungs.iter().any(|rung| rung.is_given);
    // What searches is for a hub that is elsewhere now: that it finds none is no fault of its own.
    let is_missed = !reached && rungs.iter().any(|rung| rung.is_last_known);
    for rung in rungs {
        for found in &rung.hubs {
            let Found { hub, address, accepting } = found;
            let known = if own.is_some() && is_own(found) { ", this device's own" } else { "" };
            findings.good(format_args!("{}: hub at {address}: {}{known}", rung.name, words_of(hub)));
            if !accepting && running.is_none() && pinned.is_none() {
                let text = format!(
                    "the hub at {address} does not accept new devices; fix: telemetry-hub join-token create --uses 1"
                );
                findings.wrong(About::Hub, text);
            }
        }
        if !rung.hubs.is_empty() {
            continue;
        }
        let (name, why, fix) = (&rung.name, &rung.why, &rung.fix);
        if !has_network && !reached {
            findings.none(format_args!("{name}: {why}"));
        } else if only_given && !rung.is_given {
            findings.none(format_args!("{name}: {why} (fine, only --hub is used)"));
        } else if reached && !only_given {
            findings.none(format_args!("{name}: {why} (fine, another way works)"));
        } else if is_missed && rung.is_search {
            findings.none(format_args!("{name}: {why} (it would find a hub that has another address now)"));
        } else if rung.is_optional {
            findings.none(format_args!("{name}: {why} (fine if another way works)"));
        } else {
            findings.wrong(About::Way, format_args!("{name}: {why}; fix: {fix}"));
        }
    }
    if has_network && !reached && rungs.iter().all(|rung| rung.is_optional) {
        findings
            .wrong(About::Network, "no hub can be reached: no network on this machine is up; fix: ip -brief address");
    }
    if let Some(hint) = running.filter(|_| reached).and_then(|report| hint(&report.state, report.belongs)) {
        findings.wrong(About::Hub, hint);
    }
    if found_any && !reached {
        let text =
            "none of them is the hub this device belongs to; fix: start that hub, or join another with --join-token";
        findings.wrong(About::Hub, text);
    }
}

/// What a hub that is there waits for.
fn hint(state: &str, belongs: bool) -> Option<&'static str> {
    match state {
        "handshaking" if belongs => Some(
            "a hub was found and does not answer this device, which was adopted before: it was blocked or deleted there, or other hardware replaced it; fix: unblock it on the hub's page, or to use it as a separate device stop the agent, delete `identity` in its state folder, start it and adopt it",
        ),
        "pending" => Some(
            "the hub waits for your approval of this device; fix: adopt it on the hub's page, or telemetry-hub join-token create --uses 1",
        ),
        "handshaking" => Some(
            "a hub was found and does not accept this device: closed to new devices, or the join token is used up, expired or from another hub; fix: telemetry-hub join-token create --uses 1",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::others;

    #[test]
    fn of_one_source_each_file_that_fails_is_told_once() {
        let agent = "/sys/a: no answer, usually after 0.4 s; /sys/b: holds no number where one belongs; and 3 more";
        assert_eq!(others(agent, "/sys/b: no answer"), "/sys/a: no answer, usually after 0.4 s; and 3 more");
        assert_eq!(others("/sys/a: no answer", "/sys/a: Input/output error"), "");
        assert_eq!(others("/sys/a: no answer", ""), "/sys/a: no answer");
    }
}
