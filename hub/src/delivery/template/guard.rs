//! What a template may not do, whatever it is told. PURE.
//!
//! Fuel counts steps and bytes, but not what one step goes through that minijinja makes only then: a list times a million is one
//! step, and so is to search it; some of that it does while it compiles. So nothing that grows by itself is let in: `*` is for
//! numbers, and what a template makes (`set`, `for`, `with`) goes into no list, map or `+` but as a number or a text.
//!
//! A credential is printed as it is or with `tojson`: so who keeps what was sent knows what to hide.

#![expect(clippy::wildcard_enum_match_arm, reason = "what is not named is looked into part by part")]

use std::collections::{BTreeMap, BTreeSet};

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Filter, Stmt, UnaryOpKind};
use minijinja::value::ValueKind;

use super::flaw::Flaw;
use super::tags::{Place, place};

/// The name of a credential.
pub(in crate::delivery) const TOKEN: &str = "token";

/// Names of numbers in a message.
const NUMBERS: [&str; 13] = [
    "value",
    "worst",
    "last",
    "threshold",
    "count",
    "delayed_by",
    "alert.value",
    "alert.worst_value",
    "alert.last_value",
    "alert.threshold",
    "loop.index",
    "loop.index0",
    "loop.length",
];
/// Filters that make numbers.
const TO_NUMBERS: [&str; 6] = ["round", "int", "float", "abs", "length", "count"];
/// Filters that make texts.
const TO_TEXTS: [&str; 9] = ["string", "upper", "lower", "title", "capitalize", "trim", "tojson", "join", "format"];

/// Refuses what may not be done.
pub(super) fn check(source: &str, parsed: &Stmt<'_>) -> Result<(), Flaw> {
    let mut bound = BTreeMap::new();
    names_in(std::slice::from_ref(parsed), &mut bound);
    let mut guard = Guard { source, bound: bound.keys().copied().collect(), numbers: BTreeSet::new() };
    // One that is a number because of another is found a round later.
    for _ in 0..bound.len().min(ROUNDS) {
        let are = |makes: &[Option<&Expr<'_>>]| makes.iter().all(|made| made.is_some_and(|made| guard.is_number(made)));
        let numbers = bound.iter().filter(|(_, makes)| are(makes)).map(|(name, _)| *name).collect();
        guard.numbers = numbers;
    }
    guard.block(std::slice::from_ref(parsed), false)
}

/// How many names that are numbers by each other are followed.
const ROUNDS: usize = 8;

/// Names that a template makes, and of what; nothing where it is not said in one expression.
type Bound<'a, 't> = BTreeMap<&'a str, Vec<Option<&'t Expr<'a>>>>;

fn names_in<'a, 't>(block: &'t [Stmt<'a>], bound: &mut Bound<'a, 't>) {
    for statement in block {
        match statement {
            Stmt::Template(of) => names_in(&of.children, bound),
            Stmt::EmitExpr(_) | Stmt::EmitRaw(_) | Stmt::Do(_) => {}
            Stmt::ForLoop(of) => {
                bind(&of.target, None, bound);
                names_in(&of.body, bound);
                names_in(&of.else_body, bound);
            }
            Stmt::IfCond(of) => {
                names_in(&of.true_body, bound);
                names_in(&of.false_body, bound);
            }
            Stmt::WithBlock(of) => {
                of.assignments.iter().for_each(|(target, made)| bind(target, Some(made), bound));
                names_in(&of.body, bound);
            }
            Stmt::Set(of) => bind(&of.target, Some(&of.expr), bound),
            Stmt::SetBlock(of) => {
                bind(&of.target, None, bound);
                names_in(&of.body, bound);
            }
            Stmt::AutoEscape(of) => names_in(&of.body, bound),
            Stmt::FilterBlock(of) => names_in(&of.body, bound),
        }
    }
}

fn bind<'a, 't>(target: &'t Expr<'a>, made: Option<&'t Expr<'a>>, bound: &mut Bound<'a, 't>) {
    match target {
        Expr::Var(name) => bound.entry(name.id).or_default().push(made),
        Expr::List(of) => of.items.iter().for_each(|one| bind(one, None, bound)),
        Expr::Tuple(of) => of.items.iter().for_each(|one| bind(one, None, bound)),
        _ => {}
    }
}

struct Guard<'a> {
    source: &'a str,
    /// Names that the template makes.
    bound: BTreeSet<&'a str>,
    /// Those of them that are numbers.
    numbers: BTreeSet<&'a str>,
}

