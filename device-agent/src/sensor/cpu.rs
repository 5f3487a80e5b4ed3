//! How busy the processors were since the last round, from `/proc/stat`.
//!
//! The kernel counts time by what it was spent on. Only what is spent on work is sure to grow: `iowait` may fall, and does,
//! as an idle processor is counted as waiting for whichever disk it last served (`man 5 proc_stat`). What it gives back goes to
//! `idle`, so the two are one here. Some kernels let it, or `steal`, fall below zero, which reads as almost 2^64: such a number
//! is none, and its counter is left out of the sum. Where the sum of what is idle falls, or all of it (a container moved to
//! another machine), the round has no figures and says so. Guest time is counted in `user` already.

use super::{Error, Files, Samples};

/// Remembers the totals of the last round; the first round tells the mean since the start of the machine.
#[derive(Debug, Default)]
pub(super) struct Cpu {
    last: Ticks,
}

/// user nice system irq softirq steal; then idle iowait.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
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
        let failed = |why: &str| Error::Read { path: files.named("proc/stat"), why: why.to_owned() };
        let ticks = Ticks::of(&text).ok_or_else(|| Error::Format(files.named("proc/stat")))?;
        if ticks == Ticks::default() {
            return Err(failed("all counters of its line `cpu` are zero"));
        }
        let last = std::mem::replace(&mut self.last, ticks);
        let shares = ticks.since(&last).map_err(failed)?;
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
    fn since(&self, last: &Self) -> Result<Option<Shares>, &'static str> {
        let steps = || self.busy.iter().zip(&last.busy).filter_map(|(now, before)| step(*now, *before));
        let waiting = step(self.waiting, last.waiting).unwrap_or(0);
        let idle = step(self.idle, last.idle).ok_or("the counter of idle time is below zero")?.saturating_add(waiting);
        if idle < 0 {
            return Err("the counters of idle time fell");
        }
        if steps().filter(|step| *step < 0).count() > 1 {
            return Err("the counters fell");
        }
        let busy = steps().fold(0_i64, |busy, step| busy.saturating_add(step.max(0)));
        let passed = busy.saturating_add(idle);
        let share = |part: i64| 100.0 * part as f64 / passed as f64;
        // What waited is part of what was idle, whatever its counter says.
        let waiting = waiting.clamp(0, idle);
        Ok((passed > 0).then(|| Shares { used: share(busy), waiting: share(waiting) }))
    }
}

/// How far a counter went; nothing where one of its numbers is below zero.
fn step(now: u64, before: u64) -> Option<i64> {
    Some(i64::try_from(now).ok()?.saturating_sub(i64::try_from(before).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shares after user, nice, system, idle, iowait, irq, softirq, steal moved by so much.
    fn after(steps: [i64; 8]) -> Result<Option<(f64, f64)>, &'static str> {
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
    fn a_counter_below_zero_is_left_out_of_the_sum() {
        let below = |field: usize, number: u64| {
            let mut fields = [115, 0, 0, 180, 100, 0, 0, 100];
            fields[field] = number;
            let text = |fields: [u64; 8]| format!("cpu  {}", fields.map(|field| field.to_string()).join(" "));
            let last = Ticks::of(&text([100, 0, 0, 100, 100, 0, 0, 100])).unwrap();
            let now = Ticks::of(&text(fields)).unwrap();
            // And back again.
            let after = Ticks { busy: [130, 0, 0, 0, 0, 100], idle: 260, waiting: 100 };
            [now.since(&last), after.since(&now)].map(|shares| shares.map(|shares| shares.map(|shares| shares.used)))
        };
        let right = Ok(Some(100.0 * 15.0 / 95.0));
        assert_eq!(below(4, 18_446_744_073_709_551_610), [right, right]);
        assert_eq!(below(7, 18_446_744_073_709_551_500), [right, right]);
        assert!(below(3, 18_446_744_073_709_551_500).iter().all(Result::is_err));
    }

    #[test]
    fn short_lines_of_old_kernels_are_read_and_others_are_not() {
        assert!(Ticks::of("cpu  1 2 3 4\n").is_some());
        assert!(Ticks::of("cpu  1 2 3\n").is_none() && Ticks::of("cpu0 1 2 3 4\n").is_none());
        assert!(Ticks::of("cpu  1 2 x 4 5\n").is_none() && Ticks::of("").is_none());
    }
}
