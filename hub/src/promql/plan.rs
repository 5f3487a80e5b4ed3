//! A question as the evaluator understands it: every function and operator known, every moment settled. PURE.

use promql_parser::label::Matchers;

use super::grid::Grid;
use super::math::{Arith, Compare};

/// How far back a selector looks for the last reading, in milliseconds, as in Prometheus.
pub(super) const LOOKBACK: i64 = 300_000;

/// An expression whose value is asked for at the moments of a grid.
pub(super) enum Node {
    Number(f64),
    Text(String),
    /// The moments themselves, in seconds.
    Time,
    Negated(Box<Self>),
    Select(Select),
    Over(Over),
    /// The readings of a range, as they are, at the one moment that is asked for.
    Range(Inner, Grid, i64),
    Function(Function),
    Scalars(Arith, Box<Self>, Box<Self>),
    ScalarsCompared(Compare, Box<Self>, Box<Self>),
    Binary(Binary),
    Aggregate(Aggregate),
}

/// The last reading of each series at each moment, or its time in seconds.
pub(super) struct Select {
    pub(super) matchers: Matchers,
    pub(super) looks: Grid,
    pub(super) time: bool,
}

/// What a window is over.
pub(super) enum Inner {
    Selected(Matchers),
    /// A subquery: an expression asked for at the moments of its own grid.
    Asked(Box<Node>, Grid),
}

/// A function over a window.
pub(super) struct Over {
    pub(super) name: &'static str,
    pub(super) inner: Inner,
    pub(super) looks: Grid,
    pub(super) range: i64,
    /// Numbers that it takes beside the window.
    pub(super) numbers: Vec<Node>,
}

/// A function of values at a moment.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) args: Vec<Node>,
    /// What `absent` says its series would have been.
    pub(super) labels: Vec<(String, String)>,
}

/// What a binary operator does.
pub(super) enum Op {
    Arith(Arith),
    Compare { compare: Compare, bool: bool },
    And,
    Or,
    Unless,
}

/// An operator of which at least one side is a vector.
pub(super) struct Binary {
    pub(super) op: Op,
    pub(super) sides: Box<(Node, Node)>,
    pub(super) matching: Matching,
}

/// Which series of two sides belong together.
pub(super) struct Matching {
    pub(super) on: bool,
    pub(super) labels: Vec<String>,
    pub(super) card: Card,
    /// Labels that come from the side of one.
    pub(super) include: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Card {
    OneToOne,
    ManyToOne,
    OneToMany,
}

/// What an aggregation makes of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    Avg,
    Bottomk,
    Count,
    CountValues,
    Group,
    Max,
    Min,
    Quantile,
    Stddev,
    Stdvar,
    Sum,
    Topk,
}

/// An aggregation of the series of a vector.
pub(super) struct Aggregate {
    pub(super) fold: Fold,
    pub(super) inner: Box<Node>,
    pub(super) param: Option<Box<Node>>,
    pub(super) by: bool,
    pub(super) labels: Vec<String>,
}

impl Node {
    /// Whether it is a number at each moment, and no vector.
    pub(super) fn is_scalar(&self) -> bool {
        match self {
            Self::Number(_) | Self::Time | Self::Scalars(..) | Self::ScalarsCompared(..) => true,
            Self::Negated(inner) => inner.is_scalar(),
            Self::Function(function) => matches!(function.name, "scalar" | "pi"),
            Self::Text(_)
            | Self::Select(_)
            | Self::Over(_)
            | Self::Range(..)
            | Self::Binary(_)
            | Self::Aggregate(_) => false,
        }
    }
}
