//! Whether readings come often enough for what a condition looks back at.

use std::time::Duration;

use super::rule::{Condition, ENOUGH, LINE};
use super::when;

/// Readings come too seldom for a condition: however long it waits, it never has enough of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seldom {
    /// How far apart they lie.
    pub every: Duration,
    /// How far it looks back.
    pub over: Duration,
    /// How many it takes.
    pub takes: u32,
    /// How far it would have to look back, with something to spare.
    pub enough: Duration,
}

impl Seldom {
    /// Whether readings so far apart are too seldom for a condition; of several that are joined, for one about the rule's own sensor.
    #[must_use]
    pub fn of(condition: &Condition, every: Duration) -> Option<Self> {
        // A while begins with a whole thirtieth of it: so much of it is there at least.
        let there = |over: Duration| over / 30 * 29;
        let (over, takes, fits, intervals) = match *condition {
            Condition::Figure { over, .. } | Condition::Rate { over, .. } => (over, 2, every <= there(over), 3),
            Condition::Forecast { over, .. } => (over, LINE, every * 2 <= there(over), 4),
            // No two neighbours are further apart than half of it.
            Condition::Stuck { after, .. } => (after, 3, every * 2 <= after, 3),
            // It looks back twice as far where there are too few.
            Condition::Deviation { over, .. } => (over, ENOUGH, every * (ENOUGH - 1) <= over * 2, ENOUGH),
            Condition::Count { ref of, .. } => return Self::of(of, every),
            Condition::Joined { ref parts, .. } => {
                let own = parts.iter().filter(|part| part.sensor.is_none());
                return own.filter_map(|part| Self::of(&part.condition, every)).next();
            }
            Condition::Threshold { .. }
            | Condition::Increase { .. }
            | Condition::Seasonal { .. }
            | Condition::Difference { .. }
            | Condition::Silence { .. }
            | Condition::Device(_) => return None,
        };
        (!every.is_zero() && !fits).then(|| Self { every, over, takes, enough: every * intervals })
    }

    /// What is wrong, and what would be right.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { every, over, takes, enough } = self;
        let [every, over, enough] = [every, over, enough].map(|span| when::span(*span));
        format!("readings come each {every}, too seldom for {over} of them, which takes {takes}: use {enough}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rule::{Figure, Join, Op, Part};

    const MINUTE: Duration = Duration::from_secs(60);

    fn average(minutes: u32) -> Condition {
        let (figure, op, over) = (Figure::Average, Op::Above, MINUTE * minutes);
        Condition::Figure { figure, op, value: 30.0, over, clear: None }
    }

    #[test]
    fn a_while_that_holds_one_reading_is_too_short_and_what_is_said_is_not() {
        let five = MINUTE * 5;
        let seldom = Seldom::of(&average(5), five).unwrap();
        assert_eq!(seldom.text(), "readings come each 5m, too seldom for 5m of them, which takes 2: use 15m");
        let minutes = |condition: &Condition| Seldom::of(condition, five).map(|seldom| seldom.enough.as_secs() / 60);
        assert_eq!([5, 6, 15].map(|over| minutes(&average(over))), [Some(15), None, None]);
        assert_eq!(Seldom::of(&average(5), Duration::ZERO), None, "nobody said how often they come");
        let stuck = |after| Condition::Stuck { least: 0.0, after: MINUTE * after };
        assert_eq!([9, 10, 15].map(|after| minutes(&stuck(after))), [Some(15), None, None]);
        let deviation = |over| Condition::Deviation { sigmas: 4.0, over: MINUTE * over, clear: None, least: None };
        assert_eq!([5, 23, 50].map(|over| minutes(&deviation(over))), [Some(50), None, None]);
        let part = |sensor: Option<&str>| Part { sensor: sensor.map(str::to_owned), condition: average(5) };
        let joined = |parts| Condition::Joined { join: Join::All, parts, within: five };
        assert_eq!(minutes(&joined(vec![part(Some("hum")), part(None)])), Some(15));
        assert_eq!(
            minutes(&joined(vec![part(Some("hum")), part(Some("door"))])),
            None,
            "how often those come is theirs"
        );
    }
}
