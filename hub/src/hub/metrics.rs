//! Writes `/metrics`: collects each figure from the part that counts it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::delivery::heartbeat::Pulse;
use crate::door::line::Tallies;
use crate::door::mqtt;
use crate::door::tally::Tally;
use crate::ingest::desk as push;
use crate::observe::{Exposition, Histogram, Meter};
use crate::presence::Presence;
use crate::pressure::Pressure;
use crate::proto::counters::Counters;
use crate::store::{Stats, Store};
use crate::webhook;

/// Every metric of the hub, by name.
#[expect(clippy::too_many_arguments, reason = "each who counts, once; a struct of them would be named here alone")]
pub(super) fn exposition(
    store: &Store,
    presence: &Presence,
    counters: &Counters,
    (pushed, lines, mqtt, scraped): (&push::Counters, &Tallies, &mqtt::Known, &Tally),
    pressure: &Pressure,
    webhooks: &webhook::Counters,
    pulse: &Pulse,
    latency: &Histogram,
    meter: &Meter,
) -> String {
    let stats = store.stats();
    // Before the statement that says all: what it reads through would be held to its end, and a second look at the same
    // waits for ever behind a writer that waits for the first.
    let (devices, series) = {
        let catalog = store.catalog();
        (catalog.device_count(), catalog.series_count())
    };
    let (links, pending, conflicts) = {
        let now = presence.read();
        (now.links.len(), now.pending.len(), now.conflicts.len())
    };
    let mut text = Exposition::default();
    of_the_disk(&mut text, &stats, latency, meter);
    text.value("gauge", "hub_devices", "Devices that are known.", devices)
        .value("gauge", "hub_devices_max", "Maximum number of devices.", store.limits().devices)
        .value("gauge", "hub_series", "Series that are known.", series)
        .value("gauge", "hub_series_max", "Maximum number of series.", store.limits().series)
        .value(
            "counter",
            "hub_readings_refused_total",
            "Readings refused because of too many sensors, or a time beyond the year 9999.",
            get(&counters.readings_refused),
        )
        .value("counter", "hub_pushed_readings_total", "Readings on disk that arrived by HTTP.", pushed.readings())
        .family(("counter", "hub_push_requests_total", "Requests that brought readings."), "outcome", pushed.outcomes())
        .family(
            ("counter", "hub_push_left_out_total", "Lines, objects or readings that were left out of requests."),
            "reason",
            pushed.what_was_left_out(),
        )
        .value("gauge", "hub_pressure_level", "Steps of reduced service under load.", pressure.level())
        .family(
            ("counter", "hub_shed_total", "What was refused under load, by kind, in this order."),
            "what",
            pressure.counts(),
        )
        .family(
            ("counter", "hub_shed_begun_total", "How often each step of reduced service began."),
            "what",
            pressure.begun(),
        )
        .value("gauge", "hub_links", "Devices heard since the start.", links)
        .value("gauge", "hub_identity_conflicts", "Devices whose identity two machines use.", conflicts)
        .value("gauge", "hub_pending_devices", "Devices waiting for adoption.", pending);
    of_the_network(&mut text, counters);
    of_lines(&mut text, lines);
    of_mqtt(&mut text, mqtt);
    of_scrapes(&mut text, scraped);
    text.family(("counter", "hub_webhook_attempts_total", "Webhook attempts."), "outcome", webhooks.outcomes()).family(
        ("counter", "hub_heartbeats_total", "Heartbeats to the URL that is called each minute."),
        "outcome",
        pulse.outcomes(),
    );
    text.finish()
}

