//! Rows of deliveries and attempts.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::UnixMillis;
use crate::model::alert::AlertId;
use crate::model::hearing::{Lull, Urgency};
use crate::model::rule::RuleId;
use crate::model::webhook::{
    A_HANDFUL, Attempt, Delivery, DeliveryId, DeliveryState, Held, LATE_MS, NewDelivery, Problem, RESTED_MS, Replay,
    Waits, WebhookId,
};
use crate::store::engine::nouns::{ChangeOutbox, DeliveryQuery, Outbox, ToldOf};
use crate::store::error::Result;
use crate::store::sqlite::column::unsigned;

/// Of a list the short bodies are read, which tell how much a message is about; long ones would be most of what is read.
const LIST: &str =
    "SELECT id, webhook, alert, event, state, next_attempt_at, by_hand, summary, urgency, created_at, held_until,
    CASE WHEN LENGTH(body) <= 2000 THEN body ELSE x'' END AS body FROM delivery
    WHERE (:webhook IS NULL OR webhook = :webhook) AND (:state IS NULL OR state = :state)
    AND (:before IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit";
const ONE: &str = "SELECT id, webhook, alert, event, state, next_attempt_at, by_hand, summary, urgency, created_at, held_until, body FROM delivery WHERE id = :id";
/// Those about one alert, the oldest first; of the body what tells how many devices it is about.
pub(super) const ABOUT: &str =
    "SELECT id, webhook, alert, event, state, next_attempt_at, by_hand, summary, urgency, created_at, held_until,
    CASE WHEN LENGTH(body) <= 2000 THEN body ELSE x'' END AS body FROM delivery WHERE alert = :alert ORDER BY id LIMIT :most";
const ATTEMPTS: &str = "SELECT at, status, error, duration_ms, response, request_head, response_head FROM attempt
    WHERE delivery = :delivery ORDER BY position";
/// In a list without what is long.
pub(super) const ATTEMPTS_IN_LIST: &str =
    "SELECT at, status, error, duration_ms, response, NULL AS request_head, NULL AS response_head
    FROM attempt WHERE delivery = :delivery ORDER BY position";

/// A test or a change of the webhook is about no alert.
const TOLD: &str = "SELECT delivery.alert, delivery.webhook, COUNT(*), MAX(delivery.created_at)
    FROM alert JOIN delivery ON delivery.alert = alert.id JOIN webhook ON webhook.id = delivery.webhook
    WHERE alert.state IN ('pending', 'firing') OR alert.flapping
    OR (alert.state = 'resolved' AND (NOT webhook.enabled OR webhook.disabled_reason IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM delivery AS ended WHERE ended.alert = alert.id AND ended.webhook = webhook.id
            AND ended.event = 'alert.resolved'))
    GROUP BY delivery.alert, delivery.webhook";

const PENDING: &str = "SELECT COUNT(*) FROM delivery WHERE state = 'pending'";
/// An alert that went in its time was over, and that was told.
const TOLD_OF_GONE: &str = "SELECT webhook, alert, event, created_at, body FROM delivery WHERE id IN (
    SELECT MAX(id) FROM delivery
    WHERE alert IS NOT NULL AND state <> 'withdrawn' AND NOT EXISTS (SELECT 1 FROM alert WHERE alert.id = delivery.alert)
    GROUP BY webhook, alert HAVING SUM(event IN ('alert.resolved', 'alert.past')) = 0)";

const NEXT_DUE: &str =
    "SELECT MIN(MAX(delivery.next_attempt_at, COALESCE(delivery.leased_until, delivery.next_attempt_at)))
    FROM delivery JOIN webhook ON webhook.id = delivery.webhook
    WHERE delivery.state = 'pending' AND delivery.summary IS NULL AND webhook.enabled AND webhook.disabled_reason IS NULL
    AND delivery.urgency >= COALESCE(json_extract(:quiet, '$.w' || delivery.webhook), 0)
    AND NOT EXISTS (SELECT 1 FROM delivery AS older WHERE older.state = 'pending' AND older.webhook = delivery.webhook
        AND older.course = delivery.course AND older.id < delivery.id)";

