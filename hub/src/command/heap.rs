//! The heap of a hub: what a burst took goes back to the machine.
//!
//! glibc gives back what lies at the end of its heap and nothing before that. A hub that many asked at once (large queries, heads or
//! handshakes without end) kept what it had taken for longer than a minute, and several such floods at once left so many gaps that it
//! grew by 590 MiB where 140 were held. So the program allocates by mimalloc (`main.rs`), with two settings of it:
//!
//! - What is free is given back at once, not after a second in which somebody has to allocate for it to be noticed: then it is back
//!   within twenty seconds of each flood (`hub/tests/floods`), and an idle hub is as small as with glibc.
//! - No huge pages: an idle hub had 30 MiB more by them, which it never touched.
//!
//! SQLite is C and stays with glibc, which gives threads heaps of their own, and what another thread frees goes back to the heap it
//! came from: one heap for all threads is set there, too. All of these are read before `main`, so a hub that was not told starts its
//! program anew, once, in the same process.
//!
//! Why nothing else: jemalloc gives back as well, and building it takes minutes; `malloc_trim` of glibc has to be called by unsafe
//! code, which is forbidden here; glibc's own thresholds (`MALLOC_MMAP_THRESHOLD_`) keep large pieces apart, but not small ones.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// What the allocators read; whoever sets one decides it.
const SETTINGS: [(&str, &str); 3] =
    [("MALLOC_ARENA_MAX", "1"), ("MIMALLOC_PURGE_DELAY", "0"), ("MIMALLOC_ALLOW_THP", "0")];

/// Sets what the allocators read. To be called before there are threads: the program begins again. Where it cannot, it goes on as
/// it is.
pub(super) fn set_up() {
    let missing: Vec<_> = SETTINGS.into_iter().filter(|(name, _)| env::var_os(name).is_none()).collect();
    if missing.is_empty() {
        return;
    }
    let (Ok(program), mut arguments) = (env::current_exe(), env::args_os()) else { return };
    let Some(name) = arguments.next() else { return };
    let error = Command::new(program).arg0(name).args(arguments).envs(missing).exec();
    tracing::debug!(%error, "memory is given back later than it could be: {error}");
}
