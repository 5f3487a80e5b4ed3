//! Rows of webhooks. What is sealed goes in and out as it is.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::UnixMillis;
use crate::model::hearing::{Filter, QuietHours};
use crate::model::webhook::{LastDelivery, MOST_REPLAYED, Problem, Webhook, WebhookId, WebhookSpec};
use crate::model::weekly::Weekly;
use crate::store::engine::nouns::{ChangeWebhooks, SealedParts, StoredWebhook, Webhooks};
use crate::store::error::Result;
use crate::store::pairs::{read_pairs, write_pairs};
use crate::store::sqlite::column::{read_span, unsigned, write_span};

const ALL: &str =
    "SELECT id, name, kind, url, url_sealed, headers_sealed, fields_sealed, template_sealed, past, for_new_rules, enabled, disabled_reason,
    least_severity, labels, tags, quiet_days, quiet_from, quiet_until, quiet_zone, quiet_critical, repeat_ms,
    problem, problem_since, problem_text, failing_since, created_at, updated_at FROM webhook ORDER BY id";
const ONE: &str =
    "SELECT id, name, kind, url, url_sealed, headers_sealed, fields_sealed, template_sealed, past, for_new_rules, enabled, disabled_reason,
    least_severity, labels, tags, quiet_days, quiet_from, quiet_until, quiet_zone, quiet_critical, repeat_ms,
    problem, problem_since, problem_text, failing_since, created_at, updated_at FROM webhook WHERE id = :id";

const SECRETS: &str = "SELECT sealed FROM webhook_secret
    WHERE webhook = :webhook AND (expires_at IS NULL OR :now IS NULL OR expires_at > :now) ORDER BY id DESC";
const LAST_DELIVERY: &str = "SELECT delivery.state, COALESCE(attempt.at, delivery.created_at), attempt.status
    FROM delivery LEFT JOIN attempt ON attempt.delivery = delivery.id
    WHERE delivery.webhook = :webhook ORDER BY delivery.id DESC, attempt.position DESC LIMIT 1";

/// Those in force: of a rule that was changed its older versions are kept too, below zero.
const RULES: &str = "SELECT COUNT(*) FROM rule
    WHERE id > 0 AND (all_webhooks OR id IN (SELECT rule FROM rule_webhook WHERE webhook = :webhook))";

const FAILED: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM delivery WHERE webhook = :webhook AND state = 'failed'
    AND event NOT IN ('webhook.test', 'alerts.summary') LIMIT :most)";

/// What a person asked for does not wait.
const WAITING: &str = "SELECT COALESCE(SUM(urgency = 0), 0), COALESCE(SUM(urgency = 1), 0) FROM delivery
    WHERE webhook = :webhook AND state = 'pending' AND summary IS NULL";

const QUIET: &str = "SELECT id, quiet_days, quiet_from, quiet_until, quiet_zone, quiet_critical FROM webhook
    WHERE quiet_days IS NOT NULL AND enabled AND disabled_reason IS NULL";

const PLAIN: &str = "SELECT id, url, headers FROM webhook WHERE url <> '' OR headers <> ''";

impl Webhooks for Connection {
    fn webhooks(&self) -> Result<Vec<StoredWebhook>> {
        let mut statement = self.prepare_cached(ALL)?;
        let webhooks = statement.query_map([], from_row)?.collect::<rusqlite::Result<Vec<_>>>()?;
        webhooks.into_iter().map(|webhook| complete(self, webhook, None)).collect()
    }

    fn webhook(&self, id: WebhookId, now: Option<UnixMillis>) -> Result<Option<StoredWebhook>> {
        let webhook = self.prepare_cached(ONE)?.query_row(named_params! { ":id": id }, from_row).optional()?;
        webhook.map(|webhook| complete(self, webhook, now)).transpose()
    }

    fn quiet_webhooks(&self) -> Result<Vec<(WebhookId, QuietHours)>> {
        let mut statement = self.prepare_cached(QUIET)?;
        let quiet = statement.query_map([], |row| Ok((row.get("id")?, quiet(row)?)))?;
        let quiet = quiet.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(quiet.into_iter().filter_map(|(id, quiet)| Some((id, quiet?))).collect())
    }

    fn plain_webhooks(&self) -> Result<Vec<(WebhookId, String, String)>> {
        let mut statement = self.prepare(PLAIN)?;
        let plain = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(plain.collect::<rusqlite::Result<_>>()?)
    }
}

