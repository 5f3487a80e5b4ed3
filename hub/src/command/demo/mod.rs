//! `telemetry-hub demo`: runs everything at once, on loopback, to look at.
//!
//! Every part is the real one: a hub with a throw-away data directory, the real agent reading this computer's sensors, a
//! simulated fleet that sends the week it made up over the real UDP path, a device that fails now and then, one that waits to
//! be adopted, rules that fire, and a receiver that takes the webhook. At the end it removes everything.

mod furnishing;
mod programs;

use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::routing::post;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::net::TcpListener;

use super::ending::asked_to_end;
use super::out::{announce, tell};
use super::outcome::Outcome;
use super::{banner, join_token};
use crate::clock::Clock;
use crate::config::{Config, listen};
use crate::hub::Hub;
use crate::links;
use crate::model::device::Labels;
use crate::proto::command::JoinPolicy;
use crate::store::{SecretKey, Store};
use crate::{access, reach, store};
use furnishing::{furnish, introduce};
use programs::{Fleet, Programs};

/// Ports that are tried if the wanted one is in use.
const PORTS: u16 = 50;
/// How long the link is held back for the fleet's week of history; later the rest arrives in the background.
const HISTORY: Duration = Duration::from_secs(20);

/// Time within which a signal reaches every program of a terminal.
const SIGNAL: Duration = Duration::from_secs(1);

/// Flags of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address or port of the page; the next free port if it is in use
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = listen::at_home)]
    http: SocketAddr,
    /// Simulated devices
    #[arg(long, value_name = "N", default_value_t = 24)]
    devices: u32,
    /// Program of the agent [default: `device-agent` beside this program]
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
}

pub(super) async fn run(args: Args) -> Outcome {
    let agent = agent_program(args.agent.clone())?;
    let ended = asked_to_end();
    let dir = Scratch::make()?;
    let code = access::hex(&secret::<16>()?);
    let receiver = TcpListener::bind("127.0.0.1:0").await?;
    let receiver_url = format!("http://{}/hook", receiver.local_addr()?);
    let config = config(&args, &dir, &code)?;
    let token = prepare(&config, &receiver_url, args.devices).await?;
    let hub = Hub::start(config).await?;
    let programs = Programs { agent, state: dir.0.clone(), hub: hub.udp(), token };
    let data = dir.0.join("hub");
    let others = [programs.this_computer()?, programs.stranger()?];
    let fleet = programs.fleet(args.devices)?;
    let link = format!("http://{}/#login={code}", reach::here(hub.http()));
    let store = hub.store().clone();
    let outcome = hub
        .run(async move {
            let mut ended = std::pin::pin!(ended);
            let broken = tokio::select! {
                () = &mut ended => return,
                error = show(fleet, link, &data, &store) => error.context("the simulated fleet"),
                error = programs.unreliable() => error.context("the unreliable device"),
                error = receive(receiver) => error.context("the webhook receiver"),
            };
            // Ctrl-C in a terminal ends the programs too, and theirs may be seen first.
            if tokio::time::timeout(SIGNAL, ended).await.is_err() {
                tracing::error!("{broken:#}");
            }
        })
        .await;
    drop(others);
    Ok(outcome?)
}

fn config(args: &Args, dir: &Scratch, code: &str) -> anyhow::Result<Config> {
    Ok(Config {
        data: dir.0.join("hub"),
        http: free(args.http)?,
        udp: SocketAddr::from(([127, 0, 0, 1], 0)),
        join: Some(JoinPolicy::Click),
        discovery: false,
        webhook_allow: vec!["127.0.0.0/8".parse().context("own network")?],
        login_code: Some(code.to_owned()),
        ..Config::default()
    })
}

/// Rules, webhook and join token are there before the hub starts, as in one that was set up yesterday.
async fn prepare(config: &Config, receiver: &str, devices: u32) -> anyhow::Result<String> {
    let key = SecretKey::load_or_create(&config.data)?;
    let store = Store::open(&store::Config { dir: config.data.clone(), ..Default::default() }, &key)?;
    furnish(&store, receiver).await?;
    // So that whoever comes without the link is asked for a password, not to set one up, and `open` prints links that sign in.
    links::set_unknown_password(&store, Clock.wall()).await?;
    let day = Duration::from_hours(24);
    let token = join_token::make(&store, "demo".to_owned(), devices.saturating_add(2), day, Labels::new()).await?;
    store.close().await?;
    Ok(token.to_string())
}

/// Prints the link once there is something to see, and stays with the fleet until that ends.
async fn show(mut fleet: Fleet, link: String, data: &Path, store: &Store) -> anyhow::Error {
    tell("making up a week of history ...");
    let _ = tokio::join!(tokio::time::timeout(HISTORY, fleet.history()), introduce(store));
    let note = format!(
        "It works in any browser on this computer until the demo ends (Ctrl-C). Nothing is left behind.\n\
         For another link:\n\
         \x20 telemetry-hub open --data {}",
        data.display()
    );
    announce(banner::boxed("The demo is ready. Open:", &[link], &note));
    fleet.goes_on().await
}

/// Takes webhooks.
async fn receive(listener: TcpListener) -> anyhow::Error {
    let take = |body: String| async move {
        tracing::info!("the demo's receiver got a webhook: {}", body.chars().take(120).collect::<String>());
    };
    let served = axum::serve(listener, Router::new().route("/hook", post(take))).await;
    served.map_or_else(anyhow::Error::from, |()| anyhow::anyhow!("it ended by itself"))
}

/// The address that is wanted, or the next one that is free.
fn free(wanted: SocketAddr) -> anyhow::Result<SocketAddr> {
    let ports = wanted.port()..=wanted.port().saturating_add(PORTS);
    let mut addresses = ports.map(|port| SocketAddr::new(wanted.ip(), port));
    let found = addresses.find(|address| match StdListener::bind(address) {
        Ok(_) => true,
        Err(error) => error.kind() != std::io::ErrorKind::AddrInUse,
    });
    found.with_context(|| format!("--http {wanted}: this port and the {PORTS} after it are in use; choose another"))
}

fn secret<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| anyhow::anyhow!("no randomness from the operating system"))?;
    Ok(bytes)
}

/// A directory that goes when the demo does.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> anyhow::Result<Self> {
        let dir = std::env::temp_dir().join(format!("telemetry-demo-{}", wire::base32(&secret::<6>()?)));
        std::fs::create_dir(&dir).with_context(|| format!("making {}", dir.display()))?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn agent_program(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join("device-agent"));
    let agent = given.or_else(beside).context("say where the agent program is: --agent FILE")?;
    anyhow::ensure!(
        agent.exists(),
        "no agent program at {}: build it (`make demo` does), or say where it is with --agent FILE",
        agent.display()
    );
    Ok(agent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_gives_the_next_one() {
        let taken = StdListener::bind("127.0.0.1:0").unwrap();
        let wanted = taken.local_addr().unwrap();
        let found = free(wanted).unwrap();
        assert!(found.ip() == wanted.ip() && found.port() > wanted.port(), "{found} for {wanted}");
    }
}
