//! What expressions are worth at the moments of a grid. PURE.

use std::collections::HashMap;

use super::error::Error;
use super::labels::Labels;

/// A series and its values, one a moment; none where it has none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// What tells it apart.
    pub(crate) labels: Labels,
    /// One a moment.
    pub(crate) values: Vec<Option<f64>>,
}

/// What an expression is worth.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A number at each moment.
    Scalar(Vec<f64>),
    /// Series with values.
    Vector(Vec<Row>),
    /// Series with their readings in a range, which is asked for at one moment alone.
    Matrix(Vec<Readings>),
    /// A text.
    Text(String),
}

/// A series and its readings: milliseconds since 1970, and a value.
pub(crate) type Readings = (Labels, Vec<(i64, f64)>);

impl Value {
    pub(super) fn rows(self) -> Result<Vec<Row>, Error> {
        if let Self::Vector(rows) = self { Ok(rows) } else { Err(Error::bad("an instant vector is wanted here")) }
    }

    /// As rows; a number is one without labels.
    pub(super) fn into_rows(self) -> Result<Vec<Row>, Error> {
        if let Self::Scalar(numbers) = self {
            return Ok(vec![Row { labels: Labels::default(), values: numbers.into_iter().map(Some).collect() }]);
        }
        self.rows()
    }

    pub(super) fn numbers(self) -> Result<Vec<f64>, Error> {
        if let Self::Scalar(numbers) = self { Ok(numbers) } else { Err(Error::bad("a scalar is wanted here")) }
    }

    pub(super) fn text(self) -> Result<String, Error> {
        if let Self::Text(text) = self { Ok(text) } else { Err(Error::bad("a text is wanted here")) }
    }
}

/// Rows of the same labels become one.
///
/// # Errors
/// Where two have a value at the same moment.
pub(super) fn merged(rows: Vec<Row>) -> Result<Vec<Row>, Error> {
    let mut places: HashMap<Labels, usize> = HashMap::with_capacity(rows.len());
    let mut all: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        match places.get(&row.labels) {
            None => {
                places.insert(row.labels.clone(), all.len());
                all.push(row);
            }
            Some(&place) => {
                for (own, more) in all[place].values.iter_mut().zip(row.values) {
                    if own.is_some() && more.is_some() {
                        return Err(Error::execution("vector cannot contain metrics with the same labelset"));
                    }
                    *own = own.or(more);
                }
            }
        }
    }
    Ok(all)
}
