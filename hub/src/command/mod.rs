//! The commands of the program, one file each.

mod alerts;
mod arguments;
mod audit;
mod backup;
mod banner;
mod bundle;
mod data;
mod demo;
mod devices;
mod doctor;
mod ending;
mod export;
mod heap;
mod import;
mod join_token;
mod names;
mod open;
mod out;
mod outcome;
mod passphrase;
mod password;
mod progress;
mod query;
mod recover;
mod remote;
mod restore;
mod rules;
mod selection;
mod serve;
mod session;
mod setup;
mod shown;
mod status;
mod table;
mod token;
mod trust;
mod user;
mod watch;
mod way;
mod webhooks;

use std::future::Future;

use clap::Subcommand;

use crate::config::Flags;
pub use out::Log;
pub use outcome::{Failure, Outcome};

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the hub (what happens without a command)
    Serve(Flags),
    /// Try it: a hub with this computer's sensors, a simulated fleet and a week of history; leaves nothing behind
    Demo(demo::Args),
    /// Show how the hub is doing: address, devices, alerts, disk
    Status(status::Args),
    /// List devices
    Devices(devices::Args),
    /// List alerts that are active, or past ones
    Alerts(alerts::Args),
    /// Show readings as they arrive
    Watch(watch::Args),
    /// Show minimum, average and maximum per interval
    Query(query::Args),
    /// Write every reading of a time range as CSV or NDJSON
    Export(export::Args),
    /// Import readings from a CSV or NDJSON file, such as an export
    Import(import::Args),
    /// Check, test, apply and export rules that are kept in files
    #[command(subcommand)]
    Rules(rules::Action),
    /// List webhooks and their messages, test them, send messages again
    #[command(subcommand)]
    Webhooks(webhooks::Action),
    /// Print a link that signs a browser in
    Open(open::Args),
    /// Reset a password that was forgotten
    #[command(subcommand)]
    Password(password::Action),
    /// Show what people changed: who, when and from where
    Audit(audit::Args),
    /// List and end the sessions of browsers
    #[command(subcommand)]
    Session(session::Action),
    /// List, add, change and remove the people who sign in
    #[command(subcommand)]
    User(user::Action),
    /// Create, list and revoke API tokens
    #[command(subcommand)]
    Token(token::Action),
    /// Create, list and revoke tokens with which devices join
    #[command(subcommand)]
    JoinToken(join_token::Action),
    /// Write an agent with its configuration, ready to copy to a device
    Bundle(bundle::Bundle),
    /// Put an agent with its configuration on a mounted root file system, such as a memory card's
    Flash(bundle::Flash),
    /// Check everything between a device and the disk, and say what fails; takes the flags of `serve`
    Doctor(Flags),
    /// Write the whole hub to one file, also while it runs
    Backup(backup::Args),
    /// Create a data directory from a backup
    Restore(restore::Args),
    /// Recover the readings of a damaged database, also while the hub runs
    Recover(recover::Args),
}

impl Command {
    /// How much of the log is shown when nobody says: a hub tells what happens, a command its result.
    #[must_use]
    pub fn log_level(&self) -> &'static str {
        if self.is_service() || matches!(self, Self::Restore(_)) {
            "info"
        } else if matches!(self, Self::Demo(_)) {
            "error"
        } else {
            "warn"
        }
    }

    /// Whether it is a service, whose end belongs into its log.
    #[must_use]
    pub const fn is_service(&self) -> bool {
        matches!(self, Self::Serve(_))
    }
}

/// Runs one command to its end.
///
/// # Errors
/// What went wrong, and whether the user or the world is to blame.
pub fn run(command: Command) -> Outcome {
    match command {
        Command::Serve(flags) => {
            heap::set_up();
            block_on(serve::run(flags))
        }
        Command::Demo(args) => {
            heap::set_up();
            block_on(demo::run(args))
        }
        Command::Session(action) => block_on(session::run(action)),
        Command::User(action) => block_on(user::run(action)),
        Command::Token(action) => block_on(token::run(action)),
        Command::JoinToken(action) => block_on(join_token::run(action)),
        Command::Bundle(args) => block_on(bundle::bundle(args)),
        Command::Flash(args) => block_on(bundle::flash(args)),
        Command::Password(action) => block_on(password::run(action)),
        Command::Status(args) => block_on(status::run(args)),
        Command::Devices(args) => block_on(devices::run(args)),
        Command::Alerts(args) => block_on(alerts::run(args)),
        Command::Audit(args) => block_on(audit::run(args)),
        Command::Watch(args) => block_on(watch::run(args)),
        Command::Query(args) => block_on(query::run(args)),
        Command::Export(args) => block_on(export::run(args)),
        Command::Import(args) => block_on(import::run(args)),
        Command::Rules(action) => block_on(rules::run(action)),
        Command::Webhooks(action) => block_on(webhooks::run(action)),
        Command::Open(args) => block_on(open::run(args)),
        Command::Doctor(flags) => block_on(doctor::run(flags)),
        Command::Backup(args) => backup::run(&args),
        Command::Restore(args) => restore::run(args),
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
