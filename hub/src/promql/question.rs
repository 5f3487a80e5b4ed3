//! A question: read, bounded, and answered. PURE.

use std::sync::LazyLock;

use promql_parser::label::Matcher;
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{Expr, Function};

use super::error::Error;
use super::eval::Evaluator;
use super::grid::Grid;
use super::outline::Outline;
use super::pattern;
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
    /// It is none, or too long, or has too many parts, or a pattern that is too large.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > LONGEST {
            return Err(Error::Bad(format!("the query has {} bytes: at most {LONGEST} are taken", text.len())));
        }
        let outline = Outline::of(text);
        if outline.parts > MOST_NESTED {
            return Err(Error::Bad(format!("the query has more than {MOST_NESTED} brackets and operators")));
        }
        outline.patterns.iter().try_for_each(|pattern| pattern::check(pattern))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::labels::{Labels, NAME};
    use crate::promql::source::WithReadings;

    /// A counter that grows by 2 each 30 s from 0, by label `n` so many times.
    struct Counters(usize);

    impl Source for Counters {
        fn select(&mut self, _: &[Matcher], from: i64, to: i64, with: &mut WithReadings<'_>) -> Result<(), Error> {
            let all = (0..200_i64).map(|n| (n * 30_000, 2.0 * n as f64)).filter(|(at, _)| (from..=to).contains(at));
            let (times, values): (Vec<_>, Vec<_>) = all.unzip();
            (0..self.0).try_for_each(|n| {
                let labels: Labels = [(NAME, "count".to_owned()), ("n", n.to_string())].into_iter().collect();
                with(&labels, &times, &values)
            })
        }
    }

    fn asked(question: &str, grid: Grid, series: usize) -> Result<Value, Error> {
        Question::parse(question)?.answer(grid, true, &mut Counters(series))
    }

    #[test]
    fn a_rate_reaches_to_both_ends_of_its_window_as_far_as_readings_usually_do() {
        // As Prometheus 2.42 says it of the same readings.
        for (at, rate) in [(60_000, Some(4.0 / 60.0)), (75_000, Some(4.0 / 60.0)), (29_000, None)] {
            let found = asked("rate(count[1m])", Grid::instant(at), 1).unwrap();
            let Value::Vector(rows) = found else { panic!("{found:?}") };
            let value = rows.first().and_then(|row| row.values[0]);
            assert_eq!(value, rate, "at {at}");
        }
    }

    #[test]
    fn a_question_that_would_hold_too_much_is_refused_in_the_middle() {
        let hours = Grid::range(0, 10_999_000, 1_000);
        assert!(asked("sum(count)", hours, 300).is_ok());
        for question in
            ["sum(count)", "sum(rate(count[5m]))", "count_values(\"v\", count)", "max_over_time(count[2h:1s])"]
        {
            assert!(matches!(asked(question, hours, 400), Err(Error::TooMuch)), "{question}");
        }
    }

    #[test]
    fn what_stands_in_each_other_is_bounded_and_what_is_allowed_fits_the_stack() {
        let nested = |n: usize| "abs(".repeat(n) + "count" + &")".repeat(n);
        let chained = |n: usize| "count".to_owned() + &" + count".repeat(n);
        for make in [nested, chained] {
            assert!(asked(&make(249), Grid::instant(60_000), 1).is_ok());
            assert!(matches!(asked(&make(251), Grid::instant(60_000), 1), Err(Error::Bad(_))));
        }
    }

    #[test]
    fn durations_without_end_add_up_to_a_moment_that_there_is() {
        let nested = (0..40).fold("count".to_owned(), |inner, _| {
            format!("last_over_time({inner}[200000000y:100000000y] offset 200000000y)")
        });
        for question in [nested.as_str(), "count offset -200000000y", "count @ 9223372036854775.807 offset 200000000y"]
        {
            assert!(asked(question, Grid::instant(60_000), 1).is_ok(), "{question}");
        }
    }

    #[test]
    fn a_pattern_that_would_take_much_memory_is_refused_before_it_is_read() {
        for fine in [r#"count{n=~"a.*|b+"}"#, r#"count{n=~'\\d{1,3}'}"#, "count{n!~`x{2}`}", r#"count{n=~"a{b}c"}"#] {
            assert!(Question::parse(fine).is_ok(), "{fine}");
        }
        for large in [
            r#"count{n=~"(a{99}){999}"}"#,
            r#"count{n=~ # said so
               '(a{99}){999}'}"#,
            r#"count{n=~"(a\x7b99}){999}"}"#,
            "count{n!~`(\\w{99}){99}`}",
            r#"count{n=~"(a{99}){999}{b}"}"#,
        ] {
            assert!(matches!(Question::parse(large), Err(Error::Bad(_))), "{large}");
        }
        let replaced = r#"label_replace(count, "a", "b", "n", "(a{99}){999}")"#;
        assert!(asked(replaced, Grid::instant(60_000), 1).is_err());
    }
}
