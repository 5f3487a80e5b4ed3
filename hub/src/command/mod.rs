//! What the program can be asked to do, one file each.

mod backup;
mod bundle;
mod demo;
mod doctor;
mod export;
mod heap;
mod import;
mod join_token;
mod open;
mod query;
mod recover;
mod remote;
mod restore;
mod serve;
mod token;
mod watch;
mod way;

use std::future::Future;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::config::{self, DEFAULT_DATA, Flags};
use crate::store::{SecretKey, Store};

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the hub (what happens without a command)
    Serve(Flags),
    /// Run a hub on loopback with this computer's sensors and a simulated fleet, to look at
    Demo(demo::Args),
    /// Create, list and revoke API tokens
    #[command(subcommand)]
    Token(token::Action),
    /// Create, list and revoke tokens with which devices join
    #[command(subcommand)]
    JoinToken(join_token::Action),
    /// Write an agent with its configuration, ready to copy to a device
    Bundle(bundle::Bundle),
    /// Put an agent with its configuration into a mounted root file system, such as a memory card's
    Flash(bundle::Flash),
    /// Print readings as they arrive
    Watch(watch::Args),
    /// Print figures over buckets of time
    Query(query::Args),
    /// Write every reading of a range as CSV or NDJSON
    Export(export::Args),
    /// Take in history from a file of CSV or NDJSON, such as an export
    Import(import::Args),
    /// Print a link that signs a browser in
    Open(open::Args),
    /// Look at everything between a device and the disk, and say what fails; takes the flags of `serve`
    Doctor(Flags),
    /// Write the whole hub to one file, also while it runs
    Backup(backup::Args),
    /// Make a data directory from a backup
    Restore(restore::Args),
    /// Bring back what can be read of a damaged database, also while the hub runs
    Recover(recover::Args),
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// It was asked wrongly; exit code 2.
    Use(String),
    /// It went wrong; exit code 1.
    Run(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        match error.downcast::<config::Error>() {
            Ok(wrong) => Self::Use(wrong.to_string()),
            Err(error) => Self::Run(error),
        }
    }
}

/// The result of every command.
pub type Outcome = Result<(), Failure>;

/// Runs one command to its end.
///
/// # Errors
/// What went wrong, and whether the user or the world is to blame.
pub fn run(command: Command) -> Outcome {
    match command {
        Command::Serve(flags) => {
            heap::share();
            block_on(serve::run(flags))
        }
        Command::Demo(args) => {
            heap::share();
            block_on(demo::run(args))
        }
        Command::Token(action) => block_on(token::run(action)),
        Command::JoinToken(action) => block_on(join_token::run(action)),
        Command::Bundle(args) => block_on(bundle::bundle(args)),
        Command::Flash(args) => block_on(bundle::flash(args)),
        Command::Watch(args) => block_on(watch::run(args)),
        Command::Query(args) => block_on(query::run(args)),
        Command::Export(args) => block_on(export::run(args)),
        Command::Import(args) => block_on(import::run(args)),
        Command::Open(args) => block_on(open::run(args)),
        Command::Doctor(flags) => block_on(doctor::run(flags)),
        Command::Backup(args) => backup::run(&args),
        Command::Restore(args) => restore::run(&args),
        Command::Recover(args) => block_on(recover::run(args)),
    }
}

fn block_on(task: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(task);
    // Whatever still runs was told to end and had its time.
    runtime.shutdown_background();
    outcome
}

/// Where the data lies, for commands that look at it beside a running hub or before its first start.
#[derive(Debug, Clone, clap::Args)]
pub struct Data {
    /// Data directory of the hub
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA, env = "TELEMETRY_HUB_DATA")]
    data: PathBuf,
}

impl Data {
    fn dir(&self) -> &Path {
        &self.data
    }

    /// Opens it for a command that makes no sense before a hub was there.
    fn open_existing(&self) -> Result<Store, crate::store::Error> {
        if !Store::is_in(&self.data) {
            let detail = "there is no hub's database here; is --data right?";
            return Err(crate::store::Error::BadFile { path: self.data.clone(), detail });
        }
        self.open()
    }

    fn open(&self) -> Result<Store, crate::store::Error> {
        let key = SecretKey::load_or_create(&self.data)?;
        Store::open_beside(&crate::store::Config { dir: self.data.clone(), ..Default::default() }, &key)
    }
}

/// Prints a result.
#[expect(clippy::print_stdout, reason = "stdout is for results")]
fn print(line: impl std::fmt::Display) {
    println!("{line}");
}

/// Listens from the call on, and resolves when the process is asked to end: a signal that comes before the future is looked
/// at counts too. To be called inside the runtime.
fn asked_to_end() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async {
        let (Ok(mut term), Ok(mut int)) = signals else { return std::future::pending().await };
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    }
}
