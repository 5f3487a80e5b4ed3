//! The outbox: deliveries written with their cause, claimed under a lease, settled after each attempt.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};
use tokio::sync::Notify;

use super::webhooks;
use crate::model::UnixMillis;
use crate::model::webhook::{
    Attempt, Delivery, DeliveryId, DeliveryState, MOST_ATTEMPTS, NewDelivery, Settlement, WebhookId,
};
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::sqlite::column::unsigned;

/// Which deliveries to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryQuery {
    /// To this webhook.
    pub webhook: Option<WebhookId>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// At most so many.
    pub limit: usize,
    /// Older than this one: the next page.
    pub before: Option<DeliveryId>,
}

impl Store {
    /// Deliveries, newest first, with their attempts and with an empty `body`.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn deliveries(&self, query: DeliveryQuery) -> Result<Vec<Delivery>> {
        self.readers()
            .run(move |reader| {
                let conn = reader.conn()?;
                let mut statement = conn.prepare_cached(LIST)?;
                let params = named_params! {
                    ":webhook": query.webhook,
                    ":state": query.state,
                    ":before": query.before,
                    ":limit": i64::try_from(query.limit).unwrap_or(i64::MAX),
                };
                let list = statement.query_map(params, from_row)?.collect::<rusqlite::Result<Vec<_>>>()?;
                list.into_iter().map(|delivery| with_attempts(conn, delivery)).collect()
            })
            .await
    }

    /// One delivery, with its body.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Delivery> {
        self.readers().run(move |reader| read(reader.conn()?, id)).await
    }

    /// Adds a delivery that no reading caused (a test), due at once.
    ///
    /// # Errors
    /// `NotFound` for the webhook.
    pub async fn create_delivery(&self, new: NewDelivery) -> Result<Delivery> {
        self.change(move |scope| {
            if !insert(scope.conn, &new)? {
                return Err(Error::missing("webhook"));
            }
            scope.own.due = true;
            read(scope.conn, DeliveryId(unsigned(scope.conn.last_insert_rowid())))
        })
        .await
    }

    /// Has a delivery tried now: one that is settled is pending again; one that waits for its next attempt waits no longer, nor
    /// do those of the same alert that go before it. One that is under way stays as it is.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when its webhook is off, or when it was tried so often that a new test tells more.
    pub async fn replay_delivery(&self, id: DeliveryId, now: UnixMillis) -> Result<Delivery> {
        let key = self.key().clone();
        self.change(move |scope| {
            let delivery = read(scope.conn, id)?;
            let webhook = webhooks::read(scope.conn, &key, delivery.webhook, None)?;
            if !webhook.spec.enabled || webhook.disabled_reason.is_some() {
                let detail = "the webhook is off: turn it on, then this is sent".to_owned();
                return Err(Error::Conflict { field: "webhook", detail });
            }
            if delivery.attempts.len() >= MOST_ATTEMPTS as usize {
                let detail = format!("this was tried {MOST_ATTEMPTS} times: send a test to see what the receiver says");
                return Err(Error::Conflict { field: "id", detail });
            }
            let again = if delivery.state == DeliveryState::Pending { TRY_NOW } else { REPLAY };
            scope.conn.prepare_cached(again)?.execute(named_params! { ":id": id, ":now": now.0 })?;
            scope.own.due = true;
            read(scope.conn, id)
        })
        .await
    }

    /// Takes up to `n` due deliveries until `lease_until`: of one alert to one webhook only the oldest unsettled one, and
    /// none of the webhooks in `except`, which have enough to do: else one that hangs would be handed out for ever.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn claim_due(
        &self,
        now: UnixMillis,
        lease_until: UnixMillis,
        n: usize,
        except: &[WebhookId],
    ) -> Result<Vec<Delivery>> {
        let except = except.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(",");
        self.change(move |scope| {
            let conn = scope.conn;
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            let due = named_params! { ":now": now.0, ":n": n, ":except": format!("[{except}]") };
            let mut statement = conn.prepare_cached(DUE)?;
            let due = statement.query_map(due, |row| row.get(0))?.collect::<rusqlite::Result<Vec<DeliveryId>>>()?;
            let mut lease = conn.prepare_cached(LEASE)?;
            let mut claimed = Vec::with_capacity(due.len());
            for id in due {
                lease.execute(named_params! { ":id": id, ":until": lease_until.0 })?;
                claimed.push(read(conn, id)?);
            }
            Ok(claimed)
        })
        .await
    }

    /// Ends every lease: those of a dispatcher that is gone. Only one hub works on a data directory.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn release_leases(&self) -> Result<()> {
        self.change(|scope| {
            scope.own.due |= scope.conn.prepare_cached(RELEASE)?.execute([])? > 0;
            Ok(())
        })
        .await
    }

    /// When the next delivery can be claimed; `None` when nothing waits.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn next_due(&self) -> Result<Option<UnixMillis>> {
        self.readers()
            .run(|reader| {
                let next: Option<i64> = reader.conn()?.prepare_cached(NEXT_DUE)?.query_row([], |row| row.get(0))?;
                Ok(next.map(UnixMillis))
            })
            .await
    }

    /// Writes down an attempt and what follows from it; ends the lease. Answers why the webhook is disabled by it: one that was
    /// changed meanwhile is not.
    ///
    /// # Errors
    /// `NotFound` when the delivery is gone (its webhook was deleted).
    pub async fn settle(&self, settlement: Settlement, now: UnixMillis) -> Result<Option<String>> {
        self.change(move |scope| {
            let conn = scope.conn;
            let Settlement { delivery, attempt, state, next_attempt_at, disable, webhook_updated_at } = settlement;
            let pending = state == DeliveryState::Pending;
            let settled = conn.prepare_cached(SETTLE)?.execute(named_params! {
                ":id": delivery,
                ":state": state,
                ":next_attempt_at": pending.then(|| next_attempt_at.unwrap_or(now).0),
            })?;
            if settled == 0 {
                return Err(Error::missing("delivery"));
            }
            add_attempt(conn, delivery, &attempt)?;
            // The next one of the same alert may go now.
            scope.own.due |= !pending;
            let Some(reason) = disable else { return Ok(None) };
            let disabled = conn.prepare_cached(DISABLE)?.execute(named_params! {
                ":delivery": delivery,
                ":reason": reason,
                ":seen": webhook_updated_at.0,
                ":now": now.0,
            })?;
            Ok((disabled > 0).then_some(reason))
        })
        .await
    }

    /// Rings when a commit, a test or a replay made a delivery due.
    #[must_use]
    pub fn outbox_notify(&self) -> Arc<Notify> {
        self.memory().outbox.clone()
    }
}

