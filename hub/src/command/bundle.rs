//! `telemetry-hub bundle` and `flash`: write an agent with its configuration, ready to copy, or put it into a mounted
//! root file system.
//!
//! Everything is checked first. A token is created last, and revoked if the rest fails.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use wire::handshake::JoinToken;

use super::arguments::label;
use super::data::Data;
use super::join_token::{self, uses};
use super::out::print;
use super::outcome::{Failure, Outcome};
use crate::bundle::agents::{self, Agents};
use crate::bundle::place::Placing;
use crate::bundle::root::{self, Root};
use crate::bundle::{Payload, Settings, Target, archive, deb};
use crate::store::SecretKey;

/// What both say about the agent.
#[derive(Debug, clap::Args)]
pub(super) struct Agent {
    #[command(flatten)]
    data: Data,
    /// Join token (thj1_...) that adds the device without approval, or `new` to create one
    #[arg(long, value_name = "TOKEN|new")]
    join_token: Option<Token>,
    /// How many devices may join with the new token: as many as get a copy
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = uses)]
    uses: u32,
    /// Time until the new token stops working
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = crate::model::join_token::life)]
    expires: Duration,
    /// Address by which the device reaches the hub, for networks without multicast
    #[arg(long, value_name = "HOST[:PORT]")]
    hub: Option<String>,
    /// Name of the device [default: its host name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Label of the device, key=value; repeatable
    #[arg(long, value_name = "KEY=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// Program of the agent, instead of one from --agents
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
    /// Folder with agent programs, each file named device-agent-<target> [default: `agents` in the data directory, then beside this program]
    #[arg(long, value_name = "DIR", env = "TELEMETRY_HUB_AGENTS")]
    agents: Option<PathBuf>,
}

/// Flags of `bundle`.
#[derive(Debug, clap::Args)]
pub struct Bundle {
    /// Kind of machine that the device is
    #[arg(long, value_enum)]
    target: Target,
    /// Where to write: a new directory, FILE.tar.gz or FILE.deb
    #[arg(long, value_name = "DIR|FILE")]
    out: PathBuf,
    #[command(flatten)]
    agent: Agent,
}

/// Flags of `flash`.
#[derive(Debug, clap::Args)]
pub struct Flash {
    /// Where the root file system is mounted
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// Machine of the device [default: that of the root file system]
    #[arg(long, value_enum)]
    target: Option<Target>,
    /// Replace an existing configuration that has other settings, and accept / as --root
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    agent: Agent,
}

/// `--join-token`
#[derive(Clone)]
enum Token {
    New,
    Given(JoinToken),
}

impl std::str::FromStr for Token {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "new" {
            return Ok(Self::New);
        }
        text.parse().map(Self::Given).map_err(|error: wire::handshake::TokenError| format!("{error}; or `new`"))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::New) { "New" } else { "Given" })
    }
}

pub(super) async fn bundle(args: Bundle) -> Outcome {
    let kind = Kind::of(&args.out)?;
    let payload = args.agent.payload(args.target)?;
    let out = args.out.clone();
    let note = args.agent.with_token(payload, move |payload| Ok(kind.write(payload, &out)?)).await?;
    let (out, target) = (args.out.display(), args.target);
    print(format_args!("{out}: device-agent for {target}, {note}"));
    print(match kind {
        Kind::Folder => format!("  scp -r {out}/. root@DEVICE:/ && ssh root@DEVICE device-agent install"),
        Kind::TarGz => {
            format!("  on the device, as root: tar -xzf {} -C / && device-agent install", file_name(&args.out))
        }
        Kind::Deb => format!("  on the device, as root: dpkg -i {}", file_name(&args.out)),
    });
    Ok(())
}

pub(super) async fn flash(args: Flash) -> Outcome {
    let unfit = |error: root::Error| match error {
        root::Error::Unfit(text) => Failure::Use(format!("--root: {text}")),
        error @ (root::Error::Read { .. } | root::Error::Write(_)) => may_need_root(error),
    };
    let root = Root::open(&args.root, args.force).map_err(unfit)?;
    let target = root.target(args.target).map_err(unfit)?;
    let payload = args.agent.payload(target)?;
    let mut flashed = None;
    let put = |payload: &Payload| {
        flashed = Some(root.install(payload, args.force).map_err(unfit)?);
        Ok(())
    };
    let note = args.agent.with_token(payload, put).await?;
    print(format_args!("{}: device-agent for {target}, {note}", args.root.display()));
    if flashed.is_some_and(|flashed| flashed.replaced_config) {
        print("  the configuration that was there is replaced");
    }
    if flashed.is_some_and(|flashed| flashed.keeps_identity) {
        print("  this system ran an agent before and has its identity: it stays the same device");
    }
    print("  it starts at the next boot; the device makes its identity then");
    Ok(())
}

