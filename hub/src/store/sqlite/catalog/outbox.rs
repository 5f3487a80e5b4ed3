//! Rows of deliveries and attempts.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::due;
use super::waiting::for_summaries;
use crate::model::UnixMillis;
use crate::model::alert::AlertId;
use crate::model::hearing::{Lull, Urgency};
use crate::model::webhook::{
    Attempt, Delivery, DeliveryId, DeliveryState, Event, NewDelivery, RESTED_MS, Replay, WebhookId,
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
            AND ended.event IN ('alert.resolved', 'alert.past')))
    GROUP BY delivery.alert, delivery.webhook";

const PENDING: &str = "SELECT COUNT(*) FROM delivery WHERE state = 'pending'";
/// An alert that went in its time was over, and that was told.
const TOLD_OF_GONE: &str = "SELECT webhook, alert, event, created_at, body FROM delivery WHERE id IN (
    SELECT MAX(id) FROM delivery
    WHERE alert IS NOT NULL AND state <> 'withdrawn' AND NOT EXISTS (SELECT 1 FROM alert WHERE alert.id = delivery.alert)
    GROUP BY webhook, alert HAVING SUM(event IN ('alert.resolved', 'alert.past')) = 0)";

impl Outbox for Connection {
    fn count_off(&self, which: &Replay, n: usize) -> Result<usize> {
        let params = named_params! {
            ":from": which.from.0,
            ":to": which.to.0,
            ":webhook": which.webhook,
            ":state": which.state,
            ":n": i64::try_from(n).unwrap_or(i64::MAX),
        };
        let count: i64 = self.prepare_cached(TO_REPLAY_OFF)?.query_row(params, |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

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

    fn next_due(&self, now: UnixMillis, lulls: &[Lull]) -> Result<Option<UnixMillis>> {
        due::next_due(self, now, lulls)
    }
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

/// That an alert fires waits for others of its rule, was never tried, and is told as it is now; why it fired stays known.
const RETELL: &str = "UPDATE delivery SET event = :event, body = CASE WHEN :event = 'alert.firing'
        AND LENGTH(body) + LENGTH(:body) < 19000 AND json_type(CAST(body AS TEXT), '$.data.alert.explain') IS NOT NULL
        THEN CAST(json_set(CAST(:body AS TEXT), '$.data.alert.explain', json_extract(CAST(body AS TEXT), '$.data.alert.explain')) AS BLOB)
        ELSE :body END
    WHERE alert = :alert AND webhook = :webhook AND state = 'pending' AND event = 'alert.firing' AND held_until > :created_at
    AND summary IS NULL AND leased_until IS NULL AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.delivery = delivery.id)
    RETURNING id";
/// It is over: it is not told again that it fires.
const NO_REPEATS: &str = "DELETE FROM delivery WHERE alert = :alert AND webhook = :webhook AND state = 'pending' AND event = 'alert.repeated'
    AND summary IS NULL AND leased_until IS NULL AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.delivery = delivery.id)";

/// What goes before an urgent message goes with it.
const HURRY: &str =
    "UPDATE delivery SET urgency = 1 WHERE state = 'pending' AND webhook = :webhook AND urgency = 0 AND id < :id
    AND course = (SELECT course FROM delivery WHERE id = :id AND urgency > 0)";
/// What a person asks for, with what goes before it.
const ASK_FOR: &str = "UPDATE delivery SET urgency = 2 WHERE state = 'pending' AND summary IS NULL
    AND (id = :id OR id IN (SELECT older.id FROM delivery AS older JOIN delivery AS one ON one.id = :id
        WHERE older.state = 'pending' AND older.webhook = one.webhook AND older.course = one.course AND older.id < one.id))";

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
/// Those that are left because their webhook is off.
const TO_REPLAY_OFF: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM delivery JOIN webhook ON webhook.id = delivery.webhook
    WHERE delivery.created_at >= :from AND delivery.created_at < :to AND delivery.event NOT IN ('webhook.test', 'alerts.summary')
    AND (:webhook IS NULL OR delivery.webhook = :webhook) AND (:state IS NULL OR delivery.state = :state)
    AND NOT (webhook.enabled AND webhook.disabled_reason IS NULL) LIMIT :n)";
const TRY_NOW: &str = "UPDATE delivery SET next_attempt_at = :now, held_until = NULL, by_hand = by_hand + 1
    WHERE state = 'pending' AND summary IS NULL AND next_attempt_at > :now AND COALESCE(leased_until, :now) <= :now
    AND (id = :id OR id IN (SELECT older.id FROM delivery AS older JOIN delivery AS one ON one.id = :id
        WHERE older.webhook = one.webhook AND older.course = one.course AND older.id < one.id))";

const ADD_ATTEMPT: &str = "INSERT INTO attempt (delivery, position, at, status, error, duration_ms, response, request_head,
        response_head)
    SELECT :delivery, COALESCE(MAX(position) + 1, 0), :at, :status, :error, :duration_ms, :response, :request_head, :response_head
    FROM attempt WHERE delivery = :delivery";
/// What is under way ends where it began; what waits for another try goes now, and that is no try of its schedule.
const TRY_WAITING: &str = "UPDATE delivery SET next_attempt_at = :now, by_hand = by_hand + 1
    WHERE id IN (SELECT id FROM delivery INDEXED BY delivery_queue WHERE webhook = :id AND state = 'pending')
    AND next_attempt_at > :now AND COALESCE(leased_until, :now) <= :now AND COALESCE(held_until, :now) <= :now
    AND (SELECT COUNT(*) FROM attempt WHERE attempt.delivery = delivery.id) < :most";
/// What waits for a receiver that just took another one: not what it refused for its content, until later, or a moment ago.
pub(super) const TRY_AFTER_SUCCESS: &str = "UPDATE delivery SET next_attempt_at = :now, by_hand = by_hand + 1 WHERE id IN (
    SELECT id FROM delivery AS waits INDEXED BY delivery_next WHERE webhook = (SELECT webhook FROM delivery WHERE id = :taken) AND state = 'pending'
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
        if let Some(id) = retell(self, new)? {
            return Ok(Some(id));
        }
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
        let in_summaries = for_summaries(self, now, lulls)?;
        let due = due::due(self, now, n, except, &in_summaries, lulls)?;
        let mut lease = self.prepare_cached(LEASE)?;
        let mut claimed = Vec::with_capacity(due.len());
        for id in due {
            lease.execute(named_params! { ":id": id, ":until": lease_until.0 })?;
            claimed.extend(self.delivery(id)?);
        }
        Ok(claimed)
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
        // What has to go before it goes with it.
        self.prepare_cached(ASK_FOR)?.execute(named_params! { ":id": id })?;
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
}

/// Has what waits about an alert, that it fires, say how it is now: which message; `None` where none waits.
fn retell(conn: &Connection, new: &NewDelivery) -> Result<Option<DeliveryId>> {
    let waits = new.group.is_some_and(|group| group.until.is_some());
    if !waits || !matches!(new.event, Event::AlertFiring | Event::AlertPast) {
        return Ok(None);
    }
    let told = named_params! {
        ":webhook": new.webhook,
        ":alert": new.alert,
        ":event": new.event,
        ":created_at": new.created_at.0,
        ":body": new.body,
    };
    let id = conn.prepare_cached(RETELL)?.query_row(told, |row| row.get(0)).optional()?;
    if id.is_some() && new.event == Event::AlertPast {
        conn.prepare_cached(NO_REPEATS)?.execute(named_params! { ":webhook": new.webhook, ":alert": new.alert })?;
    }
    Ok(id)
}
