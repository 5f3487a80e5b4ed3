//! Where things are in the picture: lines, areas and texts. PURE.

use super::ticks;
use super::view::{Reading, View};
use crate::model::UnixMillis;
use crate::model::severity::Severity;
use crate::model::shown::{self, Scale};

/// Size of a picture.
pub(super) const WIDTH: f32 = 800.0;
/// Size of a picture.
pub(super) const HEIGHT: f32 = 400.0;
const TOP: f32 = 74.0;
const BOTTOM: f32 = 352.0;
const LEFT: f32 = 78.0;
const RIGHT: f32 = 780.0;
/// Marks of the time axis at most.
const TIMES: i64 = 8;

const PAPER: Colour = Colour(0xff, 0xff, 0xff);
const INK: Colour = Colour(0x16, 0x21, 0x1d);
const QUIET: Colour = Colour(0x5e, 0x6b, 0x65);
const GRID: Colour = Colour(0xe1, 0xe5, 0xe0);
const SERIES: Colour = Colour(0x00, 0x72, 0xb2);
const SPREAD: Colour = Colour(0xcf, 0xe3, 0xf1);
const LIMIT: Colour = Colour(0xb1, 0x3a, 0x00);

/// Red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour(pub(super) u8, pub(super) u8, pub(super) u8);

pub(super) type Spot = (f32, f32);

/// Where a text stands beside its spot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line, an area or a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Line {
        through: Vec<Spot>,
        width: f32,
        dash: Option<(f32, f32)>,
        colour: Colour,
    },
    Area {
        around: Vec<Spot>,
        colour: Colour,
    },
    /// One that is longer than `room` is cut.
    Text {
        at: Spot,
        size: f32,
        anchor: Anchor,
        room: f32,
        colour: Colour,
        text: String,
    },
}

/// Everything in the picture, the lowest first.
pub(super) fn of(view: &View) -> Vec<Shape> {
    let axes = Axes::of(view);
    let mut shapes = vec![Shape::Area { around: boxed((0.0, 0.0), (WIDTH, HEIGHT)), colour: PAPER }];
    let (from, to) = view.range;
    let end = view.ended.unwrap_or(to);
    let (begin_x, end_x) = (axes.x(view.began.max(from)), axes.x(end.min(to)));
    shapes.push(Shape::Area { around: boxed((begin_x, TOP), (end_x, BOTTOM)), colour: soft(view.severity) });
    axes.grid(view, &mut shapes);
    for run in runs(&view.points) {
        let upper = run.iter().map(|point| (axes.x(point.at), axes.y(point.high)));
        let lower = run.iter().rev().map(|point| (axes.x(point.at), axes.y(point.low)));
        if run.iter().any(|point| point.high > point.low) {
            shapes.push(Shape::Area { around: upper.chain(lower).collect(), colour: SPREAD });
        }
        let line: Vec<Spot> = run.iter().map(|point| (axes.x(point.at), axes.y(point.mean))).collect();
        // One reading alone is a dot, one bucket alone what lay in it.
        let through = match (&line[..], run) {
            ([(x, _)], [point]) if point.high > point.low => vec![(*x, axes.y(point.low)), (*x, axes.y(point.high))],
            ([(x, y)], _) => vec![(x - 1.5, *y), (x + 1.5, *y)],
            _ => line,
        };
        shapes.push(Shape::Line { through, width: 2.0, dash: None, colour: SERIES });
    }
    let across = |value: f64| vec![(LEFT, axes.y(value)), (RIGHT, axes.y(value))];
    if let Some(clear) = view.clear {
        shapes.push(Shape::Line { through: across(clear), width: 1.0, dash: Some((2.0, 4.0)), colour: QUIET });
        shapes.push(text(
            (LEFT + 6.0, axes.y(clear) + 14.0),
            12.0,
            Anchor::Start,
            QUIET,
            format!("clear {}", shown::value(clear, &view.unit)),
        ));
    }
    if let Some(limit) = view.limit {
        shapes.push(Shape::Line { through: across(limit), width: 1.5, dash: Some((7.0, 5.0)), colour: LIMIT });
        shapes.push(text(
            (LEFT + 6.0, axes.y(limit) - 6.0),
            12.0,
            Anchor::Start,
            LIMIT,
            format!("limit {}", shown::value(limit, &view.unit)),
        ));
    }
    marks(view, (begin_x, end_x), &mut shapes);
    if let Some((at, value)) = view.spark.filter(|(at, _)| (from..=to).contains(at)) {
        let spot = (axes.x(at), axes.y(value));
        shapes.push(Shape::Area { around: dot(spot, 6.0), colour: PAPER });
        shapes.push(Shape::Area { around: dot(spot, 4.5), colour: strong(view.severity) });
    }
    heading(view, &mut shapes);
    shapes
}

