//! Reads a number as people and programs write it: completely, or it is refused with the reason. Pure.
//!
//! The first word of a text is the number: `21.5 C` is 21.5, whatever space is before the unit, `0.10 0.20 0.30 1/100 1234` is
//! 0.1. A number grouped by a no-break space, a thin space or an apostrophe is one word, and refused. Grouped by ordinary
//! spaces (`1 234.5`, `1 234 567 kWh`, `12 345W`) it is refused as well, and so is what looks like groups and is none (`1 234 56`,
//! `1 234/5`, `12 3456`): half of a number is worse than none. So are a decimal comma (`1,234` is a thousand to some and a little
//! more than one to others), hexadecimal, and a unit without a space.

use super::text::{MOST_SHOWN, shown};

/// The number a text begins with.
///
/// # Errors
/// What is there instead, and what would be right.
pub(super) fn first(text: &str) -> Result<f64, String> {
    let line = text.trim_start().lines().next().unwrap_or_default();
    let word = line.split_whitespace().next().ok_or("it is empty")?;
    // A space that is no end of a line keeps digits together, not a number and its unit.
    let together = line.split_ascii_whitespace().next().unwrap_or(word);
    let behind = together.get(word.len()..).unwrap_or_default().trim_start();
    let word = if behind.starts_with(|c: char| c.is_ascii_digit()) { together } else { word };
    let value = word.parse().ok().filter(|value: &f64| value.is_finite());
    let value = value.ok_or_else(|| format!("'{}' is not a number{}", shown(word, MOST_SHOWN), hint(word)))?;
    if goes_on(word, line) {
        return Err(format!(
            "'{}' may be one number in groups: write it without spaces, columns with a tab",
            shown(line, MOST_SHOWN)
        ));
    }
    Ok(value)
}

/// What is probably meant, where that can be told.
fn hint(word: &str) -> &'static str {
    let digits = |c: char| c.is_ascii_digit();
    if !word.contains(digits) {
        ""
    } else if word.contains(',') {
        ": the decimal point is a point, and thousands are not grouped"
    } else if word.contains(|c: char| c == '\'' || c == '\u{2019}' || c.is_whitespace()) {
        ": thousands are not grouped"
    } else if word.trim_start_matches(['+', '-']).to_ascii_lowercase().starts_with("0x") {
        ": it is hexadecimal, write it in decimal"
    } else if word.strip_suffix(['e', 'E']).is_some_and(|rest| rest.ends_with(digits)) || word.ends_with(['+', '-']) {
        ": it is incomplete"
    } else if word.starts_with(digits) && word.ends_with(|c: char| c.is_alphabetic() || c == '%') {
        ": a unit stands behind a space"
    } else {
        ""
    }
}

/// Whether what follows the first word may be the rest of its number: more digits, or what joins them. A table whose first column
/// is whole is told from a number in groups where its second is one digit, has a sign, or stands behind a tab.
fn goes_on(word: &str, line: &str) -> bool {
    let behind = line.trim_start().get(word.len()..).unwrap_or_default();
    let Some(next) = behind.split_whitespace().next() else { return false };
    if is_rest(next) && !is_column(behind) {
        return true;
    }
    let lead = word.trim_start_matches(['+', '-']);
    let begins = next.trim_start_matches(JOINTS);
    let is_joined = begins.starts_with(|c: char| c.is_numeric() && (begins.len() < next.len() || !c.is_ascii()));
    let digits = begins.chars().take_while(|c| c.is_numeric()).count();
    match lead.split_once('.') {
        // Digits behind the point are grouped too: `3.141 592`.
        Some((_, decimals)) => decimals.is_empty() && digits > 0 || is_threes(decimals) && is_threes(next),
        None if !lead.bytes().all(|byte| byte.is_ascii_digit()) => false,
        None if lead.len() > 3 && is_column(behind) => is_joined,
        None => is_joined || digits > 1,
    }
}

/// Characters after which digits belong to the number before them, or to no number at all.
const JOINTS: [char; 13] = [',', '.', '\'', '\u{2019}', '\u{b7}', ':', '/', '_', '*', '^', '\u{d7}', '~', '\u{2013}'];

/// Whether a word is what a number ends with: an exponent (`e6`, `E-3`), decimals (`.3`).
fn is_rest(word: &str) -> bool {
    let behind_e = word.strip_prefix(['e', 'E']).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
    let digits = behind_e.or_else(|| word.strip_prefix('.')).unwrap_or_default();
    digits.starts_with(|c: char| c.is_ascii_digit())
}

