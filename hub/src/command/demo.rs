//! `telemetry-hub demo`: everything at once, on loopback, to look at.
//!
//! Every part is the real one: a hub with a throw-away data directory, the real agent reading this computer's sensors, a
//! simulated fleet over the real UDP path, a device that fails now and then, a rule that fires, and a receiver that takes
//! the webhook. When it ends, nothing of it is left.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::routing::post;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use super::serve::page;
use super::{Outcome, asked_to_end, print};
use crate::clock::Clock;
use crate::config::Config;
use crate::http::auth;
use crate::hub::Hub;
use crate::model::device::Labels;
use crate::model::rule::{Condition, Op, RuleSpec, Severity};
use crate::model::webhook::{WebhookId, WebhookSpec};
use crate::proto::command::JoinPolicy;
use crate::store::Store;
use crate::webhook::sign;

/// How long the unreliable device lives and stays away.
const FLAKY: (Duration, Duration) = (Duration::from_secs(40), Duration::from_secs(20));

/// Flags of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address of the page
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Simulated devices
    #[arg(long, value_name = "N", default_value_t = 24)]
    devices: u32,
    /// The agent program [default: `device-agent` beside this program]
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
}

pub(super) async fn run(args: Args) -> Outcome {
    let agent = agent_program(args.agent)?;
    let dir = Scratch::make()?;
    let config = Config {
        data: dir.0.join("hub"),
        http: args.http,
        udp: SocketAddr::from(([127, 0, 0, 1], 0)),
        join: Some(JoinPolicy::Click),
        discovery: false,
        webhook_allow: vec!["127.0.0.0/8".parse().context("own network")?],
        ..Config::default()
    };
    let receiver = TcpListener::bind("127.0.0.1:0").await?;
    let receiver_url = format!("http://{}/hook", receiver.local_addr()?);
    let webhook_receiver = async move {
        let app = Router::new().route(
            "/hook",
            post(|body: String| async move {
                tracing::info!("the demo's receiver took a webhook: {}", body.chars().take(120).collect::<String>());
            }),
        );
        axum::serve(receiver, app).await
    };

    // Rules, webhook and join token are there before the hub starts, as in one that was set up yesterday.
    let (hub, token) = {
        let key = crate::store::SecretKey::load_or_create(&config.data)?;
        let store = Store::open(&crate::store::Config { dir: config.data.clone(), ..Default::default() }, &key)?;
        furnish(&store, &receiver_url).await?;
        let token = join_token(&store, args.devices + 2).await?;
        store.close().await?;
        (Hub::start(config).await?, token)
    };
    let code = auth::mint_login_code(hub.store(), hub.clock().wall()).await?;
    let udp = hub.udp();
    let host =
        start(&agent, &dir.0, udp, &["run", "--name", "this-computer", "--join-token", &token, "--interval", "1s"])?;
    let fleet = args.devices.to_string();
    let fleet = start(
        &agent,
        &dir.0.join("fleet"),
        udp,
        &["simulate", "--devices", &fleet, "--sensors", "6", "--interval", "1s", "--seed", "7", "--join-token", &token],
    )?;
    print(format_args!("open  {}#login={code}", page(hub.http())));
    print("This link signs one browser in. Ctrl-C ends the demo and removes everything it made.");
    let agents = dir.0.clone();
    let outcome = hub
        .run(async move {
            tokio::select! {
                () = asked_to_end() => {}
                error = flaky(&agent, &agents, udp, &token) => tracing::error!("the unreliable device: {error:#}"),
                ended = webhook_receiver => tracing::error!("the receiver ended: {ended:?}"),
            }
        })
        .await;
    drop((host, fleet));
    Ok(outcome?)
}

/// A directory that goes when the demo does.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> anyhow::Result<Self> {
        let mut name = [0; 6];
        SystemRandom::new().fill(&mut name).map_err(|_| anyhow::anyhow!("no randomness from the operating system"))?;
        let dir = std::env::temp_dir().join(format!("telemetry-demo-{}", wire::base32(&name)));
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
    let agent = given.or_else(beside).context("--agent: where is device-agent?")?;
    anyhow::ensure!(
        agent.exists(),
        "{} is not there: build it (`make demo` does), or name it by --agent",
        agent.display()
    );
    Ok(agent)
}

fn start(agent: &Path, state: &Path, hub: SocketAddr, args: &[&str]) -> anyhow::Result<Child> {
    let (command, rest) = args.split_first().context("no command")?;
    let mut program = Command::new(agent);
    program.arg(command).arg("--hub").arg(hub.to_string()).args(rest);
    if *command == "run" {
        program.arg("--state").arg(state.join("agents").join(rest.get(1).unwrap_or(&"agent")));
    }
    let started = program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn();
    started.with_context(|| format!("starting {}", agent.display()))
}

/// A device that is there, and then is not.
async fn flaky(agent: &Path, state: &Path, hub: SocketAddr, token: &str) -> anyhow::Error {
    loop {
        let args = ["run", "--name", "unreliable-box", "--join-token", token, "--interval", "1s"];
        let mut child = match start(agent, state, hub, &args) {
            Ok(child) => child,
            Err(error) => return error,
        };
        tokio::time::sleep(FLAKY.0).await;
        let _ = child.kill().await;
        tokio::time::sleep(FLAKY.1).await;
    }
}

async fn join_token(store: &Store, uses: u32) -> anyhow::Result<String> {
    let labels = Labels::from([("site".to_owned(), "demo".to_owned())]);
    let token = super::join_token::make(store, "demo".to_owned(), uses, Duration::from_secs(86_400), labels).await?;
    Ok(token.to_string())
}

/// A webhook to the built-in receiver, and two rules that tell it.
async fn furnish(store: &Store, receiver: &str) -> anyhow::Result<()> {
    let now = Clock.wall();
    let spec =
        WebhookSpec { name: "demo receiver".to_owned(), url: receiver.to_owned(), headers: Vec::new(), enabled: true };
    let webhook = store.create_webhook(spec, sign::generate_secret()?, now).await?;
    let warm = Condition::Threshold { op: Op::Above, value: 24.0, clear: Some(23.5) };
    let gone = Condition::Silence { after: Duration::from_secs(10) };
    store.create_rule(rule("Greenhouse too warm", "sim-*", "temperature*", warm, 5, webhook.id), now).await?;
    store.create_rule(rule("Device silent", "unreliable-box", "mem*", gone, 0, webhook.id), now).await?;
    Ok(())
}

fn rule(name: &str, device: &str, sensor: &str, condition: Condition, hold: u64, webhook: WebhookId) -> RuleSpec {
    RuleSpec {
        name: name.to_owned(),
        device: device.to_owned(),
        sensor: sensor.to_owned(),
        labels: Labels::new(),
        condition,
        hold: Duration::from_secs(hold),
        severity: Severity::Warning,
        webhooks: vec![webhook],
        enabled: true,
    }
}