/// Where the alert begins and ends, with its times.
fn marks(view: &View, (begin_x, end_x): (f32, f32), shapes: &mut Vec<Shape>) {
    let colour = strong(view.severity);
    let mut mark = |x: f32| {
        shapes.push(Shape::Line { through: vec![(x, TOP - 6.0), (x, BOTTOM)], width: 1.5, dash: None, colour });
    };
    let (from, to) = view.range;
    let is_begin_seen = view.began >= from;
    if is_begin_seen {
        mark(begin_x);
    }
    if view.ended.is_some_and(|end| end <= to) {
        mark(end_x);
    }
    let clock = |at: UnixMillis| view.written(at, if to.since(from) < 300_000 { "%H:%M:%S" } else { "%H:%M" });
    let began = format!("began {}", clock(view.began));
    let over = view.ended.map(|end| format!("over {}", clock(end)));
    // Side by side where there is room for both, otherwise in one.
    let is_narrow = end_x - begin_x < 120.0;
    match over {
        Some(over) if is_narrow || !is_begin_seen => {
            let both = if is_begin_seen { format!("{began}, {over}") } else { over };
            shapes.push(label((begin_x + end_x) / 2.0, colour, both));
        }
        over => {
            shapes.push(label(begin_x, colour, began));
            shapes.extend(over.map(|over| label(end_x, colour, over)));
        }
    }
}

/// A text above the chart that stays inside the picture.
fn label(x: f32, colour: Colour, of: String) -> Shape {
    let (anchor, x) = match x {
        x if x < LEFT + 60.0 => (Anchor::Start, x.max(LEFT)),
        x if x > RIGHT - 60.0 => (Anchor::End, x.min(RIGHT)),
        x => (Anchor::Middle, x),
    };
    text((x, TOP - 10.0), 12.0, anchor, colour, of)
}

fn heading(view: &View, shapes: &mut Vec<Shape>) {
    let mark = boxed((LEFT - 60.0, 14.0), (LEFT - 56.0, 48.0));
    shapes.push(Shape::Area { around: mark, colour: strong(view.severity) });
    let room = RIGHT - LEFT + 48.0;
    shapes.push(Shape::Text {
        at: (LEFT - 46.0, 29.0),
        size: 18.0,
        anchor: Anchor::Start,
        room,
        colour: INK,
        text: view.title.clone(),
    });
    let (from, to) = view.range;
    let days = (view.written(from, "%-d %b %Y"), view.written(to, "%-d %b %Y"));
    let day = if days.0 == days.1 { days.0 } else { format!("{} – {}", days.0, days.1) };
    let what = if view.points.is_empty() {
        format!("{}: no readings, {day}", view.what)
    } else {
        format!("{}, {day}", view.what)
    };
    shapes.push(Shape::Text {
        at: (LEFT - 46.0, 47.0),
        size: 13.0,
        anchor: Anchor::Start,
        room,
        colour: QUIET,
        text: what,
    });
}

/// From values and moments to spots.
struct Axes {
    low: f64,
    high: f64,
    from: UnixMillis,
    length_ms: i64,
}

