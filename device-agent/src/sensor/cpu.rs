//! How busy the processors were since the last round, from `/proc/stat`.

use std::path::Path;

use super::{Error, Samples, read};

/// Remembers the totals of the last round; the first round gives no value.
#[derive(Debug, Default)]
pub struct Cpu {
    last: Option<Ticks>,
}

#[derive(Debug, Clone, Copy)]
struct Ticks {
    total: u64,
    idle: u64,
    waiting: u64,
}

impl Cpu {
    /// Adds `cpu.used_pct` and `cpu.iowait_pct`.
    pub(super) fn sample(&mut self, root: &Path, samples: &mut Samples) -> Result<(), Error> {
        let text = read(root, "proc/stat")?;
        let ticks = ticks(&text).ok_or_else(|| Error::Format(root.join("proc/stat")))?;
        // Since boot when there is no round before: coarse, but the sensor is there from the first moment.
        let last = self.last.replace(ticks).unwrap_or(Ticks { total: 0, idle: 0, waiting: 0 });
        let passed = ticks.total.saturating_sub(last.total);
        if passed > 0 {
            let share = |part: u64| 100.0 * part as f64 / passed as f64;
            let waiting = ticks.waiting.saturating_sub(last.waiting);
            let idle = ticks.idle.saturating_sub(last.idle).saturating_add(waiting);
            samples.gauge(format_args!("cpu.used_pct"), "%", share(passed.saturating_sub(idle)));
            samples.gauge(format_args!("cpu.iowait_pct"), "%", share(waiting));
        }
        Ok(())
    }
}

fn ticks(text: &str) -> Option<Ticks> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    // user nice system idle iowait irq softirq steal; guest time after them is counted in user already.
    let fields: Vec<u64> = line.split_whitespace().take(8).map(|field| field.parse().ok()).collect::<Option<_>>()?;
    let (idle, waiting) = (*fields.get(3)?, fields.get(4).copied().unwrap_or(0));
    Some(Ticks { total: fields.iter().fold(0, |sum, field| sum.saturating_add(*field)), idle, waiting })
}
