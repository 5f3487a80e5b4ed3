//! Memory and swap, from `/proc/meminfo`, and the cache of ZFS, from its `arcstats`.
//!
//! Available is what the kernel says (`MemAvailable`), and what ZFS would give back: its cache grows to most of a machine's
//! memory, is not in the kernel's figure, and shrinks to `c_min` when somebody needs the room (as htop and netdata count
//! it). In a container the figures can be of two machines, the container's total and the host's rest; what does not fit is
//! not believed.

use super::{Error, Files, Samples};

const MEMINFO: &str = "proc/meminfo";
const ARCSTATS: &str = "proc/spl/kstat/zfs/arcstats";

/// Adds `mem.used_pct`, `mem.available_bytes`, `swap.used_pct` where there is swap, and `mem.zfs_cache_bytes` where there is
/// ZFS.
pub(super) fn sample(files: &mut Files, samples: &mut Samples) -> Result<(), Error> {
    let text = files.text(MEMINFO)?;
    let path = files.named(MEMINFO);
    let path = || path.clone();
    let total = field(&text, "MemTotal").filter(|total| *total > 0.0).ok_or_else(|| Error::Format(path()))?;
    let cache = match files.word(ARCSTATS)? {
        Some(text) => cache(&text),
        None => None,
    };
    let available = available(&text, total).ok_or_else(|| Error::Format(path()))?;
    match available {
        Ok(available) => {
            let (available, cache) = with_cache(available, total, cache);
            samples.gauge(format_args!("mem.used_pct"), "%", 100.0 * (total - available) / total);
            samples.gauge(format_args!("mem.available_bytes"), "By", available);
            if let Some(size) = cache {
                samples.gauge(format_args!("mem.zfs_cache_bytes"), "By", size);
            }
        }
        Err(why) => samples.fail("mem.used_pct".to_owned(), Error::Read { path: path(), why }),
    }
    if let (Some(swap), Some(free)) = (field(&text, "SwapTotal").filter(|swap| *swap > 0.0), field(&text, "SwapFree")) {
        if free <= swap {
            samples.gauge(format_args!("swap.used_pct"), "%", 100.0 * (swap - free) / swap);
        } else {
            let why = "SwapFree is more than SwapTotal".to_owned();
            samples.fail("swap.used_pct".to_owned(), Error::Read { path: path(), why });
        }
    }
    Ok(())
}

/// A figure of `/proc/meminfo`, in bytes.
fn field(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kibibytes: u64 = rest.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes as f64 * 1024.0)
}

/// What programs can have of `total`. `None` if nothing says; an error if what says so cannot be.
fn available(text: &str, total: f64) -> Option<Result<f64, String>> {
    let said = field(text, "MemAvailable");
    if let Some(said) = said.filter(|said| *said <= total) {
        return Some(Ok(said));
    }
    // Kernels before 3.14 do not say what is available, and some containers say what the host has.
    let free = field(text, "MemFree")?;
    let shared = field(text, "Shmem").unwrap_or(0.0);
    let cached = field(text, "Buffers").unwrap_or(0.0) + (field(text, "Cached").unwrap_or(0.0) - shared).max(0.0);
    if free + cached <= total {
        return Some(Ok(free + cached));
    }
    let which = if said.is_some() { "MemAvailable" } else { "MemFree with the caches" };
    Some(Err(format!("{which} is more than MemTotal")))
}

/// Size of the cache of ZFS, and how much of it ZFS would give back, in bytes.
fn cache(text: &str) -> Option<(f64, f64)> {
    let row = |name: &str| {
        let mut words =
            text.lines().map(str::split_ascii_whitespace).find(|words| words.clone().next() == Some(name))?;
        words.nth(2)?.parse::<u64>().ok()
    };
    let (size, least) = (row("size")?, row("c_min")?);
    Some((size as f64, size.saturating_sub(least) as f64))
}

/// Adds what the cache would give back; and the size of a cache that lies in this memory: a container sees that of its host.
fn with_cache(available: f64, total: f64, cache: Option<(f64, f64)>) -> (f64, Option<f64>) {
    match cache {
        Some((size, spare)) if available + size <= total => (available + spare, Some(size)),
        Some(_) | None => (available, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: f64 = 1024.0;

    fn of(text: &str) -> Option<Result<f64, String>> {
        available(text, field(text, "MemTotal")?)
    }

    #[test]
    fn what_is_available_is_said_or_summed_and_never_more_than_there_is() {
        assert_eq!(of("MemTotal: 100 kB\nMemFree: 1 kB\nMemAvailable: 60 kB\n"), Some(Ok(60.0 * KIB)));
        assert_eq!(of("MemTotal: 100 kB\nMemFree: 30 kB\nBuffers: 1 kB\nCached: 9 kB\n"), Some(Ok(40.0 * KIB)));
        let lxc =
            "MemTotal: 100 kB\nMemFree: 30 kB\nMemAvailable: 1067 kB\nBuffers: 0 kB\nCached: 20 kB\nShmem: 5 kB\n";
        assert_eq!(of(lxc), Some(Ok(45.0 * KIB)));
        let host = "MemTotal: 100 kB\nMemFree: 900 kB\nMemAvailable: 1067 kB\n";
        assert_eq!(of(host), Some(Err("MemAvailable is more than MemTotal".to_owned())));
        assert_eq!(of("MemTotal: 100 kB\n"), None);
        assert_eq!(of("MemTotal: 100 kB\nMemAvailable: -5 kB\n"), None);
    }

    #[test]
    fn the_cache_of_zfs_counts_as_available_down_to_its_floor_where_it_is_this_machines() {
        let arcstats = "13 1 0x01 123 33456 1 2\nname  type data\nhits 4 99\nc_min 4 10\nc_max 4 90\nsize 4 60\n";
        assert_eq!(cache(arcstats), Some((60.0, 50.0)));
        assert_eq!(with_cache(10.0, 100.0, cache(arcstats)), (60.0, Some(60.0)));
        assert_eq!(with_cache(50.0, 100.0, cache(arcstats)), (50.0, None));
        assert_eq!(with_cache(10.0, 100.0, cache("size 4 5\nc_min 4 10\n")), (10.0, Some(5.0)));
        assert_eq!(with_cache(10.0, 100.0, cache("hits 4 5\n")), (10.0, None));
    }
}
