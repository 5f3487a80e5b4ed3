//! Room of one listener for rows that wait for their frame. PURE.

/// Rows that all subscriptions of one listener keep between two frames, at most: every series of a thousand devices.
pub(super) const LISTENER_ROWS: usize = 16_384;
/// Rows for which a listener always has room: what a page with a few charts shows at once.
pub(super) const OWN_ROWS: usize = 512;
/// Rows that are lent at a time.
pub(super) const LENT_ROWS: usize = 1_024;
/// Bytes that a row takes while it waits, with its place among the newest.
const ROW_BYTES: usize = 64;

/// Room of one listener for rows that wait: a few always, and more of them as it is lent, because all listeners share what
/// memory there is.
#[derive(Debug)]
pub(crate) struct Room {
    pub(super) left: usize,
    pub(super) all: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { left: OWN_ROWS, all: OWN_ROWS }
    }
}

impl Room {
    /// How many rows should be lent before `rows` more come; 0 when there is room for them, or no listener has more.
    #[must_use]
    pub(crate) fn wants(&self, rows: usize) -> usize {
        let missing = rows.saturating_sub(self.left);
        missing.next_multiple_of(LENT_ROWS).min(LISTENER_ROWS.saturating_sub(self.all))
    }

    /// Takes room for this many more rows.
    pub(crate) const fn lend(&mut self, rows: usize) {
        self.left += rows;
        self.all += rows;
    }

    /// Gives back what was lent, unless rows wait; whether there was any.
    pub(crate) const fn repay(&mut self) -> bool {
        let repays = self.left == self.all && self.all > OWN_ROWS;
        if repays {
            (self.left, self.all) = (OWN_ROWS, OWN_ROWS);
        }
        repays
    }

    /// Bytes of what was lent.
    #[must_use]
    pub(crate) const fn lent_bytes(&self) -> usize {
        Self::bytes_of(self.all - OWN_ROWS)
    }

    /// Bytes that so many rows take.
    #[must_use]
    pub(crate) const fn bytes_of(rows: usize) -> usize {
        rows * ROW_BYTES
    }

    /// So many rows wait no longer.
    pub(super) const fn give_back(&mut self, rows: usize) {
        self.left += rows;
    }

    /// Takes the room of one row that waits from here on, if there is any.
    pub(super) const fn take(&mut self) -> bool {
        let has_room = self.left > 0;
        if has_room {
            self.left -= 1;
        }
        has_room
    }
}
