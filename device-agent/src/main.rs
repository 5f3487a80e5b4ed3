//! `device-agent`: arguments, log, dispatch to a command.

mod command;

use std::process::ExitCode;

use command::Failure;

fn main() -> ExitCode {
    match command::dispatch(lexopt::Parser::from_env()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(text)) => {
            eprintln!("device-agent: {text}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(text)) => {
            eprintln!("device-agent: {text}");
            ExitCode::FAILURE
        }
    }
}