impl Outbox for Connection {
    fn deliveries(&self, query: &DeliveryQuery) -> Result<Vec<Delivery>> {
        let mut statement = self.prepare_cached(LIST)?;
        let params = named_params! {
            ":webhook": query.webhook,
            ":state": query.state,
            ":before": query.before,
            ":limit": i64::try_from(query.limit).unwrap_or(i64::MAX),
        };
        let list = statement.query_map(params, from_row)?.collect::<rusqlite::Result<Vec<_>>>()?;
        list.into_iter().map(|delivery| with_attempts(self, ATTEMPTS_IN_LIST, delivery)).collect()
    }

    fn told_of_open_alerts(&self) -> Result<Vec<ToldOf>> {
        let mut statement = self.prepare_cached(TOLD)?;
        let told = statement.query_map([], |row| {
            let count = u32::try_from(row.get::<_, i64>(2)?).unwrap_or(u32::MAX);
            Ok(((row.get(0)?, row.get(1)?), (count, UnixMillis(row.get(3)?))))
        })?;
        Ok(told.collect::<rusqlite::Result<_>>()?)
    }

    fn told_of_gone_alerts(&self) -> Result<Vec<NewDelivery>> {
        let mut statement = self.prepare(TOLD_OF_GONE)?;
        let told = statement.query_map([], |row| {
            Ok(NewDelivery {
                webhook: row.get("webhook")?,
                alert: row.get("alert")?,
                event: row.get("event")?,
                created_at: UnixMillis(row.get("created_at")?),
                body: row.get("body")?,
                group: None,
            })
        })?;
        Ok(told.collect::<rusqlite::Result<_>>()?)
    }

    fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>> {
        let delivery = self.prepare_cached(ONE)?.query_row(named_params! { ":id": id }, from_row).optional()?;
        delivery.map(|delivery| with_attempts(self, ATTEMPTS, delivery)).transpose()
    }

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
            ":quiet": quiet(lulls, now),
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
            Ok(Held { webhook: row.get(0)?, rule: row.get(1)?, event: row.get(2)?, until })
        })?;
        Ok(held.collect::<rusqlite::Result<_>>()?)
    }

    fn held_alerts(&self) -> Result<Vec<AlertId>> {
        let mut statement = self.prepare_cached(HELD_ALERTS)?;
        let held = statement.query_map([], |row| row.get(0))?;
        Ok(held.collect::<rusqlite::Result<_>>()?)
    }

    fn deliveries_pending(&self) -> Result<u64> {
        Ok(unsigned(self.prepare_cached(PENDING)?.query_row([], |row| row.get(0))?))
    }

    fn waits_about(&self, alerts: &[AlertId]) -> Result<Vec<(AlertId, WebhookId)>> {
        let all: Vec<String> = alerts.iter().map(|id| id.0.to_string()).collect();
        let asked = named_params! { ":alerts": format!("[{}]", all.join(",")) };
        let mut statement = self.prepare_cached(WAITS_ABOUT)?;
        let found = statement.query_map(asked, |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
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

    fn next_due(&self, now: UnixMillis, lulls: &[Lull]) -> Result<Option<UnixMillis>> {
        let quiet = named_params! { ":quiet": quiet(lulls, now) };
        let next: Option<i64> = self.prepare_cached(NEXT_DUE)?.query_row(quiet, |row| row.get(0))?;
        Ok(next.map(UnixMillis))
    }
}

fn waits(row: &Row<'_>) -> rusqlite::Result<Waits> {
    Ok(Waits {
        id: row.get(0)?,
        alert: row.get(1)?,
        event: row.get(2)?,
        created_at: UnixMillis(row.get(3)?),
        course: row.get(4)?,
        fires: row.get(5)?,
    })
}

/// Webhooks whose late messages go in a summary.
fn for_summaries(conn: &Connection, now: UnixMillis, lulls: &[Lull]) -> Result<Vec<WebhookId>> {
    let handful = i64::try_from(A_HANDFUL).unwrap_or(i64::MAX);
    let mut statement = conn.prepare_cached(FOR_SUMMARIES)?;
    let asked = named_params! { ":late": now.plus(-LATE_MS).0, ":handful": handful, ":quiet": quiet(lulls, now) };
    let found = statement.query_map(asked, |row| row.get(0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Of each webhook that is in its quiet hours how urgent a message must be to be sent, as an object that `json_extract` reads.
fn quiet(lulls: &[Lull], now: UnixMillis) -> String {
    let quiet = lulls.iter().filter(|lull| lull.has(now));
    let all: Vec<String> = quiet.map(|lull| format!("\"w{}\":{}", lull.webhook.0, lull.passes as u8)).collect();
    format!("{{{}}}", all.join(","))
}

/// As a list that `json_each` reads.
fn ids(webhooks: &[WebhookId]) -> String {
    let all: Vec<String> = webhooks.iter().map(|id| id.0.to_string()).collect();
    format!("[{}]", all.join(","))
}

/// A delivery with its attempts.
pub(super) fn with_attempts(conn: &Connection, sql: &str, mut delivery: Delivery) -> Result<Delivery> {
    let mut statement = conn.prepare_cached(sql)?;
    let attempts = statement.query_map(named_params! { ":delivery": delivery.id }, |row| {
        Ok(Attempt {
            at: UnixMillis(row.get("at")?),
            status: row.get("status")?,
            error: row.get("error")?,
            duration_ms: row.get("duration_ms")?,
            response: row.get("response")?,
            request_head: row.get("request_head")?,
            response_head: row.get("response_head")?,
        })
    })?;
    delivery.attempts = attempts.collect::<rusqlite::Result<_>>()?;
    Ok(delivery)
}

/// A delivery without its attempts, which have a table of their own.
pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        id: row.get("id")?,
        webhook: row.get("webhook")?,
        alert: row.get("alert")?,
        event: row.get("event")?,
        state: row.get("state")?,
        attempts: Vec::new(),
        by_hand: usize::try_from(row.get::<_, i64>("by_hand")?).unwrap_or(0),
        next_attempt_at: row.get::<_, Option<i64>>("next_attempt_at")?.map(UnixMillis),
        summary: row.get("summary")?,
        urgency: Urgency::of(row.get("urgency")?),
        created_at: UnixMillis(row.get("created_at")?),
        held_until: row.get::<_, Option<i64>>("held_until")?.map(UnixMillis),
        body: row.get("body")?,
    })
}

/// What comes of one rule on one thing goes out in order: the end of an alert before the begin of the next.
const INSERT: &str = "INSERT INTO delivery (webhook, alert, course, event, state, next_attempt_at, held_until, rule, created_at, body,
        urgency)
    SELECT id, :alert, COALESCE((SELECT CASE rule WHEN 0 THEN rule_name ELSE rule END || ':' || COALESCE(device, '') || ':'
        || COALESCE(series, '') FROM alert WHERE alert.id = :alert), (SELECT of.course FROM delivery AS of WHERE of.alert = :alert
        ORDER BY of.id DESC LIMIT 1), 'alert:' || :alert),
    :event, 'pending', COALESCE(:held_until, :created_at), :held_until, :rule, :created_at, :body, CASE WHEN :event = 'webhook.test' THEN 2
        ELSE COALESCE((SELECT severity = 'critical' FROM alert WHERE alert.id = :alert), 0) END
    FROM webhook WHERE id = :webhook
    AND (:event = 'webhook.test' OR enabled AND disabled_reason IS NULL)";

/// What goes before an urgent message goes with it.
const HURRY: &str =
    "UPDATE delivery SET urgency = 1 WHERE state = 'pending' AND webhook = :webhook AND urgency = 0 AND id < :id
    AND course = (SELECT course FROM delivery WHERE id = :id AND urgency > 0)";
/// What a person asks for, with what goes before it.
const ASK_FOR: &str = "UPDATE delivery SET urgency = 2 WHERE state = 'pending' AND summary IS NULL
    AND (id = :id OR id IN (SELECT older.id FROM delivery AS older JOIN delivery AS one ON one.id = :id
        WHERE older.state = 'pending' AND older.webhook = one.webhook AND older.course = one.course AND older.id < one.id))";
