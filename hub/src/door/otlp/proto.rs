//! Requests in protobuf. PURE.

use std::collections::{HashMap, HashSet};

use super::message::Resource;
use super::points::{Metric, Read, Reader};
use crate::door::protobuf::{Broken, all, decode, last, number, text};
use crate::ingest::gather::Gathered;
use crate::model::UnixMillis;

/// Gathers an `ExportMetricsServiceRequest`.
///
/// # Errors
/// [`Broken`] if it is none; nothing of it is to be stored then.
pub(crate) fn gather(body: &[u8], gathered: &mut Gathered, now: UnixMillis) -> Result<Read, Broken> {
    let mut reader = Reader::new(gathered, now);
    for of_resource in all(body, 1) {
        let of_resource = of_resource?;
        let resource: Resource = decode(last(of_resource, 1)?)?;
        reader.begin(resource.attributes, shared(of_resource)?);
        for of_scope in all(of_resource, 2) {
            let of_scope = of_scope?;
            let scope = text(last(of_scope, 1)?, 1)?;
            for metric in all(of_scope, 2) {
                points(&mut reader, scope, metric?)?;
            }
        }
    }
    Ok(reader.done())
}

/// Names of metrics that several scopes of a resource have.
fn shared(of_resource: &[u8]) -> Result<HashSet<String>, Broken> {
    let mut shared = HashSet::new();
    if all(of_resource, 2).nth(1).is_none() {
        return Ok(shared);
    }
    let mut first: HashMap<&str, &str> = HashMap::new();
    for of_scope in all(of_resource, 2) {
        let of_scope = of_scope?;
        let scope = text(last(of_scope, 1)?, 1)?;
        for metric in all(of_scope, 2) {
            let name = text(metric?, 1)?;
            if *first.entry(name).or_insert(scope) != scope {
                shared.insert(name.to_owned());
            }
        }
    }
    Ok(shared)
}

fn points(reader: &mut Reader<'_>, scope: &str, message: &[u8]) -> Result<(), Broken> {
    let metric = Metric { scope, name: text(message, 1)?, unit: text(message, 3)? };
    let data = |tag| last(message, tag);
    for point in all(data(5)?, 1) {
        reader.number(metric, None, decode(point?)?);
    }
    let sum = data(7)?;
    let temporality = number(sum, 2)?.into();
    let only_grows = number(sum, 3)? != 0;
    for point in all(sum, 1) {
        reader.number(metric, Some((temporality, only_grows)), decode(point?)?);
    }
    let temporality = number(data(9)?, 2)?.into();
    for point in all(data(9)?, 1) {
        reader.histogram(metric, temporality, decode(point?)?);
    }
    let temporality = number(data(10)?, 2)?.into();
    for point in all(data(10)?, 1) {
        reader.exponential(metric, temporality, decode(point?)?);
    }
    for point in all(data(11)?, 1) {
        reader.summary(metric, decode(point?)?);
    }
    Ok(())
}
