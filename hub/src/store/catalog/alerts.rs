//! Alerts: written with the readings that caused them, read by people and by the rule engine at its start.

use crate::model::UnixMillis;
use crate::model::alert::{Ack, Alert, AlertId};
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::model::rule::RuleId;
use crate::model::view::Among;
use crate::store::Store;
use crate::store::engine::nouns::AlertQuery;
use crate::store::engine::transaction::Transaction;
use crate::store::error::{Error, Result};

/// Alerts that one entry of the audit log names by their ids.
const NAMED: usize = 20;

impl Store {
    /// Every pending and firing alert, oldest first: what the rule engine starts with.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn open_alerts(&self) -> Result<Vec<Alert>> {
        self.readers().run(|reader| reader.ask()?.open_alerts()).await
    }

    /// Those of them that nobody was told of because of a silence.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn muted_alerts(&self) -> Result<Vec<Alert>> {
        self.readers().run(|reader| reader.ask()?.muted_alerts()).await
    }

    /// Alerts that fire and say that a device is offline, with the device.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn offline_alerts(&self) -> Result<Vec<(DeviceNo, AlertId)>> {
        self.readers().run(|reader| reader.ask()?.offline_alerts()).await
    }

    /// What people were told of alerts that flap.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn flapping_alerts(&self) -> Result<Vec<Alert>> {
        self.readers().run(|reader| reader.ask()?.flapping_alerts()).await
    }

    /// Acknowledged alerts of whose acknowledgement nobody was told, oldest first, at most `most`.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn untold_acks(&self, most: usize) -> Result<Vec<Alert>> {
        self.readers().run(move |reader| reader.ask()?.untold_acks(most)).await
    }

    /// A number above that of every alert there ever was: what the rule engine counts on from.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn next_alert_id(&self) -> Result<u64> {
        self.readers().run(|reader| reader.ask()?.next_alert_id()).await
    }

    /// Alerts, newest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn alerts(&self, query: AlertQuery) -> Result<Vec<Alert>> {
        self.readers().run(move |reader| reader.ask()?.alerts(&query)).await
    }

    /// Alerts of one rule on one series that were open at some time from the first moment to the second, oldest first; historical ones too.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn alerts_during(
        &self,
        rule: RuleId,
        of: (DeviceNo, SeriesId),
        during: (UnixMillis, UnixMillis),
    ) -> Result<Vec<Alert>> {
        self.readers().run(move |reader| reader.ask()?.alerts_during(rule, of, during)).await
    }

    /// One alert.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn alert(&self, id: AlertId) -> Result<Alert> {
        self.readers().run(move |reader| reader.ask()?.alert(id)?.ok_or(Error::missing("alert"))).await
    }

    /// Notes that whoever acts has seen it; the first acknowledgement stays.
    ///
    /// # Errors
    /// `NotFound`, also of one that is of none of these devices.
    pub async fn ack_alert(
        &self,
        id: AlertId,
        among: Among,
        now: UnixMillis,
        comment: Option<String>,
    ) -> Result<Alert> {
        let ack = self.ack(now, comment);
        self.change(move |open| {
            if !among.has(read(open.tx, id)?.device()) {
                return Err(Error::missing("alert"));
            }
            open.tx.ack_alert(id, &ack)?;
            read(open.tx, id)
        })
        .await
    }

    /// Notes that whoever acts has seen all of these; returns those that nobody had acknowledged before. What is gone, or of none of
    /// these devices, is passed over. Several are one entry of the audit log.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn ack_alerts(
        &self,
        ids: Vec<AlertId>,
        among: Among,
        now: UnixMillis,
        comment: Option<String>,
    ) -> Result<Vec<Alert>> {
        let ack = self.ack(now, comment);
        self.change(move |open| {
            let tx = open.tx;
            let mut acked = Vec::new();
            for id in ids {
                let is_meant = tx.alert(id)?.is_some_and(|alert| among.has(alert.device()));
                if is_meant && tx.ack_alert(id, &ack)? {
                    acked.push(read(tx, id)?);
                }
            }
            if acked.len() > 1 {
                let fields = [("alerts", Some(&*named(&acked))), ("comment", ack.comment.as_deref())];
                tx.one_entry("alert.acknowledged", &counted(&acked), &fields)?;
            }
            Ok(acked)
        })
        .await
    }

    /// The acknowledgement of whoever acts.
    fn ack(&self, at: UnixMillis, comment: Option<String>) -> Ack {
        let by = self.actor().map_or_else(String::new, |actor| actor.called().to_owned());
        Ack { at, by, comment }
    }
}

/// How many alerts, and of which rule if it is one.
fn counted(alerts: &[Alert]) -> String {
    let rule = alerts.first().map_or("", |alert| &alert.rule_name);
    let of = if alerts.iter().all(|alert| alert.rule_name == rule) { format!(" of {rule}") } else { String::new() };
    format!("{} alerts{of}", alerts.len())
}

/// The ids of the first of them, and how many more there are.
fn named(alerts: &[Alert]) -> String {
    let ids: Vec<String> = alerts.iter().take(NAMED).map(|alert| format!("alr_{}", alert.id.0)).collect();
    let more = alerts.len().saturating_sub(NAMED);
    if more == 0 { ids.join(", ") } else { format!("{} and {more} more", ids.join(", ")) }
}

fn read(tx: &dyn Transaction, id: AlertId) -> Result<Alert> {
    tx.alert(id)?.ok_or(Error::missing("alert"))
}
