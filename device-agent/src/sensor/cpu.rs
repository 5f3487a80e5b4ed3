//! How busy the processors were since the last round, from `/proc/stat`.
//!
//! The kernel counts time by what it was spent on. Only what is spent on work is sure to grow: `iowait` may fall, and does,
//! as an idle processor is counted as waiting for whichever disk it last served (`man 5 proc_stat`). What it gives back goes to
//! `idle`, so the two are one here. Where even their sum falls, or all of it (a container moved to another machine), the
//! round has no figures and says so. Guest time is counted in `user` already.

use super::{Error, Files, Samples};

/// Remembers the totals of the last round; the first round tells the mean since the start of the machine.
#[derive(Debug, Default)]
pub(super) struct Cpu {
    last: Ticks,
}

/// user nice system irq softirq steal; then idle iowait.
#[derive(Debug, Clone, Copy, Default)]
struct Ticks {
    busy: [u64; 6],
    idle: u64,
    waiting: u64,
}

/// Shares of the time between two rounds, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shares {
    used: f64,
    waiting: f64,
}

impl Cpu {
    /// Adds `cpu.used_pct` and `cpu.iowait_pct`.
    pub(super) fn sample(&mut self, files: &mut Files, samples: &mut Samples) -> Result<(), Error> {
        let text = files.text("proc/stat")?;
        let ticks = Ticks::of(&text).ok_or_else(|| Error::Format(files.named("proc/stat")))?;
        let last = std::mem::replace(&mut self.last, ticks);
        let shares = ticks.since(&last).map_err(|why| Error::Read { path: files.named("proc/stat"), why })?;
        if let Some(Shares { used, waiting }) = shares {
            samples.gauge(format_args!("cpu.used_pct"), "%", used);
            samples.gauge(format_args!("cpu.iowait_pct"), "%", waiting);
        }
        Ok(())
    }
}

impl Ticks {
    /// The first line of `/proc/stat`.
    fn of(text: &str) -> Option<Self> {
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        let fields: Vec<u64> =
            line.split_whitespace().take(8).map(|field| field.parse().ok()).collect::<Option<_>>()?;
        let [user, nice, system, idle, rest @ ..] = &fields[..] else { return None };
        // Kernels before 2.6 stop here.
        let field = |n: usize| rest.get(n).copied().unwrap_or(0);
        Some(Self { busy: [*user, *nice, *system, field(1), field(2), field(3)], idle: *idle, waiting: field(0) })
    }

    /// What the time since an earlier round went to; nothing if none has passed.
    fn since(&self, last: &Self) -> Result<Option<Shares>, String> {
        let mut busy = 0_u64;
        for (now, before) in self.busy.iter().zip(&last.busy) {
            busy = busy.saturating_add(now.saturating_sub(*before));
        }
        let not_working = |ticks: &Self| ticks.idle.saturating_add(ticks.waiting);
        let idle = not_working(self).checked_sub(not_working(last)).ok_or("the counters of idle time fell")?;
        if self.busy.iter().zip(&last.busy).filter(|(now, before)| now < before).count() > 1 {
            return Err("the counters fell".to_owned());
        }
        let passed = busy.saturating_add(idle);
        let share = |part: u64| 100.0 * part as f64 / passed as f64;
        // What waited is part of what was idle, whatever its counter says.
        let waiting = self.waiting.saturating_sub(last.waiting).min(idle);
        Ok((passed > 0).then(|| Shares { used: share(busy), waiting: share(waiting) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shares after user, nice, system, idle, iowait, irq, softirq, steal moved by so much.
    fn after(steps: [i64; 8]) -> Result<Option<(f64, f64)>, String> {
        let ticks = |by: [i64; 8]| {
            let fields = by.map(|by| (10_000 + by).to_string()).join(" ");
            Ticks::of(&format!("cpu  {fields} 77 0\ncpu0 1 2 3\n")).unwrap()
        };
        let shares = ticks(steps).since(&ticks([0; 8]))?;
        Ok(shares.map(|shares| (shares.used, shares.waiting)))
    }

    #[test]
    fn an_iowait_that_falls_was_idle_and_takes_nothing_from_what_was_used() {
        assert_eq!(after([10, 0, 6, 84, 0, 0, 0, 0]), Ok(Some((16.0, 0.0))));
        assert_eq!(after([10, 0, 6, 89, -5, 0, 0, 0]), Ok(Some((16.0, 0.0))));
        assert_eq!(after([10, 0, 6, 99, -15, 0, 0, 0]), Ok(Some((16.0, 0.0))));
        assert_eq!(after([10, 0, 6, 64, 20, 0, 0, 0]), Ok(Some((16.0, 20.0))));
        // What idle gives back was waiting.
        assert_eq!(after([10, 0, 6, -16, 100, 0, 0, 0]), Ok(Some((16.0, 84.0))));
    }

    #[test]
    fn every_share_is_one_and_a_round_that_ran_backwards_has_none() {
        assert_eq!(after([100, 0, 0, 0, 0, 0, 0, 0]), Ok(Some((100.0, 0.0))));
        assert_eq!(after([0; 8]), Ok(None));
        // A steal that falls alone is a host's rounding.
        assert_eq!(after([16, 0, 0, 84, 0, 0, 0, -3]), Ok(Some((16.0, 0.0))));
        assert!(after([5, 0, 5, -20, 0, 0, 0, 0]).is_err());
        assert!(after([-900, 0, -900, -9_000, -5, 0, 0, 0]).is_err());
        assert!(after([-900, 0, -900, 10, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn short_lines_of_old_kernels_are_read_and_others_are_not() {
        assert!(Ticks::of("cpu  1 2 3 4\n").is_some());
        assert!(Ticks::of("cpu  1 2 3\n").is_none() && Ticks::of("cpu0 1 2 3 4\n").is_none());
        assert!(Ticks::of("cpu  1 2 x 4 5\n").is_none() && Ticks::of("").is_none());
    }
}
