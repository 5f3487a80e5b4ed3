//! Makes a plan of what the parser read. PURE.

use promql_parser::label::{MatchOp, Matcher, Matchers};
use promql_parser::parser::token as t;
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{
    AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, SubqueryExpr, VectorMatchCardinality, VectorSelector,
};

use super::error::Error;
use super::grid::{Grid, MOST_STEPS, Shift, millis, of_subquery};
use super::math::{Arith, Compare};
use super::plan::{Aggregate, Binary, Card, Fold, Function, Inner, Matching, Node, Op, Over, Select};

/// The step of a subquery that says none, in milliseconds, as in Prometheus.
const SUBQUERY_STEP: i64 = 60_000;

/// Functions of a window, as far as they are known here.
const OVER: [&str; 23] = [
    "absent_over_time",
    "avg_over_time",
    "changes",
    "count_over_time",
    "delta",
    "deriv",
    "double_exponential_smoothing",
    "holt_winters",
    "idelta",
    "increase",
    "irate",
    "last_over_time",
    "mad_over_time",
    "max_over_time",
    "min_over_time",
    "predict_linear",
    "present_over_time",
    "quantile_over_time",
    "rate",
    "resets",
    "stddev_over_time",
    "stdvar_over_time",
    "sum_over_time",
];

/// Functions of a moment.
const AT: [&str; 46] = [
    "abs",
    "absent",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "ceil",
    "clamp",
    "clamp_max",
    "clamp_min",
    "cos",
    "cosh",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "deg",
    "exp",
    "floor",
    "histogram_quantile",
    "hour",
    "label_join",
    "label_replace",
    "ln",
    "log10",
    "log2",
    "minute",
    "month",
    "pi",
    "rad",
    "round",
    "scalar",
    "sgn",
    "sin",
    "sinh",
    "sort",
    "sort_desc",
    "sqrt",
    "tan",
    "tanh",
    "time",
    "timestamp",
    "vector",
    "year",
];

/// Turns what was read into a plan for a grid.
pub(super) fn plan(expr: &Expr, whole: Grid, is_range: bool) -> Result<Node, Error> {
    let planner = Planner { whole };
    if is_range && matches!(expr.value_type(), ValueType::Matrix | ValueType::String) {
        let kind = if expr.value_type() == ValueType::Matrix { "range vector" } else { "string" };
        let text = format!("invalid expression type {kind:?} for range query, must be Scalar or instant Vector");
        return Err(Error::Bad(text));
    }
    match planner.windowed(bare(expr), whole)? {
        Some((inner, looks, range)) => Ok(Node::Range(inner, looks, range)),
        None => planner.node(expr, whole),
    }
}

struct Planner {
    whole: Grid,
}

impl Planner {
    fn node(&self, expr: &Expr, grid: Grid) -> Result<Node, Error> {
        Ok(match expr {
            Expr::NumberLiteral(number) => Node::Number(number.val),
            Expr::StringLiteral(text) => Node::Text(text.val.clone()),
            Expr::Paren(paren) => self.node(&paren.expr, grid)?,
            Expr::Unary(unary) => Node::Negated(Box::new(self.node(&unary.expr, grid)?)),
            Expr::VectorSelector(selector) => Node::Select(self.select(selector, grid, false)?),
            Expr::Aggregate(aggregate) => Node::Aggregate(self.aggregate(aggregate, grid)?),
            Expr::Binary(binary) => self.binary(binary, grid)?,
            Expr::Call(call) => self.call(call, grid)?,
            Expr::MatrixSelector(_) | Expr::Subquery(_) => {
                return Err(Error::bad("a range stands in a function over it, like `last_over_time`"));
            }
            Expr::Extension(_) => return Err(Error::unsupported("an extension of PromQL")),
        })
    }

    fn select(&self, selector: &VectorSelector, grid: Grid, time: bool) -> Result<Select, Error> {
        let looks = Shift::of(selector.offset.as_ref(), selector.at.as_ref(), self.whole).looks(grid);
        Ok(Select { matchers: matchers(selector)?, looks, time })
    }

