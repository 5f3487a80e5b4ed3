//! The memory allocator of the hub, so that memory which a burst needed goes back to the machine.
//!
//! glibc gives back only what lies at the end of its heap. A hub that was asked by many at once (large queries, endless
//! heads or handshakes) kept its memory for more than a minute, and several such floods left so many gaps that it grew
//! by 590 MiB while 140 were in use. So the program allocates by mimalloc (`main.rs`), with two of its settings:
//!
//! - Free memory is given back at once, instead of a second later and only if somebody allocates. So it is back within
//!   twenty seconds of each flood (`hub/tests/floods`), and an idle hub is as small as with glibc.
//! - No huge pages: with them an idle hub had 30 MiB more that it never touched.
//!
//! SQLite is written in C and stays with glibc, which gives each thread a heap of its own and returns freed memory to
//! the heap it came from; there, one heap for all threads is set as well. All of these are read before `main`, so a hub
//! that was started without them starts its program anew, once, in the same process.
//!
//! Alternatives: jemalloc gives memory back as well, but takes minutes to build. `malloc_trim` of glibc can only be
//! called by unsafe code, which is forbidden here. glibc's own thresholds (`MALLOC_MMAP_THRESHOLD_`) keep large pieces
//! apart, but not small ones.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Environment variables that the allocators read. One that is already set stays.
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