/// Adds what lies in other tables.
fn complete(
    conn: &Connection,
    (mut webhook, sealed): (Webhook, SealedParts),
    now: Option<UnixMillis>,
) -> Result<StoredWebhook> {
    let id = webhook.id;
    let rules: i64 = conn.prepare_cached(RULES)?.query_row(named_params! { ":webhook": id }, |row| row.get(0))?;
    webhook.rules = usize::try_from(rules).unwrap_or(0);
    let most = i64::try_from(MOST_REPLAYED).unwrap_or(i64::MAX);
    let counted = named_params! { ":webhook": id, ":most": most };
    let failed: i64 = conn.prepare_cached(FAILED)?.query_row(counted, |row| row.get(0))?;
    webhook.failed = usize::try_from(failed).unwrap_or(0);
    if webhook.spec.quiet.is_some() {
        let count = |number: i64| usize::try_from(number).unwrap_or(0);
        let [ordinary, critical] = conn
            .prepare_cached(WAITING)?
            .query_row(named_params! { ":webhook": id }, |row| Ok([row.get(0)?, row.get(1)?]))?;
        webhook.waiting = [count(ordinary), count(critical)];
    }
    let mut statement = conn.prepare_cached(SECRETS)?;
    let secrets = statement
        .query_map(named_params! { ":webhook": id, ":now": now.map(|now| now.0) }, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    webhook.last_delivery = conn
        .prepare_cached(LAST_DELIVERY)?
        .query_row(named_params! { ":webhook": id }, |row| {
            Ok(LastDelivery { state: row.get(0)?, at: UnixMillis(row.get(1)?), status: row.get(2)? })
        })
        .optional()?;
    Ok(StoredWebhook { webhook, sealed, secrets })
}

/// A webhook without what lies in other tables and what is sealed.
fn from_row(row: &Row<'_>) -> rusqlite::Result<(Webhook, SealedParts)> {
    let webhook = Webhook {
        id: row.get("id")?,
        spec: WebhookSpec {
            kind: row.get("kind")?,
            past: row.get("past")?,
            for_new_rules: row.get("for_new_rules")?,
            filter: Filter {
                least: row.get("least_severity")?,
                labels: read_pairs(&row.get::<_, String>("labels")?),
                tags: read_pairs(&row.get::<_, String>("tags")?),
            },
            quiet: quiet(row)?,
            repeat_every: row.get::<_, Option<i64>>("repeat_ms")?.map(|ms| read_span(Some(ms))),
            enabled: row.get("enabled")?,
            ..WebhookSpec::new(row.get::<_, String>("name")?, row.get::<_, String>("url")?)
        },
        secrets: Vec::new(),
        disabled_reason: row.get("disabled_reason")?,
        created_at: UnixMillis(row.get("created_at")?),
        updated_at: UnixMillis(row.get("updated_at")?),
        rules: 0,
        last_delivery: None,
        problem: problem(row)?,
        failed: 0,
        waiting: [0; 2],
        failing_since: row.get::<_, Option<i64>>("failing_since")?.map(UnixMillis),
    };
    let sealed = SealedParts {
        url: row.get("url_sealed")?,
        headers: row.get("headers_sealed")?,
        fields: row.get("fields_sealed")?,
        template: row.get("template_sealed")?,
    };
    Ok((webhook, sealed))
}

fn quiet(row: &Row<'_>) -> rusqlite::Result<Option<QuietHours>> {
    let Some(days) = row.get("quiet_days")? else { return Ok(None) };
    let weekly =
        Weekly { days, from: row.get("quiet_from")?, until: row.get("quiet_until")?, zone: row.get("quiet_zone")? };
    Ok(Some(QuietHours { weekly, critical_passes: row.get("quiet_critical")? }))
}

fn problem(row: &Row<'_>) -> rusqlite::Result<Option<Problem>> {
    let Some(kind) = row.get("problem")? else { return Ok(None) };
    Ok(Some(Problem { kind, since: UnixMillis(row.get("problem_since")?), text: row.get("problem_text")? }))
}

const DELETE: &str = "DELETE FROM webhook WHERE id = :id";
const TOUCH: &str = "UPDATE webhook SET updated_at = :now WHERE id = :id";
const DROP_EXPIRED: &str = "DELETE FROM webhook_secret WHERE webhook = :webhook AND expires_at <= :now";
const EXPIRE_CURRENT: &str =
    "UPDATE webhook_secret SET expires_at = :until WHERE webhook = :webhook AND expires_at IS NULL";
const INSERT: &str =
    "INSERT INTO webhook (id, name, kind, url, headers, past, for_new_rules, least_severity, labels, tags,
    quiet_days, quiet_from, quiet_until, quiet_zone, quiet_critical, repeat_ms, enabled, created_at, updated_at)
    VALUES (:id, :name, :kind, '', '', :past, :for_new_rules, :least, :labels, :tags,
    :days, :from, :until, :zone, :critical, :repeat, :enabled, :now, :now)";
const REPLACE: &str = "UPDATE webhook SET name = :name, kind = :kind, past = :past, for_new_rules = :for_new_rules,
    least_severity = :least, labels = :labels, tags = :tags, quiet_days = :days, quiet_from = :from, quiet_until = :until,
    quiet_zone = :zone, quiet_critical = :critical, repeat_ms = :repeat,
    enabled = :enabled, disabled_reason = CASE WHEN :enabled THEN NULL ELSE disabled_reason END, updated_at = :now
    WHERE id = :id";
