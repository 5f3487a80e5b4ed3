//! Makes one attempt: builds the request of the webhook's kind, signs it if the kind does, sends it, and reports the outcome.
//!
//! A call of HTTP can take no longer than 15 s, follows no redirect, uses no proxy, shares no connection with another call, reads no
//! more than [`super::call`] lets it, and keeps 1 KiB of the answer, for at most 2 s: the status decides, and where a kind has a word
//! for it the text ([`crate::delivery::message::answer`]); for the rest it is for the person who looks into a failure.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::Method;
use reqwest::Url;
use reqwest::header::RETRY_AFTER;
use rustls::ClientConfig;

use super::call::{self, NoTls};
use super::guard::{Filtered, Lookup, System};
use super::request::{Writer, credentials, head, usual_headers};
use super::smtp::{self, Mail, Taken};
use crate::clock::Clock;
use crate::delivery::header;
use crate::delivery::mend::{self, Cause, MailStep};
use crate::delivery::message::heartbeat::Beat;
use crate::delivery::message::showing::{Png, Showing};
use crate::delivery::message::{self, Request, Sender, address, answer, email, field};
use crate::delivery::payload;
use crate::delivery::policy::{MailServer, Policy};
use crate::delivery::retry::Outcome;
use crate::delivery::sign::{hub_mark, message_id};
use crate::model::webhook::{Attempt, Delivery, Problem, Webhook, WebhookKind};
use crate::model::{HubId, UnixMillis};
use crate::picture::Picture;

/// Limit of a call, from the first byte sent to the last one read.
pub const TIMEOUT: Duration = Duration::from_secs(15);
/// Limit for handing over an e-mail: some servers greet late on purpose.
pub const MAIL_TIMEOUT: Duration = Duration::from_secs(25);
/// Limit for reading the body of an answer, so that one that comes slowly does not occupy one of its webhook's two
/// places.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of an answer that are kept.
const ANSWER_LIMIT: usize = 1024;
/// Attempts that may have a picture: it must not be what keeps a message from arriving.
const PICTURE_ATTEMPTS: usize = 2;
/// After a refusal that took longer than this the message goes without its picture at the next attempt.
const PICTURE_PATIENCE: Duration = Duration::from_secs(5);

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// What is written down of it.
    pub attempt: Attempt,
    /// What it came to.
    pub outcome: Outcome,
    /// What a person must mend, where it failed for that.
    pub problem: Option<Problem>,
}

/// Makes attempts.
#[derive(Clone)]
pub struct Client {
    pub(super) writer: Writer,
    lookup: Arc<dyn Lookup>,
    trust: Arc<ClientConfig>,
    pub(super) clock: Clock,
}