/// What is on the disk, and what it took to get it there.
fn of_the_disk(text: &mut Exposition, stats: &Stats, latency: &Histogram, meter: &Meter) {
    text.value("counter", "hub_readings_total", "Readings on disk since the start.", meter.total())
        .value("counter", "hub_batches_total", "Batches on disk since the start.", stats.batches_total)
        .value("counter", "hub_repeated_batches_total", "Batches received more than once.", stats.repeats_total)
        .value("counter", "hub_commits_total", "Transactions committed.", stats.commits_total)
        .value("counter", "hub_commit_seconds_total", "Time spent in commits.", stats.commit_seconds)
        .histogram("hub_ack_latency_seconds", "From receiving a batch to having it on disk.", latency)
        .value("gauge", "hub_database_bytes", "Size of the database file.", stats.file_bytes)
        .value("gauge", "hub_wal_bytes", "Size of the write-ahead log.", stats.wal_bytes)
        .value("gauge", "hub_database_used_bytes", "Bytes of the database file that hold something.", stats.used_bytes)
        .optional(
            "hub_database_max_bytes",
            "Maximum size of the database with its log.",
            stats.max_bytes.map(|bytes| bytes as f64),
        )
        .optional("hub_database_growth_bytes_per_day", "Growth over the last day.", stats.growth.bytes_per_day)
        .optional("hub_database_full_in_days", "Days until it is full at that rate.", stats.growth.full_in_days)
        .optional("hub_disk_written_bytes_per_day", "Written over the last day.", stats.growth.written_per_day)
        .value(
            "gauge",
            "hub_database_nearly_full",
            "1 when 80 % of the maximum size, or of the disk, is used.",
            u8::from(stats.is_nearly_full()),
        )
        .value("gauge", "hub_journal_rows", "Batches in the journal.", stats.journal_rows)
        .value("counter", "hub_blocks_total", "Compressed blocks made since the start.", stats.blocks_total)
        .value("counter", "hub_block_readings_total", "Readings in those blocks.", stats.block_readings_total)
        .value("gauge", "hub_reads", "Queries that run or wait for a reader.", stats.reads)
        .value("gauge", "hub_disk_free_bytes", "Free space on the disk.", stats.room.map_or(0, |room| room.free))
        .value("gauge", "hub_set_aside", "Damaged databases that wait to be recovered.", stats.set_aside)
        .optional(
            "hub_database_checked_timestamp_seconds",
            "When the pages of the database were last checked and found whole.",
            stats.checked.map(|checked| checked.at.0 as f64 / 1e3),
        )
        .optional(
            "hub_database_checked_whole",
            "0 when there was not the time to check all of it.",
            stats.checked.map(|checked| f64::from(u8::from(checked.whole))),
        )
        .value("gauge", "hub_degraded", "1 while the disk is full.", u8::from(stats.full));
}

/// What came by the line protocol without HTTP.
fn of_lines(text: &mut Exposition, Tallies { udp, tcp }: &Tallies) {
    let doors = [("udp", udp), ("tcp", tcp)];
    let lines = doors.map(|(name, tally)| (name, tally.lines()));
    text.family(
        ("counter", "hub_line_lines_total", "Lines of the line protocol that came by UDP and TCP."),
        "door",
        lines,
    );
    let readings = doors.map(|(name, tally)| (name, tally.readings()));
    text.family(("counter", "hub_line_readings_total", "Readings of those on disk."), "door", readings);
    text.family(
        (
            "counter",
            "hub_line_udp_dropped_total",
            "Datagrams, lines or readings of the line protocol by UDP that were dropped.",
        ),
        "reason",
        udp.drops(),
    )
    .family(
        (
            "counter",
            "hub_line_tcp_dropped_total",
            "Connections, lines or readings of the line protocol by TCP that were dropped.",
        ),
        "reason",
        tcp.drops(),
    );
}

/// What targets showed that the hub asked.
fn of_scrapes(text: &mut Exposition, tally: &Tally) {
    text.value("counter", "hub_scrape_samples_total", "Samples of targets that were asked for.", tally.lines())
        .value(
            "counter",
            "hub_scrape_readings_total",
            "Readings of targets on disk, with whether they answered.",
            tally.readings(),
        )
        .family(
            (
                "counter",
                "hub_scrape_dropped_total",
                "Scrapes that failed, and samples or readings of others that were dropped.",
            ),
            "reason",
            tally.drops(),
        );
}

