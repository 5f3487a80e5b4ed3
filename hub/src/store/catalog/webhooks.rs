//! Webhooks: where deliveries go, and what is sealed under `secret.key`: the secrets they are signed with, the URL, and the headers
//! and fields of the kind, which are credentials of the receiver.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::UnixMillis;
use crate::model::webhook::{Fields, Headers, LastDelivery, MOST_ATTEMPTS, Secret, Webhook, WebhookId, WebhookSpec};
use crate::store::SecretKey;
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::sqlite::column::{read_pairs, unsigned, write_pairs};

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

    /// One webhook as it is called now: without the secrets that hold no longer.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn webhook_to_call(&self, id: WebhookId, now: UnixMillis) -> Result<Webhook> {
        let key = self.key().clone();
        self.readers().run(move |reader| read(reader.conn()?, &key, id, Some(now))).await
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
            seal(scope.conn, &key, id, &spec)?;
            add_secret(scope.conn, &key, id, &secret)?;
            read(scope.conn, &key, id, Some(now))
        })
        .await
    }

    /// Changes what a person set, from what it was to what `change` makes of it, or not at all when that is an error; enabling
    /// it clears the reason it was disabled for. With another kind or address, other headers or fields everything that waits for
    /// its next attempt is tried at once: that is what they were changed for.
    ///
    /// # Errors
    /// `NotFound`; inside, what `change` said.
    pub async fn change_webhook<E: Send + 'static>(
        &self,
        id: WebhookId,
        now: UnixMillis,
        change: impl FnOnce(WebhookSpec) -> std::result::Result<WebhookSpec, E> + Send + 'static,
    ) -> Result<std::result::Result<Webhook, E>> {
        let key = self.key().clone();
        self.change(move |scope| {
            let conn = scope.conn;
            let before = read(conn, &key, id, None)?.spec;
            let spec = match change(before.clone()) {
                Ok(spec) => spec,
                Err(refused) => return Ok(Err(refused)),
            };
            write(conn, REPLACE, Some(id), &spec, now)?;
            let place = |spec: &WebhookSpec| (spec.kind, spec.url.clone(), spec.headers.clone(), spec.fields.clone());
            if place(&spec) != place(&before) {
                seal(conn, &key, id, &spec)?;
                conn.prepare_cached(TRY_WAITING)?
                    .execute(named_params! { ":id": id, ":now": now.0, ":most": MOST_ATTEMPTS })?;
            }
            // Enabled again, or elsewhere: its waiting deliveries may be due.
            scope.own.due |= spec.enabled;
            read(conn, &key, id, Some(now)).map(Ok)
        })
        .await
    }

    /// Has every rule tell this webhook; says how many did not before.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn tell_of_all_rules(&self, id: WebhookId, now: UnixMillis) -> Result<usize> {
        let key = self.key().clone();
        self.change(move |scope| {
            read(scope.conn, &key, id, None)?;
            scope.conn.prepare_cached(TOUCH_RULES)?.execute(named_params! { ":id": id, ":now": now.0 })?;
            Ok(scope.conn.prepare_cached(ADD_TO_RULES)?.execute(named_params! { ":id": id })?)
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
const INSERT: &str =
    "INSERT INTO webhook (id, name, kind, url, headers, past, for_new_rules, enabled, created_at, updated_at)
    VALUES (:id, :name, :kind, '', '', :past, :for_new_rules, :enabled, :now, :now)";
const REPLACE: &str = "UPDATE webhook SET name = :name, kind = :kind, past = :past, for_new_rules = :for_new_rules,
    enabled = :enabled, disabled_reason = CASE WHEN :enabled THEN NULL ELSE disabled_reason END, updated_at = :now
    WHERE id = :id";
/// What is under way ends where it began; what waits goes now, and that is no try of its schedule.
const TRY_WAITING: &str = "UPDATE delivery SET next_attempt_at = :now, by_hand = by_hand + 1
    WHERE webhook = :id AND state = 'pending' AND next_attempt_at > :now AND COALESCE(leased_until, :now) <= :now
    AND (SELECT COUNT(*) FROM attempt WHERE attempt.delivery = delivery.id) < :most";
const TOUCH_RULES: &str = "UPDATE rule SET updated_at = :now
    WHERE id NOT IN (SELECT rule FROM rule_webhook WHERE webhook = :id)";
const ADD_TO_RULES: &str = "INSERT INTO rule_webhook (rule, position, webhook)
    SELECT rule.id, (SELECT COALESCE(MAX(position) + 1, 0) FROM rule_webhook WHERE rule_webhook.rule = rule.id), :id
    FROM rule WHERE rule.id NOT IN (SELECT rule FROM rule_webhook WHERE webhook = :id)";

fn write(conn: &Connection, sql: &str, id: Option<WebhookId>, spec: &WebhookSpec, now: UnixMillis) -> Result<usize> {
    Ok(conn.prepare_cached(sql)?.execute(named_params! {
        ":id": id,
        ":name": spec.name,
        ":kind": spec.kind,
        ":past": spec.past,
        ":for_new_rules": spec.for_new_rules,
        ":enabled": spec.enabled,
        ":now": now.0,
    })?)
}

const SEAL: &str = "UPDATE webhook SET url = '', url_sealed = :url, headers = '', headers_sealed = :headers,
    fields_sealed = :fields WHERE id = :id";

/// Where it sends, with which headers and fields: all hold credentials.
fn seal(conn: &Connection, key: &SecretKey, id: WebhookId, spec: &WebhookSpec) -> Result<()> {
    let headers = write_pairs(spec.headers.0.iter().map(|(name, value)| (name, value)));
    let fields = write_pairs(&spec.fields.0);
    conn.prepare_cached(SEAL)?.execute(named_params! {
        ":id": id,
        ":url": key.seal(&url_purpose(id), spec.url.as_bytes())?,
        ":headers": key.seal(&headers_purpose(id), headers.as_bytes())?,
        ":fields": key.seal(&fields_purpose(id), fields.as_bytes())?,
    })?;
    Ok(())
}

const PLAIN: &str = "SELECT id, url, headers FROM webhook WHERE url <> '' OR headers <> ''";

/// Seals what a hub of before kept as it was, and has what stood there overwritten. A copy that is kept from before an upgrade
/// (`telemetry.db.schema-N`) still has it.
pub(in crate::store) fn seal_plain(conn: &Connection, key: &SecretKey) -> Result<()> {
    let mut statement = conn.prepare(PLAIN)?;
    let plain = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let plain = plain.collect::<rusqlite::Result<Vec<(WebhookId, String, String)>>>()?;
    if plain.is_empty() {
        return Ok(());
    }
    conn.pragma_update(None, "secure_delete", true)?;
    for (id, url, headers) in plain {
        // An older hub sealed headers before URLs.
        let mut spec = read(conn, key, id, None)?.spec;
        if !headers.is_empty() {
            spec.headers = Headers(read_pairs(&headers));
        }
        if !url.is_empty() {
            spec.url = url;
        }
        seal(conn, key, id, &spec)?;
    }
    conn.pragma_update(None, "secure_delete", false)?;
    Ok(())
}

fn url_purpose(webhook: WebhookId) -> String {
    format!("url of webhook {}", webhook.0)
}

fn headers_purpose(webhook: WebhookId) -> String {
    format!("headers of webhook {}", webhook.0)
}

fn fields_purpose(webhook: WebhookId) -> String {
    format!("fields of webhook {}", webhook.0)
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
    "SELECT id, name, kind, url, url_sealed, headers_sealed, fields_sealed, past, for_new_rules, enabled, disabled_reason,
    created_at, updated_at FROM webhook ORDER BY id";
const ONE: &str =
    "SELECT id, name, kind, url, url_sealed, headers_sealed, fields_sealed, past, for_new_rules, enabled, disabled_reason,
    created_at, updated_at FROM webhook WHERE id = :id";

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

const RULES: &str = "SELECT COUNT(*) FROM rule_webhook WHERE webhook = :webhook";

/// Opens what is sealed, and adds what lies in other tables.
fn complete(
    conn: &Connection,
    key: &SecretKey,
    (mut webhook, sealed): (Webhook, Sealed),
    now: Option<UnixMillis>,
) -> Result<Webhook> {
    let open = |purpose: String, sealed: &[u8]| {
        String::from_utf8(key.open(&purpose, sealed)?)
            .map_err(|_| Error::Corrupt { what: "URL, headers or fields of a webhook" })
    };
    if let Some(url) = sealed.url {
        webhook.spec.url = open(url_purpose(webhook.id), &url)?;
    }
    if let Some(headers) = sealed.headers {
        webhook.spec.headers = Headers(read_pairs(&open(headers_purpose(webhook.id), &headers)?));
    }
    if let Some(fields) = sealed.fields {
        webhook.spec.fields = Fields(read_pairs(&open(fields_purpose(webhook.id), &fields)?));
    }
    let rules: i64 =
        conn.prepare_cached(RULES)?.query_row(named_params! { ":webhook": webhook.id }, |row| row.get(0))?;
    webhook.rules = usize::try_from(rules).unwrap_or(0);
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

/// What of a webhook is sealed; a hub of before left it plain.
struct Sealed {
    url: Option<Vec<u8>>,
    headers: Option<Vec<u8>>,
    fields: Option<Vec<u8>>,
}

/// A webhook without what lies in other tables and what is sealed.
fn from_row(row: &Row<'_>) -> rusqlite::Result<(Webhook, Sealed)> {
    let webhook = Webhook {
        id: row.get("id")?,
        spec: WebhookSpec {
            kind: row.get("kind")?,
            past: row.get("past")?,
            for_new_rules: row.get("for_new_rules")?,
            enabled: row.get("enabled")?,
            ..WebhookSpec::new(row.get::<_, String>("name")?, row.get::<_, String>("url")?)
        },
        secrets: Vec::new(),
        disabled_reason: row.get("disabled_reason")?,
        created_at: UnixMillis(row.get("created_at")?),
        updated_at: UnixMillis(row.get("updated_at")?),
        rules: 0,
        last_delivery: None,
    };
    let sealed =
        Sealed { url: row.get("url_sealed")?, headers: row.get("headers_sealed")?, fields: row.get("fields_sealed")? };
    Ok((webhook, sealed))
}