const WAITS_WITH_AN_END: &str = "SELECT EXISTS (SELECT 1 FROM delivery WHERE webhook = :webhook AND state = 'pending'
    AND event = 'alert.resolved')";
const WITHDRAWN_IN: &str = "SELECT COUNT(DISTINCT alert) FROM delivery WHERE webhook = :webhook AND state = 'withdrawn'
    AND created_at >= :from AND created_at < :until";
/// Of alerts whose begin and end wait, and of which nothing else was sent, is under way, urgent, or in a summary; what tells of many
/// devices tells of others as well.
const WITHDRAW: &str = "UPDATE delivery SET state = 'withdrawn', next_attempt_at = NULL, leased_until = NULL
    WHERE webhook = :webhook AND state = 'pending' AND alert IN (SELECT held.alert FROM delivery AS held
        WHERE held.webhook = :webhook AND held.alert IN
            (SELECT alert FROM delivery WHERE webhook = :webhook AND state = 'pending' AND event = 'alert.resolved')
        GROUP BY held.alert
        HAVING SUM(held.event = 'alert.resolved') > 0
        AND SUM(held.event IN ('alert.firing', 'alert.flapping') AND held.created_at >= :from AND held.created_at < :until) > 0
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

/// Enabled webhooks only; first come, first served, and within (webhook, course) strictly in order.
/// Late messages to people that no summary tells of: of a webhook more than a handful, or any beside a summary that waits. They go in
/// a summary. What a person has sent again although it had arrived waited for nothing ([`REPLAY`]), and is no such message until it fails.
const FOR_SUMMARIES: &str = "SELECT delivery.webhook FROM delivery JOIN webhook ON webhook.id = delivery.webhook
    WHERE delivery.state = 'pending' AND delivery.summary IS NULL AND (COALESCE(delivery.held_until, delivery.created_at) < :late OR delivery.event = 'alert.repeated')
    AND delivery.event NOT IN ('webhook.test', 'alerts.summary')
    AND webhook.kind NOT IN ('generic', 'pagerduty', 'alertmanager', 'home_assistant')
    AND delivery.by_hand <= (SELECT COUNT(*) FROM attempt WHERE attempt.delivery = delivery.id)
    AND delivery.urgency >= COALESCE(json_extract(:quiet, '$.w' || delivery.webhook), 0)
    AND webhook.enabled AND webhook.disabled_reason IS NULL
    GROUP BY delivery.webhook HAVING COUNT(*) > :handful OR EXISTS (SELECT 1 FROM delivery AS made
        WHERE made.webhook = delivery.webhook AND made.state = 'pending' AND made.event = 'alerts.summary'
        AND made.summary IS NULL)";
/// Whether an earlier summary is under way, or waits for its next attempt.
const SUMMARY_WAITS: &str = "SELECT EXISTS (SELECT 1 FROM delivery WHERE webhook = :webhook AND state = 'pending'
    AND event = 'alerts.summary' AND summary IS NULL AND (next_attempt_at > :now OR COALESCE(leased_until, :now) > :now))";
const TO_SUM_UP: &str =
    "SELECT id, alert, event, created_at, COALESCE(course, ''), event = 'alert.flapping' AND course IN (SELECT CASE rule WHEN 0 THEN rule_name ELSE rule END
        || ':' || COALESCE(device, '') || ':' || COALESCE(series, '') FROM alert
        WHERE alert.state = 'firing') FROM delivery WHERE webhook = :webhook AND state = 'pending'
    AND event <> 'webhook.test' AND urgency >= COALESCE(json_extract(:quiet, '$.w' || webhook), 0)
    AND ((COALESCE(held_until, created_at) < :late OR event = 'alert.repeated') AND by_hand <= (SELECT COUNT(*) FROM attempt WHERE attempt.delivery = delivery.id) OR summary IS NOT NULL OR event = 'alerts.summary')
    AND COALESCE(leased_until, :now) <= :now
    AND NOT EXISTS (SELECT 1 FROM delivery AS older WHERE older.state = 'pending' AND older.webhook = delivery.webhook
        AND older.course = delivery.course AND older.id < delivery.id AND older.leased_until > :now)
    ORDER BY id LIMIT :n";
