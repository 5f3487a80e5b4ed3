//! What a device says of itself in words, with what nobody would see spelled out: an older agent, or a stranger, may name itself
//! and its sensors as it likes. Each text is changed the same way each time, so it stays one name.

use std::borrow::Cow;

use wire::SensorSpec;
use wire::message::{Control, ERROR_LIMIT, Hello, TEXT_LIMIT};
use wire::text::spelled;

/// Spells out the texts of a message; says how many there were to spell.
pub(super) fn spell(control: &mut Control) -> u64 {
    let mut count = 0;
    let mut spell = |text: &mut String, limit| {
        if let Cow::Owned(seen) = spelled(text, limit) {
            *text = seen;
            count += 1;
        }
    };
    match control {
        Control::Hello(Hello { name, model, version, labels, preview }) => {
            let pairs = labels.iter_mut().flat_map(|(key, value)| [key, value]);
            let sample = preview.iter_mut().flat_map(|(sensor, unit, _)| [sensor, unit]);
            [name, model, version].into_iter().chain(pairs).chain(sample).for_each(|text| spell(text, TEXT_LIMIT));
        }
        Control::Dictionary { sensors, .. } | Control::Numbering { sensors, .. } => {
            for SensorSpec { name, unit, .. } in sensors {
                spell(name, SensorSpec::NAME_LIMIT);
                spell(unit, SensorSpec::UNIT_LIMIT);
            }
        }
        Control::Health(health) => {
            for source in &mut health.sources {
                spell(&mut source.source, TEXT_LIMIT);
                spell(&mut source.error, ERROR_LIMIT);
            }
        }
        Control::Status(_)
        | Control::Ledger(_)
        | Control::Bye
        | Control::Welcome(_)
        | Control::Ack(_)
        | Control::Recorded { .. }
        | Control::Claimed(_)
        | Control::Numbered { .. } => {}
    }
    count
}
