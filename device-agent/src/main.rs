//! `device-agent`: arguments, log, dispatch to a command.

mod command;

use std::io::Write as _;
use std::process::ExitCode;

use command::Failure;

fn main() -> ExitCode {
    let (text, code) = match command::dispatch(lexopt::Parser::from_env()) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Usage(text)) => (text, ExitCode::from(2)),
        Err(Failure::Failed(text)) => (text, ExitCode::FAILURE),
        Err(Failure::Told) => return ExitCode::FAILURE,
    };
    // Whoever closed stderr does not want to know.
    let _ = writeln!(command::Log, "device-agent: {text}");
    code
}