/// What flaps, and who acknowledged what, is told for itself, after it.
/// What goes at once although something of the rule waits is told by itself; but what is about a thing of which something waits
/// comes after that, and with it.
const GROUPS_DUE: &str =
    "SELECT delivery.webhook, delivery.rule FROM delivery JOIN webhook ON webhook.id = delivery.webhook
    WHERE delivery.state = 'pending' AND delivery.held_until IS NOT NULL AND delivery.summary IS NULL
    AND delivery.next_attempt_at <= :now AND COALESCE(delivery.leased_until, :now) <= :now
    AND delivery.urgency >= COALESCE(json_extract(:quiet, '$.w' || delivery.webhook), 0)
    AND webhook.enabled AND webhook.disabled_reason IS NULL
    AND webhook.kind NOT IN ('generic', 'pagerduty', 'alertmanager', 'home_assistant')
    GROUP BY delivery.webhook, delivery.rule HAVING COUNT(DISTINCT delivery.alert) > 1";
const IN_GROUP: &str =
    "SELECT id, alert, event, created_at, COALESCE(course, ''), event = 'alert.flapping' AND course IN (SELECT CASE rule WHEN 0 THEN rule_name ELSE rule END
        || ':' || COALESCE(device, '') || ':' || COALESCE(series, '') FROM alert
        WHERE alert.state = 'firing') FROM delivery WHERE webhook = :webhook AND state = 'pending'
    AND course IN (SELECT course FROM delivery WHERE webhook = :webhook AND rule = :rule AND state = 'pending'
        AND held_until IS NOT NULL AND summary IS NULL AND next_attempt_at <= :now)
    AND summary IS NULL AND event IN ('alert.firing', 'alert.resolved', 'alert.repeated')
    AND NOT EXISTS (SELECT 1 FROM delivery AS older WHERE older.state = 'pending' AND older.webhook = delivery.webhook
        AND older.course = delivery.course AND older.id <= delivery.id AND older.leased_until > :now)
    ORDER BY id LIMIT :n";
const HELD: &str = "SELECT webhook, rule, event, MAX(held_until) FROM delivery
    WHERE state = 'pending' AND held_until IS NOT NULL GROUP BY webhook, rule, event";
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
const DUE: &str = "SELECT delivery.id FROM delivery JOIN webhook ON webhook.id = delivery.webhook
    WHERE delivery.state = 'pending' AND delivery.summary IS NULL AND delivery.next_attempt_at <= :now
    AND COALESCE(delivery.leased_until, :now) <= :now
    AND delivery.urgency >= COALESCE(json_extract(:quiet, '$.w' || delivery.webhook), 0)
    AND webhook.enabled AND webhook.disabled_reason IS NULL
    AND delivery.webhook NOT IN (SELECT value FROM json_each(:except))
    AND NOT ((COALESCE(delivery.held_until, delivery.created_at) < :late OR delivery.event = 'alert.repeated') AND delivery.event NOT IN ('webhook.test', 'alerts.summary')
        AND delivery.webhook IN (SELECT value FROM json_each(:in_summaries))
        AND delivery.by_hand <= (SELECT COUNT(*) FROM attempt WHERE attempt.delivery = delivery.id))
    AND NOT EXISTS (SELECT 1 FROM delivery AS older WHERE older.state = 'pending' AND older.webhook = delivery.webhook
        AND older.course = delivery.course AND older.id < delivery.id)
    ORDER BY delivery.next_attempt_at, delivery.id LIMIT :n";
const LEASE: &str = "UPDATE delivery SET leased_until = :until WHERE id = :id";
const RELEASE: &str = "UPDATE delivery SET leased_until = NULL WHERE state = 'pending' AND leased_until IS NOT NULL";
const SETTLE: &str = "UPDATE delivery SET state = :state, next_attempt_at = :next_attempt_at, leased_until = NULL
    WHERE id = :id";
/// Its schedule begins anew. Of what had arrived one more is counted than there are attempts: so it is known until its next attempt.
const REPLAY: &str = "UPDATE delivery SET state = 'pending', next_attempt_at = :now, leased_until = NULL, urgency = 2,
    summary = NULL, held_until = NULL, by_hand = (state = 'delivered') + (SELECT COUNT(*) FROM attempt WHERE attempt.delivery = delivery.id) WHERE id = :id";
