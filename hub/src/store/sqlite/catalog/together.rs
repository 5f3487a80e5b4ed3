//! Rows of messages that people are told together: late ones in a summary, those of a rule in one, those of a lull at its end.

use rusqlite::{Connection, Row, named_params};

use super::waiting::{for_summaries, is_late, is_read_by_people, least, quiet};
use crate::model::UnixMillis;
use crate::model::alert::AlertId;
use crate::model::hearing::Lull;
use crate::model::rule::RuleId;
use crate::model::webhook::{DeliveryId, DeliveryState, Held, LATE_MS, Waits, WebhookId};
use crate::store::engine::nouns::{ChangeTogether, Together};
use crate::store::error::Result;

const WAITS_WITH_AN_END: &str =
    "SELECT EXISTS (SELECT 1 FROM delivery INDEXED BY delivery_queue WHERE webhook = :webhook AND state = 'pending'
    AND event IN ('alert.resolved', 'alert.past'))";
const WITHDRAWN_IN: &str = "SELECT COUNT(DISTINCT alert) FROM delivery WHERE webhook = :webhook AND state = 'withdrawn'
    AND created_at >= :from AND created_at < :until";
/// Of alerts whose begin and end wait, and of which nothing else was sent, is under way, urgent, or in a summary; what tells of many
/// devices tells of others as well.
const WITHDRAW: &str = "UPDATE delivery SET state = 'withdrawn', next_attempt_at = NULL, leased_until = NULL
    WHERE webhook = :webhook AND state = 'pending' AND alert IN (SELECT held.alert FROM delivery AS held
        WHERE held.webhook = :webhook AND held.alert IN
            (SELECT alert FROM delivery WHERE webhook = :webhook AND state = 'pending'
                AND (event = 'alert.resolved' OR event = 'alert.past' AND held_until IS NOT NULL))
        GROUP BY held.alert
        HAVING SUM(held.event IN ('alert.firing', 'alert.flapping', 'alert.past') AND held.created_at >= :from AND held.created_at < :until) > 0
        AND SUM(held.state <> 'pending' OR held.urgency >= :passes OR held.leased_until IS NOT NULL OR held.summary IS NOT NULL
            OR instr(held.body, CAST('\"data\":{\"group\":' AS BLOB)) > 0
            OR EXISTS (SELECT 1 FROM attempt WHERE attempt.delivery = held.id)) = 0)
    RETURNING id";
/// What waits for others of its rule, was never tried, and is about an alert that went with its device.
const WITHDRAW_GONE: &str = "UPDATE delivery SET state = 'withdrawn', next_attempt_at = NULL WHERE state = 'pending'
    AND held_until IS NOT NULL AND summary IS NULL AND leased_until IS NULL AND alert IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM alert WHERE alert.id = delivery.alert)
    AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.delivery = delivery.id)";
const HELD_ALERTS: &str = "SELECT DISTINCT alert FROM delivery WHERE state = 'pending' AND held_until IS NOT NULL
    AND summary IS NULL AND alert IS NOT NULL";
const HOLD: &str = "UPDATE delivery SET held_until = :until, next_attempt_at = :until WHERE alert = :alert AND state = 'pending'
    AND held_until IS NOT NULL AND (held_until < :until OR held_until > :most) AND summary IS NULL AND leased_until IS NULL
    AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.delivery = delivery.id)";
/// Whether an earlier summary is under way, or waits for its next attempt.
const SUMMARY_WAITS: &str = "SELECT EXISTS (SELECT 1 FROM delivery INDEXED BY delivery_queue WHERE webhook = :webhook AND state = 'pending'
    AND event = 'alerts.summary' AND summary IS NULL AND (next_attempt_at > :now OR COALESCE(leased_until, :now) > :now))";
