//! What people would be told of an alert by a rule as it is written, and why its templates fail.

use serde::Serialize;
use utoipa::ToSchema;

use crate::delivery::payload::{Teller, Words};
use crate::delivery::trial;
use crate::http::error::ApiError;
use crate::http::tried::tried;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertState, Measure, Subject};
use crate::model::catalog::Catalog;
use crate::model::notice::{Hearers, Notice};
use crate::model::rule::{Message, Rule, RuleId};
use crate::store::{AlertQuery, OfRule, Store};

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PreviewedMessage {
    /// `alert.firing` or `alert.resolved`.
    pub event: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub text: String,
    /// Why it is in the hub's own words although there is a template; null where it is not.
    pub template_error: Option<String>,
}

/// Why the templates of a rule fail of its newest alert, where they do. They are rendered beside what serves everybody.
pub(super) async fn problem(store: &Store, teller: &Teller, rule: &Rule) -> Result<Option<String>, ApiError> {
    if rule.spec.message == Message::default() {
        return Ok(None);
    }
    let Some(newest) = newest_alert(store, rule.id).await? else { return Ok(None) };
    let (store, teller, rule) = (store.clone(), teller.clone(), rule.clone());
    tried(move || {
        let catalog = store.catalog();
        if !is_there(&newest, &catalog) {
            return Ok(None);
        }
        let said = |state| previewed(&rule, &newest, state, (&catalog, &teller), newest.learned_at);
        let said = [AlertState::Firing, AlertState::Resolved].into_iter().filter_map(said);
        Ok(said.filter_map(|said| said.template_error).next())
    })
    .await
}

pub(super) async fn newest_alert(store: &Store, rule: RuleId) -> Result<Option<Alert>, ApiError> {
    let query = AlertQuery { rule: Some(OfRule::Id(rule)), limit: 1, ..AlertQuery::default() };
    Ok(store.alerts(query).await?.into_iter().next())
}

/// Whether what it is about was not deleted.
pub(super) fn is_there(alert: &Alert, catalog: &Catalog) -> bool {
    alert.device().is_none_or(|device| catalog.device(device).is_some())
        && alert.series().is_none_or(|series| catalog.series(series).is_some())
}

/// The message of this state of an alert.
pub(super) fn previewed(
    rule: &Rule,
    alert: &Alert,
    state: AlertState,
    (catalog, teller): (&Catalog, &Teller),
    now: UnixMillis,
) -> Option<PreviewedMessage> {
    let is_over = state == AlertState::Resolved;
    let resolved_at = is_over.then(|| alert.resolved_at.unwrap_or(now).max(alert.started_at));
    // One that is not over yet ends at its limit.
    let at_limit = matches!(alert.measure, Measure::Value | Measure::Rate { .. } | Measure::Sigmas);
    // A device or a sensor is heard again, none of its sources fails, its clock is right.
    let is_heard = matches!(alert.about, Subject::Device(_)) || alert.measure == Measure::Silence;
    let end = if at_limit { Some(alert.threshold) } else { is_heard.then_some(0.0).or(alert.value) };
    let last = alert.last.or(end).filter(|_| is_over);
    let alert = Alert { state, resolved_at, last, ..alert.clone() };
    let occurred_at = resolved_at.unwrap_or(alert.started_at);
    let notice = Notice::Changed { alert, occurred_at, points: Vec::new(), to: Hearers::All };
    let Words { title, text, template_error } = trial::said(rule, notice, catalog, teller)?;
    let event = if is_over { "alert.resolved" } else { "alert.firing" };
    Some(PreviewedMessage { event: event.to_owned(), title, text, template_error })
}
