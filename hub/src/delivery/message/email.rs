//! E-mail: a message with plain text and simple HTML, to be sent by SMTP. PURE.
//!
//! Names of people and devices stand in encoded words and in quoted-printable: whatever is in them, they end no header and no part.
//! In HTML they are escaped. All messages about one alert refer to the same id, which no message has, and have the same subject but for
//! `Re:`: programs that show mail put them into one thread, whichever of them comes first. Gmail wants both, and takes any other change of the
//! subject for another thread (Google, "Threading changes in Gmail conversation view", 2019). What happened stands in the first line of the text, which lists of mail show
//! beside the subject.
//!
//! A picture goes along in the message itself, and stands in the HTML.
//!
//! The same message is made at each attempt, down to its date: a mail server that knows its id takes it once.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, Mailboxes, Message, MultiPart, SinglePart};

use super::note::Note;
use super::request::{Method, Request, To};
use super::showing::NAME;
use crate::model::webhook::WebhookSpec;

/// Recipients of a message.
const MOST: usize = 20;

/// Whose mail it is, and who gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    pub from: Address,
    pub to: Vec<Address>,
}

/// What the mail server is told about a message of this webhook.
#[must_use]
pub fn envelope(spec: &WebhookSpec) -> Option<Envelope> {
    let from = sender(spec.fields.get("from")?)?.email;
    let to = recipients(spec.fields.get("to")?)?.into_iter().map(|mailbox| mailbox.email).collect();
    Some(Envelope { from, to })
}

/// A sender as a person writes it.
pub(super) fn sender(text: &str) -> Option<Mailbox> {
    text.trim().parse().ok()
}

/// Recipients as a person writes them, separated by commas; `None` where one is no address.
pub(super) fn recipients(text: &str) -> Option<Vec<Mailbox>> {
    let list: Mailboxes = text.trim().trim_end_matches(',').parse().ok()?;
    let list: Vec<Mailbox> = list.into_iter().collect();
    (1..=MOST).contains(&list.len()).then_some(list)
}

/// `None` of a database that came from elsewhere: addresses are checked when they are given.
pub(super) fn request(note: &Note, to: &To<'_>) -> Option<Request> {
    let from = sender(to.field("from"))?;
    let domain = from.email.domain().to_owned();
    let id = |local: &str| format!("<{local}@{domain}>");
    let mut message = Message::builder()
        .date(UNIX_EPOCH + at(note))
        .message_id(Some(id(to.from.id)))
        .subject(subject(note))
        .user_agent(concat!("telemetry-hub/", env!("CARGO_PKG_VERSION")).to_owned())
        // RFC 3834: no answer by a program, such as that somebody is on holiday.
        .raw_header(header("Auto-Submitted", "auto-generated"));
    if let Some(alert) = note.alert() {
        let thread = id(&format!("{}.{}", alert.id, to.from.hub));
        message = message.in_reply_to(thread.clone()).references(thread);
    }
    for mailbox in recipients(to.field("to"))? {
        message = message.to(mailbox);
    }
    // An equals sign never stands alone in quoted-printable: no text can end a part.
    let parts = MultiPart::alternative().boundary(format!("=_{}", to.from.id));
    let parts = parts.singlepart(part(ContentType::TEXT_PLAIN, plain(note)));
    let cid = format!("chart.{}@{domain}", to.from.id);
    let parts = match to.png().zip(ContentType::parse("image/png").ok()) {
        None => parts.singlepart(part(ContentType::TEXT_HTML, html(note, None))),
        Some((png, kind)) => {
            let html = part(ContentType::TEXT_HTML, html(note, Some((&cid, png.alt))));
            let bytes = Body::new_with_encoding(png.bytes.to_vec(), ContentTransferEncoding::Base64).ok()?;
            let picture = Attachment::new_inline_with_name(cid, NAME.to_owned()).body(bytes, kind);
            let both = MultiPart::related().boundary(format!("=_{}.r", to.from.id));
            parts.multipart(both.singlepart(html).singlepart(picture))
        }
    };
    let body = message.from(from).multipart(parts).ok()?.formatted();
    Some(Request::of(Method::Mail, to.url.as_str(), body))
}

/// What the mail is about: the same for all about one alert.
fn subject(note: &Note) -> String {
    let Some(thing) = note.thing().filter(|_| !note.is_past()) else { return note.title() };
    if note.event == "alert.firing" { thing } else { format!("Re: {thing}") }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn part(content: ContentType, text: String) -> SinglePart {
    SinglePart::builder().header(content).header(ContentTransferEncoding::QuotedPrintable).body(text)
}

/// When it was told, since 1970.
fn at(note: &Note) -> Duration {
    let learned = note.alert().map(|alert| alert.learned_at.as_str()).filter(|at| !at.is_empty());
    let at: Timestamp = learned.unwrap_or(&note.timestamp).parse().unwrap_or(Timestamp::UNIX_EPOCH);
    Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0))
}

fn plain(note: &Note) -> String {
    let facts: String = note.facts().iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let link = note.link(2_048).map(|url| format!("\r\n{}: {url}\r\n", note.link_name())).unwrap_or_default();
    format!("{}\r\n\r\n{}\r\n\r\n{facts}{link}", note.title(), note.text())
}

fn html(note: &Note, picture: Option<(&str, &str)>) -> String {
    let facts = note.facts();
    let row = |(name, value): &(&str, String)| {
        format!("<tr><td style=\"padding-right:16px;color:#666\">{name}</td><td>{}</td></tr>", escaped(value))
    };
    let rows: String = facts.iter().map(row).collect();
    let table = if rows.is_empty() { rows } else { format!("<table>{rows}</table>\r\n") };
    let link = note.link(2_048).map(|url| format!("<p><a href=\"{}\">{}</a></p>\r\n", escaped(url), note.link_name()));
    let picture = picture.map(|(cid, alt)| {
        let alt = escaped(alt);
        format!("<p><img src=\"cid:{cid}\" alt=\"{alt}\" width=\"800\" style=\"max-width:100%;height:auto\"></p>\r\n")
    });
    format!(
        "<!doctype html>\r\n<html><body style=\"font-family:sans-serif\">\r\n\
        <h2 style=\"border-left:6px solid #{:06x};padding-left:10px\">{}</h2>\r\n<p>{}</p>\r\n{}{table}{}</body></html>\r\n",
        note.level().colour(),
        escaped(&note.title()),
        escaped(&note.text()),
        picture.unwrap_or_default(),
        link.unwrap_or_default()
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
