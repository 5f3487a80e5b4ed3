//! What one rule remembers of what it looks at: the last while of one series, or several series of a device. PURE.

use super::condition::Judged;
use super::together::Together;
use super::window::Window;
use crate::model::SensorKind;
use crate::model::alert::Usual;
use crate::model::reading::Point;
use crate::model::rule::Condition;

/// The memory of one rule on one series.
#[derive(Debug, Clone)]
pub(super) enum Look {
    Back(Box<Window>),
    /// The series' kind, and the memory.
    Beside(SensorKind, Box<Together>),
}

impl Look {
    /// An empty one; `None` for a condition that needs none.
    pub(super) fn new(condition: &Condition, kind: SensorKind) -> Option<Self> {
        let back = || Window::new(condition, kind).map(|window| Self::Back(Box::new(window)));
        let beside = Together::new(condition).map(|together| Self::Beside(kind, Box::new(together)));
        beside.or_else(back)
    }

    /// Takes the next reading of the rule's own series.
    pub(super) fn take(&mut self, point: Point) -> Option<Judged> {
        match self {
            Self::Back(window) => window.take(point),
            Self::Beside(kind, together) => together.take(*kind, point),
        }
    }

    /// What was measured when it last judged.
    pub(super) const fn measured(&self) -> Option<f64> {
        match self {
            Self::Back(window) => window.measured(),
            Self::Beside(_, together) => together.measured(),
        }
    }

    /// What is usual beside what it measured when it last judged.
    pub(super) fn usual(&self) -> Option<Usual> {
        self.back().and_then(Window::usual)
    }

    /// Whether by the last reading a level that stayed became the usual.
    pub(super) const fn is_new_normal(&self) -> bool {
        match self {
            Self::Back(window) => window.is_new_normal(),
            Self::Beside(..) => false,
        }
    }

    /// How far back readings matter.
    pub(super) fn reach_ms(&self) -> i64 {
        match self {
            Self::Back(window) => window.reach_ms(),
            Self::Beside(_, together) => together.reach_ms(),
        }
    }

    /// What the series is, to it.
    pub(super) const fn kind(&self) -> SensorKind {
        match self {
            Self::Back(window) => window.kind(),
            Self::Beside(kind, _) => *kind,
        }
    }

    pub(super) const fn back(&self) -> Option<&Window> {
        match self {
            Self::Back(window) => Some(window),
            Self::Beside(..) => None,
        }
    }

    pub(super) const fn back_mut(&mut self) -> Option<&mut Window> {
        match self {
            Self::Back(window) => Some(window),
            Self::Beside(..) => None,
        }
    }

    pub(super) const fn beside(&self) -> Option<&Together> {
        match self {
            Self::Back(_) => None,
            Self::Beside(_, together) => Some(together),
        }
    }

    pub(super) const fn beside_mut(&mut self) -> Option<&mut Together> {
        match self {
            Self::Back(_) => None,
            Self::Beside(_, together) => Some(together),
        }
    }
}
