//! Shows a progress bar for work that takes longer than a second, if stderr is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::clock::Clock;

/// Work that is shorter than this gets no bar.
const LONG: Duration = Duration::from_secs(1);

/// How far something is, in bytes.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    started: std::time::Instant,
    is_shown: bool,
}

impl Progress {
    /// Of so many bytes, if that is known.
    pub(super) fn of(total: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        let template = match total {
            Some(_) => "{bar:32} {bytes} of {total_bytes}, {eta} left",
            None => "{spinner} {bytes}, {bytes_per_sec}",
        };
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, started: Clock.now(), is_shown: false }
    }

    /// It got further.
    pub(super) fn add(&mut self, bytes: u64) {
        self.at(self.bar.position() + bytes);
    }

    /// It is here.
    pub(super) fn at(&mut self, position: u64) {
        self.bar.set_position(position);
        if !self.is_shown && Clock.now().duration_since(self.started) >= LONG {
            self.is_shown = true;
            // Draws nothing where stderr is no terminal.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            // At once: what comes next may take long.
            self.bar.tick();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
