//! What a sensor is called in PromQL. PURE.
//!
//! ```text
//!   device cellar (site=north), sensor temperature                    temperature{device="cellar", site="north"}
//!   device web01, sensor cpu.usage_user{cpu=cpu0}                     cpu_usage_user{cpu="cpu0", device="web01"}
//!   device node/pi:9100, sensor up                                    up{device="node/pi:9100", instance="pi:9100", job="node"}
//! ```
//!
//! The name of the metric is that of the sensor up to its braces, what is in them are labels, and so are those of its device.
//! Characters that names of metrics and labels have not are `_`. A label that the device has as well is `exported_` of the sensor. The unit
//! is no label, or readings of different units of one device could not be set against each other; `metadata` tells it.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::model::catalog::{Catalog, Series};
use crate::model::device::Device;
use crate::model::view::View;
use crate::promql::{Labels, Matcher, NAME};

/// The name of a sensor's device.
const DEVICE: &str = "device";
/// The name of a sensor where two of a device would be the same metric.
const SENSOR: &str = "sensor";

/// The labels of a device.
fn of_device(device: &Device) -> Labels {
    let labels: Labels = device.labels.iter().map(|(name, value)| (label(name), value)).collect();
    named(labels, &device.name)
}

/// With what the name of a device says.
fn named(mut labels: Labels, device: &str) -> Labels {
    labels.set(DEVICE, device);
    // What Prometheus sent finds its own dashboards again.
    if let Some((job, instance)) = target(device) {
        labels.set("job", job);
        labels.set("instance", instance);
    }
    labels
}

/// Job and instance, of a device that is a target of Prometheus: `node/pi:9100`.
fn target(device: &str) -> Option<(&str, &str)> {
    let (job, instance) = device.split_once('/')?;
    let (_, port) = instance.rsplit_once(':')?;
    (!job.is_empty() && port.parse::<u16>().is_ok()).then_some((job, instance))
}

/// Series of a device with their labels, each of which has them alone.
fn of_series<'a>(of_device: &Labels, series: impl Iterator<Item = &'a Series>) -> Vec<(Labels, &'a Series)> {
    let mut known = HashSet::new();
    let named = series.map(|series| {
        let mut labels = of_sensor(of_device, &series.sensor);
        if !known.insert(labels.clone()) {
            labels.set(SENSOR, &series.sensor);
            known.insert(labels.clone());
        }
        (labels, series)
    });
    named.collect()
}

/// Series in a view whose labels all matchers match, with their labels, in the order of those.
pub(super) fn matching<'a>(catalog: &'a Catalog, view: &View, matchers: &[Matcher]) -> Vec<(Labels, &'a Series)> {
    let matches = |labels: &Labels, of: &dyn Fn(&str) -> bool| {
        matchers.iter().filter(|matcher| of(&matcher.name)).all(|matcher| matcher.is_match(labels.get(&matcher.name)))
    };
    let mut found = Vec::new();
    for device in catalog.devices().filter(|device| view.has(device)) {
        let own = of_device(device);
        // What a device says of itself its sensors cannot unsay.
        if !matches(&own, &|name| !own.get(name).is_empty()) {
            continue;
        }
        let mut series: Vec<&Series> = catalog.series_of(device.no).collect();
        series.sort_by(|a, b| a.sensor.cmp(&b.sensor));
        let named = of_series(&own, series.into_iter());
        found.extend(named.into_iter().filter(|(labels, _)| matches(labels, &|_| true)));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn of_sensor(of_device: &Labels, sensor: &str) -> Labels {
    let mut labels = of_device.clone();
    let (name, own) = parts(sensor);
    labels.set(NAME, &metric(name));
    for (name, value) in own {
        let name = label(&name);
        let is_taken = !labels.get(&name).is_empty();
        let name = if is_taken { Cow::Owned(format!("exported_{name}")) } else { name };
        labels.set(&name, &value);
    }
    labels
}

/// The name of a metric: of a sensor up to its braces.
pub(super) fn metric_of(sensor: &str) -> String {
    metric(parts(sensor).0)
}

/// Names with values.
type Pairs = Vec<(String, String)>;

/// The name of a sensor up to its braces, and what is in them; all of it where that is no list of labels.
fn parts(sensor: &str) -> (&str, Pairs) {
    let inside = sensor.strip_suffix('}').and_then(|sensor| sensor.split_once('{'));
    inside.and_then(|(name, inside)| Some((name, pairs(inside)?))).unwrap_or((sensor, Vec::new()))
}

/// `a=b,c="d,e"`.
fn pairs(mut rest: &str) -> Option<Pairs> {
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let (name, behind) = rest.split_once('=')?;
        let (value, behind) = match behind.strip_prefix('"') {
            Some(quoted) => quoted_value(quoted)?,
            None => {
                let end = behind.find(',').unwrap_or(behind.len());
                (behind[..end].to_owned(), &behind[end..])
            }
        };
        pairs.push((name.to_owned(), value));
        rest = match behind.strip_prefix(',') {
            Some(next) => next,
            None if behind.is_empty() => behind,
            None => return None,
        };
    }
    Some(pairs)
}

/// What stands before the quote that ends it, and what behind.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let (mut value, mut escaped) = (String::new(), false);
    for (place, c) in text.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return Some((value, &text[place + 1..])),
            _ => value.push(c),
        }
    }
    None
}

