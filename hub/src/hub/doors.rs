//! Last step of a start: HTTP, and the doors beside it. When it is done the hub answers, and commands on this machine find it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context as _;
use wire::discovery::GROUP_V4;

use super::binding::LinePorts;
use super::metrics::exposition;
use super::wires::{HttpEnds, Wires};
use super::{doors_shown, encryption};
use crate::bundle::agents::Agents;
use crate::config::Scrape;
use crate::door::line::Doors;
use crate::door::mqtt::{Broker, Door};
use crate::door::prometheus::scrape::{self, Target};
use crate::http::state::{AppState, Figures, HubInfo, JoinState, SendEcho, Snapshot, Wiring};
use crate::running::{Running, Word};
use crate::webhook::Client;
use crate::{access, http, links, random, reach, webhook, zones};

/// Starts the server and the check of the store; how the hub is found from then on, which ends with the word.
///
/// # Errors
/// No randomness, or a data directory that cannot be written.
pub(super) fn open(wires: &mut Wires, ends: HttpEnds) -> anyhow::Result<(Running, Word)> {
    let running = Running {
        http: wires.http,
        udp: wires.udp,
        discovery: wires.config.discovery,
        tls: wires.tls.is_some(),
        names: wires.tls.as_deref().map(encryption::names).unwrap_or_default(),
        key: access::hex(&random::bytes::<32>()?),
    };
    let state = AppState::new(wiring(wires, &running, ends.admin_token));
    let stop = wires.supervisor.stop();
    wires.supervisor.spawn("check", wires.store.clone().keep_checking(stop.clone().cancelled_owned()));
    wires.supervisor.spawn("http", http::serve(ends.listener, state, stop));
    take_lines(wires, ends.line);
    listen_to(wires, ends.broker);
    scrape(wires)?;
    let data = &wires.config.data;
    let word = running.leave(data).with_context(|| format!("writing into {}", data.display()))?;
    Ok((running, word))
}

/// Starts what takes the line protocol by UDP and TCP, where that is wanted.
fn take_lines(wires: &mut Wires, ports: LinePorts) {
    let allow = wires.config.line_allow.clone();
    let doors = Doors { way: wires.way(), tallies: Arc::clone(&wires.lines), allow };
    let stop = wires.supervisor.stop();
    if let Some(socket) = ports.udp {
        wires.supervisor.spawn("line_udp", doors.clone().run_udp(socket, stop.clone()));
    }
    if let Some(listener) = ports.tcp {
        wires.supervisor.spawn("line_tcp", doors.run_tcp(listener, stop));
    }
}

/// Starts what listens to a broker of MQTT, where there is one.
fn listen_to(wires: &mut Wires, broker: Option<Broker>) {
    if let Some(broker) = broker {
        let door =
            Door { way: wires.way(), broker, known: Arc::clone(&wires.mqtt), rules: wires.topic_rules.subscribe() };
        let stop = wires.supervisor.stop();
        wires.supervisor.spawn("mqtt", door.run(stop));
    }
}

/// Starts what asks targets for their metrics, where there are some.
fn scrape(wires: &mut Wires) -> anyhow::Result<()> {
    if wires.config.scrape.is_empty() {
        return Ok(());
    }
    let target = |scrape: &Scrape| Target {
        url: scrape.url.clone(),
        interval: scrape.interval,
        timeout: scrape.timeout,
        device: scrape.device.clone(),
        labels: scrape.labels.iter().map(|(label, value)| (&**label, value.clone())).collect(),
        bearer_token_file: scrape.bearer_token_file.clone(),
    };
    let targets = wires.config.scrape.iter().map(target).collect();
    let (way, tally, stop) = (wires.way(), Arc::clone(&wires.scraped), wires.supervisor.stop());
    wires.supervisor.spawn("scrape", scrape::run(way, tally, targets, webhook::trust()?, stop));
    Ok(())
}