const TO_REPLAY: &str = "SELECT delivery.id, delivery.state = 'pending' FROM delivery JOIN webhook ON webhook.id = delivery.webhook
    WHERE delivery.created_at >= :from AND delivery.created_at < :to AND delivery.event NOT IN ('webhook.test', 'alerts.summary')
    AND (:webhook IS NULL OR delivery.webhook = :webhook) AND (:state IS NULL OR delivery.state = :state)
    AND webhook.enabled AND webhook.disabled_reason IS NULL
    AND (delivery.state <> 'pending' OR delivery.summary IS NULL AND delivery.next_attempt_at > :now AND COALESCE(delivery.leased_until, :now) <= :now)
    AND (SELECT COUNT(*) FROM attempt WHERE attempt.delivery = delivery.id) < :most
    ORDER BY delivery.id LIMIT :n";
const TRY_NOW: &str = "UPDATE delivery SET next_attempt_at = :now, held_until = NULL, by_hand = by_hand + 1
    WHERE state = 'pending' AND summary IS NULL AND next_attempt_at > :now AND COALESCE(leased_until, :now) <= :now
    AND (id = :id OR id IN (SELECT older.id FROM delivery AS older JOIN delivery AS one ON one.id = :id
        WHERE older.webhook = one.webhook AND older.course = one.course AND older.id < one.id))";
const PUT_PROBLEM: &str =
    "UPDATE webhook SET problem_since = CASE WHEN problem IS :kind THEN problem_since ELSE :since END,
    problem = :kind, problem_text = :text
    WHERE id = (SELECT webhook FROM delivery WHERE id = :delivery) AND updated_at = :seen
    AND (problem IS NOT :kind OR problem_text IS NOT :text)";
const CLEAR_PROBLEM: &str = "UPDATE webhook SET problem = NULL, problem_since = NULL, problem_text = NULL
    WHERE id = (SELECT webhook FROM delivery WHERE id = :delivery) AND updated_at = :seen AND problem IS NOT NULL";
const FAILS_NO_MORE: &str = "UPDATE webhook SET failing_since = NULL
    WHERE id = (SELECT webhook FROM delivery WHERE id = :delivery) AND updated_at = :seen AND failing_since IS NOT NULL";
const FAILS: &str = "UPDATE webhook SET failing_since = :at
    WHERE id = (SELECT webhook FROM delivery WHERE id = :delivery) AND updated_at = :seen AND failing_since IS NULL";
const DISABLE: &str = "UPDATE webhook SET disabled_reason = :reason, updated_at = :now
    WHERE id = (SELECT webhook FROM delivery WHERE id = :delivery) AND updated_at = :seen";

const ADD_ATTEMPT: &str = "INSERT INTO attempt (delivery, position, at, status, error, duration_ms, response, request_head,
        response_head)
    SELECT :delivery, COALESCE(MAX(position) + 1, 0), :at, :status, :error, :duration_ms, :response, :request_head, :response_head
    FROM attempt WHERE delivery = :delivery";
/// What is under way ends where it began; what waits goes now, and that is no try of its schedule.
const TRY_WAITING: &str = "UPDATE delivery SET next_attempt_at = :now, by_hand = by_hand + 1
    WHERE webhook = :id AND state = 'pending' AND next_attempt_at > :now AND COALESCE(leased_until, :now) <= :now
    AND (SELECT COUNT(*) FROM attempt WHERE attempt.delivery = delivery.id) < :most";
/// What waits for a receiver that just took another one: not what it refused for its content, until later, or a moment ago.
const TRY_AFTER_SUCCESS: &str = "UPDATE delivery SET next_attempt_at = :now, by_hand = by_hand + 1 WHERE id IN (
    SELECT id FROM delivery AS waits WHERE webhook = (SELECT webhook FROM delivery WHERE id = :taken) AND state = 'pending'
    AND summary IS NULL AND next_attempt_at > :now AND COALESCE(leased_until, :now) <= :now
    AND (SELECT at <= :rested AND COALESCE(status, 0) NOT IN (400, 413, 415, 422, 429) FROM attempt
        WHERE attempt.delivery = waits.id ORDER BY position DESC LIMIT 1)
    AND (SELECT COUNT(*) FROM attempt WHERE attempt.delivery = waits.id) < :most ORDER BY id LIMIT :n)";