impl Guard<'_> {
    /// `is_kept`: what it prints goes on to a filter or into a name.
    fn block(&self, block: &[Stmt<'_>], is_kept: bool) -> Result<(), Flaw> {
        block.iter().try_for_each(|statement| self.statement(statement, is_kept))
    }

    fn statement(&self, statement: &Stmt<'_>, is_kept: bool) -> Result<(), Flaw> {
        match statement {
            Stmt::Template(of) => self.block(&of.children, is_kept),
            Stmt::EmitRaw(_) => Ok(()),
            Stmt::EmitExpr(of) if !is_kept && is_printed_token(&of.expr) => Ok(()),
            Stmt::EmitExpr(of) => self.expression(&of.expr),
            Stmt::Do(of) => {
                self.expression(&of.call.expr)?;
                inner(&of.call.args).try_for_each(|one| self.expression(one))
            }
            Stmt::ForLoop(of) => {
                self.target(&of.target)?;
                self.expression(&of.iter)?;
                of.filter_expr.as_ref().map_or(Ok(()), |only| self.expression(only))?;
                self.block(&of.body, is_kept)?;
                self.block(&of.else_body, is_kept)
            }
            Stmt::IfCond(of) => {
                self.expression(&of.expr)?;
                self.block(&of.true_body, is_kept)?;
                self.block(&of.false_body, is_kept)
            }
            Stmt::WithBlock(of) => {
                for (target, made) in &of.assignments {
                    self.target(target)?;
                    self.expression(made)?;
                }
                self.block(&of.body, is_kept)
            }
            Stmt::Set(of) => {
                self.target(&of.target)?;
                self.expression(&of.expr)
            }
            Stmt::SetBlock(of) => {
                self.target(&of.target)?;
                of.filter.as_ref().map_or(Ok(()), |filter| self.expression(filter))?;
                self.block(&of.body, true)
            }
            Stmt::AutoEscape(of) => {
                self.expression(&of.enabled)?;
                self.block(&of.body, true)
            }
            Stmt::FilterBlock(of) => {
                self.expression(&of.filter)?;
                self.block(&of.body, true)
            }
        }
    }

    /// Names that are given a value: several of them are no list.
    fn target(&self, of: &Expr<'_>) -> Result<(), Flaw> {
        match of {
            Expr::List(_) | Expr::Tuple(_) => parts(of).into_iter().try_for_each(|one| self.target(one)),
            _ => self.expression(of),
        }
    }

    fn expression(&self, of: &Expr<'_>) -> Result<(), Flaw> {
        match of {
            Expr::Var(name) if name.id == TOKEN => {
                return self.refuse(of, "`token` is only printed, as {{ token }} or as {{ token|tojson }}");
            }
            Expr::BinOp(two) if matches!(two.op, BinOpKind::Mul) && !self.are_numbers(&[&two.left, &two.right]) => {
                return self.refuse(of, "`*` is for numbers: write such as value|float * 2");
            }
            Expr::BinOp(two)
                if matches!(two.op, BinOpKind::Add)
                    && !self.are_numbers(&[&two.left, &two.right])
                    && !(self.is_plain(&two.left) && self.is_plain(&two.right)) =>
            {
                return self.refuse(of, "`+` of what the template makes is for numbers: write such as n|float + 1");
            }
            // To find the last letter of a text is one step, however long it is.
            Expr::Slice(part) if self.is_made(&part.expr) => {
                return self.refuse(of, "no part is taken with [ ] of what the template makes");
            }
            Expr::GetItem(item) if self.is_made(&item.expr) && !is_name(&item.subscript_expr) => {
                return self.refuse(of, "no part is taken with [ ] of what the template makes");
            }
            Expr::Filter(filter) if filter.name == "map" => {
                if let Some(one) = inner(&filter.args).find(|one| !self.is_plain(one)) {
                    return self.refuse(one, "`map` is given no lists that the template makes");
                }
            }
            Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) => {
                if let Some(one) = parts(of).into_iter().find(|one| !self.is_plain(one)) {
                    let why =
                        "of what the template makes, a list or map holds numbers and texts: write such as n|string";
                    return self.refuse(one, why);
                }
            }
            _ => {}
        }
        parts(of).into_iter().try_for_each(|part| self.expression(part))
    }

    fn are_numbers(&self, all: &[&Expr<'_>]) -> bool {
        all.iter().all(|one| self.is_number(one))
    }

    /// Whether it is a number, or fails.
    fn is_number(&self, of: &Expr<'_>) -> bool {
        match of {
            Expr::Const(constant) => constant.value.kind() == ValueKind::Number,
            Expr::Var(_) | Expr::GetAttr(_) => path(of).is_some_and(|path| {
                let first = path.split('.').next().unwrap_or_default();
                let among = |path: &str| NUMBERS.contains(&path);
                if self.bound.contains(first) { self.numbers.contains(path.as_str()) } else { among(&path) }
            }),
            Expr::UnaryOp(one) => matches!(one.op, UnaryOpKind::Neg),
            Expr::BinOp(two) => match two.op {
                BinOpKind::Sub | BinOpKind::Div | BinOpKind::FloorDiv | BinOpKind::Rem | BinOpKind::Pow => true,
                BinOpKind::Add | BinOpKind::Mul => self.are_numbers(&[&two.left, &two.right]),
                _ => false,
            },
            Expr::IfExpr(one) => {
                self.is_number(&one.true_expr) && one.false_expr.as_ref().is_none_or(|other| self.is_number(other))
            }
            Expr::Filter(filter) if TO_NUMBERS.contains(&filter.name) => true,
            Expr::Filter(filter) if matches!(filter.name, "default" | "d") => {
                let filtered = filter.expr.as_ref().is_some_and(|one| self.is_number(one));
                filtered && inner(&filter.args).all(|one| self.is_number(one))
            }
            _ => false,
        }
    }

    /// Whether nothing that the template makes is in it but as a number or a text.
    fn is_plain(&self, of: &Expr<'_>) -> bool {
        if self.is_number(of) {
            return true;
        }
        match of {
            Expr::Const(_) | Expr::Compare(_) | Expr::Test(_) | Expr::UnaryOp(_) => true,
            Expr::Var(name) => !self.bound.contains(name.id),
            Expr::BinOp(two) if matches!(two.op, BinOpKind::Concat) => true,
            Expr::Filter(filter) if TO_TEXTS.contains(&filter.name) => true,
            _ => parts(of).into_iter().all(|part| self.is_plain(part)),
        }
    }

    /// Whether something that the template makes is in it.
    fn is_made(&self, of: &Expr<'_>) -> bool {
        match of {
            Expr::Var(name) => self.bound.contains(name.id) && !self.numbers.contains(name.id),
            _ => parts(of).into_iter().any(|part| self.is_made(part)),
        }
    }

    fn refuse(&self, at: &Expr<'_>, why: &str) -> Result<(), Flaw> {
        let begin = usize::try_from(at.span().start_offset).unwrap_or_default();
        let Place { line, column } = place(self.source, begin);
        Err(Flaw { line, column, why: why.to_owned() })
    }
}

