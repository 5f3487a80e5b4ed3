//! What people's counters did, reading by reading, a minute apart.

use proptest::prelude::*;

use super::*;

fn marks(values: &[f64]) -> Vec<Mark> {
    let (mut machine, mut marks) = (Machine::new(true), Vec::new());
    for (n, value) in (0..).zip(values) {
        machine.take(Point { at: UnixMillis(n * 60_000), value: *value }, |mark| marks.push(mark));
    }
    machine.finish(|mark| marks.push(mark));
    marks
}

/// What was counted in all.
fn counted(values: &[f64]) -> f64 {
    let marks = marks(values);
    let (first, last) = (marks.first().unwrap(), marks.last().unwrap());
    assert!(marks.windows(2).all(|pair| pair[0].at < pair[1].at && pair[0].total <= pair[1].total), "{marks:?}");
    (last.total - first.total).value()
}

/// Of each reading: what a rule sees, as far as something is decided.
fn live(values: &[f64]) -> Vec<Option<f64>> {
    let mut machine = Machine::new(true);
    let seen = (0..).zip(values).map(|(n, value)| {
        machine.take(Point { at: UnixMillis(n * 60_000), value: *value }, |_| {});
        (!machine.is_undecided()).then(|| machine.total().value())
    });
    seen.collect()
}

#[test]
fn a_blip_down_is_as_if_it_had_not_been() {
    assert_eq!(counted(&[3737.0, 3737.5, 0.0, 3738.5, 3739.0]), 2.0);
    assert_eq!(counted(&[3737.0, 3737.5, 0.0, 0.0, 0.0, 0.0, 3738.5, 3739.0]), 2.0);
    assert_eq!(counted(&[3737.0, 3737.5, 373.7, 3738.5, 3739.0]), 2.0);
    assert_eq!(counted(&[3737.0, 3737.5, 373.7, 373.8, 3738.5, 3739.0]), 2.0);
    assert_eq!(counted(&[3737.0, 3737.5, 0.0, 373.7, 3738.5, 3739.0]), 2.0);
    assert_eq!(counted(&[3737.0, 3737.5, 0.0, 3737.4, 3739.0]), 2.0);
    assert_eq!(counted(&[3737.0, 3737.5, 0.0, 3737.5, 0.0, 3737.5, 3739.0]), 2.0);
    assert_eq!(counted(&[12.0, 13.0, 0.0, 14.0, 15.0]), 3.0);
    assert_eq!(counted(&[100.0, 5.0, 101.0, 6.0, 102.0, 7.0, 103.0]), 3.0);
}

#[test]
fn a_blip_up_is_as_if_it_had_not_been() {
    assert_eq!(counted(&[3737.0, 9_999_999.0, 3738.0]), 1.0);
    assert_eq!(counted(&[3737.0, 9_999_999.0, 9_999_999.0, 3738.0, 3739.0]), 2.0);
    assert_eq!(counted(&[3736.0, 3737.0, 9_999_998.0, 9_999_999.0, 3738.0, 3739.0]), 3.0);
    assert_eq!(counted(&[3737.0, 3737.5, 37_375.0, 3737.5, 3738.0]), 1.0);
    assert_eq!(counted(&[3737.0, 3770.0, 3738.0, 3739.0]), 2.0);
    assert_eq!(counted(&[12.0, 13.0, 20.0, 14.0, 15.0, 16.0]), 4.0);
}

#[test]
fn at_the_ends_a_blip_counts_for_nothing() {
    assert_eq!(counted(&[0.0, 3737.0, 3737.5, 3738.0]), 1.0);
    assert_eq!(counted(&[373.7, 3737.5, 3737.5, 3738.0]), 0.5);
    assert_eq!(counted(&[3737.0, 3737.5, 0.0]), 0.5);
    assert_eq!(counted(&[3737.0, 3737.5, 0.0, 0.5]), 0.5);
    // Nor does a jump of which the next reading tells, or the next two.
    assert_eq!(counted(&[3738.0, 3738.5, 3739.0, 37_395.0]), 1.0);
    assert_eq!(counted(&[3738.0, 3738.5, 3739.0, 37_395.0, 37_395.5]), 1.0);
    assert_eq!(counted(&[3739.0, 3739.0, 3739.0, 37_395.0]), 0.0, "it rests");
    assert_eq!(counted(&[3738.0, 3738.5, 3739.0, 37_395.0, 37_395.5, 37_396.0]), 33_658.0, "it was none");
    assert_eq!(counted(&[90.0, 90.1, 92.0]), 0.1);
    assert_eq!(counted(&[90.0, 90.1, 92.0, 92.0]), 2.0);
    // Of two readings in all.
    assert_eq!(counted(&[0.0, 5.0]), 5.0);
    assert_eq!(counted(&[5.0, 500.0]), 495.0);
    // A counter that begins.
    assert_eq!(counted(&[0.0, 1.0, 1.0, 1.0, 2.0]), 2.0);
    assert_eq!(counted(&[0.0, 0.0, 3737.0, 3737.5, 3738.0]), 3738.0, "nobody knows that it was a slip");
    assert_eq!(counted(&[0.0, 5_000.0, 5_100.0]), 5_100.0);
}