/// What HTTP is handed of the rest of the hub.
fn wiring(wires: &Wires, running: &Running, admin_token: Option<[u8; 32]>) -> Wiring {
    let config = &wires.config;
    Wiring {
        config: http::config::Config {
            allowed_hosts: config.names(),
            trusted_proxies: config.trusted_proxies.clone(),
            hostname: reach::hostname(),
            admin_token,
            local_key: Some(access::sha256(running.key.as_bytes())),
            login_code: config.login_code.as_deref().map(|code| access::sha256(code.as_bytes())),
            setup_file: Some(config.data.join(links::SETUP_FILE)),
            agents: Agents::new(config.agents.clone(), &config.data),
            retention_configured: config.keep.is_some(),
            ..Default::default()
        },
        store: wires.store.clone(),
        presence: Arc::clone(&wires.presence),
        way: wires.way(),
        learning: Arc::clone(&wires.learning),
        bus: wires.bus.clone(),
        commands: wires.commands.clone(),
        parted: wires.parted.clone(),
        access_ended: wires.access_ended.clone(),
        pressure: Arc::clone(&wires.pressure),
        clock: wires.clock,
        info: HubInfo {
            id: wires.id,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            http: wires.http,
            udp: wires.udp,
            url: config.url.clone(),
            started_at: wires.clock.wall(),
            discovery: config.discovery,
            discovery_group: GROUP_V4.to_string(),
            time_zone: zones::own(),
        },
        tls: wires.tls.clone(),
        join: Arc::new(JoinState::new(wires.join)),
        figures: figures(wires),
        doors: doors_shown::of(wires),
        topic_rules: wires.topic_rules.clone(),
        metrics: metrics(wires),
        webhook_policy: wires.webhook_policy.clone(),
        send_echo: send_echo(wires),
        pictures: wires.pictures.clone(),
        pulse: Arc::clone(&wires.pulse),
        heartbeat_wanted: Arc::clone(&wires.heartbeat_wanted),
        rules_changed: Arc::clone(&wires.rules_changed),
        acknowledged: Arc::clone(&wires.acknowledged),
    }
}

/// What sends a message of a webhook to an echo.
fn send_echo(wires: &Wires) -> SendEcho {
    let client = Client::new(wires.id, wires.webhook_policy.clone());
    let client = client.map_err(|error| error.to_string());
    Arc::new(move |webhook, delivery| {
        let client = client.clone();
        Box::pin(async move { client?.echo(&webhook, &delivery).await })
    })
}

/// The figures that move on the page.
fn figures(wires: &Wires) -> Snapshot<Figures> {
    let (meter, latency, counters) =
        (Arc::clone(&wires.meter), Arc::clone(&wires.latency), Arc::clone(&wires.counters));
    let clock = wires.clock;
    Arc::new(move || Figures {
        readings_per_s: meter.rate(clock.now()),
        ack_p99_ms: latency.quantile_ms(0.99),
        probes: counters.probes.load(Ordering::Relaxed),
    })
}

/// The text of `/metrics`.
fn metrics(wires: &Wires) -> Snapshot<String> {
    let (store, presence, pressure) = (wires.store.clone(), Arc::clone(&wires.presence), Arc::clone(&wires.pressure));
    let (counters, webhooks) = (Arc::clone(&wires.counters), Arc::clone(&wires.webhook_counters));
    let (desk, latency, meter) = (Arc::clone(&wires.desk), Arc::clone(&wires.latency), Arc::clone(&wires.meter));
    let (pulse, lines) = (Arc::clone(&wires.pulse), Arc::clone(&wires.lines));
    let (mqtt, scraped) = (Arc::clone(&wires.mqtt), Arc::clone(&wires.scraped));
    Arc::new(move || {
        let pushed = (&desk.counters, &*lines, &*mqtt, &*scraped);
        exposition(&store, &presence, &counters, pushed, &pressure, &webhooks, &pulse, &latency, &meter)
    })
}
