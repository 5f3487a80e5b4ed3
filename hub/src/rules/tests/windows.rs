//! Rates and deviations: what they remember, against references that keep everything and compute it anew each time.

mod reference;

use self::reference::Reference;
use super::*;
use crate::counter::{Amount, Machine, Mark, Shares};
use crate::rules::backtest::{Replay, Span, Trial};

/// A counter a second, beside the scene's gauges.
pub(super) const COUNT: SeriesId = SeriesId(2);

#[test]
fn a_rate_is_the_change_in_a_unit_of_time_over_the_window() {
    let mut scene = Scene::with([rate(Op::Above, 5.0, 60, 300, Some(4.0))]);
    // 4.9 a minute for six minutes, then 30 a minute: over the window it takes a while to show.
    for tick in 0..36 {
        assert_eq!(scene.reading(tick * 10, tick as f64 * 4.9 / 6.0), NOTHING);
    }
    let base = 35.0 * 4.9 / 6.0;
    assert_eq!(scene.reading(360, base + 1.0), NOTHING);
    assert_eq!(scene.reading(370, base + 3.0).len(), 1);
    // The window reaches back to the first reading of a step of 10 s, 300 s ago.
    let rate = (base + 3.0 - 7.0 * 4.9 / 6.0) / 5.0;
    assert!((scene.stored[0].value.unwrap() - rate).abs() < 1e-9, "{:?}", scene.stored[0]);
}

#[test]
fn a_rate_says_nothing_before_half_of_its_window_is_known_and_nothing_across_a_long_gap() {
    let mut scene = Scene::with([rate(Op::Above, 5.0, 60, 300, None)]);
    assert_eq!(scene.reading(0, 0.0), NOTHING);
    assert_eq!(scene.reading(149, 1_000.0), NOTHING);
    assert_eq!(scene.reading(150, 1_000.0), ["1 firing 400 at 150"]);
    // Nothing is known: the alert neither ends nor begins anew.
    assert_eq!(scene.reading(451, 1_000.0), NOTHING);
    assert_eq!(scene.reading(600, 1_000.0), NOTHING);
    assert_eq!(scene.reading(601, 1_000.0), ["1 resolved 0 at 601"]);
}

#[test]
fn a_fall_is_a_negative_rate() {
    let mut scene = Scene::with([rate(Op::Below, -5.0, 3_600, 100, None)]);
    scene.reading(0, 20.0);
    assert_eq!(scene.reading(100, 19.0), ["1 firing -36 at 100"]);
}

#[test]
fn a_counter_that_starts_anew_has_grown_by_what_it_shows() {
    let mut scene = Scene::with([sensor("count", rate(Op::AtLeast, 60.0, 60, 100, None))]);
    let mut count = |second: i64, value: f64| scene.group(second, &[batch(COUNT, at(second), &[(at(second), value)])]);
    assert_eq!(count(0, 1_000.0), NOTHING);
    assert_eq!(count(50, 1_040.0), NOTHING);
    // Whether it starts anew the third reading from there tells.
    assert_eq!(count(100, 20.0), NOTHING);
    assert_eq!(count(110, 200.0), NOTHING);
    // 20 until the first of them, then 190, in 70 s.
    assert_eq!(count(120, 210.0), ["1 firing 180 at 120"]);
}

#[test]
fn a_counter_that_blinks_has_not_grown_and_is_never_falling() {
    let (surge, falling) = (rate(Op::Above, 100.0, 60, 5, None), rate(Op::Below, 0.0, 60, 5, None));
    let mut scene = Scene::with([sensor("count", surge), sensor("count", falling)]);
    let values =
        [3735.0, 3735.5, 3736.0, 3736.5, 3737.0, 3737.5, 0.0, 3738.5, 3739.0, 373.7, 3739.5, 9e6, 3740.0, 3740.5];
    for (second, value) in (0..).zip(values) {
        let told = scene.group(second, &[batch(COUNT, at(second), &[(at(second), value)])]);
        assert_eq!(told, NOTHING, "{value}");
    }
}

#[test]
fn a_first_reading_that_is_a_slip_is_no_increase() {
    let over = Duration::from_secs(3_600);
    let surge = Condition::Increase { op: Op::Above, value: 100.0, over, clear: None };
    for values in [[0.0, 3737.0, 3737.5, 3738.0], [373.7, 3737.0, 3737.5, 3738.0]] {
        let mut scene =
            Scene::with([spec("count", surge.clone()), sensor("count", rate(Op::Above, 1e5, 3_600, 2, None))]);
        for (second, value) in (0..).zip(values) {
            assert_eq!(scene.group(second, &[batch(COUNT, at(second), &[(at(second), value)])]), NOTHING, "{value}");
        }
    }
}

