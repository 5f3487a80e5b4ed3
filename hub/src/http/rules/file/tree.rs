//! A TOML file as the JSON that the API takes, and where each part of it stands. PURE.

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Something that is wrong in a file, and where: line and column from 1, the column in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// What is wrong, and what would be right.
    pub(crate) text: String,
}

/// A file that is TOML.
pub(super) struct Tree<'a> {
    text: &'a str,
    root: Spanned<DeTable<'a>>,
}

/// A part of it.
pub(super) type Part<'a> = Spanned<DeValue<'a>>;

impl<'a> Tree<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, Wrong> {
        DeTable::parse(text).map(|root| Self { text, root }).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let said = error.message().trim().replace('\n', ", ");
            wrong_at(text, at, format!("this is not TOML: {said}"))
        })
    }

    /// The tables of this name: `[[rule]]`.
    pub(super) fn tables(&self, name: &str) -> Result<Vec<&Part<'a>>, Wrong> {
        let Some((_, part)) = self.root.get_ref().iter().find(|(key, _)| key.get_ref() == name) else {
            return Ok(Vec::new());
        };
        let tables: Vec<_> = if let DeValue::Array(all) = part.get_ref() { all.iter().collect() } else { Vec::new() };
        let is_fine = !tables.is_empty() && tables.iter().all(|one| matches!(one.get_ref(), DeValue::Table(_)));
        if is_fine { Ok(tables) } else { Err(self.wrong(part.span().start, format!("write it as [[{name}]]"))) }
    }

    /// Something beside the tables that may be there.
    pub(super) fn strange(&self, known: &[&str]) -> Option<Wrong> {
        let (key, _) = self.root.get_ref().iter().find(|(key, _)| !known.contains(&key.get_ref().as_ref()))?;
        let tables: Vec<String> = known.iter().map(|name| format!("[[{name}]]")).collect();
        let text = format!("`{}` does not belong here: write {}", key.get_ref(), tables.join(" or "));
        Some(self.wrong(key.span().start, text))
    }

    /// A part as JSON.
    pub(super) fn json(&self, part: &Part<'_>) -> Result<Value, Wrong> {
        let number = |text: String| {
            let number = text.parse::<Number>().ok();
            number
                .map(Value::Number)
                .ok_or_else(|| self.wrong(part.span().start, format!("`{text}` is not a number that can be used")))
        };
        Ok(match part.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(is) => Value::Bool(*is),
            DeValue::Integer(integer) => {
                let value = i64::from_str_radix(integer.as_str(), integer.radix());
                number(value.map_or_else(|_| integer.as_str().to_owned(), |value| value.to_string()))?
            }
            DeValue::Float(float) => number(float.as_str().trim_start_matches('+').to_owned())?,
            DeValue::Datetime(_) => {
                return Err(self.wrong(part.span().start, "write a time as text, in quotes".to_owned()));
            }
            DeValue::Array(all) => all.iter().map(|one| self.json(one)).collect::<Result<Vec<_>, _>>()?.into(),
            DeValue::Table(table) => {
                let pair = |(key, value): (&Spanned<_>, &Part<'_>)| {
                    let key: &std::borrow::Cow<'_, str> = key.get_ref();
                    Ok((key.to_string(), self.json(value)?))
                };
                Value::Object(table.iter().map(pair).collect::<Result<Map<_, _>, Wrong>>()?)
            }
        })
    }

    /// What is wrong at a field of a part, by its path: `condition.parts[1].condition.op`. What is not there is wrong where it should be;
    /// of a name that does not belong there the name itself is.
    pub(super) fn wrong_in(&self, part: &Part<'_>, path: &str, text: String) -> Wrong {
        let is_strange = text.starts_with("unknown field");
        self.wrong(find(part, path, is_strange), text)
    }

    pub(super) fn wrong(&self, at: usize, text: String) -> Wrong {
        wrong_at(self.text, at, text)
    }

    /// The line of a part.
    pub(super) fn line(&self, part: &Part<'_>) -> usize {
        self.wrong(part.span().start, String::new()).line
    }
}

fn wrong_at(source: &str, at: usize, text: String) -> Wrong {
    let before = source.get(..at.min(source.len())).unwrap_or(source);
    let begins = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before.get(begins..).unwrap_or_default().chars().count() + 1;
    Wrong { line: before.matches('\n').count() + 1, column, text }
}

/// The byte at which the value of a path begins, or as much of the path as there is.
fn find(part: &Part<'_>, path: &str, is_strange: bool) -> usize {
    let path = path.trim_start_matches('.');
    let here = part.span().start;
    if path.is_empty() {
        return here;
    }
    match part.get_ref() {
        DeValue::Array(all) => {
            let index = path.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            let found = index.and_then(|(number, rest)| Some((all.get(number.parse::<usize>().ok()?)?, rest)));
            found.map_or(here, |(one, rest)| find(one, rest, is_strange))
        }
        DeValue::Table(table) => {
            // Of several names that fit the longest: a label may have a point in its name.
            let rest_of = |key: &str| {
                let rest = path.strip_prefix(key)?;
                (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
            };
            let fitting = table.iter().filter_map(|(key, value)| Some((key, value, rest_of(key.get_ref())?)));
            let Some((key, value, rest)) = fitting.max_by_key(|(key, ..)| key.get_ref().len()) else { return here };
            if rest.is_empty() && is_strange { key.span().start } else { find(value, rest, is_strange) }
        }
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            here
        }
    }
}
