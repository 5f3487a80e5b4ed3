//! Requests in JSON. PURE.
//!
//! The parts of a list are read one at a time, as those of protobuf are.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::Error;
use serde_json::value::RawValue;

use super::loose::or_nothing;
use super::message::Resource;
use super::points::{Metric, Read, Reader, Temporality};
use crate::door::protobuf::INNERMOST;
use crate::ingest::gather::Gathered;
use crate::model::UnixMillis;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Request<'a> {
    #[serde(borrow)]
    resource_metrics: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct OfResource<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow)]
    scope_metrics: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OfScope<'a> {
    scope: Option<Name>,
    #[serde(borrow)]
    metrics: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Name {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct OfMetric<'a> {
    #[serde(deserialize_with = "or_nothing")]
    name: String,
    #[serde(deserialize_with = "or_nothing")]
    unit: String,
    #[serde(borrow, deserialize_with = "or_nothing")]
    gauge: Data<'a>,
    #[serde(borrow, deserialize_with = "or_nothing")]
    sum: Data<'a>,
    #[serde(borrow, deserialize_with = "or_nothing")]
    histogram: Data<'a>,
    #[serde(borrow, deserialize_with = "or_nothing")]
    exponential_histogram: Data<'a>,
    #[serde(borrow, deserialize_with = "or_nothing")]
    summary: Data<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow)]
    data_points: Option<&'a RawValue>,
    aggregation_temporality: Temporality,
    is_monotonic: bool,
}

impl<'a> Data<'a> {
    /// Hands out its points.
    fn each(&self, mut take: impl FnMut(&Self, &'a RawValue) -> Result<(), Error>) -> Result<(), Error> {
        each(self.data_points, |point| take(self, point))
    }
}

impl<'de> Deserialize<'de> for Temporality {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Name(String),
        }
        Ok(match Written::deserialize(from)? {
            Written::Number(number) => number.into(),
            Written::Name(name) if name == "AGGREGATION_TEMPORALITY_DELTA" => Self::Delta,
            Written::Name(name) if name == "AGGREGATION_TEMPORALITY_CUMULATIVE" => Self::Cumulative,
            Written::Name(_) => Self::Unsaid,
        })
    }
}

/// Gathers a request that is written as JSON.
///
/// # Errors
/// A text that says what is wrong with it; nothing of it is to be stored then.
pub(crate) fn gather_json(body: &str, gathered: &mut Gathered, now: UnixMillis) -> Result<Read, Error> {
    let mut reader = Reader::new(gathered, now);
    let request: Request<'_> = serde_json::from_str(body)?;
    each(request.resource_metrics, |of_resource| {
        let of_resource: OfResource<'_> = serde_json::from_str(of_resource.get())?;
        let resource: Option<Resource> = of_resource.resource.map(innermost).transpose()?;
        reader.begin(resource.unwrap_or_default().attributes, shared(of_resource.scope_metrics)?);
        each(of_resource.scope_metrics, |of_scope| {
            let of_scope: OfScope<'_> = serde_json::from_str(of_scope.get())?;
            let scope = of_scope.scope.unwrap_or_default().name;
            each(of_scope.metrics, |metric| points(&mut reader, &scope, metric))
        })
    })?;
    Ok(reader.done())
}

/// Names of metrics that several scopes of a resource have.
fn shared(scopes: Option<&RawValue>) -> Result<HashSet<String>, Error> {
    let (mut shared, mut first, mut known) = (HashSet::new(), HashMap::new(), HashMap::new());
    let mut count = 0;
    each(scopes, |_| {
        count += 1;
        Ok(())
    })?;
    if count < 2 {
        return Ok(shared);
    }
    each(scopes, |of_scope| {
        let of_scope: OfScope<'_> = serde_json::from_str(of_scope.get())?;
        let next = known.len();
        let scope = *known.entry(of_scope.scope.unwrap_or_default().name).or_insert(next);
        each(of_scope.metrics, |metric| {
            let Name { name } = serde_json::from_str(metric.get())?;
            if *first.entry(name.clone()).or_insert(scope) != scope {
                shared.insert(name);
            }
            Ok(())
        })
    })?;
    Ok(shared)
}

fn points(reader: &mut Reader<'_>, scope: &str, metric: &RawValue) -> Result<(), Error> {
    let of: OfMetric<'_> = serde_json::from_str(metric.get())?;
    let metric = Metric { scope, name: &of.name, unit: &of.unit };
    of.gauge.each(|_, point| innermost(point).map(|point| reader.number(metric, None, point)))?;
    of.sum.each(|data, point| {
        let totals = Some((data.aggregation_temporality, data.is_monotonic));
        innermost(point).map(|point| reader.number(metric, totals, point))
    })?;
    of.histogram.each(|data, point| {
        innermost(point).map(|point| reader.histogram(metric, data.aggregation_temporality, point))
    })?;
    of.exponential_histogram.each(|data, point| {
        innermost(point).map(|point| reader.exponential(metric, data.aggregation_temporality, point))
    })?;
    of.summary.each(|_, point| innermost(point).map(|point| reader.summary(metric, point)))
}

/// Reads one of the innermost parts.
fn innermost<'a, T: Deserialize<'a>>(part: &'a RawValue) -> Result<T, Error> {
    let length = part.get().len();
    if length > INNERMOST {
        return Err(Error::custom(format!("one part of it has {length} bytes, and may have {INNERMOST}")));
    }
    serde_json::from_str(part.get())
}

/// Hands out the items of a list, one after the other; there are none where there is no list.
fn each<'a>(list: Option<&'a RawValue>, take: impl FnMut(&'a RawValue) -> Result<(), Error>) -> Result<(), Error> {
    struct Items<F>(F);
    impl<'de, F: FnMut(&'de RawValue) -> Result<(), Error>> Visitor<'de> for Items<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }
        fn visit_unit<E>(self) -> Result<(), E> {
            Ok(())
        }
        fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
            while let Some(item) = list.next_element()? {
                (self.0)(item).map_err(A::Error::custom)?;
            }
            Ok(())
        }
    }
    let Some(list) = list else { return Ok(()) };
    serde_json::Deserializer::from_str(list.get()).deserialize_any(Items(take))
}
