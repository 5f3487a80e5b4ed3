//! What is drawn of an alert, and where.

use jiff::tz::{Offset, TimeZone};

use super::*;

const T0: UnixMillis = UnixMillis(1_800_000_000_000);
const MINUTE: i64 = 60_000;

fn view() -> View {
    let reading = |n: i64| Reading { at: T0.plus(n * MINUTE), low: 20.0, mean: 21.0, high: 22.0 };
    View {
        title: "Too <warm> on attic".to_owned(),
        what: "Temperature".to_owned(),
        unit: "Cel".to_owned(),
        points: (0..20).chain(40..60).map(reading).collect(),
        spark: Some((T0.plus(11 * MINUTE), 36.0)),
        limit: Some(30.0),
        clear: Some(28.0),
        severity: Severity::Critical,
        range: (T0, T0.plus(60 * MINUTE)),
        began: T0.plus(10 * MINUTE),
        fired: Some(T0.plus(11 * MINUTE)),
        ended: Some(T0.plus(50 * MINUTE)),
        zone: TimeZone::fixed(Offset::from_hours(2).unwrap()),
    }
}

fn texts(view: &View) -> Vec<String> {
    let text = |shape| if let Shape::Text { text, .. } = shape { Some(text) } else { None };
    of(view).into_iter().filter_map(text).collect()
}

#[test]
fn the_line_ends_where_nothing_came_and_the_limit_and_the_marks_are_drawn() {
    let view = view();
    let shapes = of(&view);
    let lines: Vec<_> =
        shapes
            .iter()
            .filter_map(|shape| {
                if let Shape::Line { through, colour: SERIES, .. } = shape { Some(through.len()) } else { None }
            })
            .collect();
    assert_eq!(lines, [20, 20], "one line for each time in which readings came");
    let dots = shapes.iter().filter(|shape| matches!(shape, Shape::Area { around, .. } if around.len() == 16)).count();
    assert_eq!(dots, 2, "what fired it, on paper");
    let said = texts(&view);
    for text in ["Too <warm> on attic", "limit 30 °C", "clear 28 °C", "began 10:10", "over 10:50", "Times in +02"] {
        assert!(said.iter().any(|one| one == text), "{text}: {said:?}");
    }
    assert!(said.iter().any(|one| one == "Temperature, 15 Jan 2027"), "{said:?}");
    assert!(said.iter().any(|one| one == "35 °C"), "the highest value has the unit: {said:?}");
    let svg = view.svg();
    assert!(svg.contains("Too &lt;warm&gt; on attic") && !svg.contains("<warm>"), "{svg}");
    assert_eq!(
        view.alt(),
        "Chart of Temperature: Too <warm> on attic, limit 30 °C, from 2027-01-15 10:10 until 10:50 +02"
    );
}

#[test]
fn whatever_the_values_are_everything_is_in_the_picture() {
    let extremes = [f64::MIN, f64::MAX, 0.0, f64::MIN_POSITIVE, -1e-300];
    for (low, high) in extremes.iter().flat_map(|low| extremes.map(|high| (low.min(high), low.max(high)))) {
        let points =
            vec![Reading { at: T0, low, mean: low, high }, Reading { at: T0.plus(MINUTE), low, mean: high, high }];
        let view = View { points, spark: Some((T0, high)), limit: Some(high), clear: None, ended: None, ..view() };
        for shape in of(&view) {
            let spots = match shape {
                Shape::Line { through, .. } => through,
                Shape::Area { around, .. } => around,
                Shape::Text { at, .. } => vec![at],
            };
            for (x, y) in spots {
                assert!((0.0..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y), "{low} {high}: {x} {y}");
            }
        }
    }
    let none = View { points: Vec::new(), spark: None, limit: None, clear: None, ..view() };
    assert!(texts(&none).iter().any(|text| text.contains("no readings")));
    let moment = View { range: (T0, T0), began: T0, ended: Some(T0), ..view() };
    assert!(!of(&moment).is_empty());
}

#[test]
fn a_sensor_that_is_asked_more_often_from_a_moment_on_has_a_line_before_it_as_well() {
    let reading = |at: i64| Reading { at: T0.plus(at), low: 20.0, mean: 21.0, high: 22.0 };
    let slow = (0..20).map(|n| n * MINUTE);
    let fast = (0..300).filter(|second| !(60..75).contains(second)).map(|second| 20 * MINUTE + second * 1_000);
    let points: Vec<Reading> = slow.chain(fast).map(reading).collect();
    let lines: Vec<usize> = runs(&points).into_iter().map(<[Reading]>::len).collect();
    assert_eq!(lines, [80, 225], "the outage of 15 s is one where a reading comes each second");
    assert_eq!(runs(&[]).len(), 0);
    assert_eq!(runs(&points[..2]).len(), 1);
}
