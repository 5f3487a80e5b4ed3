//! A memory of the last while under a rule of which only numbers are others. PURE.

use std::sync::Arc;

use super::{Memory, Window};
use crate::model::rule::Condition;
use crate::rules::condition::{Judged, Verdict};
use crate::rules::spread::Scale;

impl Window {
    /// The same memory for other numbers, where it is what these ask for, and what the last reading says by them.
    pub(in crate::rules) fn renumbered(&self, condition: &Condition) -> (Option<Self>, Option<Judged>) {
        let is_what_it_asks = match (&*self.condition, condition) {
            (Condition::Rate { over: was, .. }, Condition::Rate { over, .. })
            | (Condition::Increase { over: was, .. }, Condition::Increase { over, .. })
            | (Condition::Deviation { over: was, .. }, Condition::Deviation { over, .. })
            | (Condition::Figure { over: was, .. }, Condition::Figure { over, .. })
            | (Condition::Forecast { over: was, .. }, Condition::Forecast { over, .. }) => was == over,
            (Condition::Seasonal { .. }, Condition::Seasonal { .. }) => true,
            (was, is) => was == is,
        };
        let memory = is_what_it_asks.then(|| {
            let mut memory = Self { condition: Arc::new(condition.clone()), ..self.clone() };
            match (&mut memory.memory, condition) {
                (Memory::Deviation(history), Condition::Deviation { sigmas, least, .. }) => {
                    history.scale = Scale { sigmas: *sigmas, least: *least };
                }
                (Memory::Seasonal(season), Condition::Seasonal { sigmas, least, .. }) => {
                    season.rescale(Scale { sigmas: *sigmas, least: *least });
                }
                _ => {}
            }
            memory
        });
        (memory, self.judged_by(condition))
    }

    /// What the last reading says by other numbers; of a standstill only whether it is one in another band.
    fn judged_by(&self, condition: &Condition) -> Option<Judged> {
        let measured = self.measured?;
        Some(match (&self.memory, condition) {
            (Memory::Stuck(standstill), Condition::Stuck { least, .. }) => {
                let verdict = if standstill.is_within(*least) { Verdict::Bad } else { Verdict::Good };
                Judged { measured, verdict }
            }
            (Memory::Forecast(trend), Condition::Forecast { .. }) => trend.line(self.last?)?.judged(condition)?,
            _ => Judged::of(condition, measured),
        })
    }
}