const INSERT: &str = "INSERT INTO delivery (webhook, alert, event, state, next_attempt_at, created_at, body)
    SELECT id, :alert, :event, 'pending', :created_at, :created_at, :body FROM webhook WHERE id = :webhook
    AND (:alert IS NULL OR enabled AND disabled_reason IS NULL)";

/// Writes a delivery into the open transaction; `false` when its webhook is gone, or was disabled by the time an alert is
/// to be told: who decides about alerts hears of that a moment later.
pub(in crate::store) fn insert(conn: &Connection, new: &NewDelivery) -> Result<bool> {
    let inserted = conn.prepare_cached(INSERT)?.execute(named_params! {
        ":webhook": new.webhook,
        ":alert": new.alert,
        ":event": new.event,
        ":created_at": new.created_at.0,
        ":body": new.body,
    })?;
    Ok(inserted > 0)
}

/// Enabled webhooks only; first come, first served, and within (webhook, alert) strictly in order.
const DUE: &str = "SELECT delivery.id FROM delivery JOIN webhook ON webhook.id = delivery.webhook
    WHERE delivery.state = 'pending' AND delivery.next_attempt_at <= :now
    AND COALESCE(delivery.leased_until, :now) <= :now
    AND webhook.enabled AND webhook.disabled_reason IS NULL
    AND delivery.webhook NOT IN (SELECT value FROM json_each(:except))
    AND NOT EXISTS (SELECT 1 FROM delivery AS older WHERE older.state = 'pending' AND older.webhook = delivery.webhook
        AND older.alert = delivery.alert AND older.id < delivery.id)
    ORDER BY delivery.next_attempt_at, delivery.id LIMIT :n";