#[test]
fn a_window_that_is_read_again_knows_where_a_counter_stood_before_it() {
    let (over, minute) = (Duration::from_secs(3_600), 60);
    let surge = Condition::Increase { op: Op::Above, value: 100.0, over, clear: None };
    let mut scene = Scene::with([spec("count", surge)]);
    let (first, last) = (60 * minute, 120 * minute);
    // The oldest reading of the window is a slip.
    let value = |second| if second == first { 0.0 } else { 3737.0 + second as f64 / 6_000.0 };
    let stored: Vec<_> = (0..=120).map(|n| Point { at: at(n * minute), value: value(n * minute) }).collect();
    scene.group(last, &[batch(COUNT, at(last), &[(at(last), value(last))])]);
    let mut recall = scene.engine.next_recall(at(last)).expect("it wants its past");
    assert!(recall.from < at(first));
    let wanted: Vec<_> = stored.into_iter().filter(|point| recall.from <= point.at).collect();
    recall.take(&wanted);
    scene.engine.recalled(recall);
    for second in [last + minute, last + 2 * minute] {
        assert_eq!(scene.group(second, &[batch(COUNT, at(second), &[(at(second), value(second))])]), NOTHING);
    }
}

#[test]
fn a_pending_rate_fires_with_what_was_last_measured() {
    let mut scene = Scene::with([hold(60, rate(Op::Above, 5.0, 60, 100, None))]);
    scene.reading(0, 0.0);
    assert_eq!(scene.reading(60, 60.0), ["1 pending 60 at 60"]);
    assert_eq!(scene.reading(100, 150.0), NOTHING);
    assert_eq!(scene.timeout(120), NOTHING);
    assert_eq!(scene.reading(121, 180.0).len(), 1);
}

#[test]
fn after_a_restart_the_windows_are_read_again_from_the_store() {
    for spec in [rate(Op::Above, 60.0, 60, 300, None), deviation(4.0, 300, None, None)] {
        let (mut steady, mut before) = (Scene::with([spec.clone()]), Scene::with([spec]));
        let stored: Vec<_> = (0..900).map(|second| Point { at: at(second), value: wobble(second) }).collect();
        for (second, point) in (0..).zip(&stored) {
            assert_eq!(steady.reading(second, point.value), NOTHING);
            before.reading(second, point.value);
        }
        let mut after = before.restart();
        assert_eq!(after.resume(899, &[(TEMP, stored[899])]), NOTHING);
        let mut recall = after.engine.next_recall(at(899)).expect("it wants its past");
        assert!(after.engine.next_recall(at(899)).is_none(), "once");
        let wanted: Vec<_> =
            stored.iter().filter(|point| recall.from <= point.at && point.at < recall.to).copied().collect();
        wanted.chunks(100).for_each(|page| recall.take(page));
        after.engine.recalled(recall);
        let (expected, got) = (steady.reading(900, 500.0), after.reading(900, 500.0));
        assert_eq!(expected.len(), 1);
        let value = |scene: &Scene| scene.stored[0].value.unwrap();
        assert!((value(&steady) / value(&after) - 1.0).abs() < 1e-9, "{expected:?} {got:?}");
    }
}

#[test]
fn a_new_rule_knows_the_past_and_an_untouched_one_keeps_what_it_knows() {
    let mut scene = Scene::with([rate(Op::Above, 60.0, 60, 300, None)]);
    (0..300).for_each(|second| assert_eq!(scene.reading(second, 0.0), NOTHING));
    while let Some(recall) = scene.engine.next_recall(at(300)) {
        scene.engine.recalled(recall);
    }
    let rules = vec![rule(1, rate(Op::Above, 60.0, 60, 300, None)), rule(2, rate(Op::Above, 70.0, 60, 300, None))];
    assert_eq!(scene.rules(300, rules), NOTHING);
    let recall = scene.engine.next_recall(at(300)).expect("the new rule wants its past");
    assert!(scene.engine.next_recall(at(300)).is_none(), "the old one has it");
    assert_eq!((recall.from, recall.to), (at(-1), at(299).plus(1)), "what lies before its last reading");
    assert_eq!(scene.reading(301, 1_000.0).len(), 1, "the new rule does not know enough");
    // It was read before the last reading came, and says the same all the same.
    let mut recall = recall;
    recall.take(&(0..300).map(|second| Point { at: at(second), value: 0.0 }).collect::<Vec<_>>());
    scene.engine.recalled(recall);
    assert_eq!(scene.reading(302, 1_000.0).len(), 1);
}

