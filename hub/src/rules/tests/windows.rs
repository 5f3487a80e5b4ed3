//! Rates and deviations: what they remember, against references that keep everything and compute it anew each time.

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
        assert!(window.bytes() <= 1_400, "{}", window.bytes());
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

/// Every reading that counts, for ever; each number computed from all of them.
struct Reference {
    condition: Condition,
    hold_ms: i64,
    counter: Option<Machine>,
    last: Option<i64>,
    /// Of a counter: what it had counted, where that is known.
    taken: Vec<(i64, f64)>,
    /// As they came.
    raw: Vec<Point>,
    /// Times of readings that were judged, each once.
    beats: Vec<i64>,
    measured: Option<f64>,
    pending: Option<i64>,
    firing: bool,
    next: u64,
    told: Vec<Told>,
    /// A number so close to a limit that rounding decides: from here on nothing can be compared.
    on_the_edge: bool,
}

impl Reference {
    fn new(spec: &RuleSpec, counter: bool) -> Self {
        Self {
            condition: spec.condition.clone(),
            hold_ms: spec.hold.as_millis() as i64,
            counter: counter.then(|| Machine::new(true)),
            last: None,
            taken: vec![],
            raw: vec![],
            beats: vec![],
            measured: None,
            pending: None,
            firing: false,
            next: 1,
            told: vec![],
            on_the_edge: false,
        }
    }

    fn reading(&mut self, at: UnixMillis, value: f64) {
        if self.last.is_some_and(|last| at.0 <= last) {
            return;
        }
        self.last = Some(at.0);
        let holds = self.holds(at.0);
        self.raw.push(Point { at, value });
        let value = match &mut self.counter {
            None => value,
            Some(counter) => {
                counter.take(Point { at, value }, |_| {});
                if counter.is_undecided() {
                    return self.nothing(holds);
                }
                counter.total().value()
            }
        };
        let (measured, bad, good) = match self.condition {
            Condition::Rate { op, value: limit, per, over, clear } => {
                if self.counter.is_some() {
                    // A slip that is taken back.
                    self.taken.retain(|(_, was)| *was <= value);
                }
                self.taken.push((at.0, value));
                let Some(rate) = self.rate(over.as_millis() as i64, per.as_millis() as f64) else {
                    return self.nothing(holds);
                };
                let (bad, good) = (self.beyond(op, rate, limit), !self.beyond(op, rate, clear.unwrap_or(limit)));
                (rate, bad, good)
            }
            Condition::Increase { op, value: limit, over, clear } => {
                let Some(grown) = self.increase(op, over.as_millis() as i64) else { return self.nothing(holds) };
                (grown, self.beyond(op, grown, limit), !self.beyond(op, grown, clear.unwrap_or(limit)))
            }
            Condition::Deviation { .. }
            | Condition::Figure { .. }
            | Condition::Stuck { .. }
            | Condition::Seasonal { .. }
            | Condition::Difference { .. }
            | Condition::Joined { .. }
            | Condition::Threshold { .. }
            | Condition::Count { .. }
            | Condition::Forecast { .. }
            | Condition::Silence { .. }
            | Condition::Device(_) => unreachable!(),
        };
        self.measured = Some(measured);
        match (self.firing, self.pending) {
            (true, _) if good => {
                self.firing = false;
                let at = at.max(UnixMillis(self.pending.unwrap() + self.hold_ms));
                self.told.push((self.next - 1, "resolved", at, measured));
            }
            (false, None) if bad => {
                self.pending = Some(at.0);
                self.next += 1;
                if self.hold_ms > 0 {
                    self.told.push((self.next - 1, "pending", at, measured));
                }
                self.fire_at(at.0);
            }
            (false, Some(_)) if bad && !holds => {
                self.pending = Some(at.0);
                self.told.push((self.next - 1, "pending", at, measured));
            }
            (false, Some(_)) if bad => self.fire_at(at.0),
            (false, Some(_)) => self.told.push((self.next - 1, "cancelled", START, 0.0)),
            _ => {}
        }
        if !self.firing && !bad {
            self.pending = None;
        }
    }

    /// A reading that measured nothing: behind a gap, what was pending is not known to have gone on.
    fn nothing(&mut self, holds: bool) {
        self.measured = None;
        if !holds && !self.firing && self.pending.take().is_some() {
            self.told.push((self.next - 1, "cancelled", START, 0.0));
        }
    }

    /// Time alone: pending alerts are given up five minutes after the last reading, or what is usual by three times.
    fn timeout(&mut self, now: UnixMillis) {
        let Some(pending) = self.pending.filter(|_| !self.firing) else { return };
        let last = self.beats.last().copied().unwrap_or(0);
        if self.measured.is_some() && pending + self.hold_ms <= last + 1_000 {
            self.fire_at(now.0);
        }
    }

    /// Whether a reading goes on where the last one left off.
    fn holds(&mut self, at: i64) -> bool {
        let gaps: Vec<i64> = self.beats.windows(2).rev().take(2).map(|pair| pair[1] - pair[0]).collect();
        let near = gaps.into_iter().chain([1_000]).max().unwrap_or(0) * 3;
        let holds = self.beats.last().is_none_or(|last| at - last <= near.max(60_000));
        self.beats.push(at);
        holds
    }

    fn fire_at(&mut self, now: i64) {
        let due = self.pending.unwrap() + self.hold_ms;
        if now >= due {
            self.firing = true;
            self.told.push((self.next - 1, "firing", UnixMillis(due), self.measured.unwrap()));
        }
    }

    fn beyond(&mut self, op: Op, number: f64, limit: f64) -> bool {
        self.on_the_edge |= (number - limit).abs() < 1e-6;
        if matches!(op, Op::Above) { number > limit } else { number < limit }
    }

    fn growth(&self, from: usize, to: usize) -> f64 {
        let change = self.taken[to].1 - self.taken[from].1;
        if self.counter.is_some() { change.max(0.0) } else { change }
    }

    /// Readings that are the first of their thirtieth of the window, and not older than it.
    fn firsts(readings: &[(i64, f64)], now: i64, over: i64) -> Vec<usize> {
        let step = |index: usize| readings[index].0.div_euclid(over / 30);
        (0..readings.len())
            .filter(|&index| index == 0 || step(index) != step(index - 1))
            .filter(|&index| readings[index].0 >= now - over)
            .collect()
    }

    fn rate(&self, over: i64, per: f64) -> Option<f64> {
        let newest = self.taken.len() - 1;
        let now = self.taken[newest].0;
        let from = *Self::firsts(&self.taken[..newest], now, over).first()?;
        let time = now - self.taken[from].0;
        (time * 2 >= over).then(|| self.growth(from, newest) / time as f64 * per)
    }

    /// What a query says of the time from `over` ago until now.
    fn increase(&self, op: Op, over: i64) -> Option<f64> {
        let now = self.raw.last()?.at;
        let edges = [now.plus(-over), now];
        let mut shares = Shares::new(&edges);
        if self.counter.is_some() {
            let mut machine = Machine::new(true);
            self.raw.iter().for_each(|point| machine.take(*point, |mark| shares.take(mark)));
            machine.finish(|mark| shares.take(mark));
        } else {
            let mark =
                |point: &Point| Mark { at: point.at, total: Amount::of(point.value), shown: Amount::of(point.value) };
            self.raw.iter().for_each(|point| shares.take(mark(point)));
        }
        let share = shares.finish()[0];
        share.increase().filter(|_| matches!(op, Op::Above) || share.covered_ms == over)
    }
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
