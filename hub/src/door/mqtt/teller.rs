//! Looks every few seconds what there is to say at the broker, and hands it to the connection.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::spoken::{Finding, Publish, Row, Spoken};
use super::standing::Standing;
use crate::model::UnixMillis;
use crate::model::alert::AlertState;
use crate::model::device::Standing as Adopted;
use crate::model::shown;
use crate::store::{self, Store};

/// Time between two looks: what changes faster is said by its last value.
const EVERY: Duration = Duration::from_secs(5);

/// Speaks.
pub(super) struct Teller<'a> {
    pub(super) store: Store,
    pub(super) standing: &'a Standing,
    pub(super) spoken: Spoken,
    pub(super) out: mpsc::Sender<Publish>,
}

impl Teller<'_> {
    /// Runs until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut connection: Option<UnixMillis> = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            let Some((since, _)) = self.standing.state().connected else { continue };
            if connection.replace(since) != Some(since) {
                self.spoken.begin();
            }
            let findings = match self.findings().await {
                Ok(findings) => findings,
                Err(error) => {
                    tracing::debug!(%error, "MQTT: what the rules find is not known");
                    continue;
                }
            };
            for message in self.spoken.turn(&self.rows(), &findings) {
                tokio::select! {
                    () = stop.cancelled() => return,
                    sent = self.out.send(message) => if sent.is_err() { return },
                }
            }
        }
    }

    /// The sensors of devices that have an agent, as they are.
    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut ids = Vec::new();
        {
            let catalog = self.store.catalog();
            let own = catalog.devices().filter(|device| device.has_key() && device.standing == Adopted::Adopted);
            for device in own {
                let series: HashSet<_> = catalog.own_numbers(device.no).iter().copied().collect();
                for series in series.into_iter().filter_map(|series| catalog.series(series)) {
                    ids.push(series.id);
                    rows.push(Row {
                        device: device.id.to_string(),
                        device_name: device.name.clone(),
                        model: device.model.clone(),
                        series: series.id.0.into(),
                        sensor: series.sensor.clone(),
                        unit: shown::sign(&series.unit),
                        kind: series.kind,
                        interval_ms: series.interval_ms,
                        at: UnixMillis(0),
                        value: 0.0,
                    });
                }
            }
        }
        let latest = self.store.latest(&ids);
        let with = |(row, point): (Row, Option<_>)| {
            let point: crate::model::reading::Point = point?;
            Some(Row { at: point.at, value: point.value, ..row })
        };
        rows.into_iter().zip(latest).filter_map(with).collect()
    }

    /// The rules that are in force, and whether they find something.
    async fn findings(&self) -> store::Result<Vec<Finding>> {
        let alerts = self.store.open_alerts().await?;
        let is_firing = |alert: &&crate::model::alert::Alert| alert.state == AlertState::Firing;
        let firing: HashSet<_> = alerts.iter().filter(is_firing).map(|alert| alert.rule).collect();
        let rules = self.store.list_rules().await?;
        let finding = |rule: crate::model::rule::Rule| {
            let is_firing = firing.contains(&rule.id);
            Finding { rule: rule.id.0, name: rule.spec.name, is_firing }
        };
        Ok(rules.into_iter().filter(|rule| rule.spec.enabled).map(finding).collect())
    }
}
