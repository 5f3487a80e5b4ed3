//! Any spool file reads as whole records or none: bodies lie inside the file, in order, and never overlap.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The file itself, so that the agent and its runtime need not be built with instrumentation.
#[path = "../../../src/spool/segment.rs"]
#[allow(dead_code)]
mod segment;

fuzz_target!(|bytes: &[u8]| {
    // Mostly behind a good header, else nothing is reached.
    let mut file = segment::header(wire::Epoch(7)).to_vec();
    file.extend_from_slice(bytes);
    for file in [bytes, &file[..]] {
        let Some(contents) = segment::read(file) else { continue };
        let mut end = segment::HEADER;
        let mut again = segment::header(contents.epoch).to_vec();
        for (record, body) in &contents.records {
            assert!(body.start > end && body.end <= file.len());
            end = body.end;
            segment::put(record, &file[body.clone()], &mut again).expect("it was one");
        }
        let whole = segment::read(&again).expect("own header");
        assert_eq!((whole.damaged, whole.records.len()), (0, contents.records.len()));
    }
});
