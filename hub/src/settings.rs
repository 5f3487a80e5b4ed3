//! Settings that people change while the hub runs, kept in the store: which devices may join, how long readings
//! are kept, whom the hub tells each minute that it is there, whose readings topics of MQTT are.
//!
//! They survive restarts. Flags and the configuration file take precedence.

pub(crate) mod topic_rules;

use serde::{Deserialize, Serialize};

use crate::model::device::Labels;
use crate::model::quantity;
use crate::model::retention::{ALERTS, Ages, LabelAges, Retention};
use crate::proto::command::JoinPolicy;
use crate::store::{self, Store};

const JOIN_POLICY: &str = "join_policy";
const RETENTION: &str = "retention";
const HEARTBEAT: &str = "heartbeat";

/// Why what was set is not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// What lies there was written by another program, or is damaged.
    #[error("how long readings are kept cannot be read from the database: {0}")]
    Retention(String),
}

/// The policy that a person set last, if one was ever set.
///
/// # Errors
/// Those of the store.
pub(crate) async fn saved_policy(store: &Store) -> store::Result<Option<JoinPolicy>> {
    let setting = store.setting(JOIN_POLICY).await?;
    let all = [JoinPolicy::Closed, JoinPolicy::Token, JoinPolicy::Click, JoinPolicy::Open];
    Ok(setting.and_then(|bytes| all.into_iter().find(|policy| policy_name(*policy).as_bytes() == bytes)))
}

/// Keeps who may join.
///
/// # Errors
/// Those of the store.
pub(crate) async fn save_policy(store: &Store, policy: JoinPolicy) -> store::Result<()> {
    store.put_setting(JOIN_POLICY, policy_name(policy).as_bytes().to_vec()).await
}

/// A policy in a word.
#[must_use]
pub(crate) const fn policy_name(policy: JoinPolicy) -> &'static str {
    match policy {
        JoinPolicy::Closed => "closed",
        JoinPolicy::Token => "token",
        JoinPolicy::Click => "click",
        JoinPolicy::Open => "open",
    }
}

/// The URL that the hub calls each minute, if a person set one.
///
/// # Errors
/// Those of the store; `Corrupt` when it was sealed with another key.
pub(crate) async fn saved_heartbeat(store: &Store) -> store::Result<Option<String>> {
    // One that was taken back is kept as an empty text.
    let saved = store.sealed_setting(HEARTBEAT).await?;
    Ok(saved.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|url| !url.is_empty()))
}

/// Keeps the URL that the hub calls each minute; sealed, because such a URL lets in whoever knows it.
///
/// # Errors
/// Those of the store.
pub(crate) async fn save_heartbeat(store: &Store, url: Option<&str>) -> store::Result<()> {
    store.put_sealed_setting(HEARTBEAT, url.unwrap_or_default().as_bytes().to_vec()).await
}

/// A retention as it is kept: ages as people write them, null is for ever.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Saved {
    raw: Option<String>,
    minutes: Option<String>,
    hours: Option<String>,
    #[serde(default)]
    by_label: Vec<SavedOfLabel>,
    /// Null is what an older hub did not say: the usual age. For ever is written out.
    #[serde(default)]
    alerts: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedOfLabel {
    labels: Labels,
    raw: Option<String>,
    minutes: Option<String>,
    hours: Option<String>,
}

/// How long readings are kept, as a person said last, if one ever did.
///
/// # Errors
/// Those of the store; [`Error::Retention`].
pub(crate) async fn saved_retention(store: &Store) -> Result<Option<Retention>, Error> {
    let Some(saved) = store.setting(RETENTION).await? else { return Ok(None) };
    let Saved { raw, minutes, hours, by_label, alerts } =
        serde_json::from_slice(&saved).map_err(|error| Error::Retention(error.to_string()))?;
    let by_label = by_label.into_iter().map(|entry| {
        let SavedOfLabel { labels, raw, minutes, hours } = entry;
        Ok(LabelAges { labels, ages: ages([raw, minutes, hours])? })
    });
    let by_label = by_label.collect::<Result<_, Error>>()?;
    let alerts = alerts.map_or(Ok(Some(ALERTS)), |text| quantity::age(&text)).map_err(Error::Retention)?;
    Ok(Some(Retention { ages: ages([raw, minutes, hours])?, by_label, alerts }))
}

/// Keeps how long readings are kept.
///
/// # Errors
/// Those of the store; [`Error::Retention`].
pub(crate) async fn save_retention(store: &Store, retention: &Retention) -> Result<(), Error> {
    let by_label = retention.by_label.iter().map(|entry| {
        let [raw, minutes, hours] = texts(entry.ages);
        SavedOfLabel { labels: entry.labels.clone(), raw, minutes, hours }
    });
    let [raw, minutes, hours] = texts(retention.ages);
    let alerts = Some(quantity::age_text(retention.alerts));
    let saved = Saved { raw, minutes, hours, by_label: by_label.collect(), alerts };
    let saved = serde_json::to_vec(&saved).map_err(|error| Error::Retention(error.to_string()))?;
    Ok(store.put_setting(RETENTION, saved).await?)
}

fn ages(texts: [Option<String>; 3]) -> Result<Ages, Error> {
    let age = |text: Option<String>| text.map_or(Ok(None), |text| quantity::age(&text)).map_err(Error::Retention);
    let [raw, minutes, hours] = texts;
    Ok(Ages { raw: age(raw)?, minutes: age(minutes)?, hours: age(hours)? })
}

fn texts(ages: Ages) -> [Option<String>; 3] {
    [ages.raw, ages.minutes, ages.hours].map(|age| age.map(|_| quantity::age_text(age)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_versions_before_wrote_is_read() {
        let old = br#"{"raw":"2w","minutes":null,"hours":"forever","by_label":[{"labels":{"room":"lab"},"raw":"1y","minutes":null,"hours":null}]}"#;
        let Saved { raw, by_label, .. } = serde_json::from_slice(old).unwrap();
        assert_eq!((raw.as_deref(), by_label[0].labels["room"].as_str()), (Some("2w"), "lab"));
        assert_eq!(texts(ages([raw, None, Some("forever".to_owned())]).unwrap())[0].as_deref(), Some("2w"));
        let older: Saved = serde_json::from_slice(b"{}").unwrap();
        assert!(older.by_label.is_empty());
    }
}
