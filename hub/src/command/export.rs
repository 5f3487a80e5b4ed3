//! `telemetry-hub export`: writes every reading of a time range as CSV or NDJSON, to stdout or to a file.
//!
//! A file is either the complete export or not there: it is written under another name and renamed at the end.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use reqwest::Response;

use super::ending::asked_to_end;
use super::out::{self, tell};
use super::outcome::Outcome;
use super::progress::Progress;
use super::remote::Remote;
use super::selection::Selection;
use super::shown;
use crate::durable;

/// Flags of `export`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    hub: Remote,
    #[command(flatten)]
    readings: Selection,
    /// Format to write
    #[arg(long, default_value = "csv", value_parser = ["csv", "ndjson"])]
    format: String,
    /// File to write, replaced once the export is complete; stdout when left out or `-`
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(super) async fn run(args: Args) -> Outcome {
    let link = args.hub.find().await?;
    let (mut params, is_csv) = (args.readings.params(&link).await?, args.format == "csv");
    params.push(("format", args.format));
    let answer = link.get("/export", &params).await?;
    match args.file.filter(|file| file != Path::new("-")) {
        Some(file) => {
            let lines = keep(answer, &file).await?;
            // Both forms are a line a reading; CSV has one of names before them.
            let readings = lines.saturating_sub(u64::from(is_csv));
            tell(format_args!("exported {} to {}", shown::of(readings, "reading"), file.display()));
        }
        None => {
            if let Err(error) = copy(answer, &mut io::stdout()).await {
                // Who reads it has enough, as `head` has.
                return match error.downcast::<io::Error>() {
                    Ok(error) => out::ended(&error),
                    Err(error) => Err(error.into()),
                };
            }
        }
    }
    Ok(())
}

/// Writes the file; returns how many lines.
async fn keep(answer: Response, file: &Path) -> anyhow::Result<u64> {
    let writing = || format!("writing {}", file.display());
    let part = durable::staging(file).with_context(writing)?;
    let written = async {
        let mut out = durable::create(&part).with_context(writing)?;
        let lines = copy(answer, &mut out).await.with_context(writing)?;
        durable::place(&part, file).with_context(writing)?;
        Ok(lines)
    };
    let written = written.await;
    if written.is_err() {
        // Half of it helps nobody; that it could not be removed changes nothing.
        let _ = std::fs::remove_file(&part);
    }
    written
}

/// Until the hub says that it was all; returns how many lines.
async fn copy(mut answer: Response, out: &mut impl Write) -> anyhow::Result<u64> {
    let mut ended = std::pin::pin!(asked_to_end());
    let mut progress = Progress::of(answer.content_length());
    let mut lines = 0;
    loop {
        let piece = tokio::select! {
            () = &mut ended => anyhow::bail!("interrupted: the export is incomplete"),
            piece = answer.chunk() => piece,
        };
        match piece.context("the export ended early and is incomplete")? {
            Some(bytes) => {
                out.write_all(&bytes)?;
                progress.add(bytes.len() as u64);
                lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            }
            None => {
                out.flush()?;
                return Ok(lines);
            }
        }
    }
}
