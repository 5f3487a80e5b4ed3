//! The line protocol by examples of its documentation, by what programs get wrong, and by anything at all.

use proptest::prelude::*;

use super::*;

/// Text, measurement, tags, fields, time.
type Case = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [(&'static str, &'static str)],
    Option<i64>,
);
type Read = (String, Vec<(String, String)>, Vec<(String, String)>, Option<i64>);

/// All of a text, or the first thing that is wrong with it.
fn read(text: &str) -> Result<Vec<Read>, Error> {
    let read = |line: Line<'_>| {
        let series = line.series()?;
        let mut fields = Vec::new();
        for field in line.fields() {
            let (name, value) = field.map_err(|(at, what)| line.error_in_fields(at, what))?;
            fields.push((Fields::name(name).into_owned(), format!("{value:?}")));
        }
        let tags = series.tags.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        Ok((series.measurement.into_owned(), tags, fields, line.timestamp))
    };
    Lines::of(text).map(|line| line.and_then(read)).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect()
}

#[test]
fn names_values_and_moments_are_read_as_the_documentation_has_them() {
    let cases: [Case; 7] = [
        ("m f=1", "m", &[], &[("f", "Number(1.0)")], None),
        (
            "m,b=2,a=1 f=1.5,g=-3i,h=7u,i=1e3 17\r",
            "m",
            &[("a", "1"), ("b", "2")],
            &[("f", "Number(1.5)"), ("g", "Number(-3.0)"), ("h", "Number(7.0)"), ("i", "Number(1000.0)")],
            Some(17),
        ),
        ("m t=T,f=false", "m", &[], &[("t", "Switch(true)"), ("f", "Switch(false)")], None),
        (
            r#"my\ weather,loc\,\ a=us\=mid\ west temp\=out=82,"q"=1 -5"#,
            "my weather",
            &[("loc, a", "us=mid west")],
            &[("temp=out", "Number(82.0)"), ("\"q\"", "Number(1.0)")],
            Some(-5),
        ),
        (
            r#"m s="a b, c=\"d\" \\",f=1 5"#,
            "m",
            &[],
            &[("s", r#"Text("a b, c=\\\"d\\\" \\\\")"#), ("f", "Number(1.0)")],
            Some(5),
        ),
        ("m  f=1  5 ", "m", &[], &[("f", "Number(1.0)")], Some(5)),
        (r"a\b f=1", r"a\b", &[], &[("f", "Number(1.0)")], None),
    ];
    for (text, measurement, tags, fields, timestamp) in cases {
        let expected = vec![(measurement.to_owned(), pairs(tags), pairs(fields), timestamp)];
        assert_eq!(read(text), Ok(expected), "{text}");
    }
}

#[test]
fn comments_and_empty_lines_count_and_texts_may_hold_line_ends() {
    let text = "# comment\n\nm f=1\n\r\n  m s=\"a\nb\" 7\nm f=x\n";
    let numbers: Vec<_> = Lines::of(text).map(|line| line.unwrap().number).collect();
    assert_eq!(numbers, [3, 5, 7]);
    let error = read(text).unwrap_err();
    assert_eq!((error.line, error.column), (7, 5));
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_column() {
    let cases = [
        ("m", 2, "no fields"),
        ("m,a=1", 6, "no fields"),
        ("m ", 3, "no fields"),
        (",a=1 f=1", 1, "no name"),
        ("m,a f=1", 3, "`a` is not a tag"),
        ("m,a= f=1", 3, "`a=` is not a tag"),
        ("m,=1 f=1", 3, "`=1` is not a tag"),
        ("m,a=1,a=2 f=1", 1, "twice"),
        ("m f", 3, "not a field"),
        ("m f=", 5, "not a value"),
        ("m f=1,", 6, "a comma and another field"),
        ("m f=nan", 5, "not a value"),
        ("m f=inf", 5, "not a value"),
        ("m f=1e999", 5, "not a value"),
        ("m f=9223372036854775808i", 5, "not a value"),
        ("m f=-1u", 5, "not a value"),
        ("m f=i", 5, "not a value"),
        ("m f=\"a", 3, "no closing quote"),
        ("m f=\"a\"b", 8, "a comma and another field"),
        ("m f=1 1.5", 7, "not a timestamp"),
        ("m f=1 99999999999999999999", 7, "not a timestamp"),
    ];
    for (text, column, what) in cases {
        let error = read(text).unwrap_err();
        assert!(error.column == column && error.what.contains(what), "{text}: {error}");
    }
    assert_eq!(read("m f=1\nm f=1\nm f=").unwrap_err().line, 3);
}

/// A text with backslashes where the protocol wants them.
fn escaped(text: &str, special: &str) -> String {
    text.chars().map(|c| if special.contains(c) { format!("\\{c}") } else { c.to_string() }).collect()
}

proptest! {
    #[test]
    fn any_text_is_read_or_fails_with_its_line(text in "(?s)([a-z,= \\\\\"0-9.#\n\r\t+-]|\\PC){0,80}") {
        let lines = text.split('\n').count();
        match read(&text) {
            Ok(read) => prop_assert!(read.len() <= lines),
            Err(error) => prop_assert!((1..=lines).contains(&error.line), "{error} of {lines}"),
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        names in prop::collection::btree_map("[a-z ,=µ]{1,8}", "[a-z ,=µ]{1,8}", 0..4),
        measurement in "[a-z ,=µ]{1,8}",
        field in "[a-z ,=µ]{1,8}",
        value in prop::num::f64::NORMAL,
        at: i64,
    ) {
        let mut text = escaped(&measurement, ", ");
        for (name, value) in &names {
            text += &format!(",{}={}", escaped(name, ",= "), escaped(value, ",= "));
        }
        text += &format!(" {}={value:?} {at}", escaped(&field, ",= "));
        let tags = names.into_iter().collect();
        let fields = vec![(field, format!("{:?}", Value::Number(value)))];
        prop_assert_eq!(read(&text), Ok(vec![(measurement, tags, fields, Some(at))]));
    }
}
