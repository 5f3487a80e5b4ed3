//! A question: read, bounded, and answered. PURE.

use std::sync::LazyLock;

use promql_parser::label::Matcher;
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{Expr, Function};

use super::error::Error;
use super::eval::Evaluator;
use super::grid::Grid;
use super::planner;
use super::source::Source;
use super::value::Value;

/// Bytes of a question.
pub(crate) const LONGEST: usize = 16 << 10;
/// Brackets and operators of a question. Whoever walks over it calls itself for each that stands in another.
const MOST_NESTED: usize = 250;

/// What functions were called in Prometheus 2: the parser knows them by their new names.
static FORMER_NAMES: LazyLock<()> = LazyLock::new(|| {
    let args = vec![ValueType::Matrix, ValueType::Scalar, ValueType::Scalar];
    let former = Function::new("holt_winters", args, 0, ValueType::Vector, false);
    // A name that is taken is known.
    let _known = promql_parser::parser::register_extra_functions(vec![former]);
});

/// A question.
pub(crate) struct Question(Expr);

impl Question {
    /// Reads one.
    ///
    /// # Errors
    /// It is none, or too long, or has too many parts.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > LONGEST {
            return Err(Error::Bad(format!("the query has {} bytes: at most {LONGEST} are taken", text.len())));
        }
        if parts(text) > MOST_NESTED {
            return Err(Error::Bad(format!("the query has more than {MOST_NESTED} brackets and operators")));
        }
        LazyLock::force(&FORMER_NAMES);
        promql_parser::parser::parse(text).map(Self).map_err(Error::Parse)
    }

    /// The matchers of a question that is one selector, for those who ask for series alone.
    ///
    /// # Errors
    /// It is another question.
    pub(crate) fn matchers(&self) -> Result<Vec<Matcher>, Error> {
        let Expr::VectorSelector(selector) = &self.0 else {
            return Err(Error::bad("a series selector is wanted here, as `temperature{device=\"cellar\"}`"));
        };
        Ok(planner::matchers(selector)?.matchers)
    }

    /// Answers it at the moments of a grid; `is_range` where these are a range, if it were of one.
    ///
    /// # Errors
    /// It cannot be answered, or not with these readings.
    pub(crate) fn answer(&self, grid: Grid, is_range: bool, source: &mut dyn Source) -> Result<Value, Error> {
        let plan = planner::plan(&self.0, grid, is_range)?;
        Evaluator::new(source).answer(&plan, grid)
    }
}

/// About how many parts a question has that may stand in each other: brackets and operators outside of texts.
fn parts(text: &str) -> usize {
    let (mut count, mut quote, mut escaped) = (0, None, false);
    for c in text.bytes() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(own) => {
                escaped = c == b'\\' && own != b'`';
                if c == own {
                    quote = None;
                }
            }
            None => match c {
                b'"' | b'\'' | b'`' => quote = Some(c),
                b'(' | b'[' | b'{' | b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'<' | b'>' | b'!' => count += 1,
                b'=' => count += 1,
                _ => {}
            },
        }
    }
    // `and`, `or`, `unless` and `atan2` are words.
    count + text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| is_operator(word)).count()
}

fn is_operator(word: &str) -> bool {
    ["and", "or", "unless", "atan2"].iter().any(|operator| word.eq_ignore_ascii_case(operator))
}
