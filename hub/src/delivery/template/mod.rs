//! Templates that people write for titles, texts, bodies and headers, in the language of Jinja. PURE.
//!
//! ```text
//!   source ──▶ guard: nothing grows ──▶ tags: which names, filters and tests ──▶ known? ──▶ rendered over variables
//! ```
//!
//! A name that no message has is refused where the template is written, with its line and column and the name that is nearest. What
//! only a real message shows (a label that this device has not) fails when that is rendered: whoever asks says the hub's own text
//! then, so no alert depends on a template.
//!
//! No template reads a file, includes another or calls a macro: those parts of minijinja are not compiled in. Work and memory of
//! one are bounded by fuel and by [`guard`], its output by bytes.

mod flaw;
pub(super) mod guard;
mod tags;
pub(super) mod variables;

use std::io;

use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, escape_formatter};

pub use self::flaw::Flaw;
use self::tags::{Place, Word};
use self::variables::{Known, Variables};
use crate::model::shown;

/// Steps of one rendering, and 64 bytes of what it makes: some milliseconds, and less than a megabyte. The largest message as JSON
/// takes half of it.
const FUEL: u64 = 10_000;
/// Numbers of one `range`.
const RANGE: u64 = 1_000;
/// Blocks in blocks.
const DEPTH: usize = 30;

/// For whom a template writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// Numbers have the digits that matter.
    People,
    /// Numbers have all their digits.
    Programs,
}

/// Refuses a template that is not one, or names what is not there.
pub(super) fn check(source: &str, known: &Known) -> Result<(), Flaw> {
    guarded(source)?;
    let environment = environment(For::People, true);
    let template = environment.template_from_str(source).map_err(|error| flaw(source, &error))?;
    let words = tags::words(source);
    for (word, place) in &words {
        let is_there = match *word {
            Word::Filter(name) => knows_filter(&environment, name),
            Word::Test(name) => knows_test(&environment, name),
            Word::Name(_) => true,
        };
        if !is_there {
            let why = match *word {
                Word::Filter(name) => {
                    format!("there is no filter `{name}`; such as round, upper, default or tojson are")
                }
                Word::Test(name) | Word::Name(name) => {
                    format!("there is no test `{name}`; such as defined, none or in are")
                }
            };
            return Err(Flaw { line: place.line, column: place.column, why });
        }
    }
    let globals: Vec<&str> = environment.globals().map(|(name, _)| name).collect();
    let mut unknown: Vec<(Place, String)> = Vec::new();
    for path in template.undeclared_variables(true) {
        if globals.contains(&path.as_str()) {
            continue;
        }
        if let Err(why) = known.find(&path) {
            unknown.push((place_of(&words, &path), why));
        }
    }
    match unknown.into_iter().min() {
        Some((Place { line, column }, why)) => Err(Flaw { line, column, why }),
        None => Ok(()),
    }
}

/// Before anything is compiled: that works out what is constant.
fn guarded(source: &str) -> Result<(), Flaw> {
    let parsed = parse(source, "", SyntaxConfig::default()).map_err(|error| flaw(source, &error))?;
    guard::check(source, &parsed)
}

/// Whether a template names one of these, or a field of one.
pub(super) fn names(source: &str, any: &[&str]) -> bool {
    let is_one = |path: &str| {
        any.iter().any(|of| path == *of || path.strip_prefix(of).is_some_and(|rest| rest.starts_with('.')))
    };
    tags::words(source).iter().any(|(word, _)| matches!(word, Word::Name(path) if is_one(path)))
}

/// What a template makes of a message, in at most so many bytes.
pub(super) fn render(source: &str, of: &Variables, reader: For, most: usize) -> Result<String, Flaw> {
    guarded(source)?;
    let environment = environment(reader, of.is_strict);
    let mut output = Bounded { bytes: Vec::new(), most };
    let rendered = environment
        .template_from_str(source)
        .and_then(|template| template.render_captured_to(of.value.clone(), &mut output).map(drop));
    match rendered {
        Ok(()) => Ok(String::from_utf8_lossy(&output.bytes).into_owned()),
        Err(_) if output.bytes.len() >= most => {
            Err(Flaw { line: 1, column: 1, why: format!("it makes more than {most} bytes") })
        }
        Err(error) => Err(flaw(source, &error)),
    }
}

