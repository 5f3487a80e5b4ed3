//! Works a plan out, over readings that somebody else has. PURE.

use super::calls::{absent, called};
use super::error::Error;
use super::fold::{Grouping, counted, extreme, folded};
use super::grid::Grid;
use super::join;
use super::labels::Labels;
use super::plan::{Aggregate, Binary, Fold, Function, Inner, LOOKBACK, Node, Over, Select};
use super::planner::labels_by;
use super::source::{MOST_HELD, MOST_TOUCHED, Source};
use super::value::{Readings, Row, Value, merged};
use super::window::{self, Window};

/// Takes the readings of a series, and what may still be touched.
type WithBudget<'a> = dyn FnMut(&mut Budget, &Labels, &[i64], &[f64]) -> Result<(), Error> + 'a;

/// Works out what a node is worth at the moments of a grid.
pub(super) struct Evaluator<'a> {
    source: &'a mut dyn Source,
    budget: Budget,
}

/// How many readings and values a question may still touch, and how many hold.
struct Budget {
    touched: usize,
    held: usize,
}

impl Budget {
    /// Nothing is given back: what is held in the end is less.
    fn hold(&mut self, some: usize) -> Result<(), Error> {
        self.held = self.held.checked_sub(some).ok_or(Error::TooMuch)?;
        self.spend(some)
    }

    fn spend(&mut self, some: usize) -> Result<(), Error> {
        self.touched = self.touched.checked_sub(some).ok_or(Error::TooMuch)?;
        Ok(())
    }
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(source: &'a mut dyn Source) -> Self {
        Self { source, budget: Budget { touched: MOST_TOUCHED, held: MOST_HELD } }
    }

    /// The answer to a whole question: its series by their labels, unless it says in which order.
    pub(super) fn answer(&mut self, node: &Node, grid: Grid) -> Result<Value, Error> {
        let mut value = self.value(node, grid)?;
        if let Value::Vector(rows) = &mut value {
            rows.retain(|row| row.values.iter().any(Option::is_some));
            let is_instant = grid.count == 1;
            if let Node::Aggregate(Aggregate { fold: fold @ (Fold::Topk | Fold::Bottomk), by, labels, .. }) = node
                && is_instant
            {
                Grouping { by: *by, labels }.in_order(rows, *fold == Fold::Topk);
            } else if !(is_instant && matches!(node, Node::Function(Function { name: "sort" | "sort_desc", .. }))) {
                rows.sort_by(|a, b| a.labels.cmp(&b.labels));
            }
        }
        Ok(value)
    }

    fn value(&mut self, node: &Node, grid: Grid) -> Result<Value, Error> {
        Ok(match node {
            Node::Number(number) => Value::Scalar(vec![*number; grid.count]),
            Node::Text(text) => Value::Text(text.clone()),
            Node::Time => Value::Scalar(grid.moments().map(|at| at as f64 / 1e3).collect()),
            Node::Negated(inner) => negated(self.value(inner, grid)?)?,
            Node::Select(select) => Value::Vector(self.selected(select, grid)?),
            Node::Over(over) => Value::Vector(self.over(over, grid)?),
            Node::Range(inner, looks, range) => Value::Matrix(self.range(inner, *looks, *range)?),
            Node::Function(function) => {
                let args = function.args.iter().map(|arg| self.value(arg, grid)).collect::<Result<_, _>>()?;
                called(function, args, grid)?
            }
            Node::Scalars(arith, left, right) => {
                let (left, right) = (self.numbers(left, grid)?, self.numbers(right, grid)?);
                Value::Scalar(left.into_iter().zip(right).map(|(left, right)| arith.of_two(left, right)).collect())
            }
            Node::ScalarsCompared(compare, left, right) => {
                let (left, right) = (self.numbers(left, grid)?, self.numbers(right, grid)?);
                let of = |(left, right)| f64::from(u8::from(compare.holds(left, right)));
                Value::Scalar(left.into_iter().zip(right).map(of).collect())
            }
            Node::Binary(binary) => Value::Vector(self.binary(binary, grid)?),
            Node::Aggregate(aggregate) => Value::Vector(self.aggregated(aggregate, grid)?),
        })
    }

    fn numbers(&mut self, node: &Node, grid: Grid) -> Result<Vec<f64>, Error> {
        self.value(node, grid)?.numbers()
    }

