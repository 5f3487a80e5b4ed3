//! `telemetry-hub`: reads the command line, starts logging, hands over to a command.
//!
//! Exit codes: 0 done, 1 failed at run time, 2 wrong use or configuration. Results go to stdout, logs to stderr.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use telemetry_hub::command::{self, Command, Log};
use tracing_subscriber::EnvFilter;

/// See `command/heap.rs`.
#[global_allocator]
static HEAP: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// IoT telemetry hub: adopts devices, stores their readings, shows them live, sends alerts
#[derive(Debug, Parser)]
#[command(name = "telemetry-hub", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: telemetry_hub::config::Flags,
    /// Form of the log on stderr
    #[arg(long, value_enum, default_value = "text", global = true, env = "TELEMETRY_HUB_LOG_FORMAT")]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let command = cli.command.unwrap_or(Command::Serve(cli.serve));
    let filter = EnvFilter::try_from_env("TELEMETRY_HUB_LOG").unwrap_or_else(|_| EnvFilter::new(command.log_level()));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Log).with_target(false);
    match cli.log_format {
        LogFormat::Text => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => log.json().init(),
    }
    let is_logged = command.is_service() || matches!(cli.log_format, LogFormat::Json);
    let (text, code) = match command::run(command) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(command::Failure::Use(text)) => (text, ExitCode::from(2)),
        Err(command::Failure::Run(error)) => (in_full(&error), ExitCode::FAILURE),
        Err(command::Failure::Told) => return ExitCode::FAILURE,
    };
    if is_logged {
        tracing::error!("{text}");
    } else {
        let _ = writeln!(Log, "error: {text}");
    }
    code
}

/// An error and its causes, but those that it named itself.
fn in_full(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