#[test]
fn what_a_counter_counts_first_after_it_rested_is_real() {
    let rested = |first: f64, many: usize, then: &[f64]| counted(&[vec![first; many], then.to_vec()].concat());
    // A plug that nobody used for an hour, a water meter, and the bytes of an interface.
    assert_eq!(rested(0.0, 60, &[[2.0; 31].as_slice(), &[2.001]].concat()), 2.001);
    assert_eq!(rested(12.345, 20, &[62.0, 62.0, 62.0, 62.01, 62.02, 62.03]), 49.685);
    let bytes: Vec<f64> = (0..100).map(|n| 5e9 + 1_000.0 * f64::from(n)).collect();
    assert_eq!(rested(0.0, 100, &bytes), 5e9 + 99_000.0);
    assert_eq!(rested(0.0, 2, &[2.0, 2.001]), 2.001, "two readings are enough");
    assert_eq!(rested(215.7, 1, &[215.6, 9_215.6, 9_215.7, 9_215.8]), 9_000.1, "also where they tremble");
    // Nor does a rule wait.
    assert_eq!(live(&[0.0, 0.0, 2.0, 2.001]).last(), Some(&Some(2.001)));
    assert_eq!(live(&[0.0, 0.0, 2.0])[2], Some(2.0));
}

#[test]
fn a_jitter_adds_nothing_until_the_former_highest_value_is_passed() {
    assert_eq!(counted(&[215.6, 215.6, 215.7, 215.6, 215.6, 215.7]), 0.1);
    assert_eq!(counted(&[81_000_000.0, 81_000_010.0, 80_999_990.0, 81_000_020.0, 81_000_030.0]), 30.0);
    assert_eq!(counted(&[3737.0, 3737.5, 3737.4, 3737.3, 3737.5, 3738.0]), 1.0);
    assert_eq!(counted(&[100.0, 101.0, 100.9, 100.8, 100.9, 100.95, 100.9, 101.0, 101.5]), 1.5);
}

#[test]
fn a_restart_goes_on_from_the_low() {
    assert_eq!(counted(&[3737.0, 3738.0, 2.0, 3.0, 4.0]), 5.0);
    assert_eq!(counted(&[3737.0, 3738.0, 0.0, 0.0, 1.0, 2.0]), 3.0);
    // Of a meter that was changed for another, what that one had counted is nothing new.
    assert_eq!(counted(&[3737.0, 3738.0, 1_000.0, 1_001.0, 1_002.0]), 3.0);
    assert_eq!(counted(&[3737.0, 3738.0, 3_000.0, 3_001.0, 3_002.0]), 3.0);
    // Young ones.
    assert_eq!(counted(&[0.0, 10.0, 20.0, 0.0, 10.0, 20.0, 30.0]), 50.0);
    assert_eq!(counted(&[0.0, 1_000.0, 2_000.0, 400.0, 1_400.0, 2_400.0]), 4_400.0);
    // Rain of a day, from midnight to midnight.
    assert_eq!(counted(&[0.0, 3.0, 3.0, 0.0, 0.0, 0.0, 4.0, 4.0, 0.0, 0.0, 0.0, 1.0]), 8.0);
    // With a blip in it, and one again before it is over.
    assert_eq!(counted(&[3737.0, 3738.0, 2.0, 3.0, 4.0, 0.0, 5.0, 6.0]), 7.0);
    assert_eq!(counted(&[3737.0, 3738.0, 2.0, 0.0, 1.0, 2.0, 3.0]), 4.0);
    assert_eq!(counted(&[3737.0, 3738.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0]), 8.0);
}

/// A total of a day, from midnight to midnight: by how often it is read.
#[test]
fn a_total_that_begins_anew_each_day() {
    let days = |day: &[f64]| counted(&[day, day, day].concat());
    assert_eq!(
        days(&[0.15, 3.0, 9.0, 15.0, 18.0]),
        53.85,
        "of each day after the first what it shows first is counted as well"
    );
    assert_eq!(days(&[0.15, 9.0, 12.0, 18.0]), 53.85);
    assert_eq!(days(&[0.15, 9.0, 18.0]), 53.85);
    // What cannot be told from slips.
    assert_eq!((days(&[0.15, 18.0]), days(&[0.0, 18.0])), (0.0, 18.0));
}

#[test]
fn a_counter_wraps_at_its_end() {
    assert_eq!(counted(&[4_294_960_000.0, 4_294_966_000.0, 4_704.0, 10_704.0]), 18_000.0);
    assert_eq!(counted(&[65_000.0, 65_300.0, 64.0, 364.0, 664.0]), 1_200.0);
    assert_eq!(counted(&[16_777_000.0, 16_777_200.0, 184.0, 384.0, 584.0]), 800.0);
    assert_eq!(counted(&[99_997.0, 99_999.0, 1.0, 3.0, 5.0]), 8.0);
    let end = 18_446_744_073_709_551_616.0;
    assert_eq!(counted(&[end - 81_920.0, end - 40_960.0, 0.0, 40_960.0, 81_920.0]), 163_840.0);
}

