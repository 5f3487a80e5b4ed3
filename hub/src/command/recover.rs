//! `telemetry-hub recover`: readings of a damaged database back into the hub, also while it runs.

use std::path::{Path, PathBuf};

use super::{Data, Outcome, print};
use crate::store::{Recovered, Store};

/// Flags of `recover`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Database to read [default: those that were set aside in the data directory]
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[command(flatten)]
    data: Data,
}

pub(super) async fn run(args: Args) -> Outcome {
    let store = args.data.open()?;
    let files = args.from.map_or_else(|| store.set_aside(), |file| vec![file]);
    if files.is_empty() {
        print(format_args!("nothing to recover in {}", args.data.of_a_hub()?.display()));
    }
    for file in files {
        recover(&store, &file).await?;
    }
    store.close().await?;
    Ok(())
}

async fn recover(store: &Store, file: &Path) -> Result<(), crate::store::Error> {
    let found = store.recover(file).await?;
    print(format_args!("{}", file.display()));
    if found.done_before {
        print("  was recovered before: nothing changed");
        return Ok(());
    }
    let Recovered { readings, blocks, batches, figures, bad_blocks, bad_batches, .. } = found;
    print(format_args!(
        "  brought back   {readings} readings (from {blocks} blocks and {batches} batches), {figures} rollup figures"
    ));
    print(format_args!("  damaged        {bad_blocks} blocks, {bad_batches} batches"));
    if !found.torn.is_empty() {
        print(format_args!("  unreadable     pages of {}: there may have been more", found.torn.join(", ")));
    }
    if !found.strangers.is_empty() {
        print(format_args!(
            "  not known here {}: their readings stay in the file. Adopt them (each asks by itself) and recover again; if \
             nobody misses them, delete or move the file",
            found.strangers.join(", ")
        ));
    }
    Ok(())
}
