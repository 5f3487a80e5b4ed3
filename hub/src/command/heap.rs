//! One heap for all threads of a hub.
//!
//! glibc gives threads heaps of their own, and what another thread frees goes back to the heap it came from. Readings are
//! made by one thread and let go by another: a hub of 100 devices had 164 MiB after ten minutes and grew, with one heap it
//! has 77 and stays there; as fast as acknowledged it has 115 MiB instead of 137, and is no slower. glibc reads its
//! settings before `main`, so a hub that was not told starts its program anew, once, in the same process.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// What glibc reads; whoever sets it decides.
const SETTING: &str = "MALLOC_ARENA_MAX";

/// Has all threads share one heap. To be called before there are any: the program begins again. Where it cannot, it goes on
/// as it is.
pub(super) fn share() {
    if cfg!(not(target_env = "gnu")) || env::var_os(SETTING).is_some() {
        return;
    }
    let (Ok(program), mut arguments) = (env::current_exe(), env::args_os()) else { return };
    let Some(name) = arguments.next() else { return };
    let error = Command::new(program).arg0(name).args(arguments).env(SETTING, "1").exec();
    tracing::debug!(%error, "threads keep heaps of their own: {error}");
}
