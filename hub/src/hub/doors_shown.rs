//! What is told of the doors: collected from the parts that count it.

use std::sync::Arc;

use super::wires::Wires;
use crate::door::tally::Tally;
use crate::http::state::{DoorState, Doors, Unread};
use crate::model::shown::noun;

/// The doors as HTTP tells of them.
pub(super) fn of(wires: &Wires) -> Doors {
    let (desk, lines, mqtt) = (Arc::clone(&wires.desk), Arc::clone(&wires.lines), Arc::clone(&wires.mqtt));
    let config = wires.config.clone();
    let (http, scraped) = (wires.http, Arc::clone(&wires.scraped));
    let unread = Arc::clone(&wires.mqtt);
    let all = move || {
        let mut all = vec![DoorState {
            name: "http",
            is_on: true,
            address: Some(http.to_string()),
            came: desk.counters.outcomes().map(|(_, count)| count).sum(),
            readings: desk.counters.readings(),
            refused: desk.counters.outcomes().filter(|(name, _)| *name != "stored").collect(),
            ..DoorState::default()
        }];
        if let Some(first) = all.first_mut() {
            first.refused.extend(desk.counters.what_was_left_out());
        }
        for (name, tally, address) in
            [("line_udp", &lines.udp, config.line_udp), ("line_tcp", &lines.tcp, config.line_tcp)]
        {
            let address = address.map(|address| address.to_string());
            all.push(DoorState { is_unauthenticated: true, ..counted(name, tally, address) });
        }
        let state = mqtt.standing.state();
        let broker = config.mqtt.as_ref().map(|url| format!("{}:{}", url.host, url.port));
        let is_connected = broker.is_some().then_some(state.connected.is_some());
        let mut door = counted("mqtt", &mqtt.tally, broker);
        door.refused.extend(mqtt.unread.counts());
        let connected_since = state.connected.map(|(since, _)| since);
        all.push(DoorState { is_connected, connected_since, error: state.error, ..door });
        let targets = (!config.scrape.is_empty())
            .then(|| format!("{} {}", config.scrape.len(), noun(config.scrape.len() as u64, "target")));
        all.push(counted("scrape", &scraped, targets));
        all
    };
    let unread = move || {
        let entries = unread.unread.entries().into_iter();
        let one = |entry: crate::door::mqtt::Entry| Unread {
            topic: entry.topic,
            why: entry.why.word(),
            count: entry.count,
            payload: entry.payload,
            at: entry.at,
        };
        entries.map(one).collect()
    };
    Doors { all: Arc::new(all), unread: Arc::new(unread) }
}

fn counted(name: &'static str, tally: &Tally, address: Option<String>) -> DoorState {
    DoorState {
        name,
        is_on: address.is_some(),
        address,
        came: tally.lines(),
        readings: tally.readings(),
        refused: tally.drops().collect(),
        ..DoorState::default()
    }
}
