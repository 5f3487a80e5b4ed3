//! Rows of deliveries and attempts.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::UnixMillis;
use crate::model::rule::RuleId;
use crate::model::webhook::{
    A_HANDFUL, Attempt, Delivery, DeliveryId, DeliveryState, Held, LATE_MS, NewDelivery, Problem, RESTED_MS, Replay,
    Waits, WebhookId,
};
use crate::store::engine::nouns::{ChangeOutbox, DeliveryQuery, Outbox, ToldOf};
use crate::store::error::Result;
use crate::store::sqlite::column::unsigned;

/// Of a list the short bodies are read, which tell how much a message is about; long ones would be most of what is read.
const LIST: &str = "SELECT id, webhook, alert, event, state, next_attempt_at, by_hand, summary, created_at, held_until,
    CASE WHEN LENGTH(body) <= 2000 THEN body ELSE x'' END AS body FROM delivery
    WHERE (:webhook IS NULL OR webhook = :webhook) AND (:state IS NULL OR state = :state)
    AND (:before IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit";
const ONE: &str = "SELECT id, webhook, alert, event, state, next_attempt_at, by_hand, summary, created_at, held_until, body FROM delivery WHERE id = :id";
const ATTEMPTS: &str =
    "SELECT at, status, error, duration_ms, response FROM attempt WHERE delivery = :delivery ORDER BY position";

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
    WHERE alert IS NOT NULL AND NOT EXISTS (SELECT 1 FROM alert WHERE alert.id = delivery.alert)
    GROUP BY webhook, alert HAVING SUM(event IN ('alert.resolved', 'alert.past')) = 0)";

const NEXT_DUE: &str =
    "SELECT MIN(MAX(delivery.next_attempt_at, COALESCE(delivery.leased_until, delivery.next_attempt_at)))
    FROM delivery JOIN webhook ON webhook.id = delivery.webhook
    WHERE delivery.state = 'pending' AND delivery.summary IS NULL AND webhook.enabled AND webhook.disabled_reason IS NULL
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
        list.into_iter().map(|delivery| with_attempts(self, delivery)).collect()
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
        delivery.map(|delivery| with_attempts(self, delivery)).transpose()
    }

    fn webhooks_to_sum_up(&self, now: UnixMillis) -> Result<Vec<WebhookId>> {
        let mut waits = self.prepare_cached(SUMMARY_WAITS)?;
        let mut found = Vec::new();
        for webhook in for_summaries(self, now.plus(-LATE_MS))? {
            let asked = named_params! { ":webhook": webhook, ":now": now.0 };
            if !waits.query_row(asked, |row| row.get::<_, bool>(0))? {
                found.push(webhook);
            }
        }
        Ok(found)
    }

    fn to_sum_up(&self, webhook: WebhookId, now: UnixMillis, n: usize) -> Result<Vec<Waits>> {
        let mut statement = self.prepare_cached(TO_SUM_UP)?;
        let params = named_params! {
            ":webhook": webhook,
            ":now": now.0,
            ":late": now.plus(-LATE_MS).0,
            ":n": i64::try_from(n).unwrap_or(i64::MAX),
        };
        Ok(statement.query_map(params, waits)?.collect::<rusqlite::Result<_>>()?)
    }

    fn groups_due(&self, now: UnixMillis) -> Result<Vec<(WebhookId, RuleId)>> {
        let mut statement = self.prepare_cached(GROUPS_DUE)?;
        let found = statement.query_map(named_params! { ":now": now.0 }, |row| Ok((row.get(0)?, row.get(1)?)))?;
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

    fn deliveries_pending(&self) -> Result<u64> {
        Ok(unsigned(self.prepare_cached(PENDING)?.query_row([], |row| row.get(0))?))
    }

    fn next_due(&self) -> Result<Option<UnixMillis>> {
        let next: Option<i64> = self.prepare_cached(NEXT_DUE)?.query_row([], |row| row.get(0))?;
        Ok(next.map(UnixMillis))
    }
}

fn waits(row: &Row<'_>) -> rusqlite::Result<Waits> {
    Ok(Waits { id: row.get(0)?, alert: row.get(1)?, event: row.get(2)?, created_at: UnixMillis(row.get(3)?) })
}

