//! `telemetry-hub recover`: brings the readings of a damaged database back into the hub, also while it runs.

use std::path::{Path, PathBuf};

use super::data::Data;
use super::out::print;
use super::outcome::{Failure, Outcome};
use super::{data, shown};
use crate::store::{self, Recovered, Store};

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
    let dir = args.data.of_a_hub()?;
    let store = data::open(&dir)?;
    let files = args.from.map_or_else(|| store.set_aside(), |file| vec![file]);
    if files.is_empty() {
        print(format_args!("nothing to recover in {}", dir.display()));
    }
    for file in files {
        if store::is_sealed(&file)? {
            let advice = "is encrypted: `restore` it into an empty folder, and recover --from telemetry.db in there";
            return Err(Failure::Use(format!("{}: {advice}", file.display())));
        }
        recover(&store, &file).await?;
    }
    store.close().await?;
    Ok(())
}

async fn recover(store: &Store, file: &Path) -> Result<(), store::Error> {
    let found = store.recover(file).await?;
    print(format_args!("{}", file.display()));
    if found.done_before {
        print("  was recovered earlier: nothing changed");
        return Ok(());
    }
    let Recovered { readings, blocks, batches, figures, bad_blocks, bad_batches, .. } = found;
    print(format_args!(
        "  brought back   {} (from {} and {}), {}",
        shown::of(readings, "reading"),
        shown::of(blocks, "block"),
        shown::of(batches, "batch"),
        shown::of(figures, "minute or hour summary"),
    ));
    print(format_args!("  damaged        {}, {}", shown::of(bad_blocks, "block"), shown::of(bad_batches, "batch")));
    if !found.torn.is_empty() {
        print(format_args!("  unreadable     pages of {}: there may have been more", found.torn.join(", ")));
    }
    if !found.strangers.is_empty() {
        print(format_args!(
            "  unknown        {}: readings of these devices stay in the file. Adopt the devices when they ask to join, then \
             run `recover` again; if nobody needs them, delete or move the file",
            found.strangers.join(", ")
        ));
    }
    Ok(())
}
