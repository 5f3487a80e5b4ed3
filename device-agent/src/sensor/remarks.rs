//! Remarks about sources that do not fail: what they leave out and why, which are slow, which names changed.

use serde::{Deserialize, Serialize};
use wire::UnixMillis;

/// Something that is so, and is no failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// What it is about: a sensor such as `temp.nct6798.tsi2_temp`, or a source.
    pub source: String,
    /// What there is to say.
    pub text: String,
    /// Since when, by the device's clock.
    pub since: UnixMillis,
}

/// Puts what is so at `now` in the place of what was: what goes on keeps its beginning.
pub(super) fn update(remarks: &mut Vec<Remark>, said: Vec<(String, String)>, now: UnixMillis) {
    let goes_on = |before: &Remark, source: &str, text: &str| {
        // Of a sensor the figure may differ, of a source there may be several things to say.
        before.source == source && (source.contains('.') || before.text.split(':').next() == text.split(':').next())
    };
    let next = said.into_iter().map(|(source, text)| {
        let since = remarks.iter().find(|before| goes_on(before, &source, &text)).map_or(now, |before| before.since);
        Remark { source, text, since }
    });
    *remarks = next.collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_keeps_its_beginning() {
        let said = |value: u32| vec![("temp.chip.1".to_owned(), format!("{value} Cel cannot be"))];
        let mut remarks = Vec::new();
        update(&mut remarks, said(300), UnixMillis(1));
        update(&mut remarks, said(301), UnixMillis(2));
        let slow = |file: &str| ("hwmon".to_owned(), format!("{file}: slow"));
        update(&mut remarks, [said(302), vec![slow("/a")]].concat(), UnixMillis(3));
        update(&mut remarks, [said(302), vec![slow("/b"), slow("/a")]].concat(), UnixMillis(4));
        let since: Vec<i64> = remarks.iter().map(|remark| remark.since.0).collect();
        assert_eq!(since, [1, 4, 3]);
        update(&mut remarks, Vec::new(), UnixMillis(5));
        assert_eq!(remarks, []);
    }
}
