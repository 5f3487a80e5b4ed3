//! Webhooks, and what is sealed under `secret.key`: their signing secrets, URLs, headers and fields, which are
//! credentials of the receiver.

use crate::model::UnixMillis;
use crate::model::webhook::{Fields, Headers, MOST_ATTEMPTS, Secret, Template, Webhook, WebhookId, WebhookSpec};
use crate::store::engine::nouns::{SealedParts, StoredWebhook};
use crate::store::engine::snapshot::Snapshot;
use crate::store::engine::transaction::Transaction;
use crate::store::error::{Error, Result};
use crate::store::pairs::{read_pairs, write_pairs};
use crate::store::{SecretKey, Store};

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
            .run(move |reader| reader.ask()?.webhooks()?.into_iter().map(|webhook| opened(&key, webhook)).collect())
            .await
    }

    /// One webhook as it is called now: without the secrets that hold no longer.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn webhook_to_call(&self, id: WebhookId, now: UnixMillis) -> Result<Webhook> {
        let key = self.key().clone();
        self.readers().run(move |reader| read(reader.ask()?, &key, id, Some(now))).await
    }

    /// One webhook.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn webhook(&self, id: WebhookId) -> Result<Webhook> {
        let key = self.key().clone();
        self.readers().run(move |reader| read(reader.ask()?, &key, id, None)).await
    }

    /// Adds a webhook.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn create_webhook(&self, spec: WebhookSpec, secret: Secret, now: UnixMillis) -> Result<Webhook> {
        let key = self.key().clone();
        self.change(move |open| {
            let id = open.tx.add_webhook(&spec, now)?;
            seal(open.tx, &key, id, &spec)?;
            add_secret(open.tx, &key, id, &secret)?;
            read(open.tx, &key, id, Some(now))
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
        self.change(move |open| {
            let tx = open.tx;
            let webhook = read(tx, &key, id, None)?;
            let worked = webhook.works();
            let before = webhook.spec;
            let spec = match change(before.clone()) {
                Ok(spec) => spec,
                Err(refused) => return Ok(Err(refused)),
            };
            tx.replace_webhook(id, &spec, now)?;
            let place = |spec: &WebhookSpec| {
                let WebhookSpec { kind, url, headers, fields, template, .. } = spec.clone();
                (kind, url, headers, fields, template)
            };
            if place(&spec) != place(&before) {
                seal(tx, &key, id, &spec)?;
                // What is under way ends where it began; what waits goes now.
                tx.try_waiting_now(id, now, MOST_ATTEMPTS)?;
            }
            if place(&spec) != place(&before) || spec.enabled && !worked {
                tx.forget_failures(id)?;
            }
            // Programs get each message.
            if before.kind.is_read_by_people() && !spec.kind.is_read_by_people() {
                tx.drop_summaries(id)?;
            }
            // Enabled again, or elsewhere: its waiting deliveries may be due.
            open.own.due |= spec.enabled;
            read(tx, &key, id, Some(now)).map(Ok)
        })
        .await
    }

    /// Adds this webhook to every rule; returns to how many rules it was added.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn tell_of_all_rules(&self, id: WebhookId, now: UnixMillis) -> Result<usize> {
        let key = self.key().clone();
        self.change(move |open| {
            read(open.tx, &key, id, None)?;
            open.tx.tell_of_all_rules(id, now)
        })
        .await
    }

    /// Deletes a webhook with its deliveries, and takes it out of the rules that name it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_webhook(&self, id: WebhookId) -> Result<()> {
        self.change(move |open| if open.tx.delete_webhook(id)? { Ok(()) } else { Err(Error::missing("webhook")) }).await
    }

    /// Signs with a new secret; the old one signs along for 24 h.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn rotate_secret(&self, id: WebhookId, secret: Secret, now: UnixMillis) -> Result<Webhook> {
        let key = self.key().clone();
        self.change(move |open| {
            if !open.tx.expire_secrets(id, now, now.plus(ROTATION_MS))? {
                return Err(Error::missing("webhook"));
            }
            add_secret(open.tx, &key, id, &secret)?;
            read(open.tx, &key, id, Some(now))
        })
        .await
    }
}

