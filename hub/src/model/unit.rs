//! Units that are written in several ways and are one (`units.txt`). PURE.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

const TABLE: &str = include_str!("units.txt");

/// Other spellings, each with the code that is kept.
static CODES: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| rows().flat_map(|(code, spellings)| spellings.map(move |spelling| (spelling, code))).collect());

fn rows() -> impl Iterator<Item = (&'static str, impl Iterator<Item = &'static str>)> {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": "));
    rows.map(|(code, spellings)| (code, spellings.split(',').map(str::trim)))
}

/// The one spelling of a unit.
#[must_use]
pub fn canonical(unit: &str) -> Cow<'_, str> {
    let unit = unit.trim();
    let unit = if unit.contains(['\u{3bc}', '\u{2126}']) {
        Cow::Owned(unit.replace('\u{3bc}', "\u{b5}").replace('\u{2126}', "\u{3a9}"))
    } else {
        Cow::Borrowed(unit)
    };
    match CODES.get(&*unit) {
        Some(code) => Cow::Borrowed(*code),
        None => unit,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn spellings_of_one_unit_are_one_and_others_stay_as_they_are() {
        for (written, kept) in [
            ("\u{3bc}g/m³", "ug/m3"),
            ("\u{b5}g/m³", "ug/m3"),
            ("\u{3bc}x", "\u{b5}x"),
            ("k\u{2126}", "kOhm"),
            ("k\u{3a9}", "kOhm"),
            ("Hr", "h"),
            ("hours", "h"),
            ("h", "h"),
            (" °C ", "Cel"),
            ("H", "H"),
            ("minutes or litres", "minutes or litres"),
            ("", ""),
        ] {
            assert_eq!(canonical(written), kept, "{written}");
        }
    }

    #[test]
    fn each_spelling_stands_in_the_table_once_and_none_is_a_code() {
        let mut seen = HashSet::new();
        for (code, spellings) in rows() {
            assert!(seen.insert(code), "{code}");
            for spelling in spellings {
                assert!(!spelling.is_empty() && seen.insert(spelling), "{code}: {spelling}");
            }
        }
        assert!(seen.len() > 150, "{}", seen.len());
    }
}