/// Where names that are not there fail, or are empty.
fn environment(reader: For, is_strict: bool) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEPTH);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(if is_strict {
        UndefinedBehavior::SemiStrict
    } else {
        UndefinedBehavior::Chainable
    });
    // What makes much of little, goes through long texts uncounted, or shows all there is.
    ["chain", "zip", "batch", "slice", "groupby", "pprint"].iter().for_each(|name| environment.remove_filter(name));
    ["lower", "upper"].iter().for_each(|name| environment.remove_test(name));
    ["debug", "dict", "namespace"].iter().for_each(|name| environment.remove_global(name));
    environment.add_function("range", range);
    environment.set_formatter(move |out, state, value| {
        if value.is_none() {
            return Ok(());
        }
        match f64::try_from(value.clone()) {
            Ok(number) if reader == For::People && value.is_number() && !value.is_integer() => {
                Ok(out.write_str(&shown::digits(number))?)
            }
            _ => escape_formatter(out, state, value),
        }
    });
    environment
}

/// Numbers from one to before another, in steps.
fn range(first: i64, second: Option<i64>, step: Option<i64>) -> Result<Vec<i64>, Error> {
    let refused = |why: String| Error::new(ErrorKind::InvalidOperation, why);
    let (from, to) = second.map_or((0, first), |to| (first, to));
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(refused("a range has no step of 0".to_owned()));
    }
    let is_any = if step > 0 { from < to } else { from > to };
    let many = if is_any { from.abs_diff(to).div_ceil(step.unsigned_abs()) } else { 0 };
    if many > RANGE {
        return Err(refused(format!("a range has at most {RANGE} numbers")));
    }
    Ok((0..many).scan(from, |at, _| Some(std::mem::replace(at, at.saturating_add(step)))).collect())
}

fn knows_filter(environment: &Environment<'_>, name: &str) -> bool {
    let tried = environment.empty_state().apply_filter(name, &[Value::UNDEFINED]);
    !tried.is_err_and(|error| error.kind() == ErrorKind::UnknownFilter)
}

fn knows_test(environment: &Environment<'_>, name: &str) -> bool {
    let tried = environment.empty_state().perform_test(name, &[Value::UNDEFINED]);
    !tried.is_err_and(|error| error.kind() == ErrorKind::UnknownTest)
}

/// Where a path stands, or its beginning.
fn place_of(words: &[(Word<'_>, Place)], path: &str) -> Place {
    let begins = |word: &Word<'_>, path: &str| {
        let Word::Name(name) = word else { return false };
        *name == path || name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
    };
    let first = path.split('.').next().unwrap_or(path);
    let found = words.iter().find(|(word, _)| begins(word, path));
    found
        .or_else(|| words.iter().find(|(word, _)| begins(word, first)))
        .map_or(Place { line: 1, column: 1 }, |found| found.1)
}

/// What minijinja says, in words of who writes a template.
fn flaw(source: &str, error: &Error) -> Flaw {
    let Place { line, column } = match error.range() {
        Some(range) => tags::place(source, range.start),
        None => Place { line: error.line().unwrap_or(1), column: 1 },
    };
    let named = error.range().and_then(|range| source.get(range)).map(str::trim).unwrap_or_default();
    let kind = error.kind();
    let why = if kind == ErrorKind::OutOfFuel {
        "it takes too long: loop over less".to_owned()
    } else if kind == ErrorKind::UndefinedError && named.is_empty() {
        "something is not known here".to_owned()
    } else if kind == ErrorKind::UndefinedError {
        format!("`{named}` is not known here: write `{named}|default('')`, or ask with `if`")
    } else {
        error.detail().map_or_else(|| kind.to_string(), str::to_owned)
    };
    Flaw { line, column, why }
}

/// Bytes up to a number.
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl io::Write for &mut Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.most.saturating_sub(self.bytes.len());
        let fits = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.bytes.extend_from_slice(fits);
        if fits.len() < bytes.len() { Err(io::Error::other("too long")) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