#[test]
fn a_window_stays_small_however_many_readings_it_takes() {
    use crate::rules::window::Window;
    for spec in [rate(Op::Above, 1e9, 60, 3_000, None), deviation(100.0, 3_000, None, None)] {
        let mut window = Window::new(&spec.condition, SensorKind::Gauge).unwrap();
        for millis in (0..100_000_000).step_by(997) {
            window.take(Point { at: START.plus(millis), value: (millis % 7) as f64 });
        }
        assert!(window.bytes() <= 2_400, "{}", window.bytes());
    }
}

/// One reading to come: seconds after the one before, how late it comes, and what it does to the value.
type Event = (i64, i64, i32);

fn events() -> impl Strategy<Value = Vec<Event>> {
    let gap = prop_oneof![8 => 0..6_i64, 1 => 20..90_i64];
    let late = prop_oneof![6 => Just(0_i64), 2 => 1..20_i64, 1 => 50..60_i64];
    let change = prop_oneof![12 => -30..40_i32, 1 => Just(-1_000), 1 => 300..2_000_i32];
    prop::collection::vec((gap, late, change), 1..400)
}

fn rates() -> impl Strategy<Value = RuleSpec> {
    let rates =
        (prop_oneof![Just(Op::Above), Just(Op::Below)], -200..200_i32, any::<bool>()).prop_map(|(op, limit, clear)| {
            let limit = f64::from(limit) + 0.123_456;
            let good = if matches!(op, Op::Above) { limit - 41.7 } else { limit + 41.7 };
            rate(op, limit, 60, 60, clear.then_some(good))
        });
    let increases =
        (prop::sample::select(vec![Op::Above, Op::Below]), prop_oneof![Just(9.37), Just(55.31)], any::<bool>())
            .prop_map(|(op, value, clear)| {
                let clear = clear.then_some(if op == Op::Above { value - 1.11 } else { value + 1.11 });
                spec("temp", Condition::Increase { op, value, over: Duration::from_secs(60), clear })
            });
    (prop_oneof![rates, increases], prop_oneof![Just(0), Just(7)]).prop_map(|(spec, seconds)| hold(seconds, spec))
}

fn deviations() -> impl Strategy<Value = RuleSpec> {
    let deviations = (prop_oneof![Just(1.7), Just(2.9)], any::<bool>(), any::<bool>())
        .prop_map(|(sigmas, clear, least)| deviation(sigmas, 60, clear.then_some(sigmas - 0.7), least.then_some(3.3)));
    (deviations, prop_oneof![Just(0), Just(7)]).prop_map(|(spec, seconds)| hold(seconds, spec))
}

