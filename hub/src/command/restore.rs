//! `telemetry-hub restore`: creates a data directory from a backup.

use std::path::PathBuf;

use super::data::Data;
use super::out::print;
use super::outcome::{Failure, Outcome};
use super::passphrase::PassphraseFile;
use super::shown;
use crate::store;

/// Flags of `restore`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Backup to read
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseFile,
    /// Data directory to create, or an empty one [default: ./telemetry-data]
    #[arg(long, value_name = "DIR", env = "TELEMETRY_HUB_DATA")]
    data: Option<PathBuf>,
    /// TOML file of the hub, read for its data directory
    #[arg(long, value_name = "FILE", env = "TELEMETRY_HUB_CONFIG")]
    config: Option<PathBuf>,
}

pub(super) fn run(args: Args) -> Outcome {
    let passphrase = args.passphrase.read()?;
    let data = Data::new(args.data, args.config).dir()?;
    let named = |what: &str| Failure::Use(format!("{}: {what}", args.file.display()));
    let held = match (store::is_sealed(&args.file)?, passphrase) {
        (true, Some(passphrase)) => store::restore_sealed(&args.file, &data, &passphrase)?,
        (false, None) => store::restore(&args.file, &data)?,
        (true, None) => return Err(named("is encrypted: give its passphrase with --passphrase-file FILE")),
        (false, Some(_)) => return Err(named("is not encrypted: leave out --passphrase-file")),
    };
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