const TOUCH_RULES: &str = "UPDATE rule SET updated_at = :now
    WHERE id > 0 AND NOT all_webhooks AND file IS NULL AND id NOT IN (SELECT rule FROM rule_webhook WHERE webhook = :id)";
const ADD_TO_RULES: &str = "INSERT INTO rule_webhook (rule, position, webhook)
    SELECT rule.id, (SELECT COALESCE(MAX(position) + 1, 0) FROM rule_webhook WHERE rule_webhook.rule = rule.id), :id
    FROM rule WHERE rule.id > 0 AND NOT rule.all_webhooks AND rule.file IS NULL AND rule.id NOT IN (SELECT rule FROM rule_webhook WHERE webhook = :id)";

/// What was found at another address, or before a person turned it on again, says nothing any more.
const FORGET_FAILURES: &str =
    "UPDATE webhook SET problem = NULL, problem_since = NULL, problem_text = NULL, failing_since = NULL
    WHERE id = :id";

const SEAL: &str = "UPDATE webhook SET url = '', url_sealed = :url, headers = '', headers_sealed = :headers,
    fields_sealed = :fields, template_sealed = :template WHERE id = :id";

const ADD_SECRET: &str = "INSERT INTO webhook_secret (webhook, sealed) VALUES (:webhook, :sealed)";

impl ChangeWebhooks for Connection {
    fn add_webhook(&self, spec: &WebhookSpec, now: UnixMillis) -> Result<WebhookId> {
        write(self, INSERT, None, spec, now)?;
        Ok(WebhookId(unsigned(self.last_insert_rowid())))
    }

    fn replace_webhook(&self, id: WebhookId, spec: &WebhookSpec, now: UnixMillis) -> Result<()> {
        write(self, REPLACE, Some(id), spec, now)
    }

    fn seal_webhook(&self, id: WebhookId, sealed: &SealedParts) -> Result<()> {
        self.prepare_cached(SEAL)?.execute(named_params! {
            ":id": id,
            ":url": sealed.url,
            ":headers": sealed.headers,
            ":fields": sealed.fields,
            ":template": sealed.template,
        })?;
        Ok(())
    }

    fn forget_failures(&self, id: WebhookId) -> Result<()> {
        self.prepare_cached(FORGET_FAILURES)?.execute(named_params! { ":id": id })?;
        Ok(())
    }

    fn add_secret(&self, id: WebhookId, sealed: &[u8]) -> Result<()> {
        self.prepare_cached(ADD_SECRET)?.execute(named_params! { ":webhook": id, ":sealed": sealed })?;
        Ok(())
    }

    fn expire_secrets(&self, id: WebhookId, now: UnixMillis, until: UnixMillis) -> Result<bool> {
        if self.prepare_cached(TOUCH)?.execute(named_params! { ":id": id, ":now": now.0 })? == 0 {
            return Ok(false);
        }
        self.prepare_cached(DROP_EXPIRED)?.execute(named_params! { ":webhook": id, ":now": now.0 })?;
        self.prepare_cached(EXPIRE_CURRENT)?.execute(named_params! { ":webhook": id, ":until": until.0 })?;
        Ok(true)
    }

    fn tell_of_all_rules(&self, id: WebhookId, now: UnixMillis) -> Result<usize> {
        self.prepare_cached(TOUCH_RULES)?.execute(named_params! { ":id": id, ":now": now.0 })?;
        Ok(self.prepare_cached(ADD_TO_RULES)?.execute(named_params! { ":id": id })?)
    }

    fn delete_webhook(&self, id: WebhookId) -> Result<bool> {
        Ok(self.prepare_cached(DELETE)?.execute(named_params! { ":id": id })? > 0)
    }

    fn overwriting(&self, work: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        self.pragma_update(None, "secure_delete", true)?;
        work()?;
        Ok(self.pragma_update(None, "secure_delete", false)?)
    }
}

fn write(conn: &Connection, sql: &str, id: Option<WebhookId>, spec: &WebhookSpec, now: UnixMillis) -> Result<()> {
    let weekly = spec.quiet.as_ref().map(|quiet| &quiet.weekly);
    conn.prepare_cached(sql)?.execute(named_params! {
        ":id": id,
        ":name": spec.name,
        ":kind": spec.kind,
        ":past": spec.past,
        ":for_new_rules": spec.for_new_rules,
        ":least": spec.filter.least,
        ":labels": write_pairs(&spec.filter.labels),
        ":tags": write_pairs(&spec.filter.tags),
        ":days": weekly.map(|weekly| weekly.days),
        ":from": weekly.map(|weekly| weekly.from),
        ":until": weekly.map(|weekly| weekly.until),
        ":zone": weekly.map(|weekly| &weekly.zone),
        ":critical": spec.quiet.as_ref().is_none_or(|quiet| quiet.critical_passes),
        ":repeat": spec.repeat_every.map(write_span),
        ":enabled": spec.enabled,
        ":now": now.0,
    })?;
    Ok(())
}
