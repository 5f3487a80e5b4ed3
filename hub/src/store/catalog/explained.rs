//! Why alerts fired: what is kept of that moment, and what is told beside it from what else is stored.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId};
use crate::model::explain::{ABOUT_THEN_MS, Explanation, Tally};
use crate::model::rule::{Rule, RuleId};
use crate::model::webhook::Delivery;
use crate::store::Store;
use crate::store::error::{Error, Result};

/// Alerts that fired at about one time, of which a few are named: of a whole site that fails some are enough.
const LOOKED_AT: usize = 500;
/// Messages about one alert that its story tells of.
const MOST_TOLD: usize = 200;

impl Store {
    /// What was kept when an alert fired; `None` of one that fired under an earlier version of the hub, or has not yet.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn explanation(&self, alert: AlertId) -> Result<Option<Explanation>> {
        self.readers().run(move |reader| reader.ask()?.explanation(alert)).await
    }

    /// A rule as it was in a version: the one in force, or one that an alert is of.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn rule_version(&self, rule: RuleId, version: u32) -> Result<Rule> {
        self.readers().run(move |reader| reader.ask()?.rule_version(rule, version)?.ok_or(Error::missing("rule"))).await
    }

    /// The rules of these alerts as they were when each fired; nothing of one of which that was not kept.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn rules_then(&self, alerts: Vec<(AlertId, RuleId)>) -> Result<HashMap<AlertId, Arc<Rule>>> {
        self.readers()
            .run(move |reader| {
                let ask = reader.ask()?;
                let (mut found, mut known) = (HashMap::new(), HashMap::new());
                for (alert, rule) in alerts {
                    let Some(version) = ask.explanation(alert)?.and_then(|kept| kept.rule_version) else { continue };
                    let then = match known.get(&(rule, version)) {
                        Some(then) => Option::clone(then),
                        None => ask.rule_version(rule, version)?.map(Arc::new),
                    };
                    known.insert((rule, version), then.clone());
                    found.extend(then.map(|then| (alert, then)));
                }
                Ok(found)
            })
            .await
    }

    /// Alerts that fired within ten minutes of a moment, the oldest first; of very many some.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn fired_about(&self, at: UnixMillis) -> Result<Vec<Alert>> {
        let (from, to) = (at.plus(-ABOUT_THEN_MS), at.plus(ABOUT_THEN_MS));
        self.readers().run(move |reader| reader.ask()?.fired_between(from, to, LOOKED_AT)).await
    }

    /// How often the rules of these alerts fired from a moment until each of them did, itself included where it is stored.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn tallies(&self, alerts: Vec<Alert>, from: UnixMillis) -> Result<Vec<Tally>> {
        self.readers()
            .run(move |reader| {
                let ask = reader.ask()?;
                alerts.iter().map(|alert| ask.tally(alert, from)).collect()
            })
            .await
    }

    /// Messages about an alert, oldest first, with their attempts and without their bodies.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn deliveries_about(&self, alert: AlertId) -> Result<Vec<Delivery>> {
        self.readers().run(move |reader| reader.ask()?.deliveries_about(alert, MOST_TOLD)).await
    }
}
