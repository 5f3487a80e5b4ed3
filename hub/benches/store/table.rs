//! The table: what is asked for, what the hub does, what one row a reading does.

/// Collects lines and prints each as soon as it is known; the whole table once more at the end.
#[derive(Default)]
pub(crate) struct Table(Vec<[String; 4]>);

impl Table {
    /// A line: what is measured, what is asked for, what the hub did, what the row store did where it was tried.
    pub(crate) fn row(&mut self, what: &str, asked: &str, hub: impl Into<String>, rows: impl Into<String>) {
        let line = [what.to_owned(), asked.to_owned(), hub.into(), rows.into()];
        println!("· {what}: {} (asked: {asked}){}", line[2], if line[3].is_empty() { "" } else { "; row store: " });
        if !line[3].is_empty() {
            println!("    {}", line[3]);
        }
        self.0.push(line);
    }

    /// As Markdown, so that it may be pasted.
    pub(crate) fn print(&self) {
        println!("\n| | asked | hub | one row a reading |\n|---|---|---|---|");
        for [what, asked, hub, rows] in &self.0 {
            println!("| {what} | {asked} | {hub} | {rows} |");
        }
    }
}
