//! What a target shows at `/metrics`: the text format of Prometheus, and OpenMetrics. PURE.
//!
//! ```text
//!   # TYPE node_cpu_seconds_total counter
//!   node_cpu_seconds_total{cpu="0",mode="idle"} 1234.5
//! ```
//!
//! A line that is wrong is left out, and told; the others are gathered. (Prometheus leaves out all of them then.)
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::borrow::Cow;

use super::families::{Families, Family, Type};
use super::series::{Read, Reader};
use crate::door::called::Labels;
use crate::ingest::gather::Gathered;
use crate::model::UnixMillis;

/// Most labels of a line.
const LABELS: usize = 200;

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Moments in milliseconds.
    Text,
    /// Moments in seconds.
    OpenMetrics,
}

/// Gathers what a target shows, as readings of this device. Lines without a time are of `now`; all of them have these labels,
/// whatever they say.
pub(super) fn gather_text(
    text: &str,
    format: Format,
    device: &str,
    labels: &Labels,
    gathered: &mut Gathered,
    now: UnixMillis,
) -> Read {
    let nothing = Families::default();
    let device = gathered.device(device);
    let mut reader = Reader::of_device(device, gathered, now, &nothing);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            learn(&mut reader, comment);
        } else if !line.is_empty() {
            match sample(line, format) {
                Ok(Sample { name, labels: own, value, at }) => {
                    let mut all = labels.clone();
                    all.add("__name__", name);
                    for (label, value) in own {
                        // What is said here counts before what the target says.
                        all.add(label, value);
                    }
                    if let Some(mut series) = reader.series(all) {
                        reader.sample(&mut series, at.unwrap_or(now.0), value);
                    }
                }
                Err(what) => reader.broken(|| format!("line {number}: {what}")),
            }
        }
    }
    reader.read
}

/// `# TYPE name counter`, `# UNIT name seconds`.
fn learn(reader: &mut Reader<'_>, comment: &str) {
    let mut words = comment.trim_start().splitn(3, ' ');
    let (Some(what), Some(name), Some(said)) = (words.next(), words.next(), words.next()) else { return };
    let name = name.trim_matches('"');
    let known = reader.read.families.get(name).cloned();
    let mut family = known.unwrap_or(Family { of: Type::Unknown, unit: String::new() });
    match what {
        "TYPE" => family.of = Type::named(said.trim()),
        "UNIT" => family.unit = said.trim().to_owned(),
        _ => return,
    }
    reader.read.families.learn(name, family);
}

/// A line.
struct Sample<'a> {
    name: Cow<'a, str>,
    labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    value: f64,
    /// In milliseconds.
    at: Option<i64>,
}

fn sample(line: &str, format: Format) -> Result<Sample<'_>, &'static str> {
    let end = line.find(['{', ' ', '\t']).ok_or("there is no value")?;
    let (name, mut rest) = line.split_at(end);
    let (mut name, mut labels) = (Cow::Borrowed(name), Vec::new());
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if let Some(behind) = rest.strip_prefix('}') {
                rest = behind;
                break;
            }
            let (label, behind) = label(rest)?;
            let behind = behind.trim_start();
            match behind.strip_prefix('=') {
                Some(behind) => {
                    let (value, behind) = quoted(behind.trim_start())?;
                    labels.push((label, value));
                    rest = behind;
                }
                // A name with other signs stands in quotes among the labels.
                None if name.is_empty() => (name, rest) = (label, behind),
                None => return Err("a label has no value"),
            }
            if labels.len() > LABELS {
                return Err("there are more than 200 labels");
            }
        }
    }
    if name.is_empty() {
        return Err("there is no name");
    }
    let mut words = rest.split_whitespace();
    let value = words.next().ok_or("there is no value")?;
    let value = value.parse().map_err(|_| "the value is not a number")?;
    // Behind it may be an example of what was counted.
    let at = words.next().filter(|word| !word.starts_with('#'));
    let at = at.map(|at| moment(at, format).ok_or("the time is not a number")).transpose()?;
    Ok(Sample { name, labels, value, at })
}

