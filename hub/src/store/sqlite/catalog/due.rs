//! Which messages are due, webhook by webhook: each question reads what it answers and no more, however much waits.

use rusqlite::{Connection, named_params};

use super::waiting::{is_late, least, quiet};
use crate::model::UnixMillis;
use crate::model::hearing::Lull;
use crate::model::webhook::{DeliveryId, LATE_MS, WebhookId};
use crate::store::error::Result;

/// In SQL: whether a message is the oldest that waits of its course: its course goes strictly in order.
macro_rules! is_next {
    () => {
        "NOT EXISTS (SELECT 1 FROM delivery AS older WHERE older.state = 'pending' AND older.webhook = delivery.webhook
        AND older.course = delivery.course AND older.id < delivery.id)"
    };
}

/// Those that are called at all.
const WORKING: &str = "SELECT id FROM webhook WHERE enabled AND disabled_reason IS NULL ORDER BY id";

/// When the next one of a webhook goes that is not under way.
pub(super) const NEXT: &str = concat!(
    "SELECT delivery.next_attempt_at FROM delivery INDEXED BY delivery_next
    WHERE delivery.webhook = :webhook AND delivery.state = 'pending' AND delivery.summary IS NULL AND delivery.leased_until IS NULL
    AND delivery.urgency >= :least
    AND ",
    is_next!(),
    "
    ORDER BY delivery.next_attempt_at LIMIT 1"
);

/// When what is under way goes again, should nobody settle it.
pub(super) const NEXT_LAPSE: &str = concat!(
    "SELECT MIN(MAX(delivery.next_attempt_at, delivery.leased_until))
    FROM delivery INDEXED BY delivery_leased CROSS JOIN webhook ON webhook.id = delivery.webhook
    WHERE delivery.leased_until IS NOT NULL AND delivery.state = 'pending' AND delivery.summary IS NULL
    AND webhook.enabled AND webhook.disabled_reason IS NULL
    AND delivery.urgency >= COALESCE(json_extract(:quiet, '$.w' || delivery.webhook), 0)
    AND ",
    is_next!()
);

/// First come, first served, and within (webhook, course) strictly in order. What a summary is to tell of is left to it.
pub(super) const DUE: &str = concat!(
    "SELECT delivery.next_attempt_at, delivery.id FROM delivery INDEXED BY delivery_next
    WHERE delivery.webhook = :webhook AND delivery.state = 'pending' AND delivery.summary IS NULL AND delivery.next_attempt_at <= :now
    AND COALESCE(delivery.leased_until, :now) <= :now AND delivery.urgency >= :least
    AND NOT (:is_summed_up AND ",
    is_late!(),
    " AND delivery.event NOT IN ('webhook.test', 'alerts.summary')
        AND delivery.by_hand <= (SELECT COUNT(*) FROM attempt WHERE attempt.delivery = delivery.id))
    AND ",
    is_next!(),
    "
    ORDER BY delivery.next_attempt_at, delivery.id LIMIT :n"
);

fn working(conn: &Connection) -> Result<Vec<WebhookId>> {
    let mut statement = conn.prepare_cached(WORKING)?;
    let working = statement.query_map([], |row| row.get(0))?;
    Ok(working.collect::<rusqlite::Result<_>>()?)
}

/// When the next message goes; `None` when none waits.
pub(super) fn next_due(conn: &Connection, now: UnixMillis, lulls: &[Lull]) -> Result<Option<UnixMillis>> {
    let lapse = named_params! { ":quiet": quiet(lulls, now) };
    let mut soonest: Option<i64> = conn.prepare_cached(NEXT_LAPSE)?.query_row(lapse, |row| row.get(0))?;
    let mut next = conn.prepare_cached(NEXT)?;
    for webhook in working(conn)? {
        let asked = named_params! { ":webhook": webhook, ":least": least(lulls, webhook, now) };
        if let Some(row) = next.query(asked)?.next()? {
            let at: i64 = row.get(0)?;
            soonest = Some(soonest.map_or(at, |soonest| soonest.min(at)));
        }
    }
    Ok(soonest.map(UnixMillis))
}

/// Up to `n` that are due, those that waited longest first, none to the webhooks in `except`; what is late waits where a summary tells
/// of it.
pub(super) fn due(
    conn: &Connection,
    now: UnixMillis,
    n: usize,
    except: &[WebhookId],
    in_summaries: &[WebhookId],
    lulls: &[Lull],
) -> Result<Vec<DeliveryId>> {
    let mut all: Vec<(i64, DeliveryId)> = Vec::new();
    let mut statement = conn.prepare_cached(DUE)?;
    for webhook in working(conn)?.into_iter().filter(|webhook| !except.contains(webhook)) {
        let asked = named_params! {
            ":webhook": webhook,
            ":now": now.0,
            ":late": now.plus(-LATE_MS).0,
            ":least": least(lulls, webhook, now),
            ":is_summed_up": in_summaries.contains(&webhook),
            ":n": i64::try_from(n).unwrap_or(i64::MAX),
        };
        let found = statement.query_map(asked, |row| Ok((row.get(0)?, row.get(1)?)))?;
        all.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    all.sort_unstable_by_key(|(at, id)| (*at, id.0));
    Ok(all.into_iter().take(n).map(|(_, id)| id).collect())
}