/// Whether it is a credential as it may be printed.
fn is_printed_token(of: &Expr<'_>) -> bool {
    let is_token = |of: &Expr<'_>| matches!(of, Expr::Var(name) if name.id == TOKEN);
    match of {
        Expr::Filter(filter) => {
            let Filter { name, expr, args } = &**filter;
            *name == "tojson" && args.is_empty() && expr.as_ref().is_some_and(is_token)
        }
        _ => is_token(of),
    }
}

/// Whether it is a field, as in `part['value']`.
fn is_name(of: &Expr<'_>) -> bool {
    matches!(of, Expr::Const(constant) if constant.value.as_str().is_some())
}

/// A name with its fields.
fn path(of: &Expr<'_>) -> Option<String> {
    match of {
        Expr::Var(name) => Some(name.id.to_owned()),
        Expr::GetAttr(field) => Some(format!("{}.{}", path(&field.expr)?, field.name)),
        _ => None,
    }
}

fn inner<'t, 'a>(given: &'t [CallArg<'a>]) -> impl Iterator<Item = &'t Expr<'a>> {
    given.iter().map(|one| match one {
        CallArg::Pos(one) | CallArg::Kwarg(_, one) | CallArg::PosSplat(one) | CallArg::KwargSplat(one) => one,
    })
}

/// What an expression is made of.
fn parts<'t, 'a>(of: &'t Expr<'a>) -> Vec<&'t Expr<'a>> {
    match of {
        Expr::Var(_) | Expr::Const(_) => Vec::new(),
        Expr::Slice(of) => {
            let ends = [&of.start, &of.stop, &of.step];
            std::iter::once(&of.expr).chain(ends.into_iter().flatten()).collect()
        }
        Expr::UnaryOp(of) => vec![&of.expr],
        Expr::BinOp(of) => vec![&of.left, &of.right],
        Expr::Compare(of) => std::iter::once(&of.expr).chain(of.ops.iter().map(|op| &op.expr)).collect(),
        Expr::IfExpr(of) => [&of.test_expr, &of.true_expr].into_iter().chain(&of.false_expr).collect(),
        Expr::Filter(of) => of.expr.iter().chain(inner(&of.args)).collect(),
        Expr::Test(of) => std::iter::once(&of.expr).chain(inner(&of.args)).collect(),
        Expr::GetAttr(of) => vec![&of.expr],
        Expr::GetItem(of) => vec![&of.expr, &of.subscript_expr],
        Expr::Call(of) => std::iter::once(&of.expr).chain(inner(&of.args)).collect(),
        Expr::List(of) => of.items.iter().collect(),
        Expr::Tuple(of) => of.items.iter().collect(),
        Expr::Map(of) => of.keys.iter().chain(&of.values).collect(),
    }
}
