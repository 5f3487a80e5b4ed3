//! What is to be known of sources that do not fail: what they leave out and why, which are slow, which names changed.

use serde::{Deserialize, Serialize};
use wire::UnixMillis;

/// Something that is so, and is no failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// What it is about, such as `hwmon nct6798`.
    pub source: String,
    /// What there is to say, one thing after the other, with `; ` between them.
    pub text: String,
    /// Since when, by the device's clock.
    pub since: UnixMillis,
}

/// Puts what is so at `now` in the place of what was: what goes on keeps its beginning.
pub(super) fn update(remarks: &mut Vec<Remark>, said: Vec<(String, String)>, now: UnixMillis) {
    let mut next: Vec<Remark> = Vec::new();
    for (source, text) in said {
        if let Some(same) = next.iter_mut().find(|remark| remark.source == source) {
            same.text = format!("{}; {text}", same.text);
            continue;
        }
        let since = remarks.iter().find(|remark| remark.source == source).map_or(now, |remark| remark.since);
        next.push(Remark { source, text, since });
    }
    *remarks = next;
}