const LEASE: &str = "UPDATE delivery SET leased_until = :until WHERE id = :id";
const RELEASE: &str = "UPDATE delivery SET leased_until = NULL WHERE state = 'pending' AND leased_until IS NOT NULL";
const NEXT_DUE: &str =
    "SELECT MIN(MAX(delivery.next_attempt_at, COALESCE(delivery.leased_until, delivery.next_attempt_at)))
    FROM delivery JOIN webhook ON webhook.id = delivery.webhook
    WHERE delivery.state = 'pending' AND webhook.enabled AND webhook.disabled_reason IS NULL
    AND NOT EXISTS (SELECT 1 FROM delivery AS older WHERE older.state = 'pending' AND older.webhook = delivery.webhook
        AND older.alert = delivery.alert AND older.id < delivery.id)";
const SETTLE: &str = "UPDATE delivery SET state = :state, next_attempt_at = :next_attempt_at, leased_until = NULL
    WHERE id = :id";
const REPLAY: &str =
    "UPDATE delivery SET state = 'pending', next_attempt_at = :now, leased_until = NULL WHERE id = :id";
const TRY_NOW: &str = "UPDATE delivery SET next_attempt_at = :now, by_hand = by_hand + 1
    WHERE state = 'pending' AND next_attempt_at > :now AND COALESCE(leased_until, :now) <= :now
    AND (id = :id OR id IN (SELECT older.id FROM delivery AS older JOIN delivery AS one ON one.id = :id
        WHERE older.webhook = one.webhook AND older.alert = one.alert AND older.id < one.id))";
const DISABLE: &str = "UPDATE webhook SET disabled_reason = :reason, updated_at = :now
    WHERE id = (SELECT webhook FROM delivery WHERE id = :delivery) AND updated_at = :seen";

const ADD_ATTEMPT: &str = "INSERT INTO attempt (delivery, position, at, status, error, duration_ms, response)
    SELECT :delivery, COALESCE(MAX(position) + 1, 0), :at, :status, :error, :duration_ms, :response
    FROM attempt WHERE delivery = :delivery";

fn add_attempt(conn: &Connection, delivery: DeliveryId, attempt: &Attempt) -> Result<()> {
    conn.prepare_cached(ADD_ATTEMPT)?.execute(named_params! {
        ":delivery": delivery,
        ":at": attempt.at.0,
        ":status": attempt.status,
        ":error": attempt.error,
        ":duration_ms": attempt.duration_ms,
        ":response": attempt.response,
    })?;
    Ok(())
}

const LIST: &str =
    "SELECT id, webhook, alert, event, state, next_attempt_at, by_hand, created_at, x'' AS body FROM delivery
    WHERE (:webhook IS NULL OR webhook = :webhook) AND (:state IS NULL OR state = :state)
    AND (:before IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit";
const ONE: &str =
    "SELECT id, webhook, alert, event, state, next_attempt_at, by_hand, created_at, body FROM delivery WHERE id = :id";
const ATTEMPTS: &str =
    "SELECT at, status, error, duration_ms, response FROM attempt WHERE delivery = :delivery ORDER BY position";

fn read(conn: &Connection, id: DeliveryId) -> Result<Delivery> {
    let delivery = conn.prepare_cached(ONE)?.query_row(named_params! { ":id": id }, from_row).optional()?;
    with_attempts(conn, delivery.ok_or(Error::missing("delivery"))?)
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
        created_at: UnixMillis(row.get("created_at")?),
        body: row.get("body")?,
    })
}