/// Of what Alertmanager is told again and again the last time is enough.
const FORGET_RESENT: &str = "DELETE FROM delivery WHERE event = 'alert.repeated' AND state = 'delivered' AND id < :id
    AND alert = (SELECT alert FROM delivery WHERE id = :id AND event = 'alert.repeated')
    AND webhook = (SELECT delivery.webhook FROM delivery JOIN webhook ON webhook.id = delivery.webhook
        WHERE delivery.id = :id AND webhook.kind = 'alertmanager')";
const WAITS_ABOUT: &str = "SELECT DISTINCT alert, webhook FROM delivery
    WHERE alert IN (SELECT value FROM json_each(:alerts)) AND state = 'pending'";

const EXPIRE: &str = "DELETE FROM delivery WHERE id IN (SELECT id FROM delivery
    WHERE state <> 'pending' AND created_at < :before LIMIT :at_most)";

impl ChangeOutbox for Connection {
    fn add_delivery(&self, new: &NewDelivery) -> Result<Option<DeliveryId>> {
        let inserted = self.prepare_cached(INSERT)?.execute(named_params! {
            ":webhook": new.webhook,
            ":alert": new.alert,
            ":event": new.event,
            ":created_at": new.created_at.0,
            ":held_until": new.group.and_then(|group| group.until).map(|until| until.0),
            ":rule": new.group.map(|group| group.rule),
            ":body": new.body,
        })?;
        if inserted == 0 {
            return Ok(None);
        }
        let id = DeliveryId(unsigned(self.last_insert_rowid()));
        if new.alert.is_some() {
            self.prepare_cached(HURRY)?.execute(named_params! { ":webhook": new.webhook, ":id": id })?;
        }
        Ok(Some(id))
    }

    fn claim_deliveries(
        &self,
        now: UnixMillis,
        lease_until: UnixMillis,
        n: usize,
        except: &[WebhookId],
        lulls: &[Lull],
    ) -> Result<Vec<Delivery>> {
        let except = ids(except);
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        let late = now.plus(-LATE_MS);
        let in_summaries = ids(&for_summaries(self, now, lulls)?);
        let due = named_params! {
            ":now": now.0,
            ":n": n,
            ":except": except,
            ":late": late.0,
            ":quiet": quiet(lulls, now),
            ":in_summaries": in_summaries,
        };
        let mut statement = self.prepare_cached(DUE)?;
        let due = statement.query_map(due, |row| row.get(0))?.collect::<rusqlite::Result<Vec<DeliveryId>>>()?;
        let mut lease = self.prepare_cached(LEASE)?;
        let mut claimed = Vec::with_capacity(due.len());
        for id in due {
            lease.execute(named_params! { ":id": id, ":until": lease_until.0 })?;
            claimed.extend(self.delivery(id)?);
        }
        Ok(claimed)
    }

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

    fn release_leases(&self) -> Result<bool> {
        Ok(self.prepare_cached(RELEASE)?.execute([])? > 0)
    }

    fn settle_delivery(&self, id: DeliveryId, state: DeliveryState, next: Option<UnixMillis>) -> Result<bool> {
        let settled = self.prepare_cached(SETTLE)?.execute(named_params! {
            ":id": id,
            ":state": state,
            ":next_attempt_at": next.map(|next| next.0),
        })?;
        Ok(settled > 0)
    }

    fn add_attempt(&self, id: DeliveryId, attempt: &Attempt) -> Result<()> {
        self.prepare_cached(ADD_ATTEMPT)?.execute(named_params! {
            ":delivery": id,
            ":at": attempt.at.0,
            ":status": attempt.status,
            ":error": attempt.error,
            ":duration_ms": attempt.duration_ms,
            ":response": attempt.response,
            ":request_head": attempt.request_head,
            ":response_head": attempt.response_head,
        })?;
        Ok(())
    }