const TO_SUM_UP: &str = concat!(
    "SELECT id, alert, event, created_at, COALESCE(course, '') FROM delivery INDEXED BY delivery_queue WHERE webhook = :webhook AND state = 'pending'
    AND event <> 'webhook.test' AND urgency >= :least
    AND (",
    is_late!(),
    " AND by_hand <= (SELECT COUNT(*) FROM attempt WHERE attempt.delivery = delivery.id) OR summary IS NOT NULL OR event = 'alerts.summary')
    AND COALESCE(leased_until, :now) <= :now
    AND NOT EXISTS (SELECT 1 FROM delivery AS older WHERE older.state = 'pending' AND older.webhook = delivery.webhook
        AND older.course = delivery.course AND older.id < delivery.id AND older.leased_until > :now)
    ORDER BY id LIMIT :n"
);
/// What goes at once although something of the rule waits is told by itself; but what is about a thing of which something waits
/// comes after that, and with it.
pub(super) const GROUPS_DUE: &str = concat!(
    "SELECT delivery.webhook, delivery.rule FROM webhook CROSS JOIN delivery INDEXED BY delivery_held
        ON delivery.webhook = webhook.id
    WHERE delivery.state = 'pending' AND delivery.held_until IS NOT NULL AND delivery.summary IS NULL
    AND delivery.next_attempt_at <= :now AND COALESCE(delivery.leased_until, :now) <= :now
    AND delivery.urgency >= COALESCE(json_extract(:quiet, '$.w' || delivery.webhook), 0)
    AND webhook.enabled AND webhook.disabled_reason IS NULL
    AND ",
    is_read_by_people!(),
    "
    GROUP BY delivery.webhook, delivery.rule HAVING COUNT(DISTINCT delivery.alert) > 1"
);
/// What flaps, and who acknowledged what, is told for itself, after it.
const IN_GROUP: &str =
    "SELECT id, alert, event, created_at, COALESCE(course, '') FROM delivery INDEXED BY delivery_queue WHERE webhook = :webhook AND state = 'pending'
    AND course IN (SELECT course FROM delivery WHERE webhook = :webhook AND rule = :rule AND state = 'pending'
        AND held_until IS NOT NULL AND summary IS NULL AND next_attempt_at <= :now)
    AND summary IS NULL AND (event IN ('alert.firing', 'alert.resolved', 'alert.repeated') OR event = 'alert.past' AND held_until IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM delivery AS older WHERE older.state = 'pending' AND older.webhook = delivery.webhook
        AND older.course = delivery.course AND older.id <= delivery.id AND older.leased_until > :now)
    ORDER BY id LIMIT :n";
const HELD: &str = "SELECT webhook, rule, event, held_until, alert FROM delivery
    WHERE state = 'pending' AND held_until IS NOT NULL ORDER BY id";
const SUM_UP: &str = "UPDATE delivery SET summary = :summary WHERE id IN (SELECT value FROM json_each(:ids))
    AND state = 'pending' AND COALESCE(leased_until, :now) <= :now";
/// It is as urgent as the most urgent of them.
const SUMMARY_URGENCY: &str = "UPDATE delivery SET urgency = COALESCE((SELECT MAX(of.urgency) FROM delivery AS of
    WHERE of.summary = :summary), 0) WHERE id = :summary";
const SETTLE_SUMMED_UP: &str = "UPDATE delivery SET state = :state, next_attempt_at = NULL, leased_until = NULL
    WHERE summary = :summary AND state = 'pending'";
const DROP_SUMMARIES: [&str; 2] = [
    "UPDATE delivery SET summary = NULL WHERE webhook = :webhook AND state = 'pending' AND summary IS NOT NULL",
    "DELETE FROM delivery WHERE webhook = :webhook AND state = 'pending' AND event = 'alerts.summary'",
];

impl Together for Connection {
    fn webhooks_to_sum_up(&self, now: UnixMillis, lulls: &[Lull]) -> Result<Vec<WebhookId>> {
        let mut waits = self.prepare_cached(SUMMARY_WAITS)?;
        let mut found = Vec::new();
        for webhook in for_summaries(self, now, lulls)? {
            let asked = named_params! { ":webhook": webhook, ":now": now.0 };
            if !waits.query_row(asked, |row| row.get::<_, bool>(0))? {
                found.push(webhook);
            }
        }
        Ok(found)
    }

    fn to_sum_up(&self, webhook: WebhookId, now: UnixMillis, n: usize, lulls: &[Lull]) -> Result<Vec<Waits>> {
        let mut statement = self.prepare_cached(TO_SUM_UP)?;
        let params = named_params! {
            ":webhook": webhook,
            ":now": now.0,
            ":late": now.plus(-LATE_MS).0,
            ":least": least(lulls, webhook, now),
            ":n": i64::try_from(n).unwrap_or(i64::MAX),
        };
        Ok(statement.query_map(params, waits)?.collect::<rusqlite::Result<_>>()?)
    }

