//! `telemetry-hub restore`: a data directory from a backup, into an empty place.

use std::path::PathBuf;

use super::{Data, Outcome, print, shown};
use crate::store;

/// Flags of `restore`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Backup to read
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Must be empty, or not there yet
    #[command(flatten)]
    data: Data,
}

pub(super) fn run(args: &Args) -> Outcome {
    let data = args.data.dir()?;
    let held = store::restore(&args.file, &data)?;
    print(format_args!(
        "{}\tas of {}, {}, {}",
        data.display(),
        shown::moment(held.made_at),
        shown::of(held.devices, "device"),
        shown::of(held.sensors, "sensor"),
    ));
    tracing::info!(
        "browsers have to sign in again; API tokens that were revoked after {} work again: look at `token list`",
        shown::moment(held.made_at)
    );
    Ok(())
}