#[test]
fn a_rule_waits_for_the_reading_that_decides() {
    let some = |value: f64| Some(value);
    assert_eq!(live(&[3737.0, 3737.5, 0.0, 3738.5]), [some(0.0), some(0.5), None, some(1.5)]);
    assert_eq!(live(&[1.0, 2.0, 99.0, 3.0, 4.0]), [some(0.0), some(1.0), None, some(2.0), some(3.0)]);
    // Of more than twice as much all at once the third reading decides: a slip of two is taken back, and nobody was told of it.
    assert_eq!(live(&[1.0, 2.0, 99.0, 100.0, 101.0]), [some(0.0), some(1.0), None, None, some(100.0)]);
    assert_eq!(live(&[1.0, 2.0, 99.0, 99.0, 99.0]), [some(0.0), some(1.0), None, None, some(98.0)]);
    assert_eq!(live(&[1.0, 2.0, 99.0, 100.0, 3.0]), [some(0.0), some(1.0), None, None, some(2.0)]);
    assert_eq!(live(&[1.0, 2.0, 99.0, 99.0, 3.0]), [some(0.0), some(1.0), None, None, some(2.0)]);
    assert_eq!(live(&[3737.0, 9e6, 9e6, 3738.0]), [some(0.0), None, None, some(1.0)]);
    // One reading is enough for a boiler that is switched on.
    assert_eq!(live(&[90.0, 90.1, 92.0, 92.0]), [some(0.0), some(0.1), None, some(2.0)]);
    assert_eq!(live(&[90.0, 90.1, 92.0, 92.1]), [some(0.0), some(0.1), None, some(2.1)]);
    assert_eq!(live(&[3737.0, 9e6, 3738.0]), [some(0.0), None, some(1.0)]);
    // Was the first of all a blip?
    assert_eq!(live(&[0.0, 1.0, 2.0]), [some(0.0), None, some(2.0)]);
    assert_eq!(live(&[0.0, 5.0, 5.0]), [some(0.0), None, some(5.0)]);
    assert_eq!(live(&[0.0, 3737.0, 3737.5]), [some(0.0), None, some(0.5)]);
    assert_eq!(live(&[373.7, 3737.0, 3737.5]), [some(0.0), None, some(0.5)]);
    assert_eq!(live(&[3738.0, 2.0, 3.0, 4.0]), [some(0.0), None, None, some(4.0)]);
}

proptest! {
    /// A counter that only grows is taken as it is, and single blips in it are not seen.
    #[test]
    fn growth_is_all_that_counts(
        steps in prop::collection::vec(1_u32..9, 12..60),
        blips in prop::collection::btree_map(3_usize..60, 0_u32..900, 0..4),
    ) {
        let mut value = 10_000.0;
        let clean: Vec<f64> = steps.iter().map(|step| { value += f64::from(*step); value }).collect();
        let mut values = clean.clone();
        for (at, blip) in blips {
            // With two sound readings around each: of three in a row nobody can tell which are the blips.
            if at + 3 < values.len() && values[at - 2..at + 2] == clean[at - 2..at + 2] {
                values[at] = f64::from(blip);
            }
        }
        prop_assert_eq!(counted(&values), clean[clean.len() - 1] - clean[0]);
    }

    /// Whatever comes, the line never falls.
    #[test]
    fn nothing_is_ever_negative(values in prop::collection::vec(prop_oneof![0_f64..10.0, -1e9_f64..1e9, Just(0.0)], 1..60)) {
        counted(&values);
    }

    /// Wherever it begins, as long as it sees a few rises first, it counts the same from there on.
    #[test]
    fn what_is_long_ago_does_not_matter(
        old in prop::collection::vec(0_u32..5_000, 0..20),
        new in prop::collection::vec(0_u32..5_000, 0..20),
    ) {
        let firm = [9_000.0, 9_001.0, 9_002.0, 9_003.0, 9_004.0];
        let of = |some: &[u32]| some.iter().map(|value| f64::from(*value)).collect::<Vec<_>>();
        let all = [of(&old), firm.to_vec(), of(&new)].concat();
        let since = (old.len() as i64 + 4) * 60_000;
        let late = |marks: Vec<Mark>, shift: i64| {
            let marks: Vec<_> = marks.into_iter().filter(|mark| mark.at.0 + shift >= since).collect();
            marks.iter().map(|mark| (mark.at.0 + shift, (mark.total - marks[0].total).value())).collect::<Vec<_>>()
        };
        prop_assert_eq!(late(marks(&all), 0), late(marks(&all[old.len()..]), old.len() as i64 * 60_000));
    }
}
