//! What the hub scrapes: `[[scrape]]` in the file.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use axum::http::Uri;
use serde::Deserialize;

use super::address::port;
use super::error::Error;
use crate::model::unsaid::without_secrets;
use crate::model::{quantity, text};

/// Most targets: each is asked by itself.
const MOST: usize = 1_000;
/// How often a target is asked where nobody says.
const INTERVAL: Duration = Duration::from_secs(30);
/// How long it has to answer where nobody says.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Most labels of a target.
const LABELS: usize = 32;

/// `[[scrape]]` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    url: String,
    interval: Option<String>,
    timeout: Option<String>,
    device: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    bearer_token_file: Option<PathBuf>,
}

/// A page of metrics that the hub asks for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrape {
    /// Where it is.
    pub url: Uri,
    /// How often it is asked for.
    pub interval: Duration,
    /// How long it may take.
    pub timeout: Duration,
    /// What the device is called.
    pub device: String,
    /// Labels of all its series.
    pub labels: BTreeMap<String, String>,
    /// File with the token that it wants.
    pub bearer_token_file: Option<PathBuf>,
}

/// Reads all of them.
pub(super) fn scrapes(written: Vec<Written>) -> Result<Vec<Scrape>, Error> {
    if written.len() > MOST {
        return Err(Error::value("scrape", format!("{} targets, and there may be {MOST}", written.len())));
    }
    let mut seen = HashSet::new();
    let mut all = Vec::with_capacity(written.len());
    for (number, written) in (1..).zip(written) {
        let wrong = |(key, text): (&str, String)| Error::value(format!("scrape {number}: {key}"), text);
        let scrape = written.read().map_err(wrong)?;
        if !seen.insert((scrape.device.clone(), scrape.labels.clone())) {
            let text =
                format!("another target is the device `{}` already: give this one a name or labels", scrape.device);
            return Err(wrong(("device", text)));
        }
        all.push(scrape);
    }
    Ok(all)
}

/// The URL of a page of metrics.
fn page(text: &str) -> Result<Uri, String> {
    let said = without_secrets(text);
    let is_page = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && !text.contains('#');
    let uri: Option<Uri> = text.parse().ok().filter(is_page);
    let has_user = |uri: &Uri| uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    match uri {
        Some(uri) if !has_user(&uri) => port(&uri).map(|_| uri),
        None if !text.contains('@') => {
            Err(format!("`{said}` is not the URL of a page of metrics, such as http://pi:9100/metrics"))
        }
        _ => Err(format!(
            "`{said}`: a user and a password have no place in a URL, such as http://pi:9100/metrics: what a target wants to \
             see is a token in a file, which `bearer_token_file` names"
        )),
    }
}

impl Written {
    fn read(self) -> Result<Scrape, (&'static str, String)> {
        let url = page(&self.url).map_err(|why| ("url", why))?;
        let time = |key, text: Option<String>, default: Duration| match text {
            None => Ok(default),
            Some(text) => quantity::pause(&text).map_err(|text| (key, text)),
        };
        let interval = time("interval", self.interval, INTERVAL)?;
        let timeout = time("timeout", self.timeout, TIMEOUT.min(interval))?;
        if timeout > interval {
            return Err(("timeout", "must not be longer than the interval".to_owned()));
        }
        let host = url.authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
        let device =
            text::device_name("device", self.device.unwrap_or(host)).map_err(|unfit| ("device", unfit.detail))?;
        let is_label = |name: &str| {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            !name.is_empty() && name.len() <= 64 && name.chars().all(is_word) && !name.starts_with("__")
        };
        if let Some(name) = self.labels.keys().find(|name| !is_label(name)) {
            return Err(("labels", format!("`{name}` is not the name of a label: write letters, digits and _")));
        }
        if self.labels.len() > LABELS || self.labels.values().any(|value| value.is_empty() || value.len() > 128) {
            return Err(("labels", format!("there may be {LABELS}, and each has a value of 1 to 128 bytes")));
        }
        let Self { labels, bearer_token_file, .. } = self;
        Ok(Scrape { url, interval, timeout, device, labels, bearer_token_file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        scrape: Vec<Written>,
    }

    fn read(text: &str) -> Result<Vec<Scrape>, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        scrapes(file.scrape).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_is_enough() {
        let all = read(
            "[[scrape]]\nurl = \"http://pi:9100/metrics\"\n[[scrape]]\nurl = \"https://b/m?x=1\"\ninterval = \"5s\"\n\
            device = \"boiler\"\nlabels = {room = \"cellar\"}\nbearer_token_file = \"t\"\n",
        );
        let [first, second] = &*all.unwrap() else { panic!() };
        assert_eq!((&*first.device, first.interval, first.timeout), ("pi:9100", INTERVAL, TIMEOUT));
        assert_eq!((&*second.device, second.interval, second.timeout.as_secs()), ("boiler", Duration::from_secs(5), 5));
        assert_eq!(
            (second.labels["room"].as_str(), second.url.path_and_query().unwrap().as_str()),
            ("cellar", "/m?x=1")
        );
    }

    #[test]
    fn what_cannot_be_scraped_is_refused_by_key() {
        for (text, hint) in [
            ("url = \"pi:9100\"", "scrape 1: url: `pi:9100` is not the URL"),
            ("url = \"ftp://pi/\"", "scrape 1: url: "),
            ("url = \"http://me:secret@pi/\"", "scrape 1: url: `http://…@pi/`: a user and a password have no place"),
            ("url = \"me:secret@pi\"", "`bearer_token_file` names"),
            ("url = \"http://me:/secret@pi/\"", "scrape 1: url: what stands behind `:` is not a port"),
            ("url = \"http://me:se cret/secret@pi\"", "`bearer_token_file` names"),
            ("url = \"http://pi:99999/\"", "scrape 1: url: what stands behind `:` is not a port"),
            ("url = \"http://pi:/\"", "scrape 1: url: what stands behind `:` is not a port"),
            ("url = \"http://pi/\"\ninterval = \"1ms\"", "scrape 1: interval: `1ms` is not"),
            ("url = \"http://pi/\"\ninterval = \"5s\"\ntimeout = \"6s\"", "scrape 1: timeout: must not be longer"),
            ("url = \"http://pi/\"\ndevice = \"\"", "scrape 1: device: "),
            ("url = \"http://pi/\"\nlabels = {\"a b\" = \"c\"}", "scrape 1: labels: `a b` is not"),
            ("url = \"http://pi/\"\nlabels = {a = \"\"}", "scrape 1: labels: "),
            ("url = \"http://pi/\"\n[[scrape]]\nurl = \"http://pi/other\"", "scrape 2: device: another target is"),
            ("url = \"http://pi/\"\nurls = []", "unknown field `urls`"),
        ] {
            let error = read(&format!("[[scrape]]\n{text}\n")).unwrap_err();
            assert!(error.contains(hint) && !error.contains("secret"), "{text}: {error}");
        }
    }
}
