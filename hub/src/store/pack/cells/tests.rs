use proptest::prelude::*;

use super::*;
use crate::store::pack::bucket;

proptest! {
    #[test]
    fn any_column_comes_back(column in prop::collection::vec(prop_oneof![any::<u64>(), 0_u64..9], 0..50)) {
        let mut out = Vec::new();
        put(&mut out, &column);
        out.push(7);
        let mut back = Vec::new();
        prop_assert_eq!(take(&out, column.len(), &mut back).unwrap(), &[7][..]);
        prop_assert_eq!(skip(&out, column.len()).unwrap(), &[7][..]);
        prop_assert_eq!(back, column);
    }

    /// Buckets filled by cells are those filled by the readings.
    #[test]
    fn cells_say_what_their_readings_do(
        steps in prop::collection::vec((1_i64..30_000, -99_i64..99), 40..400),
        scale in prop_oneof![Just(Some(0_u8)), Just(Some(1)), Just(None)],
        unit in prop_oneof![Just(1), Just(5), Just(1_i64 << 40)],
        offset in prop_oneof![Just(0), Just(3), Just(-(1_i64 << 45))],
        wide in 1_i64..4,
    ) {
        let (mut times, mut at) = (Vec::new(), 1_700_000_100_000);
        for (step, _) in &steps {
            at += step;
            times.push(at);
        }
        let integers: Vec<i64> = steps.iter().map(|(_, value)| *value * unit + offset).collect();
        let values = match scale {
            Some(scale) => Values::Scaled(integers, scale),
            None => Values::Plain(integers.iter().map(|&value| value as f64).collect()),
        };
        let Some(ranges) = ranges(&times) else { return Ok(()) };
        let series = SeriesId(5);
        let sections = [(SeriesId(4), section(&values, &ranges).unwrap()), (series, section(&values, &ranges).unwrap())];
        let (start, end) = (UnixMillis(times[0]), UnixMillis(at));
        let data = pack(&ranges, &sections, 9, (start, end)).unwrap();
        let cells = Cells::open(&data, 9, (start, end)).unwrap();
        let begin = (times[0] + times.len() as i64 * 3_000).div_euclid(CELL) * CELL;
        let edges: Vec<_> = (0..5).map(|n| UnixMillis(begin + n * CELL * wide)).collect();
        let (mut by_cells, mut by_readings) = (vec![Bucket::default(); 4], vec![Bucket::default(); 4]);
        prop_assert!(cells.add(series, &edges, &mut by_cells, true, &mut Scratch::default()).unwrap());
        prop_assert!(!cells.add(SeriesId(6), &edges, &mut by_cells, true, &mut Scratch::default()).unwrap());
        bucket::add_column(&mut by_readings, &bucket::pieces(&edges, &times), &times, &values);
        for (cells, readings) in by_cells.iter().zip(&by_readings) {
            prop_assert_eq!((cells.count, cells.min, cells.max), (readings.count, readings.min, readings.max));
            // Of large numbers that nearly cancel out what the order of adding leaves is large beside the sum.
            let most = if readings.count > 0 { readings.min.abs().max(readings.max.abs()) } else { 0.0 };
            prop_assert!((cells.sum - readings.sum).abs() <= most * readings.count as f64 * 1e-12 + 1e-6);
        }
        let mut sums = vec![Bucket::default(); 4];
        cells.add(series, &edges, &mut sums, false, &mut Scratch::default()).unwrap();
        for (sums, all) in sums.iter().zip(&by_cells) {
            prop_assert_eq!((sums.count, sums.sum), (all.count, all.sum));
        }
        prop_assert!(Cells::open(&data, 8, (start, end)).is_err());
        prop_assert!(Cells::open(&data, 9, (start.plus(1), end)).is_err());
    }
}
