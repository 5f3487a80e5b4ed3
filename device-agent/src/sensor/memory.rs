//! Memory and swap, from `/proc/meminfo`, and the cache of ZFS, from its `arcstats`.
//!
//! Available is what the kernel says (`MemAvailable`), and what ZFS would give back: its cache grows to most of a machine's
//! memory, is not in the kernel's figure, and shrinks to `c_min` when somebody needs the room (as htop and netdata count
//! it). In a container the figures can be of two machines, the container's memory and the host's cache: the cache counts
//! only where it is of this memory, see [`Cache::is_of`]. It overlaps with what the kernel calls available (`SReclaimable`);
//! more than what programs leave is never available.

use super::{Error, Files, Samples};

const MEMINFO: &str = "proc/meminfo";
const ARCSTATS: &str = "proc/spl/kstat/zfs/arcstats";

/// Adds `mem.used_pct`, `mem.available_bytes`, `swap.used_pct` where there is swap, and `mem.zfs_cache_bytes` where there is
/// ZFS.
pub(super) fn sample(files: &mut Files, samples: &mut Samples) -> Result<(), Error> {
    let text = files.text(MEMINFO)?;
    let path = files.named(MEMINFO);
    let failed = |why: String| Error::Read { path: path.clone(), why };
    let total = field(&text, "MemTotal").filter(|total| *total > 0.0);
    let total = total.ok_or_else(|| failed("has no MemTotal".to_owned()))?;
    match available(&text, total) {
        Ok(available) => {
            let available = with_cache(files, samples, &text, (available, total))?;
            samples.gauge(format_args!("mem.used_pct"), "%", 100.0 * (total - available) / total);
            samples.gauge(format_args!("mem.available_bytes"), "By", available);
        }
        Err(why) => samples.fail("mem.used_pct".to_owned(), failed(why)),
    }
    if let (Some(swap), Some(free)) = (field(&text, "SwapTotal").filter(|swap| *swap > 0.0), field(&text, "SwapFree")) {
        if free <= swap {
            samples.gauge(format_args!("swap.used_pct"), "%", 100.0 * (swap - free) / swap);
        } else {
            samples.fail("swap.used_pct".to_owned(), failed("SwapFree is more than SwapTotal".to_owned()));
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

/// What programs can have of `total`; an error if nothing says, or what says so cannot be.
fn available(text: &str, total: f64) -> Result<f64, String> {
    let said = field(text, "MemAvailable");
    if let Some(said) = said.filter(|said| *said <= total) {
        return Ok(said);
    }
    // Kernels before 3.14 do not say what is available, and some containers say what the host has.
    let Some(free) = field(text, "MemFree") else {
        return Err(match said {
            Some(_) => "MemAvailable is more than MemTotal, and there is no MemFree".to_owned(),
            None => "has neither MemAvailable nor MemFree".to_owned(),
        });
    };
    let shared = field(text, "Shmem").unwrap_or(0.0);
    let cached = field(text, "Buffers").unwrap_or(0.0) + (field(text, "Cached").unwrap_or(0.0) - shared).max(0.0);
    if free + cached <= total {
        return Ok(free + cached);
    }
    let which = if said.is_some() { "MemAvailable" } else { "MemFree with the caches" };
    Err(format!("{which} is more than MemTotal"))
}

/// What is available with what ZFS would give back; tells the size of its cache.
fn with_cache(
    files: &mut Files,
    samples: &mut Samples,
    text: &str,
    (available, total): (f64, f64),
) -> Result<f64, Error> {
    let Some(cache) = files.word(ARCSTATS)?.and_then(|text| Cache::of(&text)) else { return Ok(available) };
    if !cache.is_of(total, text, || is_in_container(files)) {
        samples.leave_out("mem.zfs_cache_bytes", "left out: the cache of ZFS is that of the host, not of this memory");
        return Ok(available);
    }
    samples.gauge(format_args!("mem.zfs_cache_bytes"), "By", cache.size);
    Ok(cache.added_to(available, total, text))
}

/// Whether this is a container: its runtime leaves a mark, or puts a file of its own over `/proc/meminfo` (lxcfs).
fn is_in_container(files: &mut Files) -> bool {
    [".dockerenv", "run/.containerenv", "run/systemd/container"].iter().any(|mark| files.exists(mark))
        || files.text("proc/self/mountinfo").is_ok_and(|mounts| mounts.contains(" /proc/meminfo "))
}

/// The cache of ZFS, in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cache {
    size: f64,
    /// What it keeps whatever happens.
    least: f64,
    most: Option<f64>,
    /// The memory of the machine it is in.
    memory: Option<f64>,
}

impl Cache {
    fn of(text: &str) -> Option<Self> {
        let row = |name: &str| {
            let mut words =
                text.lines().map(str::split_ascii_whitespace).find(|words| words.clone().next() == Some(name))?;
            words.nth(2)?.parse::<u64>().ok().map(|bytes| bytes as f64)
        };
        let (most, memory) = (row("c_max"), row("memory_all_bytes"));
        Some(Self { size: row("size")?, least: row("c_min")?, most, memory })
    }

    /// Whether it lies in the memory that `text` tells of. ZFS tells how much memory its machine has since 0.7; before that,
    /// a cache that may grow beyond this memory or of which less than half can be in it is that of a host, and so is any
    /// that is seen in a container.
    fn is_of(&self, total: f64, text: &str, is_in_container: impl FnOnce() -> bool) -> bool {
        if self.size > total || self.most.is_some_and(|most| most > total) {
            return false;
        }
        if let Some(memory) = self.memory {
            return (memory - total).abs() <= total / 20.0;
        }
        let others = ["MemFree", "Buffers", "Cached", "AnonPages"].iter().filter_map(|name| field(text, name));
        self.size / 2.0 <= total - others.sum::<f64>() && !is_in_container()
    }

    /// What is available with what it would give back: at most what programs leave.
    fn added_to(&self, available: f64, total: f64, text: &str) -> f64 {
        let held: f64 = ["AnonPages", "Shmem"].iter().filter_map(|name| field(text, name)).sum();
        let spare = (self.size - self.least).max(0.0);
        (available + spare).min(total - held).max(available)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: f64 = 1024.0;

    fn of(text: &str) -> Result<f64, String> {
        available(text, field(text, "MemTotal").unwrap())
    }

    #[test]
    fn what_is_available_is_said_or_summed_and_never_more_than_there_is() {
        assert_eq!(of("MemTotal: 100 kB\nMemFree: 1 kB\nMemAvailable: 60 kB\n"), Ok(60.0 * KIB));
        assert_eq!(of("MemTotal: 100 kB\nMemFree: 30 kB\nBuffers: 1 kB\nCached: 9 kB\n"), Ok(40.0 * KIB));
        let lxc =
            "MemTotal: 100 kB\nMemFree: 30 kB\nMemAvailable: 1067 kB\nBuffers: 0 kB\nCached: 20 kB\nShmem: 5 kB\n";
        assert_eq!(of(lxc), Ok(45.0 * KIB));
        for (text, why) in [
            ("MemFree: 900 kB\nMemAvailable: 1067 kB\n", "MemAvailable is more than MemTotal"),
            ("MemAvailable: 1067 kB\n", "MemAvailable is more than MemTotal, and there is no MemFree"),
            ("MemFree: 900 kB\n", "MemFree with the caches is more than MemTotal"),
            ("", "has neither MemAvailable nor MemFree"),
            ("MemAvailable: -5 kB\n", "has neither MemAvailable nor MemFree"),
        ] {
            assert_eq!(of(&format!("MemTotal: 100 kB\n{text}")), Err(why.to_owned()), "{text}");
        }
    }

    fn cache(rows: &str) -> Option<Cache> {
        Cache::of(&format!("13 1 0x01 123 33456 1 2\nname  type data\nhits 4 99\n{rows}"))
    }

    #[test]
    fn the_cache_of_zfs_counts_as_available_down_to_its_floor_and_up_to_what_programs_leave() {
        let added = |rows: &str, text: &str| cache(rows).unwrap().added_to(10.0 * KIB, 100.0 * KIB, text);
        assert_eq!(added("c_min 4 10240\nsize 4 61440\n", ""), 60.0 * KIB);
        assert_eq!(added("c_min 4 10240\nsize 4 5120\n", ""), 10.0 * KIB);
        assert_eq!(added("c_min 4 0\nsize 4 99328\n", ""), 100.0 * KIB);
        assert_eq!(added("c_min 4 0\nsize 4 99328\n", "AnonPages: 15 kB\nShmem: 5 kB\n"), 80.0 * KIB);
        assert_eq!(added("c_min 4 0\nsize 4 99328\n", "AnonPages: 95 kB\n"), 10.0 * KIB);
        assert_eq!(cache("size 4 5\n"), None);
    }

    #[test]
    fn a_cache_that_is_not_in_this_memory_is_the_hosts() {
        let is_of = |rows: &str, text: &str, container: bool| {
            cache(&format!("c_min 4 1\n{rows}")).unwrap().is_of(100.0 * KIB, text, || container)
        };
        let of_all = |bytes: u64| format!("size 4 30720\nmemory_all_bytes 4 {bytes}\n");
        assert!(is_of(&of_all(102_400), "", true) && is_of(&of_all(103_000), "", false));
        assert!(!is_of(&of_all(204_800), "", false));
        // Older ones do not say in how much memory they are.
        assert!(is_of("size 4 30720\nc_max 4 51200\n", "MemFree: 10 kB\n", false));
        assert!(!is_of("size 4 30720\nc_max 4 51200\n", "MemFree: 10 kB\n", true));
        assert!(!is_of("size 4 30720\nc_max 4 204800\n", "", false));
        assert!(!is_of("size 4 204800\n", "", false));
        assert!(!is_of("size 4 30720\n", "MemFree: 5 kB\nCached: 20 kB\nAnonPages: 70 kB\n", false));
    }
}
