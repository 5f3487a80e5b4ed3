use super::*;

fn reading(sensor: u16, at: i64, value: f64) -> Reading {
    Reading { sensor: SensorNo(sensor), at: UnixMillis(at), value }
}

fn round_trip(readings: &[Reading]) -> (usize, Vec<Reading>) {
    let mut builder = BatchBuilder::new(MAX_BODY);
    assert!(readings.iter().all(|reading| builder.push(reading)));
    let body = builder.finish();
    let mut rows = Rows::default();
    decode(&body, &mut rows).expect("own encoding");
    (body.len(), rows.iter().collect())
}

#[test]
fn slow_sensors_cost_about_a_byte_a_reading() {
    let readings: Vec<_> = (0..100)
        .map(|n| reading(n % 10, 1_700_000_000_000 + i64::from(n / 10) * 1_000, 21.5 + f64::from(n / 10 % 3) / 10.0))
        .collect();
    let (size, back) = round_trip(&readings);
    assert_eq!(back, readings);
    assert!(size < 180, "{size} bytes for 100 readings");
}

#[test]
fn awkward_values_come_back_bit_for_bit() {
    let values = [
        0.0,
        -0.0,
        0.1,
        -0.1,
        1e-9,
        1.0 / 3.0,
        f64::MAX,
        f64::MIN_POSITIVE,
        9_007_199_254_740_993.0,
        1e15 + 0.5,
        -273.15,
    ];
    let readings: Vec<_> = values.iter().enumerate().map(|(n, value)| reading(7, n as i64, *value)).collect();
    let (_, back) = round_trip(&readings);
    let bits = |readings: &[Reading]| readings.iter().map(|r| r.value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&back), bits(&readings));
}

#[test]
fn a_full_body_refuses_and_stays_as_it_was() {
    let mut builder = BatchBuilder::new(64);
    let mut pushed = 0;
    while builder.push(&reading(pushed % 256, i64::from(pushed) * 777, 1.0 / f64::from(pushed + 3))) {
        pushed += 1;
    }
    assert_eq!(builder.len(), usize::from(pushed));
    let body = builder.finish();
    assert!(body.len() <= 64);
    let mut rows = Rows::default();
    decode(&body, &mut rows).expect("own encoding");
    assert_eq!(rows.len(), usize::from(pushed));
    assert!(builder.is_empty());
}

#[test]
fn values_that_refer_to_nothing_are_refused() {
    let mut rows = Rows::default();
    assert_eq!(decode(&[0, VALUE_SAME], &mut rows), Err(DecodeError::Malformed));
    assert_eq!(decode(&[0, VALUE_DELTA, 2], &mut rows), Err(DecodeError::Malformed));
    assert_eq!(decode(&[0, VALUE_SCALED, 10, 2], &mut rows), Err(DecodeError::OutOfRange));
    assert_eq!(decode(&[0, VALUE_RAW, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f], &mut rows), Err(DecodeError::NotFinite));
    assert_eq!(decode(&[], &mut rows), Err(DecodeError::Truncated));
    assert!(rows.is_empty());
}