    fn binary(&mut self, binary: &Binary, grid: Grid) -> Result<Vec<Row>, Error> {
        let (left, right) = &*binary.sides;
        let (left, right) = (self.value(left, grid)?, self.value(right, grid)?);
        match (left, right) {
            (Value::Vector(left), Value::Vector(right)) => {
                self.budget.hold((left.len() + right.len()) * grid.count)?;
                join::vectors(&binary.op, &binary.matching, left, right)
            }
            (Value::Vector(rows), Value::Scalar(numbers)) => join::with_scalar(&binary.op, rows, &numbers, false),
            (Value::Scalar(numbers), Value::Vector(rows)) => join::with_scalar(&binary.op, rows, &numbers, true),
            _ => Err(Error::bad("an operator stands between scalars and instant vectors")),
        }
    }

    fn aggregated(&mut self, aggregate: &Aggregate, grid: Grid) -> Result<Vec<Row>, Error> {
        let rows = self.value(&aggregate.inner, grid)?.rows()?;
        self.budget.spend(rows.len() * grid.count)?;
        let grouping = Grouping { by: aggregate.by, labels: &aggregate.labels };
        let param = aggregate.param.as_ref().map(|param| self.value(param, grid)).transpose()?;
        Ok(match (aggregate.fold, param) {
            (Fold::CountValues, Some(name)) => {
                let name = name.text()?;
                counted(&grouping, rows, &name, self.budget.held)?
            }
            (Fold::Topk, Some(most)) => extreme(&grouping, rows, &most.numbers()?, true)?,
            (Fold::Bottomk, Some(most)) => extreme(&grouping, rows, &most.numbers()?, false)?,
            (fold, q) => {
                let q = q.map(Value::numbers).transpose()?;
                folded(fold, &grouping, rows, q.as_deref())
            }
        })
    }

    /// The last reading not older than the look back, at each moment.
    fn selected(&mut self, select: &Select, grid: Grid) -> Result<Vec<Row>, Error> {
        let (looks, time) = (select.looks, select.time);
        let mut rows = Vec::new();
        let Self { source, budget } = self;
        source.select(
            &select.matchers.matchers,
            looks.start - LOOKBACK,
            looks.last(),
            &mut |labels, times, values| {
                budget.spend(times.len())?;
                budget.hold(looks.count.max(grid.count))?;
                let mut next = 0;
                let of = |at: i64| {
                    while times.get(next).is_some_and(|time| *time <= at) {
                        next += 1;
                    }
                    let last = next.checked_sub(1)?;
                    (times[last] >= at - LOOKBACK).then(|| if time { times[last] as f64 / 1e3 } else { values[last] })
                };
                let found: Vec<_> = looks.moments().map(of).collect();
                let labels = if time { labels.clone().unnamed() } else { labels.clone() };
                rows.push(Row { labels, values: everywhere(found, grid) });
                Ok(())
            },
        )?;
        merged(rows)
    }

    /// Calls `with` for the readings of each series that windows are over.
    fn ranged(&mut self, inner: &Inner, (from, to): (i64, i64), with: &mut WithBudget<'_>) -> Result<(), Error> {
        match inner {
            Inner::Selected(matchers) => {
                let Self { source, budget } = self;
                source.select(&matchers.matchers, from, to, &mut |labels, times, values| {
                    budget.spend(times.len())?;
                    with(budget, labels, times, values)
                })
            }
            Inner::Asked(inner, own) => {
                for row in self.value(inner, *own)?.into_rows()? {
                    let there = own.moments().zip(&row.values).filter_map(|(at, value)| Some((at, (*value)?)));
                    let (times, values): (Vec<_>, Vec<_>) = there.unzip();
                    with(&mut self.budget, &row.labels, &times, &values)?;
                }
                Ok(())
            }
        }
    }

    fn range(&mut self, inner: &Inner, looks: Grid, range: i64) -> Result<Vec<Readings>, Error> {
        let mut all = Vec::new();
        self.ranged(inner, (looks.start - range, looks.last()), &mut |budget, labels, times, values| {
            budget.hold(times.len())?;
            if !times.is_empty() {
                all.push((labels.clone(), times.iter().copied().zip(values.iter().copied()).collect()));
            }
            Ok(())
        })?;
        Ok(all)
    }

