//! Functions of values at a moment. PURE.

use super::error::Error;
use super::grid::Grid;
use super::histogram;
use super::labels::Labels;
use super::math::{of_date, of_one};
use super::pattern;
use super::plan::Function;
use super::value::{Row, Value, merged};
use super::window::order;

/// What a function says of its arguments, which are worth something already.
pub(super) fn called(function: &Function, args: Vec<Value>, grid: Grid) -> Result<Value, Error> {
    let name = function.name;
    let mut args = args.into_iter();
    if let Some(of) = of_date(name) {
        let rows = match args.next() {
            Some(value) => value.rows()?,
            None => vec![Row { labels: Labels::default(), values: seconds(grid).map(Some).collect() }],
        };
        return mapped(rows, |_, value| Some(of(value)));
    }
    let mut next = || args.next().ok_or_else(|| Error::bad(&format!("`{name}` lacks an argument")));
    if let Some(of) = of_one(name) {
        return mapped(next()?.rows()?, |_, value| Some(of(value)));
    }
    Ok(match name {
        "pi" => Value::Scalar(vec![std::f64::consts::PI; grid.count]),
        "vector" => {
            let values = next()?.numbers()?.into_iter().map(Some).collect();
            Value::Vector(vec![Row { labels: Labels::default(), values }])
        }
        "scalar" => Value::Scalar(only_ones(&next()?.rows()?, grid)),
        "absent" => Value::Vector(vec![absent(&function.labels, &next()?.rows()?, grid)]),
        "timestamp" => {
            let moments: Vec<f64> = seconds(grid).collect();
            return mapped(next()?.rows()?, |moment, _| Some(moments[moment]));
        }
        "round" => {
            let rows = next()?.rows()?;
            let to = args.next().map(Value::numbers).transpose()?.unwrap_or_else(|| vec![1.0; grid.count]);
            return mapped(rows, |moment, value| {
                let inverse = 1.0 / to[moment];
                Some((value * inverse + 0.5).floor() / inverse)
            });
        }
        "clamp" => {
            let (rows, least, most) = (next()?.rows()?, next()?.numbers()?, next()?.numbers()?);
            return mapped(rows, |moment, value| {
                let (least, most) = (least[moment], most[moment]);
                (most >= least).then(|| go_max(least, go_min(most, value)))
            });
        }
        "clamp_min" => {
            let (rows, least) = (next()?.rows()?, next()?.numbers()?);
            return mapped(rows, |moment, value| Some(go_max(least[moment], value)));
        }
        "clamp_max" => {
            let (rows, most) = (next()?.rows()?, next()?.numbers()?);
            return mapped(rows, |moment, value| Some(go_min(most[moment], value)));
        }
        "histogram_quantile" => {
            let (q, rows) = (next()?.numbers()?, next()?.rows()?);
            Value::Vector(histogram::quantiles(&q, rows))
        }
        "sort" | "sort_desc" => {
            let mut rows = next()?.rows()?;
            sort(&mut rows, name == "sort_desc");
            Value::Vector(rows)
        }
        "label_replace" => {
            let (rows, to, with) = (next()?.rows()?, next()?.text()?, next()?.text()?);
            let (from, pattern) = (next()?.text()?, next()?.text()?);
            Value::Vector(replaced(rows, &to, &with, &from, &pattern)?)
        }
        "label_join" => {
            let (rows, to, between) = (next()?.rows()?, next()?.text()?, next()?.text()?);
            let from = args.map(Value::text).collect::<Result<Vec<_>, _>>()?;
            checked(&to)?;
            Value::Vector(relabelled(rows, |labels| {
                let values: Vec<&str> = from.iter().map(|name| labels.get(name)).collect();
                let value = values.join(&between);
                labels.set(&to, &value);
            })?)
        }
        _ => return Err(Error::unsupported(&format!("the function `{name}`"))),
    })
}

fn seconds(grid: Grid) -> impl Iterator<Item = f64> {
    grid.moments().map(|at| at as f64 / 1e3)
}

/// As Go's `math.Max`: what is no number stays that.
fn go_max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

fn go_min(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

fn mapped(rows: Vec<Row>, of: impl Fn(usize, f64) -> Option<f64>) -> Result<Value, Error> {
    let rows = rows.into_iter().map(|row| {
        let values =
            row.values.into_iter().enumerate().map(|(moment, value)| value.and_then(|value| of(moment, value)));
        Row { labels: row.labels.unnamed(), values: values.collect() }
    });
    merged(rows.collect()).map(Value::Vector)
}

fn only_ones(rows: &[Row], grid: Grid) -> Vec<f64> {
    let of = |moment: usize| {
        let mut there = rows.iter().filter_map(|row| row.values[moment]);
        let only = there.next();
        only.filter(|_| there.next().is_none()).unwrap_or(f64::NAN)
    };
    (0..grid.count).map(of).collect()
}

/// One wherever no series has a value.
pub(super) fn absent(labels: &[(String, String)], rows: &[Row], grid: Grid) -> Row {
    let of = |moment: usize| rows.iter().all(|row| row.values[moment].is_none()).then_some(1.0);
    Row {
        labels: labels.iter().map(|(name, value)| (name, value)).collect(),
        values: (0..grid.count).map(of).collect(),
    }
}

/// By the first value; what has none, or is no number, last.
pub(super) fn sort(rows: &mut [Row], descending: bool) {
    let value = |row: &Row| row.values.first().copied().flatten().unwrap_or(f64::NAN);
    rows.sort_by(|a, b| {
        let (a, b) = (value(a), value(b));
        match (a.is_nan(), b.is_nan()) {
            (false, false) if descending => order(b, a),
            (false, false) => order(a, b),
            (a, b) => a.cmp(&b),
        }
    });
}

fn relabelled(rows: Vec<Row>, with: impl Fn(&mut Labels)) -> Result<Vec<Row>, Error> {
    let rows = rows.into_iter().map(|mut row| {
        with(&mut row.labels);
        row
    });
    merged(rows.collect())
}

fn replaced(rows: Vec<Row>, to: &str, with: &str, from: &str, pattern: &str) -> Result<Vec<Row>, Error> {
    let regex = pattern::whole(pattern)?;
    checked(to)?;
    relabelled(rows, |labels| {
        let mut value = String::new();
        if let Some(found) = regex.captures(labels.get(from)) {
            found.expand(with, &mut value);
            labels.set(to, &value);
        }
    })
}

/// Whether a label may be called so.
pub(super) fn checked(name: &str) -> Result<(), Error> {
    let mut chars = name.chars();
    let begins = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if begins && chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(());
    }
    Err(Error::bad(&format!("invalid label name {name:?}")))
}