    fn call(&self, call: &Call, grid: Grid) -> Result<Node, Error> {
        let args = &call.args.args;
        if let Some(name) = OVER.iter().find(|name| **name == call.func.name) {
            return self.over(name, args, grid).map(Node::Over);
        }
        let Some(name) = AT.iter().find(|name| **name == call.func.name) else {
            return Err(Error::unsupported(&format!("the function `{}`", call.func.name)));
        };
        let first = args.first().map(|arg| bare(arg));
        match (*name, first) {
            ("time", _) => return Ok(Node::Time),
            ("timestamp", Some(Expr::VectorSelector(selector))) => {
                return self.select(selector, grid, true).map(Node::Select);
            }
            _ => {}
        }
        let labels = if *name == "absent" { first.map(labels_of).unwrap_or_default() } else { Vec::new() };
        let args = args.iter().map(|arg| self.node(arg, grid)).collect::<Result<_, _>>()?;
        Ok(Node::Function(Function { name, args, labels }))
    }

    fn over(&self, name: &'static str, args: &[Box<Expr>], grid: Grid) -> Result<Over, Error> {
        let (mut windowed, mut numbers) = (None, Vec::new());
        for arg in args {
            match self.windowed(bare(arg), grid)? {
                Some(found) => windowed = Some(found),
                None => numbers.push(self.node(arg, grid)?),
            }
        }
        let Some((inner, looks, range)) = windowed else {
            return Err(Error::unsupported(&format!("`{name}` without a range")));
        };
        if range == 0 {
            return Err(Error::bad("duration must be greater than 0"));
        }
        Ok(Over { name, inner, looks, range, numbers })
    }

    /// What windows are over, where they look and how long they are; none of what is no range.
    fn windowed(&self, expr: &Expr, grid: Grid) -> Result<Option<(Inner, Grid, i64)>, Error> {
        if let Expr::Subquery(subquery) = expr {
            return self.subquery(subquery, grid).map(Some);
        }
        let Expr::MatrixSelector(matrix) = expr else { return Ok(None) };
        let shift = Shift::of(matrix.vs.offset.as_ref(), matrix.vs.at.as_ref(), self.whole);
        Ok(Some((Inner::Selected(matchers(&matrix.vs)?), shift.looks(grid), millis(matrix.range))))
    }

    fn subquery(&self, subquery: &SubqueryExpr, grid: Grid) -> Result<(Inner, Grid, i64), Error> {
        let looks = Shift::of(subquery.offset.as_ref(), subquery.at.as_ref(), self.whole).looks(grid);
        let range = millis(subquery.range);
        let step = subquery.step.map_or(SUBQUERY_STEP, millis);
        if step == 0 {
            return Err(Error::bad("the step of a subquery must be greater than 0"));
        }
        let own = of_subquery(looks, range, step);
        if own.count > MOST_STEPS * 10 {
            return Err(Error::TooMuch);
        }
        Ok((Inner::Asked(Box::new(self.node(&subquery.expr, own)?), own), looks, range))
    }

    fn aggregate(&self, aggregate: &AggregateExpr, grid: Grid) -> Result<Aggregate, Error> {
        let fold = match aggregate.op.id() {
            t::T_AVG => Fold::Avg,
            t::T_BOTTOMK => Fold::Bottomk,
            t::T_COUNT => Fold::Count,
            t::T_COUNT_VALUES => Fold::CountValues,
            t::T_GROUP => Fold::Group,
            t::T_MAX => Fold::Max,
            t::T_MIN => Fold::Min,
            t::T_QUANTILE => Fold::Quantile,
            t::T_STDDEV => Fold::Stddev,
            t::T_STDVAR => Fold::Stdvar,
            t::T_SUM => Fold::Sum,
            t::T_TOPK => Fold::Topk,
            _ => return Err(Error::unsupported(&format!("the aggregation `{}`", aggregate.op))),
        };
        let (by, labels) = match &aggregate.modifier {
            None => (true, Vec::new()),
            Some(LabelModifier::Include(labels)) => (true, labels.labels.clone()),
            Some(LabelModifier::Exclude(labels)) => (false, labels.labels.clone()),
        };
        let inner = Box::new(self.node(&aggregate.expr, grid)?);
        let param = aggregate.param.as_ref().map(|param| self.node(param, grid).map(Box::new)).transpose()?;
        Ok(Aggregate { fold, inner, param, by, labels })
    }