/// Where it sends, with which headers and fields: all hold credentials.
fn seal(tx: &dyn Transaction, key: &SecretKey, id: WebhookId, spec: &WebhookSpec) -> Result<()> {
    let headers = write_pairs(spec.headers.0.iter().map(|(name, value)| (name, value)));
    let fields = write_pairs(&spec.fields.0);
    let template = (spec.template != Template::default()).then(|| write_template(&spec.template));
    let template = template.map(|text| key.seal(&template_purpose(id), text.as_bytes())).transpose()?;
    let sealed = SealedParts {
        url: Some(key.seal(&url_purpose(id), spec.url.as_bytes())?),
        headers: Some(key.seal(&headers_purpose(id), headers.as_bytes())?),
        fields: Some(key.seal(&fields_purpose(id), fields.as_bytes())?),
        template,
    };
    tx.seal_webhook(id, &sealed)
}

/// Seals what a hub of before kept as it was, and has what stood there overwritten. A copy that is kept from before an upgrade
/// (`telemetry.db.schema-N`) still has it.
pub(in crate::store) fn seal_plain(tx: &dyn Transaction, key: &SecretKey) -> Result<()> {
    let plain = tx.plain_webhooks()?;
    if plain.is_empty() {
        return Ok(());
    }
    tx.overwriting(&mut || {
        for (id, url, headers) in &plain {
            // An older hub sealed headers before URLs.
            let mut spec = read(tx, key, *id, None)?.spec;
            if !headers.is_empty() {
                spec.headers = Headers(read_pairs(headers));
            }
            if !url.is_empty() {
                spec.url.clone_from(url);
            }
            seal(tx, key, *id, &spec)?;
        }
        Ok(())
    })
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

fn template_purpose(webhook: WebhookId) -> String {
    format!("template of webhook {}", webhook.0)
}

/// Before the name of a header.
const HEADER: &str = "header ";

fn write_template(template: &Template) -> String {
    let own = [("content_type", &template.content_type), ("body", &template.body)];
    let own = own.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.clone()?)));
    let headers = template.headers.iter().map(|(name, value)| (format!("{HEADER}{name}"), value.clone()));
    let pairs: Vec<(String, String)> = own.chain(headers).collect();
    write_pairs(pairs.iter().map(|(name, value)| (name, value)))
}

fn read_template(text: &str) -> Template {
    let mut template = Template::default();
    for (name, value) in read_pairs::<Vec<(String, String)>>(text) {
        match name.as_str() {
            "content_type" => template.content_type = Some(value),
            "body" => template.body = Some(value),
            header => {
                let name = header.strip_prefix(HEADER).unwrap_or(header).to_owned();
                template.headers.insert(name, value);
            }
        }
    }
    template
}

fn secret_purpose(webhook: WebhookId) -> String {
    format!("webhook_secret of webhook {}", webhook.0)
}

fn add_secret(tx: &dyn Transaction, key: &SecretKey, id: WebhookId, secret: &Secret) -> Result<()> {
    tx.add_secret(id, &key.seal(&secret_purpose(id), &secret.0)?)
}

/// Reads a webhook with its secrets; with `now`, only those that still hold.
pub(in crate::store) fn read(
    ask: &dyn Snapshot,
    key: &SecretKey,
    id: WebhookId,
    now: Option<UnixMillis>,
) -> Result<Webhook> {
    opened(key, ask.webhook(id, now)?.ok_or(Error::missing("webhook"))?)
}

/// Opens what is sealed.
fn opened(key: &SecretKey, stored: StoredWebhook) -> Result<Webhook> {
    let StoredWebhook { mut webhook, sealed, secrets } = stored;
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
    if let Some(template) = sealed.template {
        webhook.spec.template = read_template(&open(template_purpose(webhook.id), &template)?);
    }
    for sealed in secrets {
        webhook.secrets.push(Secret(key.open(&secret_purpose(webhook.id), &sealed)?));
    }
    Ok(webhook)
}
