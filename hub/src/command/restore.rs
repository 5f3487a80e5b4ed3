//! `telemetry-hub restore`: a data directory from a backup, into an empty place.

use std::path::PathBuf;

use super::{Data, Outcome, print};
use crate::http::dto::text::moment;
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
    let held = store::restore(&args.file, &args.data.data)?;
    print(format_args!(
        "{}\tas of {}, {} devices, {} sensors",
        args.data.data.display(),
        moment(held.made_at),
        held.devices,
        held.sensors
    ));
    tracing::info!(
        "browsers have to sign in again; API tokens that were revoked after {} work again: look at `token list`",
        moment(held.made_at)
    );
    Ok(())
}
