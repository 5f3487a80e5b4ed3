//! What is asked of messages that wait, whether they go by themselves or are told together.

use rusqlite::{Connection, named_params};

use crate::model::UnixMillis;
use crate::model::hearing::Lull;
use crate::model::webhook::{A_HANDFUL, LATE_MS, WebhookId};
use crate::store::error::Result;

/// In SQL: whether a message is late, or one of those that are told again and again.
macro_rules! is_late {
    () => {
        "(COALESCE(delivery.held_until, delivery.created_at) < :late OR delivery.event = 'alert.repeated')"
    };
}
pub(super) use is_late;

/// In SQL: whether people read a webhook, as [`WebhookKind::is_read_by_people`] says.
macro_rules! is_read_by_people {
    () => {
        "webhook.kind NOT IN ('generic', 'pagerduty', 'alertmanager', 'home_assistant')"
    };
}
pub(super) use is_read_by_people;

/// Late messages to people that no summary tells of: of a webhook more than a handful, or any beside a summary that waits. They go in
/// a summary. What a person has sent again although it had arrived waited for nothing, and is no such message until it fails.
pub(super) const FOR_SUMMARIES: &str = concat!(
    "SELECT delivery.webhook FROM webhook CROSS JOIN delivery INDEXED BY delivery_next ON delivery.webhook = webhook.id
    WHERE delivery.state = 'pending' AND delivery.summary IS NULL AND ",
    is_late!(),
    "
    AND delivery.event NOT IN ('webhook.test', 'alerts.summary')
    AND ",
    is_read_by_people!(),
    "
    AND delivery.by_hand <= (SELECT COUNT(*) FROM attempt WHERE attempt.delivery = delivery.id)
    AND delivery.urgency >= COALESCE(json_extract(:quiet, '$.w' || delivery.webhook), 0)
    AND webhook.enabled AND webhook.disabled_reason IS NULL
    GROUP BY webhook.id HAVING COUNT(*) > :handful OR EXISTS (SELECT 1 FROM delivery AS made
        WHERE made.webhook = delivery.webhook AND made.state = 'pending' AND made.event = 'alerts.summary'
        AND made.summary IS NULL)"
);

/// Webhooks whose late messages go in a summary.
pub(super) fn for_summaries(conn: &Connection, now: UnixMillis, lulls: &[Lull]) -> Result<Vec<WebhookId>> {
    let handful = i64::try_from(A_HANDFUL).unwrap_or(i64::MAX);
    let mut statement = conn.prepare_cached(FOR_SUMMARIES)?;
    let asked = named_params! { ":late": now.plus(-LATE_MS).0, ":handful": handful, ":quiet": quiet(lulls, now) };
    let found = statement.query_map(asked, |row| row.get(0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Of each webhook that is in its quiet hours how urgent a message must be to be sent, as an object that `json_extract` reads.
pub(super) fn quiet(lulls: &[Lull], now: UnixMillis) -> String {
    let quiet = lulls.iter().filter(|lull| lull.has(now));
    let all: Vec<String> = quiet.map(|lull| format!("\"w{}\":{}", lull.webhook.0, lull.passes as u8)).collect();
    format!("{{{}}}", all.join(","))
}

/// How urgent a message must be to be sent to a webhook at a moment.
pub(super) fn least(lulls: &[Lull], webhook: WebhookId, now: UnixMillis) -> u8 {
    let lull = lulls.iter().find(|lull| lull.webhook == webhook && lull.has(now));
    lull.map_or(0, |lull| lull.passes as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::webhook::WebhookKind;

    #[test]
    fn sql_and_the_model_agree_on_who_reads_a_webhook() {
        use WebhookKind::*;
        let all = [
            Generic,
            Slack,
            Discord,
            Teams,
            Ntfy,
            Telegram,
            PagerDuty,
            Alertmanager,
            Gotify,
            Matrix,
            HomeAssistant,
            Email,
        ];
        let conn = Connection::open_in_memory().unwrap();
        for kind in all {
            let asked = concat!("SELECT ", is_read_by_people!(), " FROM (SELECT :kind AS kind) AS webhook");
            let is_read: bool = conn.query_row(asked, named_params! { ":kind": kind }, |row| row.get(0)).unwrap();
            assert_eq!(is_read, kind.is_read_by_people(), "{kind:?}");
        }
    }
}
