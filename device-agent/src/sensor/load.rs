//! Load averages and uptime, from `/proc/loadavg` and `/proc/uptime`.

use super::{Error, Files, Samples};

/// Adds `load.1m`, `load.5m`, `load.15m` and `uptime`.
pub(super) fn sample(files: &mut Files, samples: &mut Samples) -> Result<(), Error> {
    let text = files.text("proc/loadavg")?;
    let loads: Vec<f64> = text.split_whitespace().take(3).filter_map(|field| field.parse().ok()).collect();
    let [one, five, fifteen] = loads[..] else { return Err(Error::Format(files.named("proc/loadavg"))) };
    samples.gauge(format_args!("load.1m"), "1", one);
    samples.gauge(format_args!("load.5m"), "1", five);
    samples.gauge(format_args!("load.15m"), "1", fifteen);

    let text = files.text("proc/uptime")?;
    let uptime = text.split_whitespace().next().and_then(|field| field.parse().ok());
    samples.gauge(format_args!("uptime"), "s", uptime.ok_or_else(|| Error::Format(files.named("proc/uptime")))?);
    Ok(())
}
