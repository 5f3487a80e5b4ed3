//! The sliding window that lets each packet counter in once (RFC 6479's idea, 2,048 wide).
//!
//! Ask [`ReplayWindow::accepts`] before spending a decryption, and [`ReplayWindow::mark`] only after it succeeded: a
//! forged counter must not move the window.

const WORDS: usize = 32;
/// Counters the window remembers below the newest.
pub const WIDTH: u64 = (WORDS as u64 - 1) * 64;

/// Which of the newest counters were seen.
#[derive(Debug, Clone, Default)]
pub struct ReplayWindow {
    /// One past the newest counter; 0 when none was seen.
    next: u64,
    bits: [u64; WORDS],
}

impl ReplayWindow {
    /// Whether a counter is neither seen nor too old to tell.
    #[must_use]
    pub fn accepts(&self, counter: u64) -> bool {
        if counter >= self.next {
            return counter != u64::MAX;
        }
        self.next - counter <= WIDTH && self.bits[word(counter)] & bit(counter) == 0
    }

    /// Remembers an authentic counter; `false` if it should not have been accepted.
    pub fn mark(&mut self, counter: u64) -> bool {
        if !self.accepts(counter) {
            return false;
        }
        if counter >= self.next {
            let newest = self.next.saturating_sub(1) / 64;
            let steps = (counter / 64 - newest).min(WORDS as u64);
            for step in 1..=steps {
                self.bits[((newest + step) % WORDS as u64) as usize] = 0;
            }
            self.next = counter + 1;
        }
        self.bits[word(counter)] |= bit(counter);
        true
    }

    /// One past the newest counter seen.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }
}

const fn word(counter: u64) -> usize {
    (counter / 64 % WORDS as u64) as usize
}

const fn bit(counter: u64) -> u64 {
    1 << (counter % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_enters_once_in_any_order() {
        let mut window = ReplayWindow::default();
        for counter in [0, 5, 3, 4, 2_000, 100] {
            assert!(window.mark(counter), "{counter}");
            assert!(!window.mark(counter), "{counter} again");
        }
    }

    #[test]
    fn too_old_is_refused_and_a_jump_forgets_everything() {
        let mut window = ReplayWindow::default();
        assert!(window.mark(10_000));
        assert!(!window.accepts(10_000 - WIDTH));
        assert!(window.accepts(10_001 - WIDTH));
        assert!(window.mark(1_000_000));
        assert!(window.mark(1_000_000 - WIDTH + 1));
        assert!(!window.accepts(u64::MAX));
    }
}
