//! Memory and swap, from `/proc/meminfo`.

use std::path::Path;

use super::{Error, Samples, read};

/// Adds `mem.used_pct`, `mem.available_bytes`, and `swap.used_pct` where there is swap.
pub(super) fn sample(root: &Path, samples: &mut Samples) -> Result<(), Error> {
    let text = read(root, "proc/meminfo")?;
    let field = |name: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        rest.split_whitespace().next()?.parse::<f64>().ok()
    };
    let malformed = || Error::Format(root.join("proc/meminfo"));
    let total = field("MemTotal").filter(|total| *total > 0.0).ok_or_else(malformed)?;
    // Kernels before 3.14 do not say what is available.
    let available = field("MemAvailable")
        .or_else(|| Some(field("MemFree")? + field("Buffers")? + field("Cached")?))
        .ok_or_else(malformed)?;
    samples.gauge(format_args!("mem.used_pct"), "%", 100.0 * (total - available) / total);
    samples.gauge(format_args!("mem.available_bytes"), "By", available * 1024.0);
    if let (Some(swap), Some(free)) = (field("SwapTotal").filter(|swap| *swap > 0.0), field("SwapFree")) {
        samples.gauge(format_args!("swap.used_pct"), "%", 100.0 * (swap - free) / swap);
    }
    Ok(())
}
