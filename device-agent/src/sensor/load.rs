//! Load averages and uptime, from `/proc/loadavg` and `/proc/uptime`.

use std::path::Path;

use super::{Error, Samples, read};

/// Adds `load.1m`, `load.5m`, `load.15m` and `uptime`.
pub(super) fn sample(root: &Path, samples: &mut Samples) -> Result<(), Error> {
    let text = read(root, "proc/loadavg")?;
    let loads: Vec<f64> = text.split_whitespace().take(3).filter_map(|field| field.parse().ok()).collect();
    let [one, five, fifteen] = loads[..] else { return Err(Error::Format(root.join("proc/loadavg"))) };
    samples.gauge(format_args!("load.1m"), "1", one);
    samples.gauge(format_args!("load.5m"), "1", five);
    samples.gauge(format_args!("load.15m"), "1", fifteen);

    let text = read(root, "proc/uptime")?;
    let uptime = text.split_whitespace().next().and_then(|field| field.parse().ok());
    samples.gauge(format_args!("uptime"), "s", uptime.ok_or_else(|| Error::Format(root.join("proc/uptime")))?);
    Ok(())
}
