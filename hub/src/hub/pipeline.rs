//! Fourth step of a start: readings to the disk, devices into the catalog, alerts to webhooks.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::heartbeat;
use super::wires::{PipelineEnds, Wires};
use crate::delivery::grouping::Grouping;
use crate::delivery::payload::Teller;
use crate::ingest::making::Making;
use crate::ingest::pace::Pace;
use crate::ingest::{Ingest, Waiting};
use crate::live::Update;
use crate::model::UnixMillis;
use crate::model::alert::Alert;
use crate::registrar::Registrar;
use crate::rules::Engine;
use crate::rules::notify::ledger::Ledger;
use crate::rules::notify::{Before, Notifier};
use crate::store::{self, AlertQuery, Store};
use crate::webhook::{self, Dispatcher};
use crate::zones;

/// Starts the pipeline, the registrar, the dispatcher and the heartbeat.
///
/// # Errors
/// The store cannot be read, or no client for webhooks can be made.
pub(super) async fn start(wires: &mut Wires, ends: PipelineEnds) -> anyhow::Result<()> {
    let PipelineEnds { batches, receipts, floors_in, floors, events } = ends;
    let store = wires.store.clone();
    let notifier = notifier(&store, wires.clock.wall()).await?;
    let engine = Engine::new(store.list_rules().await?, store.open_alerts().await?, store.next_alert_id().await?);
    let looked = {
        let (store, presence) = (store.clone(), Arc::clone(&wires.presence));
        Arc::new(move |now| presence.looked(&store.catalog(), now))
    };
    let clocks = {
        let presence = Arc::clone(&wires.presence);
        Arc::new(move || presence.clocks())
    };
    let failing = {
        let presence = Arc::clone(&wires.presence);
        Arc::new(move |device| presence.failing(device))
    };
    let seen = {
        let presence = Arc::clone(&wires.presence);
        Arc::new(move |device, interval_ms, now| presence.seen(device, interval_ms, now))
    };
    let zone = zones::own().and_then(|name| zones::named(&name)).unwrap_or(TimeZone::UTC);
    let teller = Teller { url: wires.config.url.clone(), zone, pictures: wires.pictures.clone() };
    let ingest = Ingest {
        batches,
        floors,
        receipts,
        desk: Arc::clone(&wires.desk),
        rules_changed: Arc::clone(&wires.rules_changed),
        acknowledged: Arc::clone(&wires.acknowledged),
        engine,
        learning: Arc::clone(&wires.learning),
        making: Making::default(),
        webhooks: store.webhooks().await?,
        notifier,
        grouping: Grouping::new(store.held_deliveries().await?),
        bus: wires.bus.clone(),
        pace: wires.config.commit_interval.map_or(Pace::ByLoad, Pace::Every),
        teller: teller.clone(),
        clock: wires.clock,
        latency: Arc::clone(&wires.latency),
        meter: Arc::clone(&wires.meter),
        looked,
        clocks,
        failing,
        seen,
        waiting: Waiting::default(),
        store: store.clone(),
    };
    wires.supervisor.spawn("ingest", ingest.run());
    let registrar = Registrar {
        commands: wires.commands.clone(),
        floors: floors_in,
        tokens_used: Arc::default(),
        reports: Arc::default(),
        parted: wires.parted.clone(),
        access_ended: wires.access_ended.clone(),
        store,
        rules_changed: Arc::clone(&wires.rules_changed),
        presence: Arc::clone(&wires.presence),
        bus: wires.bus.clone(),
        clock: wires.clock,
    };
    wires.supervisor.spawn("registrar", registrar.run(events));
    dispatch(wires, teller)?;
    heartbeat::start(wires)
}

/// Newest alerts that are looked at for what flapped when the hub stopped.
const RECENT: usize = 1_000;

/// What was told when the hub stopped, and what was not.
async fn notifier(store: &Store, now: UnixMillis) -> store::Result<Notifier> {
    let recent = store.alerts(AlertQuery { limit: RECENT, ..AlertQuery::default() }).await?;
    // What a rule said before it was edited is no flapping of what it says now.
    let since: HashMap<_, _> =
        store.list_rules().await?.into_iter().map(|rule| (rule.id, rule.version_since)).collect();
    let is_of_now = |alert: &Alert| {
        let last = alert.resolved_at.or(alert.fired_at).unwrap_or(alert.started_at);
        since.get(&alert.rule).is_none_or(|since| last >= *since)
    };
    let before = Before {
        silences: zones::of_silences(store.silences().await?),
        muted: store.muted_alerts().await?,
        flapping: store.flapping_alerts().await?,
        open: store.open_alerts().await?,
        recent: recent.into_iter().filter(is_of_now).collect(),
        ledger: Ledger::new(store.told_of_open_alerts().await?),
    };
    Ok(Notifier::new(now, before))
}

/// Starts what carries alerts to webhooks.
fn dispatch(wires: &mut Wires, teller: Teller) -> anyhow::Result<()> {
    let settled = wires.bus.clone();
    let dispatcher = Dispatcher::new(
        wires.store.clone(),
        webhook::Client::new(wires.id, wires.webhook_policy.clone())?,
        teller,
        Arc::clone(&wires.webhook_counters),
        Arc::new(move |delivery| settled.publish(Arc::new(Update::Delivery(delivery)))),
    );
    let stop = wires.supervisor.stop();
    wires.supervisor.spawn("webhooks", webhook::run(dispatcher, stop));
    Ok(())
}
