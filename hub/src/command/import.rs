//! `telemetry-hub import`: sends the readings of a CSV or NDJSON file, such as an export, to a running hub.
//!
//! The file is sent in parts, each of them only after the one before is on the hub's disk, so it is always known how
//! far it is stored. Running it again is harmless: a reading of one sensor and moment is stored once.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use super::ending::asked_to_end;
use super::out::print;
use super::outcome::{Failure, Outcome};
use super::progress::Progress;
use super::remote::{Link, Remote, Upload};
use super::shown;
use crate::clock::Clock;

/// Bytes of text in one part: some ten thousand readings, stored within some tens of milliseconds.
const PART: usize = 4 << 20;
/// Wrong lines that are printed at most.
const TOLD: usize = 20;
/// How often a part is sent again while the hub is too busy, with the pause that the hub asks for.
const TRIES: u32 = 30;

/// Flags of `import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    hub: Remote,
    /// Show what would be imported and which lines are wrong, without storing anything
    #[arg(long)]
    dry_run: bool,
    /// Accept times before 2000 and in the future, as a device with a wrong clock reports them
    #[arg(long)]
    any_time: bool,
    /// Format of the file; recognised by its first line when left out
    #[arg(long, value_parser = ["csv", "ndjson"])]
    format: Option<String>,
    /// CSV or NDJSON as `export` writes it, compressed by gzip or not; - is stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// What the hub says of a part.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    readings: u64,
    devices: Vec<String>,
    new_devices: Vec<String>,
    from: Option<String>,
    to: Option<String>,
    errors: Vec<Wrong>,
    more_errors: u64,
}

#[derive(Debug, Deserialize)]
struct Wrong {
    line: u64,
    field: Option<String>,
    detail: String,
}

/// What all parts brought.
#[derive(Debug, Default)]
struct Sum {
    readings: u64,
    devices: std::collections::BTreeSet<String>,
    new_devices: std::collections::BTreeSet<String>,
    from: Option<String>,
    to: Option<String>,
    wrong: u64,
}

pub(super) async fn run(args: Args) -> Outcome {
    let started = Clock.now();
    let link = args.hub.find().await?;
    let mut parts = Parts::open(&args.file, args.format.as_deref())?;
    let mut progress = Progress::of(length(&args.file));
    let mut ended = std::pin::pin!(asked_to_end());
    let mut sum = Sum::default();
    let mut lines = 0;
    let place = |stored: u64| {
        if args.dry_run || stored == 0 {
            return String::new();
        }
        format!("stored up to line {stored}, running it again is harmless: ")
    };
    while let Some(part) = parts.next().with_context(|| format!("reading {}", args.file.display()))? {
        let answer = tokio::select! {
            () = &mut ended => Err(Failure::Run(anyhow::anyhow!("interrupted"))),
            answer = send(&link, &args, parts.kind, &part, lines) => answer,
        };
        let answer = match answer {
            Err(Failure::Run(error)) => return Err(Failure::Run(anyhow::anyhow!("{}{error:#}", place(lines)))),
            answer => answer?,
        };
        for wrong in &answer.errors {
            sum.wrong += 1;
            if sum.wrong <= TOLD as u64 {
                let field = wrong.field.as_deref().map(|field| format!(", {field}")).unwrap_or_default();
                print(format_args!("line {}{field}: {}", wrong.line, wrong.detail));
            }
        }
        sum.wrong += answer.more_errors;
        lines += part.lines;
        sum.add(answer);
        progress.at(parts.read.load(Ordering::Relaxed));
    }
    drop(progress);
    let took = Clock.now().duration_since(started).as_secs_f64();
    print(sum.told(args.dry_run, lines, took));
    match sum.wrong {
        0 => Ok(()),
        wrong => {
            let lines = shown::of(wrong, "line");
            Err(Failure::Use(format!("{}: {lines} cannot be imported", args.file.display())))
        }
    }
}

