//! How long a commit waits for more readings. PURE.
//!
//! A commit writes whole pages of the file and costs 0.3 ms of a core, however little is in it. Under load a commit
//! soon fills its pages. With little load it waits a little longer: a hundred devices that send once a second then
//! cause ten commits a second instead of fifty, and a fifth of the wear on the hub's memory card.

use std::time::{Duration, Instant};

use crate::model::reading::Batch;

/// Time between two commits that fill at least half a page of the journal: a tenth of the delay that a person notices.
const SOON: Duration = Duration::from_millis(20);
/// Time between two smaller commits: less than a person notices.
const LATER: Duration = Duration::from_millis(100);
/// Bytes of the journal from which on a commit counts as large: half a page.
const WORTH_IT: usize = 4 << 10;
/// Bytes that a batch takes in the journal besides its readings, about.
const ROW: usize = 40;

/// How far commits of readings keep apart, unless so many readings wait that they cannot be helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Pace {
    /// As much as comes.
    #[default]
    ByLoad,
    /// So far, whatever comes.
    Every(Duration),
}

impl Pace {
    /// When `group` is due, if the last commit was `last`.
    pub(super) fn due(self, last: Instant, group: &[Batch]) -> Instant {
        last + match self {
            Self::Every(interval) => interval,
            Self::ByLoad if group.iter().map(|batch| batch.payload.len() + ROW).sum::<usize>() >= WORTH_IT => SOON,
            Self::ByLoad => LATER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::device::DeviceNo;
    use crate::model::reading::BatchId;
    use crate::model::{BatchSeq, Epoch, Lane, UnixMillis};

    #[test]
    fn a_group_worth_a_write_is_due_sooner_and_a_given_interval_is_kept() {
        let batch = |payload| Batch {
            id: BatchId { device: DeviceNo(1), epoch: Epoch(1), seq: BatchSeq(1) },
            lane: Lane::Live,
            received_at: UnixMillis(0),
            payload: vec![0; payload],
            series: Vec::new(),
            at: Vec::new(),
            value: Vec::new(),
        };
        let last = crate::clock::Clock.now();
        let (few, many) = ([batch(100)], vec![batch(100); 40]);
        assert_eq!((Pace::ByLoad.due(last, &few), Pace::ByLoad.due(last, &many)), (last + LATER, last + SOON));
        let given = Pace::Every(Duration::from_secs(5));
        assert_eq!(
            (given.due(last, &few), given.due(last, &many)),
            (last + Duration::from_secs(5), given.due(last, &few))
        );
    }
}