/// What the broker of MQTT said.
fn of_mqtt(text: &mut Exposition, mqtt::Known { tally, standing, unread }: &mqtt::Known) {
    let is_connected = standing.state().connected.is_some();
    text.value("gauge", "hub_mqtt_connected", "1 while the broker is connected.", u8::from(is_connected))
        .value("counter", "hub_mqtt_messages_total", "Messages of MQTT that came.", tally.lines())
        .value("counter", "hub_mqtt_readings_total", "Readings of those on disk.", tally.readings())
        .family(
            ("counter", "hub_mqtt_dropped_total", "Messages or readings of MQTT that were dropped."),
            "reason",
            tally.drops(),
        )
        .family(
            ("counter", "hub_mqtt_unread_total", "Messages of MQTT that were not understood."),
            "reason",
            unread.counts(),
        );
}

/// What devices send, and what is sent to them.
fn of_the_network(text: &mut Exposition, counters: &Counters) {
    text.value("counter", "hub_udp_datagrams_received_total", "Datagrams received.", get(&counters.datagrams_in))
        .value("counter", "hub_udp_received_bytes_total", "Bytes received.", get(&counters.bytes_in))
        .value("counter", "hub_udp_datagrams_sent_total", "Datagrams sent.", get(&counters.datagrams_out))
        .value("counter", "hub_udp_sent_bytes_total", "Bytes sent.", get(&counters.bytes_out))
        .value("counter", "hub_handshakes_total", "Handshakes accepted.", get(&counters.handshakes))
        .value("counter", "hub_probes_total", "Search requests of devices received.", get(&counters.probes))
        .value(
            "counter",
            "hub_probes_answered_total",
            "Search requests of devices answered.",
            get(&counters.probes_answered),
        )
        .value("counter", "hub_acks_total", "Acknowledgements sent.", get(&counters.acks))
        .value(
            "counter",
            "hub_batches_aside_total",
            "Batches whose number was already used for other contents, or for contents that are no longer known.",
            get(&counters.batches_aside),
        )
        .value(
            "counter",
            "hub_batches_given_up_total",
            "Batches that devices dropped.",
            get(&counters.batches_given_up),
        )
        .value(
            "counter",
            "hub_texts_spelled_total",
            "Names and texts of devices with invisible characters, which were written out.",
            get(&counters.texts_spelled),
        )
        .family(("counter", "hub_udp_dropped_total", "Datagrams dropped."), "reason", counters.drops());
}

/// What a counter has counted.
fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use super::*;
    use crate::store::SecretKey;

    #[test]
    fn metrics_are_told_while_links_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let key = SecretKey::load_or_create(dir.path()).unwrap();
        let config = crate::store::Config { dir: dir.path().to_owned(), ..crate::store::Config::default() };
        let store = Store::open(&config, &key).unwrap();
        let (presence, over) = (Arc::new(Presence::default()), Arc::new(AtomicBool::new(false)));
        let (writing, until) = (Arc::clone(&presence), Arc::clone(&over));
        let (done, told) = sync_channel(1);
        // Not scoped: two that wait for each other would hold the test up instead of failing it.
        std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                drop(writing.write());
            }
        });
        std::thread::spawn(move || {
            let (counters, pushed, lines, mqtt, pressure, webhooks) = Default::default();
            let (pulse, latency, meter) = Default::default();
            for _ in 0..2_000 {
                exposition(
                    &store,
                    &presence,
                    &counters,
                    (&pushed, &lines, &mqtt, &Tally::of("scrape")),
                    &pressure,
                    &webhooks,
                    &pulse,
                    &latency,
                    &meter,
                );
            }
            let _ = done.send(());
        });
        let outcome = told.recv_timeout(Duration::from_secs(120));
        over.store(true, Ordering::Relaxed);
        assert!(outcome.is_ok(), "whoever reads waits for whoever writes, and the other way round");
    }
}