    fn over(&mut self, over: &Over, grid: Grid) -> Result<Vec<Row>, Error> {
        let numbers = over.numbers.iter().map(|number| self.numbers(number, grid)).collect::<Result<Vec<_>, _>>()?;
        let keeps_name = over.name == "last_over_time";
        let mut rows = Vec::new();
        let range = (over.looks.start - over.range, over.looks.last());
        self.ranged(&over.inner, range, &mut |budget, labels, times, values| {
            budget.hold(grid.count)?;
            let labels = if keeps_name { labels.clone() } else { labels.clone().unnamed() };
            rows.push(Row { labels, values: windows(over, grid, &numbers, (times, values), budget)? });
            Ok(())
        })?;
        if over.name == "absent_over_time" {
            let labels = match &over.inner {
                Inner::Selected(matchers) => labels_by(matchers),
                Inner::Asked(..) => Vec::new(),
            };
            return Ok(vec![absent(&labels, &rows, grid)]);
        }
        merged(rows)
    }
}

fn negated(value: Value) -> Result<Value, Error> {
    if let Value::Scalar(numbers) = value {
        return Ok(Value::Scalar(numbers.into_iter().map(|number| -number).collect()));
    }
    let rows = value.rows()?.into_iter().map(|row| Row {
        labels: row.labels.unnamed(),
        values: row.values.into_iter().map(|value| value.map(|value| -value)).collect(),
    });
    merged(rows.collect()).map(Value::Vector)
}

/// What is found once is so at every moment.
fn everywhere(found: Vec<Option<f64>>, grid: Grid) -> Vec<Option<f64>> {
    if found.len() == grid.count { found } else { vec![found[0]; grid.count] }
}

/// A function over the windows of one series.
fn windows(
    over: &Over,
    grid: Grid,
    numbers: &[Vec<f64>],
    (times, values): (&[i64], &[f64]),
    budget: &mut Budget,
) -> Result<Vec<Option<f64>>, Error> {
    let (mut first, mut end) = (0, 0);
    let mut found = Vec::with_capacity(over.looks.count);
    for (moment, (look, asked)) in over.looks.moments().zip(grid.moments()).enumerate() {
        let from = look - over.range;
        while times.get(first).is_some_and(|time| *time < from) {
            first += 1;
        }
        end = end.max(first);
        while times.get(end).is_some_and(|time| *time <= look) {
            end += 1;
        }
        budget.spend(end - first)?;
        let function = function(over.name, |n: usize| numbers.get(n).map_or(f64::NAN, |numbers| numbers[moment]))?;
        let window = Window { times: &times[first..end], values: &values[first..end], from, range: over.range, asked };
        found.push(function.of(window));
    }
    Ok(everywhere(found, grid))
}

fn function(name: &str, number: impl Fn(usize) -> f64) -> Result<window::Over, Error> {
    use window::Over as O;
    Ok(match name {
        "absent_over_time" | "present_over_time" => O::Present,
        "avg_over_time" => O::Avg,
        "changes" => O::Changes,
        "count_over_time" => O::Count,
        "delta" => O::Delta,
        "deriv" => O::Deriv,
        "double_exponential_smoothing" | "holt_winters" => {
            let (level, trend) = (number(0), number(1));
            for (what, factor) in [("smoothing", level), ("trend", trend)] {
                if !(factor > 0.0 && factor < 1.0) {
                    return Err(Error::execution(format!(
                        "invalid {what} factor {factor}: above 0 and below 1 is right"
                    )));
                }
            }
            O::Smoothed { level, trend }
        }
        "idelta" => O::Idelta,
        "increase" => O::Increase,
        "irate" => O::Irate,
        "last_over_time" => O::Last,
        "mad_over_time" => O::Mad,
        "max_over_time" => O::Max,
        "min_over_time" => O::Min,
        "predict_linear" => O::PredictLinear(number(0)),
        "quantile_over_time" => O::Quantile(number(0)),
        "rate" => O::Rate,
        "resets" => O::Resets,
        "stddev_over_time" => O::Stddev,
        "stdvar_over_time" => O::Stdvar,
        "sum_over_time" => O::Sum,
        _ => return Err(Error::unsupported(&format!("the function `{name}`"))),
    })
}