fn metric(name: &str) -> String {
    clean(name, |c| c.is_ascii_alphanumeric() || c == '_' || c == ':').into_owned()
}

fn label(name: &str) -> Cow<'_, str> {
    clean(name, |c| c.is_ascii_alphanumeric() || c == '_')
}

fn clean(name: &str, fits: impl Fn(char) -> bool) -> Cow<'_, str> {
    let begins_well = name.chars().next().is_some_and(|c| !c.is_ascii_digit());
    if begins_well && name.chars().all(&fits) {
        return Cow::Borrowed(name);
    }
    let clean = name.chars().map(|c| if fits(c) { c } else { '_' }).collect::<String>();
    Cow::Owned(if begins_well { clean } else { format!("_{clean}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_of_prometheus_has_its_job_and_instance() {
        let labels =
            |device: &str| named(Labels::default(), device).iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(labels("node/pi:9100"), ["device", "instance", "job"]);
        for other in ["kitchen/lamp", "pi:9100", "/pi:9100", "a/b:c"] {
            assert_eq!(labels(other), ["device"], "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_labels_a_door_writes_into_a_name_are_read_out_of_it(
            labels in proptest::collection::btree_map("[a-z]{1,3}", "[a-c,={}\"\\\\ ]{1,6}", 0..4),
        ) {
            let written = labels.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
            let sensor = crate::door::called::sensor("up", &written, None);
            let read = parts(&sensor);
            proptest::prop_assert_eq!(read, ("up", labels.into_iter().collect()), "{}", sensor);
        }
    }

    #[test]
    fn a_sensor_is_a_metric_and_what_is_in_its_braces_are_labels() {
        let device: Labels = [("device", "web01"), ("site", "north")].into_iter().collect();
        for (sensor, is) in [
            ("temperature", r#"temperature device=web01 site=north"#),
            ("cpu.usage_user{cpu=cpu0}", r#"cpu_usage_user cpu=cpu0 device=web01 site=north"#),
            ("disk.free{device=sda1,path=/}", r#"disk_free device=web01 exported_device=sda1 path=/ site=north"#),
            (r#"http{path="/a,b",q="\"x\""}"#, r#"http device=web01 path=/a,b q="x" site=north"#),
            ("2nd floor °C", "_2nd_floor__C device=web01 site=north"),
            ("odd{no list}", "odd_no_list_ device=web01 site=north"),
            ("up{}", "up device=web01 site=north"),
        ] {
            let labels = of_sensor(&device, sensor);
            let others =
                labels.iter().filter(|(name, _)| *name != NAME).map(|(name, value)| format!(" {name}={value}"));
            assert_eq!(labels.get(NAME).to_owned() + &others.collect::<String>(), is, "{sensor}");
        }
    }
}