impl Client {
    /// A client that reaches what the policy allows.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(hub: HubId, policy: Policy) -> Result<Self, NoTls> {
        Self::with_lookup(hub, policy, System)
    }

    /// The same with another way to ask for names.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn with_lookup(hub: HubId, policy: Policy, lookup: impl Lookup + 'static) -> Result<Self, NoTls> {
        let writer = Writer { policy: Arc::new(policy), hub };
        Ok(Self { writer, lookup: Arc::new(lookup), trust: call::trust()?, clock: Clock })
    }

    /// The same, trusting other authorities than this machine does.
    #[must_use]
    pub fn trusting(self, trust: Arc<ClientConfig>) -> Self {
        Self { trust, ..self }
    }

    /// Makes one attempt to deliver to a webhook.
    pub async fn deliver(&self, webhook: &Webhook, delivery: &Delivery) -> Tried {
        self.attempted(webhook, delivery, Showing::Nothing).await
    }

    /// The same with a picture, where its kind takes one. A receiver that refuses the message with it is sent the message without it, at
    /// once: what that comes to is what the attempt does.
    pub async fn deliver_showing(&self, webhook: &Webhook, delivery: &Delivery, picture: Option<&Picture>) -> Tried {
        if delivery.attempts.len() >= PICTURE_ATTEMPTS {
            return self.deliver(webhook, delivery).await;
        }
        let png = picture.map(|picture| Png { bytes: &picture.png, alt: &picture.alt });
        let (at, began) = (self.clock.wall(), self.clock.now());
        let stored = match png {
            Some(png) => self.stored(webhook, delivery, png, at).await,
            None => None,
        };
        let showing = match (png, &stored) {
            (Some(png), Some(uri)) => Showing::Stored(uri, png),
            (Some(png), None) => Showing::File(png),
            (None, _) => Showing::Links,
        };
        let tried = self.attempted(webhook, delivery, showing).await;
        let is_quick = began.elapsed() < PICTURE_PATIENCE;
        if tried.outcome == Outcome::Delivered || !is_quick || !may_be_the_picture(&tried.attempt) {
            return tried;
        }
        let sent = |showing| self.writer.made(webhook, delivery, showing, at).ok();
        // The kind that has templates is the same with pictures and without.
        if webhook.spec.kind == WebhookKind::Generic || sent(showing) == sent(Showing::Nothing) {
            return tried;
        }
        let mut again = self.deliver(webhook, delivery).await;
        let took = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
        (again.attempt.at, again.attempt.duration_ms) = (at, took);
        again
    }

    /// Gives a receiver the picture of a message that is to come: where it put it. Whatever keeps it from that, the message goes without.
    async fn stored(&self, webhook: &Webhook, delivery: &Delivery, png: Png<'_>, at: UnixMillis) -> Option<String> {
        let (hub, id) = (hub_mark(self.writer.hub), message_id(self.writer.hub, delivery.id));
        let request = message::upload(&webhook.spec, png, Sender { hub: &hub, id: &id })?;
        self.writer.policy.check_address(webhook.spec.kind, &request.url).ok()?;
        let mut attempt = Attempt::begun(at);
        let given = self.post(request, webhook, delivery, &mut attempt);
        tokio::time::timeout(PICTURE_PATIENCE, given).await.ok()?.ok()?;
        answer::stored(&attempt.response.unwrap_or_default())
    }

    async fn attempted(&self, webhook: &Webhook, delivery: &Delivery, showing: Showing<'_>) -> Tried {
        let (at, began) = (self.clock.wall(), self.clock.now());
        let mut attempt = Attempt::begun(at);
        let prepared = self.writer.prepared(webhook, delivery, showing, at).await;
        let complaint = prepared.as_ref().ok().and_then(|request| request.complaint.clone());
        let (outcome, cause) = match prepared {
            Ok(request) if request.method == message::Method::Mail => {
                self.mailed(&request, webhook, &mut attempt).await
            }
            Ok(request) => self.tried(request, webhook, delivery, &mut attempt).await,
            Err(cause) => {
                attempt.error = mend::problem(&cause, at).map(|problem| problem.text);
                (Outcome::Unavailable { retry_after: None }, Some(cause))
            }
        };
        attempt.duration_ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
        let mut problem = cause.and_then(|cause| mend::problem(&cause, at));
        // What arrived, but in the hub's own words, is said where it went.
        if let Some(why) = complaint.filter(|_| outcome == Outcome::Delivered && problem.is_none()) {
            problem = mend::problem(&Cause::Template(why), at);
            attempt.error = problem.as_ref().map(|problem| problem.text.clone());
        } else if outcome == Outcome::Delivered && problem.is_none() {
            // Of the rule's templates, which are no concern of the webhook.
            let flaw = payload::words(&delivery.body).and_then(|words| words.template_error);
            attempt.error = flaw.map(|why| format!("it arrived in the hub's own words: of the rule's message, {why}"));
        }
        Tried { attempt, outcome, problem }
    }

    /// Posts a heartbeat to a URL; the status of the answer, of which no more is read.
    ///
    /// # Errors
    /// Why there is none, for people. Nothing of the path or the query of the URL is in it.
    pub async fn beat(&self, url: &str, beat: &Beat) -> Result<u16, String> {
        let url = self.writer.policy.check_url(url).map_err(|refused| refused.to_string())?;
        let port = url.port_or_known_default().unwrap_or_default();
        let resolver = Filtered::new(Arc::clone(&self.writer.policy), Arc::clone(&self.lookup), port);
        let (body, trust) = (message::heartbeat::body(self.writer.hub, beat), Arc::clone(&self.trust));
        let sent = call::send(Method::POST, &url, resolver, trust, usual_headers(), body);
        match tokio::time::timeout(TIMEOUT, sent).await {
            Ok(Ok(answer)) => Ok(answer.response.status().as_u16()),
            Ok(Err(error)) => {
                let problem = error.cause().and_then(|cause| mend::problem(&cause, self.clock.wall()));
                Err(problem.map_or_else(|| explain(&error), |problem| problem.text))
            }
            Err(_) => Err(format!("no answer within {} s", TIMEOUT.as_secs())),
        }
    }

    async fn tried(
        &self,
        request: Request,
        webhook: &Webhook,
        delivery: &Delivery,
        attempt: &mut Attempt,
    ) -> (Outcome, Option<Cause>) {
        let posted = tokio::time::timeout(TIMEOUT, self.post(request, webhook, delivery, attempt)).await;
        let (retry_after, cause) = match posted {
            Ok(Ok(retry_after)) => (retry_after, attempt.status.map(Cause::Status)),
            Ok(Err(error)) => {
                attempt.error = Some(explain(&error));
                (None, error.cause())
            }
            Err(_) => {
                attempt.error = Some(format!("no answer within {} s", TIMEOUT.as_secs()));
                (None, None)
            }
        };
        let outcome = Outcome::of(attempt.status, retry_after.as_deref(), self.clock.wall());
        let said = attempt.response.as_deref().unwrap_or_default();
        match answer::refusal(webhook.spec.kind, said) {
            Some(refusal) if outcome == Outcome::Delivered => {
                attempt.error = Some(refusal.to_owned());
                (Outcome::Unavailable { retry_after: None }, Some(Cause::Answer(refusal.to_owned())))
            }
            _ => (outcome, cause),
        }
    }

    /// Sends the body; the answer's status and text go into `attempt`, how long it asks to wait is returned.
    async fn post(
        &self,
        request: Request,
        webhook: &Webhook,
        delivery: &Delivery,
        attempt: &mut Attempt,
    ) -> Result<Option<String>, call::Error> {
        let url = &Url::parse(&request.url).map_err(|error| call::Error::Request(error.into()))?;
        let port = url.port_or_known_default().unwrap_or_default();
        let resolver = Filtered::new(Arc::clone(&self.writer.policy), Arc::clone(&self.lookup), port);
        let headers = self.writer.headers(&request, webhook, delivery, attempt.at.0.div_euclid(1000));
        let method = if request.method == message::Method::Put { Method::PUT } else { Method::POST };
        let first = format!("{method} {}", address::shown(webhook.spec.kind, &request.url));
        attempt.request_head = Some(head(&first, &headers, &[]));
        let mut answer = call::send(method, url, resolver, Arc::clone(&self.trust), headers, request.body).await?;
        attempt.status = Some(answer.response.status().as_u16());
        let first = format!("{:?} {}", answer.response.version(), answer.response.status());
        attempt.response_head = Some(head(&first, answer.response.headers(), &credentials(webhook)));
        let retry_after = answer.response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut text = Vec::new();
        let read = async {
            // As much more as a value may have, so that one that is repeated across the limit is known.
            while text.len() < ANSWER_LIMIT + header::LONGEST_VALUE {
                match answer.response.frame().await {
                    Some(Ok(frame)) => text.extend(frame.into_data().unwrap_or_default()),
                    None | Some(Err(_)) => break,
                }
            }
        };
        // What was read until then is kept.
        let _ = tokio::time::timeout(ANSWER_TIMEOUT, read).await;
        let text = String::from_utf8_lossy(&text);
        let retry_after = retry_after.or_else(|| answer::retry_after(webhook.spec.kind, &text));
        attempt.response = Some(header::unsaid(&text, ANSWER_LIMIT, &credentials(webhook)));
        Ok(retry_after)
    }

    /// Hands a message to a mail server. What is taken for some recipients is delivered: tried again, those would get it twice.
    async fn mailed(&self, request: &Request, webhook: &Webhook, attempt: &mut Attempt) -> (Outcome, Option<Cause>) {
        let fields = &webhook.spec.fields;
        let (Ok(server), Some(envelope)) = (MailServer::read(&request.url), email::envelope(&webhook.spec)) else {
            return (Outcome::Unavailable { retry_after: None }, None);
        };
        let resolver = Filtered::new(Arc::clone(&self.writer.policy), Arc::clone(&self.lookup), server.port);
        let mail = Mail {
            server: &server,
            may_be_plain: fields.get(field::PLAIN_TEXT).is_some(),
            login: fields.get("username").zip(fields.get("password")),
            envelope: &envelope,
            message: &request.body,
        };
        let sent = tokio::time::timeout(MAIL_TIMEOUT, smtp::send(&mail, &resolver, Arc::clone(&self.trust))).await;
        let unsaid = |text: &str| header::unsaid(text, ANSWER_LIMIT, &credentials(webhook));
        let failed = Outcome::Unavailable { retry_after: None };
        match sent {
            Ok(Ok(Taken { code, text, refused })) => {
                attempt.status = Some(code);
                let refused = refused.join("\n");
                attempt.response = Some(unsaid(&format!("{text}\n{refused}")).trim().to_owned());
                let cause = (!refused.is_empty()).then(|| Cause::Mail(MailStep::Recipient, 550, unsaid(&refused)));
                (Outcome::Delivered, cause)
            }
            Ok(Err(error)) => {
                attempt.error = Some(unsaid(&explain(&error)));
                if let smtp::Error::Step(_, code, text) = &error {
                    attempt.status = *code;
                    attempt.response = code.map(|_| unsaid(text));
                }
                let cause = error.cause();
                let cause = if let Some(Cause::Mail(step, code, text)) = &cause {
                    Some(Cause::Mail(*step, *code, unsaid(text)))
                } else {
                    cause
                };
                (failed, cause)
            }
            Err(_) => {
                attempt.error = Some(format!("the mail server took more than {} s", MAIL_TIMEOUT.as_secs()));
                (failed, None)
            }
        }
    }
}

/// Whether a receiver that answered so may take the message without its picture: not where it wants another token, or more time.
fn may_be_the_picture(attempt: &Attempt) -> bool {
    match attempt.status {
        Some(200..=299) => true,
        Some(status) => matches!(status, 400 | 404 | 405 | 411 | 413 | 415 | 422 | 500 | 501 | 507 | 552 | 554),
        None => false,
    }
}

/// The whole chain of causes: the outermost one says only that sending failed.
fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}
