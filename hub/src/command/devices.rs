//! `telemetry-hub devices`: lists the devices.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::out::{print, tell};
use super::outcome::Outcome;
use super::remote::{Remote, given};
use super::table::Table;
use super::{out, shown};
use crate::clock::Clock;

/// Flags of `devices`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    hub: Remote,
    /// Show only these devices, by id or name
    #[arg(long, value_parser = ["online", "offline", "pending", "blocked"])]
    status: Option<String>,
    /// Only devices with this label, key=value
    #[arg(long, value_name = "K=V")]
    label: Option<String>,
    /// Print the hub's answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Deserialize)]
struct Device {
    name: String,
    status: String,
    address: Option<String>,
    last_seen: Option<String>,
    sensors: usize,
    labels: BTreeMap<String, String>,
    words: Vec<String>,
}

pub(super) async fn run(args: Args) -> Outcome {
    let link = args.hub.find().await?;
    let params: Vec<_> = given([("status", args.status), ("label", args.label)]).collect();
    if args.json {
        print(link.all_as_json("/devices", &params).await?);
        return Ok(());
    }
    let devices: Vec<Device> = link.all("/devices", &params).await?;
    let now = Clock.wall();
    let mut table = Table::new(["NAME", "STATUS", "LAST SEEN", "SENSORS", "ADDRESS", "LABELS"]).right([3]);
    for device in &devices {
        let seen = device.last_seen.as_deref().and_then(shown::read);
        let labels: Vec<String> =
            device.labels.iter().map(|(key, value)| shown::name(&format!("{key}={value}"))).collect();
        table.row([
            shown::name(&device.name),
            device.status.clone(),
            seen.map_or_else(|| "never".to_owned(), |at| shown::ago(at, now)),
            device.sensors.to_string(),
            device.address.as_deref().map(shown::name).unwrap_or_default(),
            labels.join(" "),
        ]);
    }
    if table.is_empty() {
        tell("no device matches; `device-agent run` on a device makes it appear");
    }
    out::write(&table.text());
    for device in devices.iter().filter(|device| device.status == "pending") {
        tell(format_args!(
            "{} waits for your approval; its six words: {}",
            shown::name(&device.name),
            shown::name(&device.words.join(" "))
        ));
    }
    Ok(())
}
