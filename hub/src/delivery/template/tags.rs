//! Which names stand in the tags of a template, and where. PURE.
//!
//! minijinja says which names a template uses, but not where, and looks for a filter only when it is reached.

/// A place in a text, both from 1; columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A word of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// A variable with its fields: `alert.rule.name`.
    Name(&'a str),
    /// Behind `|`.
    Filter(&'a str),
    /// Behind `is` or `is not`.
    Test(&'a str),
}

/// The place of a byte.
pub(super) fn place(source: &str, at: usize) -> Place {
    let before = source.get(..at).unwrap_or(source);
    let line_begins = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before.get(line_begins..).unwrap_or_default().chars().count() + 1;
    Place { line: before.matches('\n').count() + 1, column }
}

/// The words of all tags, in order.
pub(super) fn words(source: &str) -> Vec<(Word<'_>, Place)> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(open) = source.get(at..).and_then(|rest| rest.find('{')) {
        let begin = at + open;
        let rest = source.get(begin..).unwrap_or_default();
        let close = match rest.get(..2) {
            Some("{{") => "}}",
            Some("{%") => "%}",
            Some("{#") => {
                at = rest.find("#}").map_or(source.len(), |end| begin + end + 2);
                continue;
            }
            _ => {
                at = begin + 1;
                continue;
            }
        };
        let inner = begin + 2;
        let end = inner + end_of(source.get(inner..).unwrap_or_default(), close);
        let tag = source.get(inner..end).unwrap_or_default();
        if close == "%}" && tag.trim_matches(['-', '+', ' ']) == "raw" {
            let rest = source.get(end..).unwrap_or_default();
            at = rest.find("endraw").map_or(source.len(), |raw| end + raw);
            continue;
        }
        words_of(source, inner, tag, close == "%}", &mut words);
        at = (end + 2).min(source.len());
    }
    words
}

/// Where a tag ends: not inside a text in quotes.
fn end_of(tag: &str, close: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in tag.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None if tag.get(at..).is_some_and(|rest| rest.starts_with(close)) => return at,
            None => {}
        }
    }
    tag.len()
}

/// Words of the language, which are no names.
const OWN: [&str; 22] = [
    "if",
    "elif",
    "else",
    "endif",
    "for",
    "in",
    "endfor",
    "set",
    "endset",
    "with",
    "endwith",
    "and",
    "or",
    "not",
    "is",
    "true",
    "false",
    "none",
    "filter",
    "endfilter",
    "recursive",
    "do",
];

fn words_of<'a>(source: &'a str, begin: usize, tag: &'a str, is_block: bool, words: &mut Vec<(Word<'a>, Place)>) {
    let letters = |c: char| c.is_alphanumeric() || c == '_';
    let (mut at, mut before, mut is_first) = (0, "", true);
    while let Some(c) = tag.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = tag.get(at..).unwrap_or_default();
        if c == '\'' || c == '"' {
            let inner = rest.get(1..).unwrap_or_default();
            at += 2 + end_of(&inner.replace(c, "\u{1}"), "\u{1}").min(inner.len());
            before = "\"";
        } else if c.is_numeric() {
            at += rest.find(|c: char| !letters(c) && c != '.').unwrap_or(rest.len());
            before = "0";
        } else if letters(c) {
            // A field may be spaced out, as minijinja takes it; one in brackets is not followed.
            let end = rest.find(|c: char| !letters(c) && c != '.').unwrap_or(rest.len());
            let word = rest.get(..end).unwrap_or_default();
            let place = place(source, begin + at);
            let after = rest.get(end..).unwrap_or_default().trim_start();
            let is_keyword = after.starts_with('=') && !after.starts_with("==") && !(is_block && before == "set");
            match before {
                "|" => words.push((Word::Filter(word), place)),
                "filter" if is_block => words.push((Word::Filter(word), place)),
                "is" | "is not" if word != "not" => words.push((Word::Test(word), place)),
                "." => {}
                _ if OWN.contains(&word) || (is_block && is_first) || is_keyword => {}
                _ => words.push((Word::Name(word), place)),
            }
            before = match (before, word) {
                ("is", "not") => "is not",
                ("|" | "." | "filter", _) => "name",
                (_, word) => word,
            };
            is_first = false;
            at += end;
        } else {
            if !c.is_whitespace() && c != '-' && c != '+' {
                before = rest.get(..c.len_utf8()).unwrap_or_default();
            }
            at += c.len_utf8();
        }
    }
}
