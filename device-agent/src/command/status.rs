//! `device-agent status`: shows how the running agent is doing.

use std::io;
use std::path::Path;

use device_agent::quantity;
use device_agent::sensor::Remark;
use device_agent::spool::Drops;
use device_agent::status::{self, Report};
use device_agent::trouble::Trouble;
use lexopt::{Arg, Parser};

use super::failure::{Failure, print};
use super::options::Common;

const HELP: &str = "\
Shows how the agent that runs on this machine is doing.

Usage: device-agent status [--json] [--state DIR]

Exit code 1 if no agent is running with that state folder.
";

pub(super) fn command(mut parser: Parser) -> Result<(), Failure> {
    let mut common = Common::default();
    let mut json = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => common.help = true,
            Arg::Long("json") => json = true,
            Arg::Long(option @ ("state" | "config")) => {
                let option = option.to_owned();
                common.take(&option, &mut parser)?;
            }
            other @ (Arg::Short(_) | Arg::Long(_) | Arg::Value(_)) => return Err(other.unexpected().into()),
        }
    }
    if common.help {
        return print(HELP);
    }
    let settings = common.settings()?;
    let report = status::ask(&settings.state).map_err(|error| Failure::Failed(unanswered(&settings.state, &error)))?;
    if json {
        let text = serde_json::to_string(&report).map_err(|error| Failure::Failed(error.to_string()))?;
        return print(&format!("{text}\n"));
    }
    print(&in_words(&report))
}

fn unanswered(state: &Path, error: &io::Error) -> String {
    let shown = state.display();
    let kind = error.kind();
    if kind == io::ErrorKind::PermissionDenied {
        format!("only root and the agent's own user may read {shown}: sudo device-agent status --state {shown}")
    } else if kind == io::ErrorKind::NotFound || kind == io::ErrorKind::ConnectionRefused {
        format!(
            "no agent is running with the state folder {shown}: start one with `device-agent run`, or name its folder with --state"
        )
    } else {
        format!("no agent answers on {shown}: {error}")
    }
}

fn in_words(report: &Report) -> String {
    let state = match report.state.as_str() {
        "streaming" => "streaming",
        "pending" => "waiting for your approval on the hub's page: compare the words below with those it shows",
        "handshaking" => "connecting to a hub",
        _ => "looking for a hub",
    };
    let hub = match (&report.hub, &report.hub_words, &report.last_hub) {
        (Some(address), Some(words), _) => format!("{address} ({words})"),
        (_, _, Some(address)) => format!("none, last at {address}"),
        _ => "none".to_owned(),
    };
    let identity =
        report.claimed.as_ref().map(|claim| format!("  identity  {} (since {})\n", claim.hint, moment(claim.since)));
    let (state, before, behind) = match report.claimed.as_ref().filter(|claim| !claim.goes_on) {
        Some(claim) => (claim.refusal(), identity, None),
        None => (format!("{} is {state}", report.name), None, identity),
    };
    // Both count from the start, and what waited from before it is only sent since.
    let has_older = report.readings_acked > report.readings_taken;
    let older = if has_older { " (with what waited from before the start)" } else { "" };
    let mut text = format!(
        "{state}\n\n{}  id        {}\n  words     {}\n  hub       {hub}\n  link      {}\n  sensors   {}\n  readings  {} measured, {} on the hub's disk{older}, {} dropped\n  waiting   {} to be sent\n",
        before.unwrap_or_default(),
        report.id,
        report.words,
        link(report),
        report.sensors,
        report.readings_taken,
        report.readings_acked,
        report.readings_dropped,
        quantity::of(report.spool_batches as u64, "batch"),
    );
    text.push_str(&behind.unwrap_or_default());
    if report.clock_steps > 0 {
        text.push_str(&format!(
            "  clock     set {} since the start\n",
            quantity::of(report.clock_steps.into(), "time")
        ));
    }
    drops(report.dropped_by, &mut text);
    troubles(report, &mut text);
    text
}

/// How long a packet takes to the hub and back, and how this clock differs from the hub's.
fn link(report: &Report) -> String {
    match (report.rtt_ms, report.clock_offset_ms) {
        (Some(rtt), Some(offset)) => {
            let drift = report.clock_drift_ppm.map_or_else(String::new, |ppm| format!(", drifting by {ppm:+.1} ppm"));
            format!("round trip {rtt:.1} ms, this clock minus the hub's {offset} ms{drift}")
        }
        _ => "not measured yet".to_owned(),
    }
}

/// A line for each reason for which readings were dropped.
fn drops(dropped: Drops, text: &mut String) {
    let Drops { oldest, newest, expired, thinned, unreadable } = dropped;
    for (count, reason) in [
        (oldest, "oldest readings, the buffer was full"),
        (newest, "newest readings, the buffer was full"),
        (expired, "older than keep_for"),
        (thinned, "thinned out"),
        (unreadable, "unreadable on disk"),
    ] {
        if count > 0 {
            text.push_str(&format!("  dropped   {count} {reason}\n"));
        }
    }
}

/// Lines about sources that lost readings or fail, and what else there is to say of them.
fn troubles(report: &Report, text: &mut String) {
    for (source, lost) in &report.lost {
        text.push_str(&format!("  lost      {source}: {lost}, since the start\n"));
    }
    for Trouble { source, error, since, count } in &report.failing {
        let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
        text.push_str(&format!(
            "  failing   {source}: {} ({times} since {})\n",
            error.replace("; ", "\n            "),
            moment(*since)
        ));
    }
    for Remark { source, text: said, .. } in &report.remarks {
        text.push_str(&format!("  note      {source}: {said}\n"));
    }
    if report.more_remarks > 0 {
        text.push_str(&format!("  note      and {} more\n", report.more_remarks));
    }
}

/// A moment as people write it, in UTC.
fn moment(at: wire::UnixMillis) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(
        |_| "a time that no calendar has".to_owned(),
        |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}
