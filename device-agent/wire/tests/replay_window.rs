//! The replay window against a plain set, ten million steps: no counter is accepted twice, and none that it should accept is
//! refused.

use std::collections::HashSet;

use wire::replay::{ReplayWindow, WIDTH};

/// What the window promises, without its cleverness: every counter it ever saw.
#[derive(Default)]
struct Model {
    next: u64,
    seen: HashSet<u64>,
}

impl Model {
    fn mark(&mut self, counter: u64) -> bool {
        let too_old = counter < self.next && self.next - counter > WIDTH;
        if counter == u64::MAX || too_old || !self.seen.insert(counter) {
            return false;
        }
        self.next = self.next.max(counter + 1);
        true
    }
}

/// xorshift64*: the same steps in every run.
fn next(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

#[test]
fn the_window_agrees_with_a_set_over_ten_million_steps() {
    let mut random = 0x9e37_79b9_7f4a_7c15;
    let (mut window, mut model) = (ReplayWindow::default(), Model::default());
    let mut accepted = 0_u32;
    for step in 0..10_000_000_u32 {
        if step % 100_000 == 0 {
            (window, model) = (ReplayWindow::default(), Model::default());
        }
        let newest = model.next;
        let small = next(&mut random);
        let counter = match next(&mut random) % 16 {
            0..=6 => newest.saturating_add(small % 3),
            7..=10 => newest.saturating_sub(small % 80),
            11 => newest.saturating_sub(WIDTH - 2 + small % 5),
            12 => newest.saturating_sub(small % (2 * WIDTH)),
            13 => newest.saturating_add(small % (3 * WIDTH)),
            14 => newest / 64 * 64 + small % 3,
            _ if small % 5_000 == 0 => newest.saturating_add(small >> 8),
            _ if small % 1_000 == 0 => u64::MAX - small % 3,
            _ => small % newest.max(1),
        };
        // The end of the counters is reached only now and then; start again from there.
        if model.next > u64::MAX / 2 && step % 50 == 0 {
            (window, model) = (ReplayWindow::default(), Model::default());
        }
        let expected = model.mark(counter);
        assert_eq!(window.accepts(counter), expected, "step {step}, counter {counter}, newest {newest}");
        assert_eq!(window.mark(counter), expected, "step {step}, counter {counter}, newest {newest}");
        assert_eq!(window.next(), model.next);
        accepted += u32::from(expected);
    }
    assert!((1_000_000..9_000_000).contains(&accepted), "{accepted}: the steps tell nothing");
}
