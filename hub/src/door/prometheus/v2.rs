//! `io.prometheus.write.v2.Request`, of version 2: all its texts are in one list, and what is said of a metric is with each series.
//! PURE.
//!
//! <https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/>

use super::families::{Families, Family, Type};
use super::series::{Read, Reader};
use super::v1::of_series;
use crate::door::called::Labels;
use crate::door::protobuf::{Broken, Fields, Value, all, last, number};
use crate::ingest::gather::Gathered;
use crate::model::UnixMillis;

/// Most texts of a request, and most of those that a series may refer to.
const SYMBOLS: usize = 200_000;
const OF_SERIES: usize = 400;

/// Gathers a request.
///
/// # Errors
/// [`Broken`] if it is none; nothing of it is to be stored then.
pub(crate) fn gather(body: &[u8], gathered: &mut Gathered, now: UnixMillis, known: &Families) -> Result<Read, Broken> {
    let mut reader = Reader::new(gathered, now, known);
    let symbols = Symbols::of(body)?;
    for series in all(body, 5) {
        let series = series?;
        let labels = symbols.labels(series)?;
        let said = last(series, 5)?;
        if let (Some(name), false) = (labels.get("__name__"), said.is_empty()) {
            let of: Type = number(said, 1)?.into();
            let unit = symbols.get(number(said, 4)?)?.to_owned();
            if of != Type::Unknown || !unit.is_empty() {
                reader.read.families.learn(name, Family { of, unit });
            }
        }
        of_series(&mut reader, labels, series, (2, 3))?;
    }
    Ok(reader.read)
}

/// The texts of a request.
struct Symbols<'a>(Vec<&'a [u8]>);

impl<'a> Symbols<'a> {
    fn of(body: &'a [u8]) -> Result<Self, Broken> {
        let mut symbols = Vec::new();
        for symbol in all(body, 4) {
            if symbols.len() == SYMBOLS {
                return Err(Broken(format!("it may have {SYMBOLS} symbols, and has more")));
            }
            symbols.push(symbol?);
        }
        Ok(Self(symbols))
    }

    /// The text of a number; 0 is the empty one, also where there are none.
    fn get(&self, number: u64) -> Result<&'a str, Broken> {
        let symbol = usize::try_from(number).ok().and_then(|number| self.0.get(number));
        match symbol {
            None if number == 0 => Ok(""),
            None => Err(Broken(format!("there is no symbol {number}"))),
            Some(symbol) => std::str::from_utf8(symbol).map_err(|_| Broken(format!("symbol {number} is not UTF-8"))),
        }
    }

    /// The labels of a series: names and values in turn.
    fn labels(&self, series: &[u8]) -> Result<Labels, Broken> {
        let mut numbers = Vec::new();
        for field in Fields::of(series) {
            match field? {
                (1, Value::Bytes(mut packed)) => {
                    while !packed.is_empty() && numbers.len() <= OF_SERIES {
                        numbers.push(crate::door::protobuf::varint(&mut packed)?);
                    }
                }
                (1, Value::Varint(number)) if numbers.len() <= OF_SERIES => numbers.push(number),
                _ => {}
            }
        }
        if numbers.len() > OF_SERIES || numbers.len() % 2 == 1 {
            return Err(Broken(format!("a series must have pairs of symbols, {} at most", OF_SERIES / 2)));
        }
        let mut labels = Vec::new();
        for pair in numbers.chunks_exact(2) {
            if let [name, value] = pair {
                labels.push((self.get(*name)?, self.get(*value)?.to_owned()));
            }
        }
        labels.retain(|(_, value)| !value.is_empty());
        Ok(labels.into_iter().collect())
    }
}
