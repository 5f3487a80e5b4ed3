//! `telemetry-hub backup`: the whole hub in one file, also while it runs.

use std::path::PathBuf;

use super::{Data, Outcome, print};
use crate::store;

/// Flags of `backup`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// File to write; an older backup there is replaced once the new one is checked. It holds the hub's keys: keep it safe
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    data: Data,
}

pub(super) fn run(args: &Args) -> Outcome {
    let held = store::backup(&args.data.data, &args.file)?;
    print(format_args!(
        "{}\t{:.1} MB, {} devices, {} sensors, checked",
        args.file.display(),
        held.bytes as f64 / 1e6,
        held.devices,
        held.sensors
    ));
    Ok(())
}