    fn forget_resent(&self, newest: DeliveryId) -> Result<()> {
        self.prepare_cached(FORGET_RESENT)?.execute(named_params! { ":id": newest })?;
        Ok(())
    }

    fn expire_deliveries(&self, before: UnixMillis, at_most: usize) -> Result<usize> {
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let params = named_params! { ":before": before.0, ":at_most": at_most };
        Ok(self.prepare_cached(EXPIRE)?.execute(params)?)
    }

    fn replay_delivery(&self, id: DeliveryId, now: UnixMillis) -> Result<()> {
        self.prepare_cached(REPLAY)?.execute(named_params! { ":id": id, ":now": now.0 })?;
        Ok(())
    }

    fn try_delivery_now(&self, id: DeliveryId, now: UnixMillis) -> Result<()> {
        self.prepare_cached(TRY_NOW)?.execute(named_params! { ":id": id, ":now": now.0 })?;
        self.prepare_cached(ASK_FOR)?.execute(named_params! { ":id": id })?;
        Ok(())
    }

    fn replay_deliveries(&self, which: &Replay, now: UnixMillis, n: usize, most: u32) -> Result<Vec<DeliveryId>> {
        let mut statement = self.prepare_cached(TO_REPLAY)?;
        let params = named_params! {
            ":from": which.from.0,
            ":to": which.to.0,
            ":webhook": which.webhook,
            ":state": which.state,
            ":now": now.0,
            ":most": most,
            ":n": i64::try_from(n).unwrap_or(i64::MAX),
        };
        let found = statement.query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let found = found.collect::<rusqlite::Result<Vec<(DeliveryId, bool)>>>()?;
        for &(id, waits) in &found {
            if waits { self.try_delivery_now(id, now)? } else { self.replay_delivery(id, now)? }
        }
        Ok(found.into_iter().map(|(id, _)| id).collect())
    }

    fn try_waiting_now(&self, id: WebhookId, now: UnixMillis, most: u32) -> Result<()> {
        self.prepare_cached(TRY_WAITING)?.execute(named_params! { ":id": id, ":now": now.0, ":most": most })?;
        Ok(())
    }

    fn try_after_success(&self, taken: DeliveryId, now: UnixMillis, n: usize, most: u32) -> Result<()> {
        let (rested, n) = (now.plus(-RESTED_MS).0, i64::try_from(n).unwrap_or(i64::MAX));
        let params = named_params! { ":taken": taken, ":now": now.0, ":rested": rested, ":most": most, ":n": n };
        self.prepare_cached(TRY_AFTER_SUCCESS)?.execute(params)?;
        Ok(())
    }

    fn put_problem_of(&self, id: DeliveryId, problem: &Problem, seen: UnixMillis) -> Result<bool> {
        let changed = self.prepare_cached(PUT_PROBLEM)?.execute(named_params! {
            ":delivery": id,
            ":kind": problem.kind,
            ":since": problem.since.0,
            ":text": problem.text,
            ":seen": seen.0,
        })?;
        Ok(changed > 0)
    }

    fn note_success_of(&self, id: DeliveryId, is_mended: bool, seen: UnixMillis) -> Result<bool> {
        let works = named_params! { ":delivery": id, ":seen": seen.0 };
        self.prepare_cached(FAILS_NO_MORE)?.execute(works)?;
        Ok(is_mended && self.prepare_cached(CLEAR_PROBLEM)?.execute(works)? > 0)
    }

    fn note_failure_of(&self, id: DeliveryId, at: UnixMillis, seen: UnixMillis) -> Result<()> {
        let fails = named_params! { ":delivery": id, ":at": at.0, ":seen": seen.0 };
        self.prepare_cached(FAILS)?.execute(fails)?;
        Ok(())
    }

    fn disable_webhook_of(&self, id: DeliveryId, reason: &str, now: UnixMillis, seen: UnixMillis) -> Result<bool> {
        let disabled = self.prepare_cached(DISABLE)?.execute(named_params! {
            ":delivery": id,
            ":reason": reason,
            ":seen": seen.0,
            ":now": now.0,
        })?;
        Ok(disabled > 0)
    }
}
