//! Any opened message decodes or fails quietly; what decodes survives being encoded and decoded again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::message::Message;

fuzz_target!(|plain: &[u8]| {
    let Ok(message) = Message::decode(plain) else { return };
    let mut again = Vec::new();
    match &message {
        Message::Batch(batch) => batch.encode(&mut again),
        Message::Control(control) => control.encode(&mut again),
    }
    assert_eq!(Message::decode(&again).as_ref(), Ok(&message));
});