    fn groups_due(&self, now: UnixMillis, lulls: &[Lull]) -> Result<Vec<(WebhookId, RuleId)>> {
        let mut statement = self.prepare_cached(GROUPS_DUE)?;
        let asked = named_params! { ":now": now.0, ":quiet": quiet(lulls, now) };
        let found = statement.query_map(asked, |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    fn in_group(&self, webhook: WebhookId, rule: RuleId, now: UnixMillis, n: usize) -> Result<Vec<Waits>> {
        let mut statement = self.prepare_cached(IN_GROUP)?;
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        let params = named_params! { ":webhook": webhook, ":rule": rule, ":now": now.0, ":n": n };
        Ok(statement.query_map(params, waits)?.collect::<rusqlite::Result<_>>()?)
    }

    fn held_deliveries(&self) -> Result<Vec<Held>> {
        let mut statement = self.prepare_cached(HELD)?;
        let held = statement.query_map([], |row| {
            let until = UnixMillis(row.get(3)?);
            Ok(Held { webhook: row.get(0)?, alert: row.get(4)?, rule: row.get(1)?, event: row.get(2)?, until })
        })?;
        Ok(held.collect::<rusqlite::Result<_>>()?)
    }

    fn held_alerts(&self) -> Result<Vec<AlertId>> {
        let mut statement = self.prepare_cached(HELD_ALERTS)?;
        let held = statement.query_map([], |row| row.get(0))?;
        Ok(held.collect::<rusqlite::Result<_>>()?)
    }

    fn waits_with_an_end(&self, webhook: WebhookId) -> Result<bool> {
        let asked = named_params! { ":webhook": webhook };
        Ok(self.prepare_cached(WAITS_WITH_AN_END)?.query_row(asked, |row| row.get(0))?)
    }

    fn withdrawn_in(&self, lull: &Lull) -> Result<usize> {
        let asked = named_params! { ":webhook": lull.webhook, ":from": lull.from.0, ":until": lull.until.0 };
        let count: i64 = self.prepare_cached(WITHDRAWN_IN)?.query_row(asked, |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }
}

impl ChangeTogether for Connection {
    fn withdraw_gone(&self) -> Result<usize> {
        Ok(self.prepare_cached(WITHDRAW_GONE)?.execute([])?)
    }

    fn hold(&self, alert: AlertId, until: UnixMillis, most: UnixMillis) -> Result<bool> {
        let held = named_params! { ":alert": alert, ":until": until.0, ":most": most.0 };
        Ok(self.prepare_cached(HOLD)?.execute(held)? > 0)
    }

    fn withdraw_over(&self, lull: &Lull) -> Result<Vec<DeliveryId>> {
        let mut statement = self.prepare_cached(WITHDRAW)?;
        let asked = named_params! {
            ":webhook": lull.webhook,
            ":from": lull.from.0,
            ":until": lull.until.0,
            ":passes": lull.passes as u8,
        };
        Ok(statement.query_map(asked, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    fn sum_up(&self, summary: DeliveryId, messages: &[DeliveryId], now: UnixMillis) -> Result<usize> {
        let all: Vec<String> = messages.iter().map(|id| id.0.to_string()).collect();
        let ids = format!("[{}]", all.join(","));
        let summed = named_params! { ":summary": summary, ":ids": ids, ":now": now.0 };
        let count = self.prepare_cached(SUM_UP)?.execute(summed)?;
        self.prepare_cached(SUMMARY_URGENCY)?.execute(named_params! { ":summary": summary })?;
        Ok(count)
    }

    fn settle_summed_up(&self, summary: DeliveryId, state: DeliveryState) -> Result<()> {
        self.prepare_cached(SETTLE_SUMMED_UP)?.execute(named_params! { ":summary": summary, ":state": state })?;
        Ok(())
    }

    fn drop_summaries(&self, webhook: WebhookId) -> Result<()> {
        for sql in DROP_SUMMARIES {
            self.prepare_cached(sql)?.execute(named_params! { ":webhook": webhook })?;
        }
        Ok(())
    }
}

fn waits(row: &Row<'_>) -> rusqlite::Result<Waits> {
    Ok(Waits {
        id: row.get(0)?,
        alert: row.get(1)?,
        event: row.get(2)?,
        created_at: UnixMillis(row.get(3)?),
        course: row.get(4)?,
    })
}