impl Agent {
    /// What is to be installed, checked, with a token only if one was given.
    fn payload(&self, target: Target) -> Result<Payload, Failure> {
        let settings = Settings {
            hub: self.hub.clone(),
            join_token: match &self.join_token {
                Some(Token::Given(token)) => Some(token.clone()),
                Some(Token::New) | None => None,
            },
            name: self.name.clone(),
            labels: self.label.iter().cloned().collect(),
        };
        settings.check().map_err(|(key, why)| Failure::Use(format!("--{key}: {why}")))?;
        let program = match &self.agent {
            Some(file) => agents::read(file, target).map_err(|error| Failure::Use(format!("--agent: {error}")))?,
            None => Agents::new(self.agents.clone(), &self.data.dir()?).read(target)?,
        };
        if agents::is_dynamic(&program) {
            tracing::warn!(
                "this agent needs the C library of the device, no older than the one here; `make agent` builds one that needs none"
            );
        }
        Ok(Payload { target, program, settings })
    }

    /// Makes the token if a new one is wanted, and puts the payload where it goes; says how the device will join.
    async fn with_token(&self, mut payload: Payload, put: impl FnOnce(&Payload) -> Outcome) -> Result<String, Failure> {
        if !matches!(self.join_token, Some(Token::New)) {
            put(&payload)?;
            let note =
                if payload.settings.join_token.is_some() { "joins with the token given" } else { "waits for adoption" };
            return Ok(note.to_owned());
        }
        let dir = self.data.dir()?;
        let first = !SecretKey::is_in(&dir);
        let store = self.data.open_or_prepare()?;
        let labels = self.label.iter().cloned().collect();
        let name = self.name.clone().unwrap_or_else(|| format!("bundle for {}", payload.target));
        let token = join_token::make(&store, name, self.uses, self.expires, labels).await?;
        let id = token.id;
        payload.settings.join_token = Some(token);
        let done = put(&payload);
        if done.is_err() {
            store.revoke_join_token(id).await?;
        }
        store.close().await?;
        done?;
        if first {
            tracing::warn!(
                "{} is a new data directory: the hub has to be started with it to know the token",
                dir.display()
            );
        }
        let devices = if self.uses == 1 { "1 device".to_owned() } else { format!("{} devices", self.uses) };
        Ok(format!("joins with the new token jtk_{id} ({devices}, {})", crate::model::when::span(self.expires)))
    }
}

/// What `--out` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    TarGz,
    Deb,
}

impl Kind {
    fn of(out: &Path) -> Result<Self, Failure> {
        let wrong = |text: &str| Err(Failure::Use(format!("--out {}: {text}", out.display())));
        let name = file_name(out).to_lowercase();
        if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
            return Ok(Self::TarGz);
        }
        if name.ends_with(".deb") {
            return Ok(Self::Deb);
        }
        if [".zip", ".tar", ".xz", ".zst", ".gz", ".rpm", ".apk", ".ipk", ".img"].iter().any(|end| name.ends_with(end))
        {
            return wrong("a bundle is FILE.tar.gz, FILE.deb, or a directory");
        }
        let entries = std::fs::read_dir(out).map(Iterator::count);
        match entries {
            Ok(1..) => wrong("this directory is not empty; name a new one"),
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
                wrong("this is a file; name a directory, FILE.tar.gz or FILE.deb")
            }
            Ok(0) | Err(_) => Ok(Self::Folder),
        }
    }

    /// Writes all of it or nothing. It may hold a token: nobody else reads it.
    fn write(self, payload: &Payload, out: &Path) -> anyhow::Result<()> {
        let mut placing = Placing::default();
        match self {
            Self::Folder => {
                for file in payload.files() {
                    placing.file(&out.join(file.path), &file.bytes, file.mode, None)?;
                }
            }
            Self::TarGz => placing.file(out, &archive::tar_gz(payload).context("packing")?, 0o600, None)?,
            Self::Deb => placing.file(out, &deb::package(payload).context("packing")?, 0o600, None)?,
        }
        Ok(placing.commit()?)
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn may_need_root(error: root::Error) -> Failure {
    use root::Error;
    let denied = match &error {
        Error::Read { error, .. } | Error::Write(crate::bundle::place::Failed { error, .. }) => {
            error.kind() == std::io::ErrorKind::PermissionDenied
        }
        Error::Unfit(_) => false,
    };
    let error = anyhow::Error::from(error);
    Failure::Run(if denied { error.context("this needs root: sudo telemetry-hub flash ...") } else { error })
}
