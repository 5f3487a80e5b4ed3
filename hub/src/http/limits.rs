//! How much of what may be there at once, of all who ask and of one: one list, so that what the hub may need in all is seen.
//!
//! What these are counted with is in [`rooms`](crate::http::shares::rooms).

use std::time::Duration;

/// Bytes of bodies and answers in memory at once, whatever they are and whoever they are of.
pub(super) const IN_MEMORY: usize = 24 << 20;
/// Bytes of other bodies in memory at once; one token or session has half of it. Each body has its first 4 KiB besides.
pub(super) const BODIES: usize = 16 << 20;
/// Bytes of answers in memory at once: what nobody reads of them leaves readings their room.
pub(super) const ANSWERS: usize = 24 << 20;
/// Of those, for whom one token or session asks; also the largest answer.
pub(super) const ANSWERS_OF_ONE: usize = 22 << 20;
/// Answers being made at once, of all and of one asker: what each has to know of its buckets before it has room is not counted.
pub(super) const TURNS: usize = 18;
/// Half of the store's readers: whoever asks little finds one free, however much somebody else asks.
pub(super) const TURNS_OF_ONE: usize = 2;
/// Requests that wait for such a turn, of all and of one asker, some forty kilobytes each; a browser has at most eight at once.
pub(super) const WAITING: usize = 160;
/// See [`WAITING`].
pub(super) const WAITING_OF_ONE: usize = 64;
/// Bytes of bodies with readings in memory at once, unpacked; one token or session has half of it.
pub(super) const UNPACKED: usize = 20 << 20;
/// Bytes that connections of strangers have sent of what is not whole yet: heads, handshakes.
pub(super) const BEGUN: usize = 2 << 20;
/// How long a request waits for its turn, and for room; its client repeats it after that.
pub(super) const ROOM_WITHIN: Duration = Duration::from_secs(10);
/// Bodies with readings that are read at once, a core each: others wait with theirs in memory.
pub(super) const READ_AT_ONCE: usize = 2;
/// Bytes of live connections: what they want, rows that wait for a frame, messages on their way. One token or session has half
/// of it; each connection has some kilobytes besides.
pub(super) const LIVE: usize = 16 << 20;
/// Exports under way in the whole hub, most of which wait for their client: half a megabyte each.
pub(super) const EXPORTS: usize = 16;
/// Of those, by one token or session.
pub(super) const EXPORTS_OF_ONE: usize = 4;
/// Exports that read a page at once in the whole hub: each keeps one of the store's few readers busy.
pub(super) const EXPORT_PAGES: usize = 2;
/// Imports at once: each has a part on the way to the disk nearly always.
pub(super) const IMPORTS: usize = 1;
/// Tries at once in the whole hub: half of the store's readers.
pub(super) const TRIALS: usize = 2;
/// Programs packed for devices at once: one a core of a small machine, some ten megabytes each.
pub(super) const PACKING: usize = 2;
