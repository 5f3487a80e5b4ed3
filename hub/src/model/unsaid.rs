//! What is not repeated where others read it. PURE.

/// A text without what stands before an `@` in it: that may be a password, and errors and logs are read by others.
#[must_use]
pub fn without_secrets(text: &str) -> String {
    let line = |line: &str| {
        let Some((before, behind)) = line.rsplit_once('@') else { return line.to_owned() };
        // A scheme ends there, else the quote of a value in a file begins it.
        let scheme = before.find("://").map(|at| at + 3);
        let kept = scheme.or_else(|| before.find(['"', '\'']).map(|at| at + 1)).unwrap_or(0);
        format!("{}…@{behind}", before.get(..kept).unwrap_or_default())
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_the_sign_is_not_said() {
        for (text, said) in [
            ("http://me:secret@pi/m", "http://…@pi/m"),
            ("mqtt://me:se@cret@pi", "mqtt://…@pi"),
            ("me:secret@pi", "…@pi"),
            ("1 | url = \"me:secret@pi\" x\n  | ^", "1 | url = \"…@pi\" x\n  | ^"),
            ("http://pi/", "http://pi/"),
        ] {
            assert_eq!(without_secrets(text), said);
        }
    }
}
