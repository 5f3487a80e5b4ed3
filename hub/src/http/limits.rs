//! How much of each thing there may be at once, in all and of one caller. All limits are in this list, so that the most
//! memory the hub can need is visible.
//!
//! [`rooms`](crate::http::shares::rooms) counts against them.

use std::time::Duration;

/// Bytes of bodies and answers in memory at once, of all kinds and of all callers.
pub(super) const IN_MEMORY: usize = 24 << 20;
/// Bytes of other bodies in memory at once; one token or session has half of it. Each body has its first 4 KiB besides.
pub(super) const BODIES: usize = 16 << 20;
/// Bytes of answers in memory at once. The rest of the memory stays free for readings, even if clients do not read
/// their answers.
pub(super) const ANSWERS: usize = 18 << 20;
/// Of those, the part of one token or session; also the largest answer.
pub(super) const ANSWERS_OF_ONE: usize = 16 << 20;
/// Answers that are computed at once, of all callers. The bucket edges that each needs before it has memory are not
/// counted.
pub(super) const TURNS: usize = 18;
/// Of those, the part of one caller: half of the store's readers, so that a caller with a small query finds one free.
pub(super) const TURNS_OF_ONE: usize = 2;
/// Requests of all callers that wait for such a turn, some forty kilobytes each; a browser has at most eight at once.
pub(super) const WAITING: usize = 160;
/// Of those, the part of one caller.
pub(super) const WAITING_OF_ONE: usize = 64;
/// Bytes of bodies with readings in memory at once, unpacked; one token or session has half of it.
pub(super) const UNPACKED: usize = 20 << 20;
/// Bytes of incomplete heads and handshakes that strangers have sent.
pub(super) const BEGUN: usize = 2 << 20;
/// How long a request waits for its turn, and for memory; after that its client has to repeat it.
pub(super) const ROOM_WITHIN: Duration = Duration::from_secs(10);
/// The same for a request that brings readings: its client gives up after ten seconds in all.
pub(super) const PUSH_ROOM_WITHIN: Duration = Duration::from_secs(3);
/// Bodies with readings that are parsed at once, each on a core; others wait in memory.
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
/// Backtests at once in the whole hub: half of the store's readers.
pub(super) const TRIALS: usize = 2;
/// Agent programs that are packed for devices at once: one a core of a small machine, some ten megabytes each.
pub(super) const PACKING: usize = 2;
