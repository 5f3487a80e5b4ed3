//! The commands of the program, one file each. Results go to stdout, everything else to stderr; exit codes: 0 done, 1
//! failed, 2 wrong use.

mod doctor;
mod failure;
mod id;
mod install;
mod options;
mod replay;
mod run;
mod runtime;
mod simulate;
mod status;

use lexopt::{Arg, Parser};

pub(crate) use self::failure::Failure;
use self::failure::print;
pub(crate) use self::options::Log;

const HELP: &str = "\
Streams this machine's sensors to a telemetry hub, and stores each reading until the hub has it on disk.

Usage: device-agent <command> [options]

Commands:
  run        Measure this machine and send to the hub (found by name, multicast or broadcast, or named with --hub)
  replay     Send a recorded series from a CSV file, with its own times
  simulate   Send the readings of a simulated fleet, for tests and benchmarks
  status     Show how the running agent is doing
  doctor     Find out why readings do not arrive
  id         Print this device's id and the six words to compare
  install    Make the agent a service of this machine, or of a mounted root file system
  uninstall  Remove that service

`device-agent <command> --help` lists the options of a command.
Exit codes: 0 done, 1 failed, 2 wrong use or configuration.
";

/// Reads the command and runs it.
pub(crate) fn dispatch(mut parser: Parser) -> Result<(), Failure> {
    match parser.next()? {
        Some(Arg::Value(command)) => match command.to_string_lossy().as_ref() {
            "run" => run::command(parser),
            "replay" => replay::command(parser),
            "simulate" => simulate::command(parser),
            "status" => status::command(parser),
            "doctor" => doctor::command(parser),
            "id" => id::command(parser),
            "install" => install::install(parser),
            "uninstall" => install::uninstall(parser),
            "help" => print(HELP),
            other => Err(Failure::Usage(format!("unknown command '{other}'; `device-agent --help` lists them"))),
        },
        Some(Arg::Short('h') | Arg::Long("help")) => print(HELP),
        Some(Arg::Short('V') | Arg::Long("version")) => {
            print(concat!("device-agent ", env!("CARGO_PKG_VERSION"), "\n"))
        }
        Some(other) => Err(other.unexpected().into()),
        None => Err(Failure::Usage(format!("a command is missing\n\n{HELP}"))),
    }
}
