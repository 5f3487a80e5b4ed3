//! `telemetry-hub rules`: rules that are kept in files.
//!
//! `check` and `test` need no hub: a file is read, and its rules run, by what the hub itself does with them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use serde::Deserialize;

use super::out::{self, print, tell};
use super::outcome::{Failure, Outcome};
use super::remote::{Link, Remote, Upload};
use super::shown;
use crate::durable;
use crate::http::rules::file::{self, RuleFile, Wrong};

/// Largest file.
const LARGEST: u64 = 1 << 20;

/// What to do with files of rules.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Check files of rules: what is wrong, with line and column. Needs no hub
    Check(Files),
    /// Check files and run the tests in them ([[test]]). Needs no hub
    Test(Files),
    /// Make the rules of a hub what files say, and show what changes
    ///
    /// A rule is known by its name. What a file no longer names is removed, if it came from that file; rules made on the page stay. On
    /// the page a rule of a file can only be turned off and on; the next `apply` sets what the file says.
    Apply(Apply),
    /// Print the rules of a hub as a file that `apply` takes
    ///
    /// Rules that are kept in files already are left out, as those files have them: a comment names the file of each.
    Export(Export),
}

/// Arguments of `rules check` and `rules test`.
#[derive(Debug, clap::Args)]
pub struct Files {
    /// TOML files with [[rule]] and [[test]]
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// Arguments of `rules apply`.
#[derive(Debug, clap::Args)]
pub struct Apply {
    #[command(flatten)]
    hub: Remote,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    /// What the hub calls the file, if it is not always in the same folder [default: its path]
    #[arg(long = "as", value_name = "NAME")]
    called: Option<String>,
    #[command(flatten)]
    files: Files,
}

/// Arguments of `rules export`.
#[derive(Debug, clap::Args)]
pub struct Export {
    #[command(flatten)]
    hub: Remote,
    /// Where to; to the terminal when left out
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Also the rules that are kept in files: to look at, or for another hub
    #[arg(long)]
    all: bool,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(action: Action) -> Outcome {
    match action {
        Action::Check(Files { files }) => check(&files),
        Action::Test(Files { files }) => test(&files),
        Action::Apply(args) => apply(args).await,
        Action::Export(args) => export(args).await,
    }
}

fn check(files: &[PathBuf]) -> Outcome {
    for (path, file) in files.iter().zip(&all(files)?) {
        print(format_args!("{}: {}", path.display(), counted(file)));
    }
    Ok(())
}

fn counted(file: &RuleFile) -> String {
    let of = |count: usize, one: &str| shown::of(count as u64, one);
    let tests = if file.tests.is_empty() { String::new() } else { format!(", {}", of(file.tests.len(), "test")) };
    format!("{}{tests}, nothing is wrong", of(file.rules.len(), "rule"))
}

fn test(files: &[PathBuf]) -> Outcome {
    let (mut run, mut failed) = (0, 0);
    for (path, file) in files.iter().zip(&all(files)?) {
        run += file.tests.len();
        for wrong in file.failed() {
            failed += 1;
            print(format_args!("{}:{}: {}: {}", path.display(), wrong.line, shown::name(&wrong.rule), wrong.text));
        }
    }
    if run == 0 {
        return Err(Failure::Use("there are no tests: write [[test]] tables into the file".to_owned()));
    }
    print(format_args!("{} of {} passed", run - failed, shown::of(run as u64, "test")));
    if failed == 0 { Ok(()) } else { Err(Failure::Told) }
}

/// Reads all files; what is wrong is printed.
fn all(files: &[PathBuf]) -> Result<Vec<RuleFile>, Failure> {
    let mut read = Vec::new();
    let mut is_wrong = false;
    for path in files {
        match file::read(&text_of(path)?) {
            Ok(file) => read.push(file),
            Err(wrongs) => {
                wrongs.iter().for_each(|wrong| complain(path, wrong));
                is_wrong = true;
            }
        }
    }
    if is_wrong { Err(Failure::Told) } else { Ok(read) }
}

fn complain(path: &Path, Wrong { line, column, text }: &Wrong) {
    tell(format_args!("{}:{line}:{column}: {text}", path.display()));
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let reading = || format!("reading {}", path.display());
    let size = fs::metadata(path).with_context(reading)?.len();
    if size > LARGEST {
        return Err(Failure::Use(format!(
            "{} has {size} bytes: a file of rules has at most {LARGEST}",
            path.display()
        )));
    }
    let bytes = fs::read(path).with_context(reading)?;
    String::from_utf8(bytes).map_err(|_| Failure::Use(format!("{} is not text (UTF-8)", path.display())))
}

#[derive(Deserialize)]
struct Webhook {
    id: String,
    name: String,
}

/// Id and name of each.
async fn webhooks(link: &Link) -> Result<Vec<(String, String)>, Failure> {
    let webhooks: Vec<Webhook> = link.all("/webhooks", &[]).await?;
    Ok(webhooks.into_iter().map(|Webhook { id, name }| (id, name)).collect())
}

#[derive(Deserialize)]
struct Applied {
    changes: Vec<Change>,
    unchanged: usize,
}

#[derive(Deserialize)]
struct Change {
    name: String,
    change: String,
    file: String,
    line: Option<u32>,
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    field: String,
    before: String,
    after: String,
}

async fn apply(Apply { hub, dry_run, called, files: Files { files } }: Apply) -> Outcome {
    if called.is_some() && files.len() > 1 {
        return Err(Failure::Use("--as names one file: apply the others by themselves".to_owned()));
    }
    let read = all(&files)?;
    let link = hub.find().await?;
    let named = files.iter().zip(read).map(|(path, file)| Ok((name_of(path, called.as_deref())?, file)));
    let named: Vec<(String, RuleFile)> = named.collect::<Result<_, Failure>>()?;
    let body = match file::request(&named, &webhooks(&link).await?, dry_run) {
        Ok(body) => body,
        Err(wrongs) => {
            wrongs.iter().for_each(|(of, wrong)| complain(&files[*of], wrong));
            return Err(Failure::Told);
        }
    };
    let applied = match link.post::<Applied>("/rules/apply", &[], "application/json", body).await? {
        Upload::Done(applied) => applied,
        Upload::Later { detail, .. } => return Err(anyhow::anyhow!("{detail}").into()),
    };
    for change in &applied.changes {
        print(sentence(change, dry_run));
        for Field { field, before, after } in &change.fields {
            print(format_args!("    {field}: {before} -> {after}"));
        }
    }
    let changes = applied.changes.len();
    let would = if dry_run && changes > 0 { "nothing was changed: without --dry-run " } else { "" };
    let done = match changes {
        1.. if dry_run => "would be",
        1 => "is",
        _ => "are",
    };
    let rest = shown::of(applied.unchanged as u64, "rule");
    if !dry_run {
        idle(&link, &named).await?;
    }
    print(format_args!("{would}{} {done} different, {rest} as before", shown::of(changes as u64, "rule")));
    Ok(())
}

/// A rule, and what it watches.
#[derive(Deserialize)]
struct Watching {
    name: String,
    enabled: bool,
    /// An older hub does not say.
    watches: Option<usize>,
    needs: Option<Needs>,
    source: Option<Source>,
}

#[derive(Deserialize)]
struct Needs {
    /// An older hub does not say.
    too_short: Option<String>,
}

#[derive(Deserialize)]
struct Source {
    file: String,
    line: u32,
}

/// Warns of rules of these files that watch nothing, because a name may be misspelled, and of those for which readings come too seldom.
async fn idle(link: &Link, files: &[(String, RuleFile)]) -> Result<(), Failure> {
    let rules: Vec<Watching> = link.all("/rules", &[]).await?;
    for Watching { name, source, watches, needs, .. } in rules.into_iter().filter(|rule| rule.enabled) {
        let why = match (watches, needs.and_then(|needs| needs.too_short)) {
            (Some(0), _) => "watches nothing now: no device or sensor is there that it is about".to_owned(),
            (_, Some(too_short)) => format!("never decides there: {too_short}"),
            (_, None) => continue,
        };
        let Some(Source { file, line }) = source.filter(|source| files.iter().any(|(of, _)| *of == source.file)) else {
            continue;
        };
        let name = shown::name(&name);
        tell(format_args!("warning: {file}:{line}: {name} {why}"));
    }
    Ok(())
}

/// What happens to a rule, in a line.
fn sentence(Change { name, change, file, line, .. }: &Change, is_dry: bool) -> String {
    let (name, place) = (shown::name(name), line.map_or_else(|| file.clone(), |line| format!("{file}:{line}")));
    match (change.as_str(), is_dry) {
        ("created", _) => format!("+ {name} ({place})"),
        ("removed", _) => format!("- {name} (no longer in {place})"),
        ("taken_over", false) => format!("~ {name} ({place}), now kept in this file"),
        ("taken_over", true) => format!("~ {name} ({place}), would be kept in this file from then on"),
        _ => format!("~ {name} ({place})"),
    }
}

/// What the hub calls a file: people have to find it.
fn name_of(path: &Path, called: Option<&str>) -> Result<String, Failure> {
    if let Some(called) = called {
        return Ok(called.to_owned());
    }
    let path = fs::canonicalize(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(path.display().to_string())
}

async fn export(Export { hub, file, all, force }: Export) -> Outcome {
    if let Some(file) = file.as_ref().filter(|file| !force && file.exists()) {
        return Err(Failure::Use(format!("{} is there already: --force writes over it", file.display())));
    }
    let link = hub.find().await?;
    let answer = link.all_as_json("/rules", &[]).await?;
    let written = file::write(&answer, &webhooks(&link).await?, all).context("the hub's answer cannot be read")?;
    for name in &written.twins {
        tell(format_args!(
            "several rules are called {}: rename all but one of them, a file knows a rule by its name",
            shown::name(name)
        ));
    }
    match &file {
        Some(file) => {
            durable::replace(file, written.text.as_bytes()).with_context(|| format!("writing {}", file.display()))?;
            tell(format_args!("wrote {}", file.display()));
        }
        None => out::write(&written.text),
    }
    if written.twins.is_empty() { Ok(()) } else { Err(Failure::Told) }
}