/// The name of a label, which may be in quotes, and what is behind it.
fn label(text: &str) -> Result<(Cow<'_, str>, &str), &'static str> {
    if text.starts_with('"') {
        return quoted(text);
    }
    let end = text.find(['=', ' ', '\t', ',', '}', '"']).ok_or("the labels do not end")?;
    let (label, rest) = text.split_at(end);
    if label.is_empty() { Err("a label has no name") } else { Ok((Cow::Borrowed(label), rest)) }
}

/// A text in quotes, and what is behind it.
fn quoted(text: &str) -> Result<(Cow<'_, str>, &str), &'static str> {
    const OPEN: &str = "a value of a label must stand in quotes";
    let inside = text.strip_prefix('"').ok_or(OPEN)?;
    let mut is_escaped = false;
    let mut ends = inside.char_indices().filter(|(_, c)| {
        let is_end = *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        is_end
    });
    let (end, _) = ends.next().ok_or("a quote is not closed")?;
    let (value, rest) = (&inside[..end], &inside[end + 1..]);
    if !value.contains('\\') {
        return Ok((Cow::Borrowed(value), rest));
    }
    let mut plain = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => {}
            },
            (c, false) => plain.push(c),
        }
    }
    Ok((Cow::Owned(plain), rest))
}

/// A moment in milliseconds.
fn moment(text: &str, format: Format) -> Option<i64> {
    match format {
        Format::Text => text.parse().ok(),
        Format::OpenMetrics => {
            let seconds: f64 = text.parse().ok()?;
            seconds.is_finite().then_some((seconds * 1_000.0).round() as i64)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::Origin;

    const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

    fn labels() -> Labels {
        [("house", "b".to_owned())].into_iter().collect()
    }

    #[test]
    fn what_a_target_shows_is_readings_and_a_wrong_line_is_left_out() {
        let text = r#"# HELP temp_celsius Of the room.
# TYPE temp_celsius gauge
temp_celsius{room="attic, \"left\"",} 21.5
temp_celsius{ room = "cellar" , job="theirs", house="a"} 9 1789999999000
# TYPE http_requests counter
http_requests_total{path="/a\nb\\c"} 1e3 # {trace="x"} 1
{"http.server",code="200"} 7
quantile_of_nothing NaN
broken{a="b} 1
broken
broken{a=1} 1
broken 1 yesterday
up{} +Inf
# EOF
"#;
        let mut gathered = Gathered::new(Origin::Pushed);
        let read = gather_text(text, Format::Text, "pi", &labels(), &mut gathered, NOW);
        assert_eq!((read.samples, read.no_numbers, read.rejected), (6, 2, 4), "{read:?}");
        assert_eq!(read.first.as_deref(), Some("line 9: a quote is not closed"));
        let mut rows: Vec<_> = gathered
            .shown()
            .map(|(device, sensor, said, at, value)| {
                (format!("{device} {sensor}"), said.kind.map(|kind| format!("{kind:?}")), at.0 - NOW.0, value)
            })
            .collect();
        rows.sort_by(|one, other| one.0.cmp(&other.0));
        let is = |name: &str, kind: Option<&str>, at, value| (name.to_owned(), kind.map(str::to_owned), at, value);
        let expected = [
            is("pi http.server{code=200,house=b}", None, 0, 7.0),
            is(r#"pi http_requests_total{house=b,path="/a<U+000A>b\\c"}"#, Some("Counter"), 0, 1e3),
            is("pi temp_celsius{exported_job=theirs,house=b,room=cellar}", Some("Gauge"), -1_000, 9.0),
            is("pi temp_celsius{house=b,room=\"attic, \\\"left\\\"\"}", Some("Gauge"), 0, 21.5),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn openmetrics_has_its_times_in_seconds_and_says_units() {
        let text =
            "# TYPE wait histogram\n# UNIT wait minutes\nwait_sum 3 1789999999.5\nwait_bucket{le=\"1.0\"} 2 # {} 0.5\n";
        let mut gathered = Gathered::new(Origin::Pushed);
        let read = gather_text(text, Format::OpenMetrics, "pi", &Labels::default(), &mut gathered, NOW);
        assert_eq!((read.samples, read.rejected), (2, 0), "{read:?}");
        let rows: Vec<_> = gathered.shown().map(|(_, sensor, said, at, _)| (sensor, said.unit.clone(), at.0)).collect();
        let minutes = Some("min".to_owned());
        assert_eq!(rows, [("wait_sum", minutes, NOW.0 - 500), ("wait_bucket{le=1.0}", None, NOW.0)]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_left_out(text in "(?s)([a-z{}=\",\\\\# 0-9.\n]|\\PC){0,120}") {
            let mut gathered = Gathered::new(Origin::Pushed);
            let read = gather_text(&format!("{text}\ngood 1"), Format::Text, "pi", &labels(), &mut gathered, NOW);
            prop_assert!(read.samples + read.rejected <= text.lines().count() + 1);
            let is_there = gathered.shown().any(|(_, sensor, ..)| sensor == "good{house=b}");
            prop_assert!(is_there);
        }
    }
}
