use proptest::prelude::*;

use super::*;

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn round_trip(values: &[f64]) -> Packed {
    let (packed, numbers) = pack(values, 7).unwrap().unwrap();
    let back = unpack(&packed.summary, &packed.data, values.len(), 7).unwrap();
    assert_eq!(back.figures(0..values.len()), numbers.figures(0..values.len()));
    assert_eq!(back.figures(1..1), None);
    assert_eq!(bits(&back.plain()), bits(values));
    packed
}

#[test]
fn quantised_values_take_less_than_half_a_byte() {
    let values: Vec<f64> = (0..1_000).map(|n| f64::from(215 + (n * n / 977) % 3) / 10.0).collect();
    let packed = round_trip(&values);
    assert!(matches!(packed.summary, Summary::Scaled(1, _)));
    assert!(packed.data.len() < 500, "{}", packed.data.len());
    assert_eq!(packed.summary.values().unwrap().max, 21.7);
}

#[test]
fn columns_of_before_are_read() {
    let numbers = vec![3_i64, 1, 4, 1, 5];
    let data = pco::standalone::simple_compress(&numbers, &pco::ChunkConfig::default()).unwrap();
    assert_eq!(decompress::<i64>(&data, 5).unwrap(), numbers);
    assert!(compress(&numbers).unwrap().len() + 8 <= data.len());
}

#[test]
fn a_column_of_one_value_is_a_checksum() {
    assert_eq!(round_trip(&[0.1; 1_000]).data.len(), 4);
    assert_eq!(round_trip(&[-0.0; 3]).data.len(), 4);
    assert_eq!(pack(&[], 0).unwrap(), None);
}

#[test]
fn sums_too_large_for_an_integer_stay_floats() {
    assert!(matches!(round_trip(&[9.0e15; 2_000]).summary, Summary::Plain(_)));
}

proptest! {
    #[test]
    fn any_finite_values_come_back_bit_by_bit(values in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL, 1..300)) {
        round_trip(&values);
    }

    #[test]
    fn a_flipped_bit_is_found(values in prop::collection::vec(-500_i32..500, 1..100), at in any::<prop::sample::Index>()) {
        let values: Vec<f64> = values.into_iter().map(|value| f64::from(value) / 10.0).collect();
        let (mut packed, _) = pack(&values, 7).unwrap().unwrap();
        prop_assert!(check(&packed.summary, &packed.data, 8).is_err());
        let place = at.index(packed.data.len() * 8);
        packed.data[place / 8] ^= 1 << (place % 8);
        prop_assert!(unpack(&packed.summary, &packed.data, values.len(), 7).is_err());
    }
}
