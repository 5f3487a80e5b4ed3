//! How long readings are kept, as it is written in flags and file: `--keep-raw 14d`, `[keep]`, `[[keep.labels]]`.

use std::time::Duration;

use serde::Deserialize;

use super::error::Error;
use crate::model::device::Labels;
use crate::model::quantity;
use crate::model::retention::{ALERTS, Ages, LabelAges, Retention};

/// How long a tier is kept; `None` is for ever. A type of its own, because clap takes an option in an option for a flag whose
/// value may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(Option<Duration>);

/// Reads one.
pub(super) fn age(text: &str) -> Result<Age, String> {
    quantity::age(text).map(Age)
}

/// `[keep]` in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Keep {
    raw: Option<String>,
    minutes: Option<String>,
    hours: Option<String>,
    alerts: Option<String>,
    labels: Vec<KeepLabels>,
}

/// `[[keep.labels]]` in the file: the first whose labels a device carries counts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeepLabels {
    labels: Labels,
    raw: Option<String>,
    minutes: Option<String>,
    hours: Option<String>,
}

/// Flags over the file; `None` when neither says anything.
pub(super) fn kept(flags: [Option<Age>; 4], file: Option<Keep>) -> Result<Option<Retention>, Error> {
    if file.is_none() && flags.iter().all(Option::is_none) {
        return Ok(None);
    }
    let file = file.unwrap_or_default();
    let mut ages = ages("keep", [file.raw, file.minutes, file.hours])?;
    let [raw, minutes, hours, alerts] = flags;
    ages = Ages {
        raw: raw.map_or(ages.raw, |age| age.0),
        minutes: minutes.map_or(ages.minutes, |age| age.0),
        hours: hours.map_or(ages.hours, |age| age.0),
    };
    in_order("keep", ages)?;
    let in_file = file.alerts.map_or(Ok(Some(ALERTS)), |text| quantity::age(&text));
    let in_file = in_file.map_err(|text| Error::value("keep.alerts".to_owned(), text))?;
    let alerts = alerts.map_or(in_file, |age| age.0);
    let mut by_label = Vec::with_capacity(file.labels.len());
    for (n, entry) in file.labels.into_iter().enumerate() {
        let key = format!("keep.labels[{n}]");
        if entry.labels.is_empty() {
            return Err(Error::value(
                format!("{key}.labels"),
                "name at least one label; ages for all devices belong in [keep]",
            ));
        }
        let hidden =
            entry.labels.iter().flat_map(|(key, value)| [key, value]).find_map(|text| wire::text::unseen(text));
        if let Some(c) = hidden {
            let detail = format!("a label has a character that is not seen (U+{:04X}): leave it out", u32::from(c));
            return Err(Error::value(format!("{key}.labels"), detail));
        }
        let ages = self::ages(&key, [entry.raw, entry.minutes, entry.hours])?;
        in_order(&key, ages)?;
        by_label.push(LabelAges { labels: entry.labels, ages });
    }
    let retention = Retention { ages, by_label, alerts };
    match retention.never_counts() {
        Some((entry, before)) => Err(Error::value(
            format!("keep.labels[{entry}]"),
            Retention::hidden_behind(&format!("keep.labels[{before}]")),
        )),
        None => Ok(Some(retention)),
    }
}

fn ages(key: &str, [raw, minutes, hours]: [Option<String>; 3]) -> Result<Ages, Error> {
    let age = |name: &str, text: Option<String>| {
        let age = text.map_or(Ok(None), |text| quantity::age(&text));
        age.map_err(|text| Error::value(format!("{key}.{name}"), text))
    };
    Ok(Ages { raw: age("raw", raw)?, minutes: age("minutes", minutes)?, hours: age("hours", hours)? })
}

fn in_order(key: &str, ages: Ages) -> Result<(), Error> {
    ages.out_of_order().map_or(Ok(()), |tier| Err(Error::value(format!("{key}.{tier}"), Ages::OUT_OF_ORDER)))
}
