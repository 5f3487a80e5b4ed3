//! The link to open, in a box, as the last thing a start prints: what a person looks for on a terminal.

use std::fmt::Write as _;

/// A line of text and links below it, in a box; the note has lines of its own.
pub(super) fn boxed(text: &str, links: &[String], note: &str) -> String {
    let mut lines = vec![text.to_owned(), String::new()];
    lines.extend(links.iter().map(|link| format!("  {link}")));
    if !note.is_empty() {
        lines.push(String::new());
        lines.extend(note.lines().map(str::to_owned));
    }
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
    let edge = "─".repeat(width + 2);
    let mut shown = format!("\n┌{edge}┐\n");
    for line in &lines {
        let _ = writeln!(shown, "│ {line}{} │", " ".repeat(width - line.chars().count()));
    }
    shown + &format!("└{edge}┘")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_stands_alone_on_its_line() {
        let links = ["http://192.168.1.20:8080/".to_owned(), "http://attic.local:8080/".to_owned()];
        let expected = "
┌─────────────────────────────┐
│ Open:                       │
│                             │
│   http://192.168.1.20:8080/ │
│   http://attic.local:8080/  │
└─────────────────────────────┘";
        assert_eq!(boxed("Open:", &links, ""), expected);
    }
}
