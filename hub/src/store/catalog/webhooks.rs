//! Webhooks: where deliveries go, and the secrets they are signed with (sealed under `secret.key`).

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::UnixMillis;
use crate::model::webhook::{LastDelivery, Secret, Webhook, WebhookId, WebhookSpec};
use crate::store::SecretKey;
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::file::column::{read_pairs, unsigned, write_pairs};

/// How long a replaced secret signs along: a day for people to change the receiver.
const ROTATION_MS: i64 = 24 * 3_600_000;

impl Store {
    /// All webhooks, oldest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>> {
        let key = self.key().clone();
        self.readers()
            .run(move |reader| {
                let conn = reader.conn()?;
                let mut statement = conn.prepare_cached(ALL)?;
                let webhooks = statement.query_map([], from_row)?.collect::<rusqlite::Result<Vec<_>>>()?;
                webhooks.into_iter().map(|webhook| complete(conn, &key, webhook, None)).collect()
            })
            .await
    }

    /// One webhook.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn webhook(&self, id: WebhookId) -> Result<Webhook> {
        let key = self.key().clone();
        self.readers().run(move |reader| read(reader.conn()?, &key, id, None)).await
    }

    /// Adds a webhook.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn create_webhook(&self, spec: WebhookSpec, secret: Secret, now: UnixMillis) -> Result<Webhook> {
        let key = self.key().clone();
        self.change(move |scope| {
            write(scope.conn, INSERT, None, &spec, now)?;
            let id = WebhookId(unsigned(scope.conn.last_insert_rowid()));
            add_secret(scope.conn, &key, id, &secret)?;
            read(scope.conn, &key, id, Some(now))
        })
        .await
    }

    /// Replaces what a person set; enabling it clears the reason it was disabled for.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn replace_webhook(&self, id: WebhookId, spec: WebhookSpec, now: UnixMillis) -> Result<Webhook> {
        let key = self.key().clone();
        self.change(move |scope| {
            if write(scope.conn, REPLACE, Some(id), &spec, now)? == 0 {
                return Err(Error::missing("webhook"));
            }
            // Enabled again, its waiting deliveries may be due.
            scope.own.due |= spec.enabled;
            read(scope.conn, &key, id, Some(now))
        })
        .await
    }

    /// Deletes a webhook with its deliveries, and takes it out of the rules that name it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_webhook(&self, id: WebhookId) -> Result<()> {
        self.change(move |scope| match scope.conn.prepare_cached(DELETE)?.execute(named_params! { ":id": id })? {
            0 => Err(Error::missing("webhook")),
            _ => Ok(()),
        })
        .await
    }

    /// Signs with a new secret; the old one signs along for 24 h.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn rotate_secret(&self, id: WebhookId, secret: Secret, now: UnixMillis) -> Result<Webhook> {
        let key = self.key().clone();
        self.change(move |scope| {
            let conn = scope.conn;
            if conn.prepare_cached(TOUCH)?.execute(named_params! { ":id": id, ":now": now.0 })? == 0 {
                return Err(Error::missing("webhook"));
            }
            let until = now.plus(ROTATION_MS).0;
            conn.prepare_cached(DROP_EXPIRED)?.execute(named_params! { ":webhook": id, ":now": now.0 })?;
            conn.prepare_cached(EXPIRE_CURRENT)?.execute(named_params! { ":webhook": id, ":until": until })?;
            add_secret(conn, &key, id, &secret)?;
            read(conn, &key, id, Some(now))
        })
        .await
    }
}

const DELETE: &str = "DELETE FROM webhook WHERE id = :id";
const TOUCH: &str = "UPDATE webhook SET updated_at = :now WHERE id = :id";
const DROP_EXPIRED: &str = "DELETE FROM webhook_secret WHERE webhook = :webhook AND expires_at <= :now";
const EXPIRE_CURRENT: &str =
    "UPDATE webhook_secret SET expires_at = :until WHERE webhook = :webhook AND expires_at IS NULL";
const INSERT: &str = "INSERT INTO webhook (id, name, url, headers, past, enabled, created_at, updated_at)
    VALUES (:id, :name, :url, :headers, :past, :enabled, :now, :now)";