/// Webhooks whose late messages go in a summary.
fn for_summaries(conn: &Connection, late: UnixMillis) -> Result<Vec<WebhookId>> {
    let handful = i64::try_from(A_HANDFUL).unwrap_or(i64::MAX);
    let mut statement = conn.prepare_cached(FOR_SUMMARIES)?;
    let found = statement.query_map(named_params! { ":late": late.0, ":handful": handful }, |row| row.get(0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// As a list that `json_each` reads.
fn ids(webhooks: &[WebhookId]) -> String {
    let all: Vec<String> = webhooks.iter().map(|id| id.0.to_string()).collect();
    format!("[{}]", all.join(","))
}

fn with_attempts(conn: &Connection, mut delivery: Delivery) -> Result<Delivery> {
    let mut statement = conn.prepare_cached(ATTEMPTS)?;
    let attempts = statement.query_map(named_params! { ":delivery": delivery.id }, |row| {
        Ok(Attempt {
            at: UnixMillis(row.get("at")?),
            status: row.get("status")?,
            error: row.get("error")?,
            duration_ms: row.get("duration_ms")?,
            response: row.get("response")?,
        })
    })?;
    delivery.attempts = attempts.collect::<rusqlite::Result<_>>()?;
    Ok(delivery)
}

/// A delivery without its attempts, which have a table of their own.
fn from_row(row: &Row<'_>) -> rusqlite::Result<Delivery> {
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
        created_at: UnixMillis(row.get("created_at")?),
        held_until: row.get::<_, Option<i64>>("held_until")?.map(UnixMillis),
        body: row.get("body")?,
    })
}

/// What comes of one rule on one thing goes out in order: the end of an alert before the begin of the next.
const INSERT: &str = "INSERT INTO delivery (webhook, alert, course, event, state, next_attempt_at, held_until, rule, created_at, body)
    SELECT id, :alert, COALESCE((SELECT CASE rule WHEN 0 THEN rule_name ELSE rule END || ':' || COALESCE(device, '') || ':'
        || COALESCE(series, '') FROM alert WHERE alert.id = :alert), 'alert:' || :alert),
    :event, 'pending', COALESCE(:held_until, :created_at), :held_until, :rule, :created_at, :body FROM webhook WHERE id = :webhook
    AND (:event = 'webhook.test' OR enabled AND disabled_reason IS NULL)";

/// Enabled webhooks only; first come, first served, and within (webhook, course) strictly in order.
/// Late messages to people that no summary tells of: of a webhook more than a handful, or any beside a summary that waits. They go in
/// a summary. What a person has sent again although it had arrived waited for nothing ([`REPLAY`]), and is no such message until it fails.
const FOR_SUMMARIES: &str = "SELECT delivery.webhook FROM delivery JOIN webhook ON webhook.id = delivery.webhook
    WHERE delivery.state = 'pending' AND delivery.summary IS NULL AND COALESCE(delivery.held_until, delivery.created_at) < :late
    AND delivery.event NOT IN ('webhook.test', 'alerts.summary')
    AND webhook.kind NOT IN ('generic', 'pagerduty', 'alertmanager', 'home_assistant')
    AND delivery.by_hand <= (SELECT COUNT(*) FROM attempt WHERE attempt.delivery = delivery.id)
    AND webhook.enabled AND webhook.disabled_reason IS NULL
    GROUP BY delivery.webhook HAVING COUNT(*) > :handful OR EXISTS (SELECT 1 FROM delivery AS made
        WHERE made.webhook = delivery.webhook AND made.state = 'pending' AND made.event = 'alerts.summary'
        AND made.summary IS NULL)";
/// Whether an earlier summary is under way, or waits for its next attempt.
const SUMMARY_WAITS: &str = "SELECT EXISTS (SELECT 1 FROM delivery WHERE webhook = :webhook AND state = 'pending'
    AND event = 'alerts.summary' AND summary IS NULL AND (next_attempt_at > :now OR COALESCE(leased_until, :now) > :now))";
const TO_SUM_UP: &str =
    "SELECT id, alert, event, created_at FROM delivery WHERE webhook = :webhook AND state = 'pending'
    AND event <> 'webhook.test'
    AND (COALESCE(held_until, created_at) < :late AND by_hand <= (SELECT COUNT(*) FROM attempt WHERE attempt.delivery = delivery.id) OR summary IS NOT NULL OR event = 'alerts.summary')
    AND COALESCE(leased_until, :now) <= :now
    AND NOT EXISTS (SELECT 1 FROM delivery AS older WHERE older.state = 'pending' AND older.webhook = delivery.webhook
        AND older.course = delivery.course AND older.id < delivery.id AND older.leased_until > :now)
    ORDER BY id LIMIT :n";
