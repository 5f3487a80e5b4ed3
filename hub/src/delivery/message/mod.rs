//! What a webhook sends, by kind: the same event in the format that its receiver reads. PURE.
//!
//! The outbox keeps each event once, in the hub's own format ([`super::payload`]). The message is made from it at each attempt, and
//! is the same each time. So a webhook whose kind is changed sends waiting events in the new format, and tokens that a kind writes
//! into its body are not in the outbox.
//!
//! | Kind | Sent to | Repeats are known by |
//! |---|---|---|
//! | generic | the URL, signed, also a body of a template ([`generic`]) | `webhook-id` |
//! | `slack`, `teams`, `home_assistant` | the URL | |
//! | `discord` | the URL with `wait=true`: else a message that was not saved is no error | |
//! | `ntfy` | the server; the topic is the end of the URL | |
//! | `telegram` | `.../bot<token>/sendMessage` | |
//! | `pagerduty` | `.../v2/enqueue`; what was over, as a change that pages nobody, to `.../v2/change/enqueue` | `dedup_key` |
//! | `alertmanager` | `.../api/v2/alerts` | its labels |
//! | `gotify` | `.../message` | |
//! | `matrix` | `PUT .../send/m.room.message/<id>` | the id |
//! | `email` | the mail server, by SMTP | `Message-ID` |
//!
//! A picture goes with an alert as a file where the receiver takes one (`discord`, `telegram`, `ntfy`, `email`; `matrix` is given it by a
//! request of its own before, [`upload`]), and as a link where it fetches it itself (`slack`, `teams`, `pagerduty`, `gotify`); where none can go the message is what it is without ([`showing`]).
//!
//! Names come from devices and people and may contain anything: they must not ping anybody or act as markup, and the file of each
//! kind says how that is ensured. Texts are cut to what the receiver accepts ([`cut`]); links that are too long are left out.

pub mod address;
mod alertmanager;
pub mod answer;
mod cut;
mod discord;
pub mod echo;
pub mod email;
pub mod field;
pub mod generic;
mod gotify;
pub mod heartbeat;
mod matrix;
mod note;
mod ntfy;
mod pagerduty;
pub mod place;
mod request;
pub mod showing;
mod slack;
pub mod spelled;
mod teams;
mod telegram;

use self::note::Note;
use self::request::To;
pub use self::request::{Method, Request, Sender};
use self::showing::{Png, Showing};
use crate::model::webhook::{WebhookKind, WebhookSpec};

/// Why nothing can be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Of a database that came from elsewhere: it was checked when it was given.
    #[error(transparent)]
    Place(#[from] place::Refused),
    /// The message in the outbox is not the hub's own form.
    #[error("the stored message cannot be read")]
    Message,
}

/// What is sent to this webhook of an event in the hub's own form.
///
/// # Errors
/// When the webhook or the event are not as the hub makes them.
pub fn request(spec: &WebhookSpec, body: &[u8], from: Sender<'_>) -> Result<Request, Error> {
    request_showing(spec, body, from, Showing::Nothing)
}

/// The same with a picture, where its kind takes one.
///
/// # Errors
/// Those of [`request`].
pub fn request_showing(
    spec: &WebhookSpec,
    body: &[u8],
    from: Sender<'_>,
    showing: Showing<'_>,
) -> Result<Request, Error> {
    let url = place::check(spec)?;
    let to = To { url, fields: &spec.fields, from, showing };
    let note = || Note::read(body).ok_or(Error::Message);
    let request = match spec.kind {
        WebhookKind::Generic => generic::request(spec, body),
        WebhookKind::HomeAssistant => Request::of(Method::Post, spec.url.clone(), body.to_vec()),
        WebhookKind::Slack => slack::request(&note()?, &to),
        WebhookKind::Discord => discord::request(&note()?, &to),
        WebhookKind::Teams => teams::request(&note()?, &to),
        WebhookKind::Ntfy => ntfy::request(&note()?, &to),
        WebhookKind::Telegram => telegram::request(&note()?, &to),
        WebhookKind::PagerDuty => pagerduty::request(&note()?, &to),
        WebhookKind::Alertmanager => alertmanager::request(&note()?, &to),
        WebhookKind::Gotify => gotify::request(&note()?, &to),
        WebhookKind::Matrix => matrix::request(&note()?, &to),
        WebhookKind::Email => email::request(&note()?, &to).ok_or(Error::Message)?,
    };
    Ok(request)
}

/// What gives a receiver a picture before the message that shows it ([`Showing::Stored`]); `None` where that is not how it takes one.
#[must_use]
pub fn upload(spec: &WebhookSpec, png: Png<'_>, from: Sender<'_>) -> Option<Request> {
    let url = place::check(spec).ok().filter(|_| spec.kind == WebhookKind::Matrix)?;
    Some(matrix::upload(&To { url, fields: &spec.fields, from, showing: Showing::Nothing }, png))
}

#[cfg(test)]
mod tests;