const REPLACE: &str =
    "UPDATE webhook SET name = :name, url = :url, headers = :headers, past = :past, enabled = :enabled,
    disabled_reason = CASE WHEN :enabled THEN NULL ELSE disabled_reason END, updated_at = :now WHERE id = :id";

fn write(conn: &Connection, sql: &str, id: Option<WebhookId>, spec: &WebhookSpec, now: UnixMillis) -> Result<usize> {
    Ok(conn.prepare_cached(sql)?.execute(named_params! {
        ":id": id,
        ":name": spec.name,
        ":url": spec.url,
        ":headers": write_pairs(spec.headers.iter().map(|(name, value)| (name, value))),
        ":past": spec.past,
        ":enabled": spec.enabled,
        ":now": now.0,
    })?)
}

const ADD_SECRET: &str = "INSERT INTO webhook_secret (webhook, sealed) VALUES (:webhook, :sealed)";

fn add_secret(conn: &Connection, key: &SecretKey, webhook: WebhookId, secret: &Secret) -> Result<()> {
    let sealed = key.seal(&purpose(webhook), &secret.0)?;
    conn.prepare_cached(ADD_SECRET)?.execute(named_params! { ":webhook": webhook, ":sealed": sealed })?;
    Ok(())
}

fn purpose(webhook: WebhookId) -> String {
    format!("webhook_secret of webhook {}", webhook.0)
}

const ALL: &str =
    "SELECT id, name, url, headers, past, enabled, disabled_reason, created_at, updated_at FROM webhook ORDER BY id";
const ONE: &str =
    "SELECT id, name, url, headers, past, enabled, disabled_reason, created_at, updated_at FROM webhook WHERE id = :id";

/// Reads a webhook with its secrets; with `now`, only those that still hold.
pub(in crate::store) fn read(
    conn: &Connection,
    key: &SecretKey,
    id: WebhookId,
    now: Option<UnixMillis>,
) -> Result<Webhook> {
    let webhook = conn.prepare_cached(ONE)?.query_row(named_params! { ":id": id }, from_row).optional()?;
    complete(conn, key, webhook.ok_or(Error::missing("webhook"))?, now)
}

const SECRETS: &str = "SELECT sealed FROM webhook_secret
    WHERE webhook = :webhook AND (expires_at IS NULL OR :now IS NULL OR expires_at > :now) ORDER BY id DESC";
const LAST_DELIVERY: &str = "SELECT delivery.state, COALESCE(attempt.at, delivery.created_at), attempt.status
    FROM delivery LEFT JOIN attempt ON attempt.delivery = delivery.id
    WHERE delivery.webhook = :webhook ORDER BY delivery.id DESC, attempt.position DESC LIMIT 1";

/// Adds what lies in other tables.
fn complete(conn: &Connection, key: &SecretKey, mut webhook: Webhook, now: Option<UnixMillis>) -> Result<Webhook> {
    let mut statement = conn.prepare_cached(SECRETS)?;
    let mut rows = statement.query(named_params! { ":webhook": webhook.id, ":now": now.map(|now| now.0) })?;
    while let Some(row) = rows.next()? {
        let sealed: Vec<u8> = row.get(0)?;
        webhook.secrets.push(Secret(key.open(&purpose(webhook.id), &sealed)?));
    }
    let last = named_params! { ":webhook": webhook.id };
    webhook.last_delivery = conn
        .prepare_cached(LAST_DELIVERY)?
        .query_row(last, |row| {
            Ok(LastDelivery { state: row.get(0)?, at: UnixMillis(row.get(1)?), status: row.get(2)? })
        })
        .optional()?;
    Ok(webhook)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Webhook> {
    let headers: String = row.get("headers")?;
    Ok(Webhook {
        id: row.get("id")?,
        spec: WebhookSpec {
            name: row.get("name")?,
            url: row.get("url")?,
            headers: read_pairs(&headers),
            past: row.get("past")?,
            enabled: row.get("enabled")?,
        },
        secrets: Vec::new(),
        disabled_reason: row.get("disabled_reason")?,
        created_at: UnixMillis(row.get("created_at")?),
        updated_at: UnixMillis(row.get("updated_at")?),
        last_delivery: None,
    })
}
