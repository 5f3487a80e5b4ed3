//! Any body decodes to a bounded number of finite readings or fails quietly, and these survive another round trip.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::batch::{BatchBuilder, MAX_BODY, MAX_READINGS, Rows, decode};

fuzz_target!(|body: &[u8]| {
    let mut rows = Rows::default();
    let whole = decode(body, &mut rows).is_ok();
    assert!(rows.len() <= MAX_READINGS && rows.len() <= body.len());
    assert!(rows.sensor.len() == rows.at.len() && rows.at.len() == rows.value.len());
    assert!(rows.value.iter().all(|value| value.is_finite()));
    if !whole {
        return;
    }
    let mut builder = BatchBuilder::new(MAX_BODY);
    let taken = rows.iter().take_while(|reading| builder.push(reading)).count();
    let mut again = Rows::default();
    if taken > 0 {
        decode(&builder.finish(), &mut again).expect("own encoding");
    }
    assert_eq!(again.len(), taken);
    for (one, other) in rows.iter().zip(again.iter()) {
        assert_eq!((one.sensor, one.at, one.value.to_bits()), (other.sensor, other.at, other.value.to_bits()));
    }
});