/// What goes at once although something of the rule waits is told by itself; but what is about a thing of which something waits
/// comes after that, and with it.
const GROUPS_DUE: &str =
    "SELECT delivery.webhook, delivery.rule FROM delivery JOIN webhook ON webhook.id = delivery.webhook
    WHERE delivery.state = 'pending' AND delivery.held_until IS NOT NULL AND delivery.summary IS NULL
    AND delivery.next_attempt_at <= :now AND COALESCE(delivery.leased_until, :now) <= :now
    AND webhook.enabled AND webhook.disabled_reason IS NULL
    AND webhook.kind NOT IN ('generic', 'pagerduty', 'alertmanager', 'home_assistant')
    GROUP BY delivery.webhook, delivery.rule HAVING COUNT(DISTINCT delivery.alert) > 1";
const IN_GROUP: &str =
    "SELECT id, alert, event, created_at FROM delivery WHERE webhook = :webhook AND state = 'pending'
    AND course IN (SELECT course FROM delivery WHERE webhook = :webhook AND rule = :rule AND state = 'pending'
        AND held_until IS NOT NULL AND summary IS NULL AND next_attempt_at <= :now)
    AND summary IS NULL AND event NOT IN ('webhook.test', 'alerts.summary')
    AND NOT EXISTS (SELECT 1 FROM delivery AS older WHERE older.state = 'pending' AND older.webhook = delivery.webhook
        AND older.course = delivery.course AND older.id <= delivery.id AND older.leased_until > :now)
    ORDER BY id LIMIT :n";
const HELD: &str = "SELECT webhook, rule, event, MAX(held_until) FROM delivery
    WHERE state = 'pending' AND held_until IS NOT NULL GROUP BY webhook, rule, event";
const SUM_UP: &str = "UPDATE delivery SET summary = :summary WHERE id IN (SELECT value FROM json_each(:ids))
    AND state = 'pending' AND COALESCE(leased_until, :now) <= :now";
const SETTLE_SUMMED_UP: &str = "UPDATE delivery SET state = :state, next_attempt_at = NULL, leased_until = NULL
    WHERE summary = :summary AND state = 'pending'";
const DROP_SUMMARIES: [&str; 2] = [
    "UPDATE delivery SET summary = NULL WHERE webhook = :webhook AND state = 'pending' AND summary IS NOT NULL",
    "DELETE FROM delivery WHERE webhook = :webhook AND state = 'pending' AND event = 'alerts.summary'",
];
const DUE: &str = "SELECT delivery.id FROM delivery JOIN webhook ON webhook.id = delivery.webhook
    WHERE delivery.state = 'pending' AND delivery.summary IS NULL AND delivery.next_attempt_at <= :now
    AND COALESCE(delivery.leased_until, :now) <= :now
    AND webhook.enabled AND webhook.disabled_reason IS NULL
    AND delivery.webhook NOT IN (SELECT value FROM json_each(:except))
    AND NOT (COALESCE(delivery.held_until, delivery.created_at) < :late AND delivery.event NOT IN ('webhook.test', 'alerts.summary')
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
const REPLAY: &str = "UPDATE delivery SET state = 'pending', next_attempt_at = :now, leased_until = NULL,
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

const ADD_ATTEMPT: &str = "INSERT INTO attempt (delivery, position, at, status, error, duration_ms, response)
    SELECT :delivery, COALESCE(MAX(position) + 1, 0), :at, :status, :error, :duration_ms, :response
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
        Ok((inserted > 0).then(|| DeliveryId(unsigned(self.last_insert_rowid()))))
    }

    fn claim_deliveries(
        &self,
        now: UnixMillis,
        lease_until: UnixMillis,
        n: usize,
        except: &[WebhookId],
    ) -> Result<Vec<Delivery>> {
        let except = ids(except);
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        let late = now.plus(-LATE_MS);
        let in_summaries = ids(&for_summaries(self, late)?);
        let due = named_params! {
            ":now": now.0,
            ":n": n,
            ":except": except,
            ":late": late.0,
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

    fn sum_up(&self, summary: DeliveryId, messages: &[DeliveryId], now: UnixMillis) -> Result<usize> {
        let all: Vec<String> = messages.iter().map(|id| id.0.to_string()).collect();
        let ids = format!("[{}]", all.join(","));
        Ok(self.prepare_cached(SUM_UP)?.execute(named_params! { ":summary": summary, ":ids": ids, ":now": now.0 })?)
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
        })?;
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