impl Axes {
    fn of(view: &View) -> Self {
        let readings = view.points.iter().flat_map(|point| [point.low, point.high]);
        let spark = view.spark.map(|(_, value)| value);
        let all = || readings.clone().chain(spark).chain(view.limit).chain(view.clear);
        let (low, high) =
            all().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        // A tenth above and below; around what never changes a tenth of itself.
        let room = ((high - low) / 10.0).max(high.abs().max(low.abs()) / 200.0).max(f64::MIN_POSITIVE);
        let room = if high > low { room } else { (high.abs() / 10.0).max(1.0) };
        let (from, to) = view.range;
        Self { low: low - room, high: high + room, from, length_ms: to.since(from).max(1) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a place in a picture of 800 points")]
    fn x(&self, at: UnixMillis) -> f32 {
        let part = at.since(self.from) as f64 / self.length_ms as f64;
        LEFT + (RIGHT - LEFT) * part.clamp(0.0, 1.0) as f32
    }

    #[expect(clippy::cast_possible_truncation, reason = "a place in a picture of 400 points")]
    fn y(&self, value: f64) -> f32 {
        // Halves: the whole of it may be more than a number holds.
        let part = (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        let part = if part.is_finite() { part.clamp(0.0, 1.0) as f32 } else { 0.5 };
        BOTTOM - (BOTTOM - TOP) * part
    }

    fn grid(&self, view: &View, shapes: &mut Vec<Shape>) {
        let scale = Scale::of(&view.unit, self.low.abs().max(self.high.abs()));
        let divisor = scale.divisor();
        let values = ticks::values(self.low / divisor, self.high / divisor);
        let last = values.len().saturating_sub(1);
        for (n, value) in values.into_iter().enumerate() {
            let value = value * divisor;
            let y = self.y(value);
            shapes.push(Shape::Line { through: vec![(LEFT, y), (RIGHT, y)], width: 1.0, dash: None, colour: GRID });
            let number = scale.number(value);
            let label =
                if n == last && !scale.unit().is_empty() { format!("{number} {}", scale.unit()) } else { number };
            shapes.push(Shape::Text {
                at: (LEFT - 8.0, y + 4.0),
                size: 12.0,
                anchor: Anchor::End,
                room: LEFT - 10.0,
                colour: QUIET,
                text: label,
            });
        }
        let step = ticks::time_step(self.length_ms, TIMES);
        let form = if step < 60_000 {
            "%H:%M:%S"
        } else if step < ticks::DAY {
            "%H:%M"
        } else {
            "%-d %b"
        };
        let mut day = String::new();
        for at in ticks::times(view.range, step, view.offset_ms(view.range.0)) {
            let x = self.x(at);
            shapes.push(Shape::Line {
                through: vec![(x, BOTTOM), (x, BOTTOM + 5.0)],
                width: 1.0,
                dash: None,
                colour: QUIET,
            });
            shapes.push(text((x, BOTTOM + 18.0), 12.0, Anchor::Middle, QUIET, view.written(at, form)));
            // The day is said where it is another one.
            let its = view.written(at, "%a %-d %b");
            if step < ticks::DAY && its != day {
                shapes.push(text((x, BOTTOM + 33.0), 11.0, Anchor::Middle, QUIET, its.clone()));
                day = its;
            }
        }
        shapes.push(Shape::Line {
            through: vec![(LEFT, BOTTOM), (RIGHT, BOTTOM)],
            width: 1.0,
            dash: None,
            colour: QUIET,
        });
        shapes.push(text((RIGHT, BOTTOM + 39.0), 11.0, Anchor::End, QUIET, format!("Times in {}", view.zone_name())));
    }
}

/// Readings that a line goes through: it ends where far more time passes than is usual around.
fn runs(points: &[Reading]) -> Vec<&[Reading]> {
    let steps: Vec<i64> = points.windows(2).map(|two| two[1].at.since(two[0].at)).collect();
    let mut runs = Vec::new();
    let mut from = 0;
    for (n, step) in steps.iter().enumerate() {
        if pace_around(&steps, n).is_some_and(|usual| *step > 4 * usual) {
            runs.push(&points[from..=n]);
            from = n + 1;
        }
    }
    runs.extend(points.get(from..).filter(|last| !last.is_empty()));
    runs
}

/// So many steps either side of a hole say what is usual there: a sensor may be asked more often from a moment on.
const NEIGHBOURS: usize = 8;

/// The usual step on the slower side of one of them; `None` where too few are there to tell.
fn pace_around(steps: &[i64], at: usize) -> Option<i64> {
    let usual = |near: &[i64]| {
        let mut near = near.to_vec();
        near.sort_unstable();
        // Of two the shorter one: the other may be an outage.
        near.get(near.len().checked_sub(1)? / 2).copied().filter(|_| near.len() > 1)
    };
    let before = usual(&steps[at.saturating_sub(NEIGHBOURS)..at]);
    let behind = usual(&steps[at + 1..(at + 1 + NEIGHBOURS).min(steps.len())]);
    before.max(behind)
}

fn boxed(from: Spot, to: Spot) -> Vec<Spot> {
    vec![from, (to.0, from.1), to, (from.0, to.1)]
}

fn dot((x, y): Spot, radius: f32) -> Vec<Spot> {
    let corner = |n: u8| (f32::from(n) * std::f32::consts::TAU / 16.0).sin_cos();
    (0..16).map(corner).map(|(up, along)| (x + radius * along, y + radius * up)).collect()
}

fn text(at: Spot, size: f32, anchor: Anchor, colour: Colour, text: String) -> Shape {
    Shape::Text { at, size, anchor, room: WIDTH, colour, text }
}

const fn strong(severity: Severity) -> Colour {
    match severity {
        Severity::Info => Colour(0x1c, 0x7e, 0xd6),
        Severity::Warning => Colour(0x8a, 0x53, 0x00),
        Severity::Critical => Colour(0xb1, 0x3a, 0x00),
    }
}

const fn soft(severity: Severity) -> Colour {
    match severity {
        Severity::Info => Colour(0xe2, 0xef, 0xf8),
        Severity::Warning => Colour(0xfb, 0xef, 0xd5),
        Severity::Critical => Colour(0xfd, 0xe8, 0xdc),
    }
}

#[cfg(test)]
mod tests;
