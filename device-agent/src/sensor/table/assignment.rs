//! One number of the table, and the sensor that has it.

use std::time::{Duration, Instant};

use wire::{BatchSeq, Epoch, SensorSpec};

/// A batch in the device's numbering.
pub(super) type Key = (Epoch, BatchSeq);

/// When something is taken, and which batch it goes into.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub now: Instant,
    /// The batch that is being filled.
    pub batch: Key,
}

impl Moment {
    /// The last batch that what is taken now may go into: the one that is being filled may have no room for it.
    pub(super) const fn last(&self) -> Key {
        let (epoch, seq) = self.batch;
        (epoch, BatchSeq(seq.0.saturating_add(1)))
    }
}

/// A number and who has it.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub(super) spec: SensorSpec,
    /// Nobody has it, and from then on somebody else may; `None` while somebody has it.
    pub(super) free: Option<Instant>,
    pub(super) seen: Instant,
    /// How long it was not seen before this start of the agent.
    pub(super) absent: Duration,
    /// When this run of the agent last said what it is; `None` while it is as an earlier one left it.
    pub(super) described: Option<Instant>,
    /// The last batch that may speak of it.
    pub(super) last: Key,
    /// It was seen since this start of the agent.
    pub(super) met: bool,
    /// The hub forgot the device, and it was not seen since.
    pub(super) outlived: bool,
    /// It is another thing than it was, and the hub is not known to have heard that.
    pub(super) restated: bool,
    /// Which source gives it, as far as that is known.
    pub(super) by: Option<String>,
}

impl Assignment {
    /// A sensor that is met for the first time.
    pub(super) fn of(spec: SensorSpec, by: Option<&str>, moment: Moment) -> Self {
        let (seen, absent, last) = (moment.now, Duration::ZERO, moment.last());
        let (described, by) = (Some(moment.now), by.map(str::to_owned));
        Self { spec, free: None, seen, absent, described, last, met: true, outlived: false, restated: false, by }
    }

    /// How long the sensor was not seen.
    pub(super) fn absent(&self, now: Instant) -> Duration {
        self.absent + now.saturating_duration_since(self.seen)
    }

    /// Whether it was not seen for so long, or for three of its intervals where that is longer.
    pub(super) fn is_absent_for(&self, time: Duration, now: Instant) -> bool {
        self.absent(now) >= time.max(3 * Duration::from_millis(self.spec.interval_ms.into()))
    }
}
