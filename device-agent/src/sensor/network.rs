//! Bytes and errors of network cards, from `/proc/net/dev`.

use super::{Error, Files, Samples, name_part};

/// Adds `net.<card>.rx_bytes`, `.tx_bytes` and `.errors`, for every card that has moved a byte; loopback is left out.
pub(super) fn sample(files: &mut Files, samples: &mut Samples) -> Result<(), Error> {
    let text = files.text("proc/net/dev")?;
    for line in text.lines().skip(2) {
        let (card, rest) = line.split_once(':').ok_or_else(|| Error::Format(files.named("proc/net/dev")))?;
        let card = card.trim();
        let fields: Vec<f64> = rest.split_whitespace().filter_map(|field| field.parse().ok()).collect();
        if card == "lo" || fields.len() < 11 {
            continue;
        }
        let (received, sent, errors) = (fields[0], fields[8], fields[2] + fields[10]);
        if received + sent > 0.0 {
            let name = name_part(card);
            samples.counter(format_args!("net.{name}.rx_bytes"), "By", received);
            samples.counter(format_args!("net.{name}.tx_bytes"), "By", sent);
            samples.counter(format_args!("net.{name}.errors"), "1", errors);
        }
    }
    Ok(())
}
