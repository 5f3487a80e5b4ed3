//! A number as people and programs write it: whole, or refused with the reason. Pure.
//!
//! The first word of a text is the number: `21.5 C` is 21.5, whatever space is before the unit, `0.10 0.20 0.30 1/100 1234` is
//! 0.1. A number grouped by a no-break space, a thin space or an apostrophe is one word, and refused. Grouped by ordinary
//! spaces (`1 234.5`, `1 234 567 kWh`, `1 23 456`, `12 345W`) it is refused as well: half of a number is worse than none. So are a decimal
//! comma (`1,234` is a thousand to some and a little more than one to others), hexadecimal, and a unit without a space.

use super::text::{MOST_SHOWN, shown};

/// The number a text begins with.
///
/// # Errors
/// What is there instead, and what would be right.
pub(super) fn first(text: &str) -> Result<f64, String> {
    let line = text.trim_start().lines().next().unwrap_or_default();
    let mut words = line.split_whitespace();
    let word = words.next().ok_or("it is empty")?;
    // A space that is no end of a line keeps digits together, not a number and its unit.
    let together = line.split_ascii_whitespace().next().unwrap_or(word);
    let behind = together.get(word.len()..).unwrap_or_default().trim_start();
    let word = if behind.starts_with(|c: char| c.is_ascii_digit()) { together } else { word };
    let value = word.parse().ok().filter(|value: &f64| value.is_finite());
    let value = value.ok_or_else(|| format!("'{}' is not a number{}", shown(word, MOST_SHOWN), hint(word)))?;
    if is_grouped(word, words) {
        return Err(format!("'{}' looks like one number in groups: write it without spaces", shown(line, MOST_SHOWN)));
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

/// Whether a line begins with the groups of one number: one to three digits, then threes (in India twos and a three), the last
/// perhaps with decimals or a unit right behind it. What follows may be a unit, or anything else that is no number: of a table
/// (`123 0 8168 95`) the first column counts.
fn is_grouped<'a>(first: &str, rest: impl Iterator<Item = &'a str>) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let lead = first.trim_start_matches(['+', '-']);
    if !digits(lead) || lead.len() > 3 {
        return false;
    }
    let begins_a_number =
        |word: &&str| word.trim_start_matches(['+', '-', '.']).starts_with(|c: char| c.is_ascii_digit());
    let rest: Vec<&str> = rest.take_while(begins_a_number).collect();
    let Some((last, between)) = rest.split_last() else { return false };
    let between_are = |length: usize| between.iter().all(|group| group.len() == length && digits(group));
    ends_a_number(last) && (between_are(3) || (between_are(2) && lead.len() < 3))
}

/// Whether a word is three digits, and behind them nothing, decimals, or a unit (`345.6`, `345W`, `345,`): not a second number
/// (`345/678`, `10:345` and `345-678` are columns of a table).
fn ends_a_number(word: &str) -> bool {
    let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let (whole, behind) = word.split_at(end);
    let joins =
        |rest: &str| rest.starts_with(['/', ':', '-', '+']) && rest[1..].starts_with(|c: char| c.is_ascii_digit());
    whole.len() == 3 && !joins(behind)
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
            ("12 34\n", 12.0),
            ("1234 567\n", 1234.0),
            ("123 45 678\n", 123.0),
            ("123 456 7 8\n", 123.0),
            ("8 345 -5 2\n", 8.0),
            ("3 120/340 C\n", 3.0),
            ("3 120:30\n", 3.0),
            ("12 C 345", 12.0),
            ("12 34 W", 12.0),
            ("1234 567 W", 1234.0),
            ("1 m2 345", 1.0),
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
            "1,234.5",
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
        assert!(first("1 234,5").is_err_and(|why| why.contains("one number in groups")));
    }
}
