//! Prints links in a box as the last thing of a start, because a person on a terminal looks for them.

use std::fmt::Write as _;

/// Letters between the sides of a box, as a terminal of 80 columns shows them.
const WIDTH: usize = 76;

/// A line of text and links below it, in a box; the note has lines of its own. Words are wrapped; a link and what is indented, such
/// as a command, never are, and where one is too long for a box there is none.
pub(super) fn boxed(text: &str, links: &[String], note: &str) -> String {
    let mut lines = wrapped(text);
    lines.push(String::new());
    lines.extend(links.iter().map(|link| format!("  {link}")));
    if !note.is_empty() {
        lines.push(String::new());
        lines.extend(note.lines().flat_map(wrapped));
    }
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
    if width > WIDTH {
        let rule = "─".repeat(WIDTH);
        return format!("\n{rule}\n{}\n{rule}", lines.join("\n"));
    }
    let edge = "─".repeat(width + 2);
    let mut shown = format!("\n┌{edge}┐\n");
    for line in &lines {
        let _ = writeln!(shown, "│ {line}{} │", " ".repeat(width - line.chars().count()));
    }
    shown + &format!("└{edge}┘")
}

fn wrapped(text: &str) -> Vec<String> {
    if text.starts_with(' ') {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// What to know about the last link.
pub(super) fn note(links: &[String]) -> &'static str {
    let is_home = |link: &String| link.contains("//127.") || link.contains("//[::1]");
    match links {
        [only] if is_home(only) => "This link works on this computer only.",
        [.., last] if is_home(last) => "The last one works on this computer only.",
        _ => "",
    }
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

    #[test]
    fn nothing_is_wider_than_a_terminal_but_a_link() {
        let link = "http://192.168.1.20:8080/#setup=00112233445566778899aabbccddeeff".to_owned();
        let shown = boxed(&"word ".repeat(30), &[link], &"note ".repeat(40));
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        let long = format!("http://{}.example:8080/", "a".repeat(80));
        let shown = boxed("Open:", std::slice::from_ref(&long), "");
        assert!(shown.contains(&format!("\n  {long}\n")) && !shown.contains('│'), "{shown}");
    }
}
