//! `telemetry-hub audit`: lists what people changed, who they were and from where.

use serde::Deserialize;

use super::out::{print, tell};
use super::outcome::Outcome;
use super::remote::Remote;
use super::table::Table;
use super::{out, shown};

/// Entries shown by default.
const NEWEST: usize = 50;

/// Flags of `audit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    hub: Remote,
    /// Number of entries to show, newest first, at most 1,000
    #[arg(long, value_name = "N", default_value_t = NEWEST, value_parser = how_many)]
    newest: usize,
    /// Print all entries as NDJSON, one a line, newest first
    #[arg(long, conflicts_with = "newest")]
    json: bool,
}

fn how_many(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=1_000).contains(n)).ok_or_else(|| "write a number from 1 to 1000".to_owned())
}

#[derive(Debug, Deserialize)]
struct Page {
    items: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    at: String,
    by: Actor,
    action: String,
    subject: String,
    name: String,
    changes: Vec<Change>,
}

#[derive(Debug, Deserialize)]
struct Actor {
    kind: String,
    name: String,
    address: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Change {
    field: String,
    before: Option<String>,
    after: Option<String>,
}

pub(super) async fn run(args: Args) -> Outcome {
    let link = args.hub.find().await?;
    if args.json {
        print(link.text("/audit", &[("format", "ndjson".to_owned())]).await?.trim_end());
        return Ok(());
    }
    let text = link.text("/audit", &[("limit", args.newest.to_string())]).await?;
    let page: Page = link.read(&text)?;
    let mut table = Table::new(["WHEN", "WHO", "FROM", "WHAT", "CHANGES"]);
    for entry in &page.items {
        table.row(row(entry));
    }
    if table.is_empty() {
        tell("nothing was changed yet");
    }
    out::write(&table.text());
    Ok(())
}

fn row(entry: &Entry) -> [String; 5] {
    let Entry { at, by, action, subject, name, changes } = entry;
    let what = [action.replace(['.', '_'], " "), shown::name(subject), shown::name(name)];
    [
        shown::read(at).map_or_else(|| at.clone(), shown::moment),
        shown::name(if by.name.is_empty() { &by.kind } else { &by.name }),
        by.address.clone().unwrap_or_else(|| "-".to_owned()),
        what.iter().filter(|text| !text.is_empty() && *text != "-").cloned().collect::<Vec<_>>().join(" "),
        changes.iter().map(change).collect::<Vec<_>>().join("; "),
    ]
}

fn change(Change { field, before, after }: &Change) -> String {
    let shown = |text: &Option<String>| text.as_deref().map_or_else(|| "nothing".to_owned(), shown::name);
    let field = field.replace('_', " ");
    if before == after { format!("{field} changed") } else { format!("{field}: {} -> {}", shown(before), shown(after)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_line_with_what_was_before_and_after() {
        let entry = serde_json::json!({
            "id": 7, "at": "2026-11-22T11:40:00Z", "action": "rule.changed", "subject": "rul_3", "name": "hot",
            "by": {"kind": "session", "name": "ses_1 Firefox on Linux", "address": "192.168.0.5"},
            "changes": [{"field": "value", "before": "30.0", "after": "31.0"}, {"field": "secret", "before": "(hidden)", "after": "(hidden)"},
                {"field": "for", "before": null, "after": "60 s"}],
        });
        let row = row(&serde_json::from_value(entry).unwrap());
        assert_eq!(
            row[1..],
            [
                "ses_1 Firefox on Linux",
                "192.168.0.5",
                "rule changed rul_3 hot",
                "value: 30.0 -> 31.0; secret changed; for: nothing -> 60 s"
            ]
        );
    }
}
