//! What a person must mend before a webhook works: seen at the first attempt that fails for it. PURE.
//!
//! Whatever fails is tried again; most of it ends by itself. What does not (a token that is refused, an address where nothing is) is
//! said at once, with what to do, because nobody looks into the list of deliveries while all seems well.

use crate::model::UnixMillis;
use crate::model::webhook::{Problem, ProblemKind};

/// Why an attempt failed, where waiting does not help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The receiver answered with this status.
    Status(u16),
    /// No DNS server knows the name.
    UnknownName(String),
    /// The certificate is not accepted, and why.
    Certificate(String),
    /// What answers on the port does not speak TLS.
    NotTls,
    /// The hub does not call this address, and why.
    Policy(String),
    /// The answer says no although its status is 2xx, and why.
    Answer(String),
    /// It was delivered, in the hub's own form or words: a template failed, and why.
    Template(String),
    /// No request can be made of the stored message, and why.
    Message(String),
    /// A mail server said no at a step, with this code and these words.
    Mail(MailStep, u16, String),
    /// What answers on the port does not speak HTTP.
    NotHttp,
    /// A mail server takes no message without TLS and offers none.
    NoStartTls,
    /// What answers on the port of a mail server does not speak TLS.
    NoMailTls,
    /// A mail server offers no way to log in.
    NoLogin,
}

/// Steps of handing over a message by SMTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailStep {
    /// It greets, and says what it can.
    Greeting,
    /// User name and password.
    Login,
    /// From whom it is.
    Sender,
    /// To whom it goes.
    Recipient,
    /// The message itself.
    Message,
}

impl MailStep {
    /// For people: what the server said no to.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Greeting => "the mail server does not greet",
            Self::Login => "the mail server refuses user name or password",
            Self::Sender => "the mail server refuses the sender",
            Self::Recipient => "the mail server refuses the recipient",
            Self::Message => "the mail server refuses the message",
        }
    }

    const ALL: [Self; 5] = [Self::Greeting, Self::Login, Self::Sender, Self::Recipient, Self::Message];
}

/// What of a text about a failure is for everybody: a mail server's words often repeat who is written to, and who writes, so that
/// of them only the step is.
#[must_use]
pub fn for_everybody(text: &str) -> &str {
    MailStep::ALL.into_iter().map(MailStep::words).find(|words| text.starts_with(words)).unwrap_or(text)
}

/// What has to be mended, seen at this moment; `None` for what may end by itself.
#[must_use]
pub fn problem(cause: &Cause, at: UnixMillis) -> Option<Problem> {
    let (kind, text) = match cause {
        Cause::Status(status) => of_status(*status)?,
        Cause::UnknownName(name) => {
            (ProblemKind::Address, format!("no DNS server knows the name {name}: check the address for a typing error"))
        }
        Cause::Certificate(why) => (
            ProblemKind::Address,
            format!(
                "the certificate of the receiver is not accepted ({why}): it needs one for this name from an authority that this \
                machine trusts"
            ),
        ),
        Cause::NotTls => (
            ProblemKind::Address,
            "the receiver does not speak TLS on this port: write http:// instead of https://, or its port for TLS"
                .to_owned(),
        ),
        Cause::Policy(why) => (ProblemKind::Policy, why.clone()),
        Cause::Answer(why) => (
            ProblemKind::Message,
            format!(
                "the receiver takes no message: {why}; check that the address and the kind of this webhook belong together"
            ),
        ),
        // Codes from 400 to 499 are for now (RFC 5321, 4.2.1).
        Cause::Mail(_, ..500, _) => return None,
        Cause::Mail(step, _, said) => of_mail(*step, said),
        Cause::NoStartTls => (
            ProblemKind::Address,
            "the mail server offers no encryption (STARTTLS): write smtps:// for TLS from the start, or allow plain text if it is on \
            your own network"
                .to_owned(),
        ),
        Cause::NotHttp => (
            ProblemKind::Address,
            "what answers on this port does not speak HTTP: check the port, and whether the address begins with http:// or https://"
                .to_owned(),
        ),
        Cause::NoMailTls => (
            ProblemKind::Address,
            "the mail server does not speak TLS on this port: write smtp:// instead of smtps:// (STARTTLS, mostly port 587), or its port \
            for TLS (mostly 465)"
                .to_owned(),
        ),
        Cause::NoLogin => (
            ProblemKind::Token,
            "the mail server offers no login (AUTH PLAIN or LOGIN) on this port: write its port for sending, mostly 587 or 465, or take \
            username and password out if it wants none"
                .to_owned(),
        ),
        Cause::Template(why) => {
            (ProblemKind::Message, format!("messages arrive, but not as written: a template failed ({why})"))
        }
        Cause::Message(why) => (ProblemKind::Message, format!("no message can be made: {why}")),
    };
    Some(Problem { kind, since: at, text })
}

