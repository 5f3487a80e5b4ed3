//! Whole lines out of a stream of bytes, each of bounded length. PURE.

use super::cut::Shape;

/// Longest line, in bytes: with a hundred fields it has some thousands.
pub(super) const LINE: usize = 64 << 10;

/// The part of a stream that is no whole line yet.
#[derive(Debug, Default)]
pub(super) struct Frames {
    tail: Vec<u8>,
    /// What the last whole line looks like.
    usual: Option<Shape>,
    /// The line that is coming was too long, and ends at its line end.
    is_skipping: bool,
}

/// What some bytes completed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Completed {
    /// Whole lines, with their ends.
    pub(super) lines: Vec<u8>,
    /// Lines that were too long.
    pub(super) too_long: usize,
}

impl Frames {
    /// Takes the next bytes.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Completed {
        let mut completed = Completed::default();
        if self.is_skipping {
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return completed };
            self.is_skipping = false;
            bytes = bytes.get(end + 1..).unwrap_or_default();
        }
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let (lines, rest) = bytes.split_at(whole);
        if !lines.is_empty() {
            completed.lines = std::mem::take(&mut self.tail);
            completed.lines.extend_from_slice(lines);
            self.usual = Shape::of_the_last(&completed.lines).or(self.usual);
        }
        self.tail.extend_from_slice(rest);
        if self.tail.len() > LINE {
            completed.too_long = 1;
            self.is_skipping = true;
            self.tail = Vec::new();
        }
        completed
    }

    /// Bytes of a line that is not whole yet.
    pub(super) const fn pending(&self) -> usize {
        self.tail.len()
    }

    /// Whether a line has begun and not ended.
    pub(super) const fn is_within_a_line(&self) -> bool {
        self.is_skipping || !self.tail.is_empty()
    }

    /// The last line of a stream that ended, which may have no line end; none where it was cut.
    pub(super) fn end(self) -> Option<Vec<u8>> {
        let is_cut = self.usual.is_some_and(|usual| usual.is_more_than(&self.tail));
        (!is_cut).then_some(self.tail)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::cut::whole;
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_skipped_to_its_end_and_nothing_of_it_is_kept() {
        let mut frames = Frames::default();
        assert_eq!(frames.take(b"m f=1\nm f"), Completed { lines: b"m f=1\n".to_vec(), too_long: 0 });
        assert_eq!(frames.take(&vec![b'x'; LINE]).too_long, 1);
        assert!(frames.pending() == 0 && frames.is_within_a_line());
        assert_eq!(frames.take(&vec![b'x'; 3 * LINE]), Completed::default());
        assert_eq!(frames.take(b"x 1\nm f=2\n").lines, b"m f=2\n");
        assert!(!frames.is_within_a_line());
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_lines_are_the_same(text in "[ab =,0-9\n]{0,60}", cuts in prop::collection::vec(0_usize..60, 0..8)) {
            let mut frames = Frames::default();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let mut seen = Vec::new();
            for pair in cuts.windows(2) {
                let completed = frames.take(&text.as_bytes()[pair[0]..pair[1]]);
                prop_assert!(completed.lines.is_empty() || completed.lines.ends_with(b"\n"));
                seen.extend(completed.lines);
            }
            let rest = frames.tail.clone();
            let (whole, is_cut) = whole(text.as_bytes());
            prop_assert_eq!(frames.end().is_none(), is_cut);
            prop_assert!(is_cut == (seen.len() < text.len() && seen == whole));
            seen.extend(rest);
            prop_assert_eq!(seen, text.into_bytes());
        }
    }
}