fn is_threes(digits: &str) -> bool {
    digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether so much space is before a word as a table has, not a number.
fn is_column(behind: &str) -> bool {
    behind.starts_with('\t') || behind.starts_with("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_the_number() {
        for (text, value) in [
            ("21.5", 21.5),
            (" 1250\r\n", 1250.0),
            ("21.5 C", 21.5),
            ("42 and more", 42.0),
            ("21.5\u{a0}\u{b0}C\n", 21.5),
            ("\u{a0}21.5\u{202f}C", 21.5),
            ("45\u{2009}%", 45.0),
            ("1\u{a0}C 234", 1.0),
            ("-3e2\nnext 999", -300.0),
            ("0.10 0.20 0.30 1/100 1234\n", 0.1),
            ("1000.00 900.00\n", 1000.0),
            ("123 0 8168 95\n", 123.0),
            ("1216 0 9223372036854775807\n", 1216.0),
            ("187980\t250643\t375960\n", 187_980.0),
            ("1234  567  890\n", 1234.0),
            ("8 -345 2\n", 8.0),
            ("3 1\n", 3.0),
            ("21.50 45\n", 21.5),
            ("21.5 450 30.25\n", 21.5),
            ("12 C 345", 12.0),
            ("1 m2 345", 1.0),
            ("12 (345)", 12.0),
            ("1 % of 200", 1.0),
        ] {
            assert_eq!(first(text), Ok(value), "{text:?}");
        }
    }

    #[test]
    fn a_number_is_whole_or_refused() {
        for text in [
            "1\u{a0}234,5",
            "1\u{202f}234,5",
            "1\u{2009}234.5",
            "1\u{2007}234",
            "123\u{a0}45",
            "1\u{a0}\u{a0}234 C",
            "1'234.5",
            "1\u{2019}234",
            "1 234,5",
            "1 234.5",
            "-1 234 567",
            "1 23 456",
            "12 34 567.8",
            "12 345 W",
            "1 234 567 kWh",
            "45 000 h",
            "5 000 l/h",
            "-1 234 W",
            "+1 234\tW",
            "12 345W",
            "12 345.6 W",
            "1 234,5 kWh",
            "12 345.",
            "12 345%",
            "7 890 m\u{b3}",
            "12 345\u{a0}W",
            "12 34 567 W",
            "1 234 W 5 V",
            "12 345 W (1 234 W at most)",
            "1 234.567,8",
            "1 234'567",
            "1 234/h",
            "1 234 56",
            "1 234/5 678",
            "1 234 5",
            "12 3456",
            "12 34",
            "12 34 W",
            "123 45 678",
            "123 456 7 8",
            "1 23456",
            "1234 567",
            "1234 567 W",
            "1\t234",
            "1  234",
            "8 345 -5 2",
            "3 120/340 C",
            "3 120:30",
            "0 345",
            "1 ,234",
            "1 .5",
            "1 e6",
            "21.5 E-3",
            "21.5 .3",
            "21.5 e3 W",
            "21 .5 C",
            "1 '234",
            "1234  ,5",
            "1. 234",
            "1 /2",
            "1 :30",
            "1 \u{d7}10",
            "1 \u{bd}",
            "1 \u{ff12}\u{ff13}",
            "3.141 592 65",
            "1.234.56",
            "1'234'5",
            "1,23,456",
            "1,234.5",
            "5-3",
            "1:30",
            "1/2",
            "1;2",
            "12abc",
            "1e",
            "- 5",
            "21,5",
            "0x1F",
            "21.5C",
            "45%",
            "\u{2212}5",
            "1_000",
            "nan",
            "inf",
            "1e999",
            "12\u{fffd}345",
            "2\u{0}1",
            "",
            " \n",
        ] {
            assert!(first(text).is_err(), "{text:?} is {:?}", first(text));
        }
        assert!(first("21,5").is_err_and(|why| why.contains("'21,5' is not a number: the decimal point")));
        assert!(first("21.5C").is_err_and(|why| why.contains("a unit stands behind a space")));
        assert!(first("0x1F").is_err_and(|why| why.contains("hexadecimal")));
        assert!(first("21.5degree").is_err_and(|why| why.contains("a unit stands behind a space")));
        assert!(first("1e").is_err_and(|why| why.contains("it is incomplete")));
        assert!(first("1 234,5").is_err_and(|why| why.contains("may be one number in groups")));
    }
}