/// Sends a part, again where the hub has no room.
async fn send(link: &Link, args: &Args, kind: &'static str, part: &Part, before: u64) -> Result<Answer, Failure> {
    // The line of names stands before each part and counts once.
    let first = before + 1 - u64::from(part.repeats_head);
    let params = [
        ("dry_run", args.dry_run.to_string()),
        ("any_time", args.any_time.to_string()),
        ("first_line", first.to_string()),
    ];
    let mut tries = 0;
    loop {
        match link.post("/import", &params, kind, part.text.clone()).await? {
            Upload::Done(answer) => return Ok(answer),
            Upload::Later { seconds, detail } => {
                tries += 1;
                if tries > TRIES {
                    return Err(Failure::Run(anyhow::anyhow!("the hub is too busy: {detail}")));
                }
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
        }
    }
}

impl Sum {
    fn add(&mut self, answer: Answer) {
        self.readings += answer.readings;
        self.devices.extend(answer.devices);
        self.new_devices.extend(answer.new_devices);
        // RFC 3339 in UTC sorts as the moments do.
        self.from = self.from.take().into_iter().chain(answer.from).min();
        self.to = self.to.take().into_iter().chain(answer.to).max();
    }

    fn told(&self, dry_run: bool, lines: u64, took: f64) -> String {
        let word = if dry_run { "would be imported" } else { "imported" };
        let range = match (&self.from, &self.to) {
            (Some(from), Some(to)) if from == to => format!(", of {}", local(from)),
            (Some(from), Some(to)) => format!(", of {} to {}", local(from), local(to)),
            _ => String::new(),
        };
        // Of less than a second nobody asks how fast it was.
        let pace = if took < 1.0 {
            String::new()
        } else {
            format!("; {took:.1} s, {} a second", shown::count((self.readings as f64 / took) as u64))
        };
        format!(
            "{} of {} ({} new) {word} from {}{range}{pace}",
            shown::of(self.readings, "reading"),
            shown::of(self.devices.len() as u64, "device"),
            self.new_devices.len(),
            shown::of(lines, "line"),
        )
    }
}

/// A moment of the hub's answer as a person reads it.
fn local(at: &str) -> String {
    shown::read(at).map_or_else(|| at.to_owned(), shown::moment)
}

/// Whole lines of the file, with the line of names before them.
struct Part {
    text: Vec<u8>,
    /// Lines of the file in it.
    lines: u64,
    /// Whether the line of names stands before it although it is none of its lines.
    repeats_head: bool,
}

/// The file in parts.
struct Parts {
    from: Box<dyn BufRead + Send>,
    kind: &'static str,
    /// The line of names, in CSV.
    head: Vec<u8>,
    is_first: bool,
    /// Bytes of the file that were read.
    read: Arc<AtomicU64>,
}

/// What is read of a file, counted as it lies there, packed or not.
struct Counted {
    from: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.from.read(buffer)?;
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// Bytes of a file, where it has an end.
fn length(file: &Path) -> Option<u64> {
    std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file).map(|file| file.len())
}

impl Parts {
    fn open(file: &Path, format: Option<&str>) -> Result<Self, Failure> {
        let raw: Box<dyn Read + Send> = if file == Path::new("-") {
            Box::new(io::stdin())
        } else {
            let opened = File::open(file).map_err(|error| Failure::Use(format!("{}: {error}", file.display())))?;
            Box::new(opened)
        };
        Self::of(raw, format).with_context(|| format!("reading {}", file.display())).map_err(Failure::Run)
    }

    fn of(raw: Box<dyn Read + Send>, format: Option<&str>) -> io::Result<Self> {
        let read = Arc::new(AtomicU64::new(0));
        let mut raw = BufReader::with_capacity(1 << 16, Counted { from: raw, read: Arc::clone(&read) });
        let is_gzip = raw.fill_buf()?.starts_with(&[0x1f, 0x8b]);
        let mut from: Box<dyn BufRead + Send> =
            if is_gzip { Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(raw))) } else { Box::new(raw) };
        let is_json = match format {
            Some(format) => format == "ndjson",
            None => from.fill_buf()?.trim_ascii_start().starts_with(b"{"),
        };
        let mut head = Vec::new();
        if !is_json {
            line(&mut from, &mut head)?;
        }
        let kind = if is_json { "application/x-ndjson" } else { "text/csv" };
        Ok(Self { from, kind, head, is_first: true, read })
    }

    fn next(&mut self) -> io::Result<Option<Part>> {
        let is_first = std::mem::replace(&mut self.is_first, false);
        let mut text = self.head.clone();
        let mut lines = u64::from(is_first && !self.head.is_empty());
        while text.len() < PART {
            if line(&mut self.from, &mut text)? == 0 {
                break;
            }
            lines += 1;
        }
        Ok((lines > 0).then_some(Part { text, lines, repeats_head: !is_first && !self.head.is_empty() }))
    }
}

/// Adds a line; memory is for lines, whatever the file is.
fn line(from: &mut impl BufRead, text: &mut Vec<u8>) -> io::Result<usize> {
    let read = from.take(PART as u64).read_until(b'\n', text)?;
    if read == PART {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a line is longer than 4 MiB: is this a CSV or NDJSON file?",
        ));
    }
    Ok(read)
}