fn of_mail(step: MailStep, said: &str) -> (ProblemKind, String) {
    let (kind, advice) = match step {
        MailStep::Login => (ProblemKind::Token, "check both; many providers want a password made for this app"),
        MailStep::Sender => (ProblemKind::Address, "check that this account may write as `from`"),
        MailStep::Recipient => (ProblemKind::Address, "check `to`, and that this account may write there"),
        MailStep::Greeting => (ProblemKind::Address, "check host and port"),
        MailStep::Message => (ProblemKind::Message, "its words say why"),
    };
    (kind, format!("{} ({said}): {advice}", step.words()))
}

fn of_status(status: u16) -> Option<(ProblemKind, String)> {
    Some(match status {
        401 | 402 | 403 | 407 => (
            ProblemKind::Token,
            format!("the receiver refuses access ({status}): check the token, or the header that carries it"),
        ),
        300..=303 | 305..=399 => (
            ProblemKind::Address,
            format!(
                "the receiver sends to another address ({status}), which is not followed: write the final address here, often the \
                one with https:// or with a / at its end"
            ),
        ),
        404 => (
            ProblemKind::Address,
            format!("nothing takes messages at this address ({status}): check it, or make a new one at the receiver"),
        ),
        // 304 answers a question, and no message is one.
        304 | 405 | 421 | 501 => (
            ProblemKind::Address,
            format!(
                "what is at this address takes no messages ({status}): check the address, and the kind of this webhook"
            ),
        ),
        400 | 406 | 411 | 413 | 414 | 415 | 417 | 422 | 431 => (
            ProblemKind::Message,
            format!(
                "the receiver refuses the message ({status}): its answer stands at the delivery; check that the kind of this webhook \
                is what reads it"
            ),
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_must_mend_is_told_by_its_kind_and_what_passes_is_not() {
        let kind = |cause| problem(&cause, UnixMillis(7)).map(|problem| problem.kind);
        for (statuses, expected) in [
            (&[401, 403, 407][..], Some(ProblemKind::Token)),
            (&[301, 302, 303, 304, 307, 308, 404, 405][..], Some(ProblemKind::Address)),
            (&[400, 413, 415, 422][..], Some(ProblemKind::Message)),
            (&[100, 408, 409, 418, 423, 425, 429, 500, 502, 503, 504, 599][..], None),
        ] {
            for &status in statuses {
                assert_eq!(kind(Cause::Status(status)), expected, "{status}");
            }
        }
        let said = |text: &str| text.to_owned();
        assert_eq!(kind(Cause::UnknownName(said("exmaple.org"))), Some(ProblemKind::Address));
        assert_eq!(kind(Cause::Certificate(said("expired"))), Some(ProblemKind::Address));
        assert_eq!(kind(Cause::NotTls), Some(ProblemKind::Address));
        assert_eq!(kind(Cause::Policy(said("not allowed"))), Some(ProblemKind::Policy));
        assert_eq!(kind(Cause::Answer(said("not `ok`"))), Some(ProblemKind::Message));
        assert_eq!(kind(Cause::NoStartTls), Some(ProblemKind::Address));
        assert_eq!(kind(Cause::NotHttp), Some(ProblemKind::Address));
        assert_eq!(kind(Cause::NoLogin), Some(ProblemKind::Token));
        let mail = |step, code| kind(Cause::Mail(step, code, said("no")));
        assert_eq!(mail(MailStep::Login, 535), Some(ProblemKind::Token));
        assert_eq!(mail(MailStep::Recipient, 550), Some(ProblemKind::Address));
        assert_eq!(mail(MailStep::Message, 552), Some(ProblemKind::Message));
        assert_eq!((mail(MailStep::Recipient, 450), mail(MailStep::Login, 454)), (None, None));
    }

    #[test]
    fn words_of_a_mail_server_are_not_for_everybody() {
        let said = "ann@example.org: 550 5.1.1 no such user, account=4711";
        for step in MailStep::ALL {
            let text = problem(&Cause::Mail(step, 550, said.to_owned()), UnixMillis(7)).unwrap().text;
            assert_eq!((for_everybody(&text), text.contains("4711")), (step.words(), true));
        }
        assert_eq!(for_everybody("no answer within 15 s"), "no answer within 15 s");
    }

    #[test]
    fn what_is_said_has_its_cause_and_what_to_do() {
        let text = |cause| problem(&cause, UnixMillis(7)).unwrap().text;
        assert!(text(Cause::Status(401)).contains("401") && text(Cause::Status(401)).contains("token"));
        assert!(text(Cause::Status(308)).contains("308") && text(Cause::Status(308)).contains("final address"));
        assert!(text(Cause::Status(304)).contains("304") && !text(Cause::Status(304)).contains("another address"));
        assert!(text(Cause::NoMailTls).contains("smtp://") && !text(Cause::NoMailTls).contains("http"));
        assert!(text(Cause::UnknownName("exmaple.org".to_owned())).contains("exmaple.org"));
        assert!(text(Cause::Certificate("it expired".to_owned())).contains("it expired"));
    }
}
