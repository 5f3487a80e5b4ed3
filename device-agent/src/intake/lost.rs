//! Counts input of a source that is not a reading, since the start and by reason. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::text::MOST_BYTES;

/// What came and is no reading, by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Datagrams that the kernel dropped, because they came faster than they were taken.
    pub dropped: u64,
    /// Datagrams, files or outputs that were longer than is read: lines at their end are missing.
    pub cut: u64,
    /// Lines that are no line protocol.
    pub refused: u64,
    /// Readings whose time another reading of their sensor had, which came later and counts.
    #[serde(default)]
    pub replaced: u64,
    /// Readings of a sensor that gave more than one a millisecond for seconds.
    #[serde(default)]
    pub crowded: u64,
    /// Why the last line was refused.
    pub last: String,
}

impl Lost {
    /// Something was longer than is read.
    pub(super) fn cut(&mut self) {
        self.cut += 1;
    }

    /// A line was refused.
    pub(super) fn refused(&mut self, why: &impl fmt::Display) {
        self.refused += 1;
        self.last = why.to_string();
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.dropped == 0 && self.cut == 0 && self.refused == 0 && self.replaced == 0 && self.crowded == 0
    }

    /// Adds what came later.
    pub(super) fn add(&mut self, later: &Self) {
        self.dropped = self.dropped.saturating_add(later.dropped);
        self.cut = self.cut.saturating_add(later.cut);
        self.refused = self.refused.saturating_add(later.refused);
        self.replaced = self.replaced.saturating_add(later.replaced);
        self.crowded = self.crowded.saturating_add(later.crowded);
        if !later.last.is_empty() {
            self.last.clone_from(&later.last);
        }
    }
}

/// In words, what weighs most first.
impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dropped, cut, refused, replaced, crowded, last } = self;
        let mut said = false;
        let mut say = |f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>| {
            let between = if std::mem::replace(&mut said, true) { ", " } else { "" };
            write!(f, "{between}{text}")
        };
        if *dropped > 0 {
            let datagrams = if *dropped == 1 { "datagram" } else { "datagrams" };
            say(f, format_args!("{dropped} {datagrams} dropped by the kernel"))?;
        }
        if *cut > 0 {
            say(f, format_args!("{cut} cut at {} KiB", MOST_BYTES >> 10))?;
        }
        if *crowded > 0 {
            say(f, format_args!("{crowded} too many for one a millisecond"))?;
        }
        if *replaced > 0 {
            say(f, format_args!("{replaced} replaced by a later one of the same millisecond"))?;
        }
        if *refused > 0 {
            let lines = if *refused == 1 { "line" } else { "lines" };
            say(f, format_args!("{refused} {lines} refused, the last: {last}"))?;
        }
        Ok(())
    }
}