proptest! {
    #[test]
    fn the_engine_says_what_a_reference_says_that_keeps_everything(
        spec in rates(), events in events(), counter in any::<bool>(), cuts in prop::collection::vec(1..6_usize, 1..40),
    ) {
        let (series, name) = if counter { (COUNT, "count") } else { (TEMP, "temp") };
        let mut scene = Scene::with([sensor(name, spec.clone())]);
        let mut reference = Reference::new(&spec, counter);
        let (mut taken, mut value, mut rest, mut cuts) = (0, 500.0, events.as_slice(), cuts.into_iter().cycle());
        while !rest.is_empty() {
            let (group, after) = rest.split_at(cuts.next().unwrap().min(rest.len()));
            rest = after;
            let mut rows = Vec::new();
            for &(gap, late, change) in group {
                taken += gap;
                value = if change == -1_000 { 3.0 } else { f64::max(0.0, value + f64::from(change.max(if counter { 0 } else { -30 })) / 10.0) };
                rows.push((at(taken), at(taken - late), value));
            }
            let now = taken;
            let mut told = committed(&mut scene, |engine, catalog| {
                let batches: Vec<_> = rows.iter().map(|row| batch(series, row.0, &[(row.1, row.2)])).collect();
                engine.prepare(catalog, &batches);
                engine.evaluate(at(now), &batches)
            });
            told.extend(committed(&mut scene, |engine, _| engine.handle_timeout(at(now))));
            rows.iter().for_each(|row| reference.reading(row.1, row.2));
            reference.timeout(at(now));
            if reference.on_the_edge {
                return Ok(());
            }
            let expected = std::mem::take(&mut reference.told);
            prop_assert_eq!(told.len(), expected.len(), "{:?} {:?}", &told, &expected);
            for (is, should) in told.iter().zip(&expected) {
                prop_assert_eq!((is.0, is.1, is.2), (should.0, should.1, should.2));
                prop_assert!((is.3 - should.3).abs() <= 1e-6 * should.3.abs().max(1.0), "{:?} {:?}", is, should);
            }
        }
    }

    #[test]
    fn a_backtest_says_what_the_live_engine_would_have_said(
        spec in prop_oneof![
            rates(),
            deviations(),
            figures::conditions(),
            forecast::conditions(),
            Just(threshold(Op::Above, 55.0, Some(52.0))),
            Just(figures::clear_for(8, threshold(Op::Above, 55.0, Some(52.0)))),
            Just(figures::clear_for(8, rate(Op::Above, 60.0, 60, 60, None))),
            Just(hold(9, threshold(Op::Above, 55.0, None))),
            Just(silence(20)),
            Just(hold(10, silence(20))),
        ],
        events in events(),
    ) {
        let spec = sensor("temp", spec);
        let mut scene = Scene::with([spec.clone()]);
        let (mut taken, mut value, mut points, mut spans) = (0, 50.0, Vec::new(), Vec::<Span>::new());
        let mut follow = |told: Vec<Told>| {
            for (_, state, at, value) in told {
                let number = |value: f64| (!value.is_nan()).then_some(value);
                match state {
                    "firing" => {
                        spans.push(Span { from: at, to: None, value: number(value), worst: None, last: None, usual: None });
                    }
                    "resolved" => {
                        let span = spans.last_mut().unwrap();
                        *span = Span { to: Some(at), last: number(value), ..*span };
                    }
                    _ => {}
                }
            }
        };
        for (gap, _, change) in events {
            taken += gap + 1;
            value = if change == -1_000 { 3.0 } else { value + f64::from(change) / 10.0 };
            points.push(Point { at: at(taken), value });
            while let Some(due) = scene.engine.poll_timeout().filter(|due| *due < at(taken)) {
                follow(committed(&mut scene, |engine, _| engine.handle_timeout(due)));
            }
            follow(committed(&mut scene, |engine, catalog| {
                let batches = [batch(TEMP, at(taken), &[(at(taken), value)])];
                engine.prepare(catalog, &batches);
                engine.evaluate(at(taken), &batches)
            }));
        }
        let trial = Trial::new(spec, START);
        let catalog = catalog();
        let series = trial.series(&catalog);
        prop_assert_eq!(series.len(), 1);
        let mut replay = Replay::new(&trial, &series[0], at(0));
        points.chunks(37).for_each(|page| replay.take(page));
        let outcome = replay.finish(at(taken));
        prop_assert_eq!(outcome.fires, spans.len() as u64);
        prop_assert_eq!(outcome.readings, points.len() as u64);
        let lasted: i64 = spans.iter().map(|span| span.to.unwrap_or_else(|| at(taken)).since(span.from)).sum();
        prop_assert_eq!(outcome.firing_ms, lasted);
        spans.truncate(backtest::SPANS);
        // How bad each became only the replay tells.
        let as_told: Vec<_> = outcome.spans.iter().map(|span| Span { worst: None, usual: None, ..*span }).collect();
        prop_assert_eq!(as_told, spans);
    }
}

/// Alert, state, event time, value at that change (NaN for none).
pub(super) type Told = (u64, &'static str, UnixMillis, f64);

pub(super) fn committed(scene: &mut Scene, propose: impl FnOnce(&mut Engine, &Catalog) -> Proposed) -> Vec<Told> {
    let proposed = propose(&mut scene.engine, &scene.catalog);
    let told = proposed.transitions.iter().filter_map(|transition| match transition {
        // That it got worse.
        Transition::Amend(_) => None,
        Transition::Cancel(id, _) => Some((id.0, "cancelled", START, 0.0)),
        Transition::TellPast { alert, .. } => Some((alert.id.0, "told", START, 0.0)),
        Transition::Put { alert, occurred_at, .. } => {
            Some((alert.id.0, word(alert.state), *occurred_at, alert.last.or(alert.value).unwrap_or(f64::NAN)))
        }
    });
    let told = told.collect();
    scene.engine.apply(proposed);
    told
}

/// 20 and up to 0.5 around it, without a pattern.
pub(super) fn wobble(second: i64) -> f64 {
    20.0 + ((second * 7_919 % 101) as f64 - 50.0) / 100.0
}

pub(super) fn rate(op: Op, value: f64, per: u64, over: u64, clear: Option<f64>) -> RuleSpec {
    let (per, over) = (Duration::from_secs(per), Duration::from_secs(over));
    spec("temp", Condition::Rate { op, value, per, over, clear })
}

pub(super) fn deviation(sigmas: f64, over: u64, clear: Option<f64>, least: Option<f64>) -> RuleSpec {
    spec("temp", Condition::Deviation { sigmas, over: Duration::from_secs(over), clear, least })
}
