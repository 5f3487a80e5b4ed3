//! An aligned table. PURE: rows in, text out.

/// Rows of cells; numbers stand at the right.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    head: [String; N],
    right: [bool; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(head: [&str; N]) -> Self {
        Self { head: head.map(str::to_owned), right: [false; N], rows: Vec::new() }
    }

    /// Columns of numbers.
    pub(super) fn right(mut self, columns: impl IntoIterator<Item = usize>) -> Self {
        for column in columns {
            if let Some(right) = self.right.get_mut(column) {
                *right = true;
            }
        }
        self
    }

    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Every line with its end; nothing where there are no rows.
    pub(super) fn text(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let mut widths = [0; N];
        for row in self.rows.iter().chain([&self.head]) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut text = String::new();
        for row in [&self.head].into_iter().chain(&self.rows) {
            let mut line = String::new();
            for ((cell, width), right) in row.iter().zip(widths).zip(self.right) {
                let gap = " ".repeat(width - cell.chars().count());
                line += &if right { format!("{gap}{cell}  ") } else { format!("{cell}{gap}  ") };
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_and_lines_end_with_their_text() {
        let mut table = Table::new(["NAME", "VALUE", "NOTE"]).right([1]);
        table.row(["attic".into(), "21.5".into(), String::new()]);
        table.row(["größe".into(), "1013".into(), "late".into()]);
        assert_eq!(table.text(), "NAME   VALUE  NOTE\nattic   21.5\ngröße   1013  late\n");
        assert_eq!(Table::new(["NAME"]).text(), "");
    }
}
