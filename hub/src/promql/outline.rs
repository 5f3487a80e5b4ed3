//! A question before it is read: how many parts it has, and which patterns. PURE.

/// What a parser should know before it begins.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// About how many parts there are that may stand in each other: brackets and operators outside of texts.
    pub(super) parts: usize,
    /// Texts behind `=~` and `!~`, as they are written, with their quotes.
    pub(super) patterns: Vec<String>,
}

impl Outline {
    pub(super) fn of(text: &str) -> Self {
        let mut outline = Self::default();
        let mut rest = text;
        let (mut word, mut is_pattern) = (String::new(), false);
        while let Some(c) = rest.chars().next() {
            if !c.is_ascii_alphanumeric() && is_operator(&std::mem::take(&mut word)) {
                outline.parts += 1;
            }
            let behind = &rest[c.len_utf8()..];
            rest = match c {
                '"' | '\'' | '`' => {
                    let (quoted, behind) = rest.split_at(quoted(rest));
                    if is_pattern {
                        outline.patterns.push(quoted.to_owned());
                    }
                    is_pattern = false;
                    behind
                }
                // Up to the end of the line.
                '#' => behind.split_once('\n').map_or("", |(_, behind)| behind),
                _ => behind,
            };
            match c {
                '(' | '[' | '{' | '+' | '-' | '*' | '/' | '%' | '^' | '<' | '>' | '!' | '=' => {
                    outline.parts += 1;
                    is_pattern = false;
                }
                '~' => is_pattern = true,
                c if c.is_ascii_alphanumeric() => {
                    word.push(c);
                    is_pattern = false;
                }
                _ => {}
            }
        }
        outline.parts += usize::from(is_operator(&word));
        outline
    }
}

/// How long the text is that begins here, with its quotes.
fn quoted(text: &str) -> usize {
    let mut bytes = text.bytes().enumerate();
    let Some((_, quote)) = bytes.next() else { return 0 };
    let mut escaped = false;
    for (place, byte) in bytes {
        if escaped {
            escaped = false;
        } else if byte == quote {
            return place + 1;
        } else {
            escaped = byte == b'\\' && quote != b'`';
        }
    }
    text.len()
}

/// Operators that are words.
fn is_operator(word: &str) -> bool {
    ["and", "or", "unless", "atan2"].iter().any(|operator| word.eq_ignore_ascii_case(operator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_outside_of_texts_and_patterns_found_wherever_they_stand() {
        for (text, parts, patterns) in [
            ("up", 0, vec![]),
            ("(a + b) and c", 3, vec![]),
            (
                r#"up{a=~"x(y)",b="(("} # (((
            or 'and ('"#,
                4,
                vec![r#""x(y)""#],
            ),
            (r#"up{a=~"x\"(",b!~ `\`}"#, 3, vec![r#""x\"(""#, r"`\`"]),
        ] {
            let patterns = patterns.into_iter().map(str::to_owned).collect();
            assert_eq!(Outline::of(text), Outline { parts, patterns }, "{text}");
        }
    }
}
