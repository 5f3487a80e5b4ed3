//! PURE. What a counter grew by: readings in, a line that never falls out, and the share of it that lies between two moments.
//!
//! ```text
//!   readings ──▶ Machine ──marks──▶ Shares: increase and rate by bucket of time (queries, the page, the command line)
//!                   └── total now, and the line lately ──▶ rules
//!   readings ──▶ knots: which of them have to stay when the rest becomes figures
//! ```
//!
//! A counter only grows. Where its readings fall, one of these happened, and what comes next tells which:
//!
//! | What | By what it is known | What is counted |
//! |---|---|---|
//! | a jitter | it falls by at most 1 % of its value | nothing, until the former highest value is passed |
//! | a blip down | it comes back to where it was, or higher | from before to after, as if it had not been |
//! | a blip up, of one or two values | it falls back to where it was before a jump more than ten times as high as what is left of it, or goes on from between the two | the same |
//! | a wrap | it goes on from the low, and to the end of 16, 24, 32, 48 or 64 bits, or of 4 to 9 digits, it is no further than three times its usual growth | over the end |
//! | a restart | it goes on from the low otherwise | from zero, if that is at most ten times its usual growth; else from the low |
//!
//! *It goes on from the low* when three readings, the low one among them, do not fall again and at least one of them is
//! higher than the low (two, for a wrap); until then nothing is decided and nothing counted. It *comes back* when it reaches 99 % of what it
//! was: by more than three times the growth seen since the fall, else it has merely grown that far from a restart. Several
//! low readings of one value say no more than one does, so a counter that rests at zero stays undecided until it moves.
//! *Usual growth* is the fastest of the last rises before the fall and after it, times the time of the fall.
//!
//! A jump more than ten times as high as the rise before it, or than all that a counter showed, is nothing yet: the next reading
//! that is no lower bears it out, or the next two where it shows more than twice as much all at once.
//!
//! The very first reading of a series is taken for a blip when the rise after it is a thousand times as fast as the next one.
//! Only if it stands alone: a counter that was read at its first value twice or more rested there, and what it counts after
//! that is real.
//!
//! A slip that recurs each time is still one: a total that begins anew each day and is read once near its begin and once near its
//! end counts for nothing. With a reading each hour it is a restart.
//!
//! What is between two readings of the line is spread evenly over the time between them, through gaps as well. Amounts are
//! whole numbers of 10^-12 and the line has one value at each moment, whoever asks: so the increases of neighbouring
//! buckets add up to that of both, to the last digit; as the numbers of an answer (`f64`) to the 15th, which an increase of
//! up to ten thousand times what the counter shows does not exceed.

mod amount;
mod knots;
mod lately;
mod lead;
mod machine;
mod shares;

pub use self::amount::Amount;
pub use self::knots::{is_firm, knots};
pub use self::lately::Lately;
pub use self::lead::Lead;
pub use self::machine::{Machine, Mark};
pub use self::shares::{Share, Shares};
