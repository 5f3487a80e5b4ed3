//! `prometheus.WriteRequest`, of version 1. PURE.
//!
//! <https://prometheus.io/docs/specs/prw/remote_write_spec/>

use super::families::{Families, Family};
use super::series::{Read, Reader};
use crate::door::called::Labels;
use crate::door::protobuf::{Broken, Fields, Value, all, decode, number, text};
use crate::ingest::gather::Gathered;
use crate::model::UnixMillis;

/// Most labels of a series. Prometheus itself has no limit, and its targets some ten.
const LABELS: usize = 200;

/// Gathers a request.
///
/// # Errors
/// [`Broken`] if it is none; nothing of it is to be stored then.
pub(crate) fn gather(body: &[u8], gathered: &mut Gathered, now: UnixMillis, known: &Families) -> Result<Read, Broken> {
    let mut reader = Reader::new(gathered, now, known);
    for said in all(body, 3) {
        let said = said?;
        let family = Family { of: number(said, 1)?.into(), unit: text(said, 5)?.to_owned() };
        reader.read.families.learn(text(said, 2)?, family);
    }
    for series in all(body, 1) {
        let series = series?;
        of_series(&mut reader, labels(series)?, series, (2, 4))?;
    }
    Ok(reader.read)
}

fn labels(series: &[u8]) -> Result<Labels, Broken> {
    let mut labels = Vec::new();
    for label in all(series, 1).take(LABELS + 1) {
        let label = label?;
        labels.push((text(label, 1)?, text(label, 2)?.to_owned()));
    }
    if labels.len() > LABELS {
        return Err(Broken(format!("a series may have {LABELS} labels, and one has more")));
    }
    // A label without a value is none.
    labels.retain(|(_, value)| !value.is_empty());
    Ok(labels.into_iter().collect())
}

/// Gathers the samples and histograms of a series, which are in fields of these numbers.
pub(super) fn of_series(
    reader: &mut Reader<'_>,
    labels: Labels,
    message: &[u8],
    (samples, histograms): (u32, u32),
) -> Result<(), Broken> {
    let mut series = reader.series(labels);
    for field in Fields::of(message) {
        let (tag, Value::Bytes(bytes)) = field? else { continue };
        if tag != samples && tag != histograms {
            continue;
        }
        match &mut series {
            None => reader.nameless(),
            Some(series) if tag == samples => {
                let (at, value) = sample(bytes)?;
                reader.sample(series, at, value);
            }
            Some(series) => reader.histogram(series, &decode(bytes)?),
        }
    }
    Ok(())
}

/// The moment and the value of a sample.
fn sample(message: &[u8]) -> Result<(i64, f64), Broken> {
    let (mut at, mut value) = (0, 0.0);
    for field in Fields::of(message) {
        match field? {
            (1, Value::Fixed(bits)) => value = f64::from_bits(bits),
            // Two's complement.
            (2, Value::Varint(millis)) => at = millis as i64,
            _ => {}
        }
    }
    Ok((at, value))
}