    fn binary(&self, binary: &BinaryExpr, grid: Grid) -> Result<Node, Error> {
        let (left, right) = (self.node(&binary.lhs, grid)?, self.node(&binary.rhs, grid)?);
        let modifier = binary.modifier.as_ref();
        let bool = modifier.is_some_and(|modifier| modifier.return_bool);
        if modifier.is_some_and(|modifier| modifier.fill_values.lhs.or(modifier.fill_values.rhs).is_some()) {
            return Err(Error::unsupported("`fill` of a binary operator"));
        }
        let op = match binary.op.id() {
            t::T_LAND => Op::And,
            t::T_LOR => Op::Or,
            t::T_LUNLESS => Op::Unless,
            id => match (Arith::of(id), Compare::of(id)) {
                (Some(arith), _) => Op::Arith(arith),
                (_, Some(compare)) => Op::Compare { compare, bool },
                _ => return Err(Error::unsupported(&format!("the operator `{}`", binary.op))),
            },
        };
        if left.is_scalar() && right.is_scalar() {
            return match op {
                Op::Arith(arith) => Ok(Node::Scalars(arith, Box::new(left), Box::new(right))),
                Op::Compare { compare, .. } => Ok(Node::ScalarsCompared(compare, Box::new(left), Box::new(right))),
                Op::And | Op::Or | Op::Unless => Err(Error::bad("a set operator stands between vectors")),
            };
        }
        let (card, include) = match modifier.map(|modifier| &modifier.card) {
            Some(VectorMatchCardinality::ManyToOne(labels)) => (Card::ManyToOne, labels.labels.clone()),
            Some(VectorMatchCardinality::OneToMany(labels)) => (Card::OneToMany, labels.labels.clone()),
            _ => (Card::OneToOne, Vec::new()),
        };
        let (on, labels) = match modifier.and_then(|modifier| modifier.matching.as_ref()) {
            None => (false, Vec::new()),
            Some(LabelModifier::Include(labels)) => (true, labels.labels.clone()),
            Some(LabelModifier::Exclude(labels)) => (false, labels.labels.clone()),
        };
        let matching = Matching { on, labels, card, include };
        Ok(Node::Binary(Binary { op, sides: Box::new((left, right)), matching }))
    }
}

/// Without its parentheses.
fn bare(mut expr: &Expr) -> &Expr {
    while let Expr::Paren(paren) = expr {
        expr = &paren.expr;
    }
    expr
}

/// Of a selector, with its name as one of them.
pub(super) fn matchers(selector: &VectorSelector) -> Result<Matchers, Error> {
    let mut matchers = selector.matchers.clone();
    if !matchers.or_matchers.is_empty() {
        return Err(Error::unsupported("`or` between the matchers of a selector"));
    }
    if let Some(name) = &selector.name {
        let named = Matcher::new_metric_name_matcher(name.clone()).map_err(Error::Parse)?;
        matchers.matchers.push(named);
    }
    Ok(matchers)
}

/// What `absent` says its series would have been: what is asked for by `=`, once.
fn labels_of(expr: &Expr) -> Vec<(String, String)> {
    if let Expr::VectorSelector(selector) = expr { labels_by(&selector.matchers) } else { Vec::new() }
}

/// The same of matchers.
pub(super) fn labels_by(matchers: &Matchers) -> Vec<(String, String)> {
    let all = &matchers.matchers;
    let once = |name: &str| all.iter().filter(|matcher| matcher.name == name).count() == 1;
    let equal =
        all.iter().filter(|matcher| matches!(matcher.op, MatchOp::Equal) && matcher.name != super::labels::NAME);
    equal.filter(|matcher| once(&matcher.name)).map(|matcher| (matcher.name.clone(), matcher.value.clone())).collect()
}
