//! `telemetry-hub status`: shows how the hub is doing, on one screen.

use serde::Deserialize;

use super::out::print;
use super::outcome::Outcome;
use super::remote::Remote;
use super::shown;

/// Flags of `status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    hub: Remote,
    /// Print the hub's answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Deserialize)]
struct Hub {
    version: String,
    words: Vec<String>,
    uptime_s: i64,
    udp_port: u16,
    #[serde(default)]
    addresses: Addresses,
    devices: Devices,
    series: u64,
    readings_total: u64,
    readings_per_s: f64,
    ack_p99_ms: Option<f64>,
    alerts_firing: u64,
    storage: Storage,
    degraded: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Addresses {
    url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Alert {
    acked_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Devices {
    online: u64,
    offline: u64,
    pending: u64,
    blocked: u64,
}

#[derive(Debug, Deserialize)]
struct Storage {
    bytes: f64,
    max_bytes: Option<f64>,
    disk_free_bytes: Option<f64>,
    growth_bytes_per_day: Option<f64>,
    full_in_days: Option<f64>,
}

pub(super) async fn run(args: Args) -> Outcome {
    let link = args.hub.find().await?;
    let text = link.text("/hub", &[]).await?;
    if args.json {
        print(text);
        return Ok(());
    }
    let hub: Hub = link.read(&text)?;
    let firing: Vec<Alert> = if hub.alerts_firing == 0 {
        Vec::new()
    } else {
        link.all("/alerts", &[("state", "firing".to_owned())]).await?
    };
    print(format_args!("telemetry-hub {}, running for {}", hub.version, shown::length(hub.uptime_s)));
    for (name, value) in rows(&hub, &firing, &link.pages()) {
        print(format_args!("  {name:<12}{value}"));
    }
    Ok(())
}

/// Those that nobody has acknowledged, and the others.
fn alerts(firing: &[Alert]) -> String {
    let acked = firing.iter().filter(|alert| alert.acked_at.is_some()).count();
    let counts = [(firing.len() - acked, "firing"), (acked, "acknowledged")];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, state)| format!("{} {state}", shown::count(*n as u64)))
        .collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
}

/// Days as people count them: hours matter of the last two.
fn left(days: f64) -> String {
    if days < 2.0 { shown::length((days * 86_400.0) as i64) } else { format!("{} days", shown::count(days as u64)) }
}

/// Where its page is, an address a line; the one that its owner chose first.
fn pages(url: Option<&str>, pages: &[String]) -> Vec<(&'static str, String)> {
    let all = url.into_iter().chain(pages.iter().map(String::as_str)).map(|page| page.trim_end_matches('/'));
    let mut found: Vec<&str> = Vec::new();
    for page in all {
        if !found.contains(&page) {
            found.push(page);
        }
    }
    let name = |n| if n == 0 { "page" } else { "" };
    found.into_iter().enumerate().map(|(n, page)| (name(n), format!("{page}/"))).collect()
}

/// Each thing worth a line; what is not there has none.
fn rows(hub: &Hub, firing: &[Alert], at: &[String]) -> Vec<(&'static str, String)> {
    let Hub { devices, storage, .. } = hub;
    let mut rows = pages(hub.addresses.url.as_deref(), at);
    rows.extend([("devices at", format!("udp port {}", hub.udp_port)), ("words", hub.words.join(" "))]);
    let counts = [
        (devices.online, "online"),
        (devices.offline, "offline"),
        (devices.pending, "pending"),
        (devices.blocked, "blocked"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(n, state)| *n > 0 || *state == "online")
        .map(|(n, state)| format!("{} {state}", shown::count(*n)))
        .collect();
    rows.push(("devices", counts.join(", ")));
    rows.push(("alerts", alerts(firing)));
    rows.push((
        "readings",
        format!(
            "{} a second, {} since the start, {}",
            shown::digits(hub.readings_per_s),
            shown::count(hub.readings_total),
            shown::of(hub.series, "sensor")
        ),
    ));
    if let Some(ms) = hub.ack_p99_ms {
        rows.push(("stored", format!("99 % within {} ms", shown::digits(ms))));
    }
    let bytes = |bytes: f64| shown::value(bytes, "By");
    let mut disk = format!("{} used", bytes(storage.bytes));
    for (amount, what) in [(storage.max_bytes, "allowed"), (storage.disk_free_bytes, "free on the disk")] {
        if let Some(amount) = amount {
            disk += &format!(", {} {what}", bytes(amount));
        }
    }
    rows.push(("disk", disk));
    if let Some(growth) = storage.growth_bytes_per_day {
        let full = storage.full_in_days.map_or_else(String::new, |days| format!(", full in {}", left(days)));
        rows.push(("growth", format!("{} a day{full}", bytes(growth))));
    }
    rows.extend(hub.degraded.clone().map(|text| ("problem", text)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_acknowledged_does_not_count_as_firing() {
        let alert = |acked: bool| Alert { acked_at: acked.then(String::new) };
        assert_eq!(alerts(&[]), "none");
        assert_eq!(alerts(&[alert(false)]), "1 firing");
        assert_eq!(alerts(&[alert(true), alert(true)]), "2 acknowledged");
        assert_eq!(alerts(&[alert(true), alert(false)]), "1 firing, 1 acknowledged");
    }

    #[test]
    fn every_address_of_the_page_has_a_line_and_none_has_two() {
        let all = ["https://192.168.1.20:8080", "https://127.0.0.1:8080"].map(str::to_owned);
        let shown = pages(Some("https://hub.example/"), &all);
        let lines: Vec<_> = shown.iter().map(|(name, page)| (*name, &**page)).collect();
        assert_eq!(
            lines,
            [("page", "https://hub.example/"), ("", "https://192.168.1.20:8080/"), ("", "https://127.0.0.1:8080/")]
        );
        assert_eq!(pages(Some(&format!("{}/", all[1])), &all[1..]).len(), 1);
    }

    #[test]
    fn the_last_two_days_are_counted_in_hours() {
        assert_eq!([left(0.5), left(1.0), left(2.0), left(1_234.5)], ["12 h 0 min", "1 d 0 h", "2 days", "1 234 days"]);
    }
}
