//! `telemetry-hub backup`: writes the whole hub to one file, also while it runs.

use std::path::PathBuf;

use super::data::Data;
use super::out::print;
use super::outcome::Outcome;
use super::passphrase::PassphraseFile;
use super::progress::Progress;
use super::shown;
use crate::store;

/// Flags of `backup`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// File to write; an older backup there is replaced once the new one is checked. A backup holds the hub's keys: keep it
    /// safe, or encrypt it with a passphrase
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseFile,
    #[command(flatten)]
    data: Data,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut progress = None;
    let passphrase = args.passphrase.read()?;
    let data = args.data.of_a_hub()?;
    let mut told = |copied, all| progress.get_or_insert_with(|| Progress::of(Some(all))).at(copied);
    let held = match &passphrase {
        Some(passphrase) => store::backup_sealed(&data, &args.file, passphrase, &mut told),
        None => store::backup(&data, &args.file, &mut told),
    };
    drop(progress);
    let held = held?;
    print(format_args!(
        "{}\t{}, {}, {}, checked{}",
        args.file.display(),
        shown::value(held.bytes as f64, "By"),
        shown::of(held.devices, "device"),
        shown::of(held.sensors, "sensor"),
        if passphrase.is_some() { ", encrypted" } else { "" },
    ));
    Ok(())
}
