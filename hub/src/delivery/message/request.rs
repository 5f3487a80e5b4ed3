//! A request to a receiver, and the webhook that it is for. PURE.

use reqwest::Url;
use serde_json::Value;

use super::note::Note;
use super::showing::{self, Png, Showing};
use crate::model::webhook::Fields;

/// A request to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    pub url: String,
    /// What the kind sets itself, beside what all have in common.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Headers that a person's templates made, or the type of a body that is theirs.
    pub written: Vec<(String, String)>,
    /// Why it is in the hub's own words or form, where a person wrote others.
    pub complaint: Option<String>,
}

/// How a request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// None of HTTP: the body is a message for a mail server.
    Mail,
}

/// Who sends, and what.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// Tells this hub from others that use the same receiver.
    pub hub: &'a str,
    /// The message: the same at every attempt.
    pub id: &'a str,
}

/// To whom a message goes.
pub(super) struct To<'a> {
    pub(super) url: Url,
    pub(super) fields: &'a Fields,
    pub(super) from: Sender<'a>,
    pub(super) showing: Showing<'a>,
}

impl To<'_> {
    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name).unwrap_or_default()
    }

    /// The picture that goes along as a file.
    pub(super) const fn png(&self) -> Option<Png<'_>> {
        match self.showing {
            Showing::File(png) => Some(png),
            Showing::Nothing | Showing::Links | Showing::Stored(..) => None,
        }
    }

    /// The picture of a message to which a receiver in the internet is led.
    pub(super) fn chart<'n>(&self, note: &'n Note, most: usize) -> Option<&'n str> {
        note.chart(most).filter(|url| !matches!(self.showing, Showing::Nothing) && showing::is_public(url))
    }

    /// The URL without what is behind its host.
    pub(super) fn server(&self) -> Url {
        let mut url = self.url.clone();
        url.set_path("/");
        url.set_query(None);
        url
    }
}

impl Request {
    pub(super) fn post(url: impl Into<String>, body: &Value) -> Self {
        Self::of(Method::Post, url, body.to_string().into_bytes())
    }

    pub(super) fn of(method: Method, url: impl Into<String>, body: Vec<u8>) -> Self {
        Self { method, url: url.into(), headers: Vec::new(), body, written: Vec::new(), complaint: None }
    }

    /// With a token as `Authorization`, where there is one.
    pub(super) fn bearing(mut self, token: &str) -> Self {
        if !token.is_empty() {
            self.headers.push(("authorization", format!("Bearer {token}")));
        }
        self
    }
}
