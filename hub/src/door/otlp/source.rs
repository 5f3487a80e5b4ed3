//! Which device a resource is. PURE.
//!
//! A resource says what sends: a machine, a program, or a program on a machine. The first of these that it has is the device:
//! `device.id`, `host.name`, `k8s.pod.name`, `service.name`. What runs on a machine with others is told apart by the sensor's name,
//! which then has the service; and so is one of several of a service, by its `service.instance.id`, unless that is random: a new
//! one at each start would be a new series each.

use std::collections::HashMap;

use super::message::KeyValue;
use crate::door::called::Labels;

/// What names the device, the first that is there.
const DEVICE: [&str; 3] = ["device.id", "host.name", "k8s.pod.name"];
/// Attributes that tell apart what sends on one device.
const WITHIN: [&str; 4] = ["service.instance.id", "container.name", "k8s.container.name", "k8s.pod.name"];
/// The same for programs of which none says that it is a service: the Collector looks at them from outside.
const PROCESS: [&str; 2] = ["process.executable.name", "process.pid"];
/// The device of a resource that says nothing of itself; OpenTelemetry's own name for it.
pub(super) const UNKNOWN: &str = "unknown_service";

/// Who sent something.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// What the device is called.
    pub(super) device: String,
    /// What else is in the names of its sensors.
    pub(super) labels: Labels,
}

impl Source {
    /// Of a resource with these attributes.
    pub(super) fn of(attributes: Vec<KeyValue>) -> Self {
        let pairs = attributes.into_iter().filter_map(|KeyValue { key, value }| Some((key, value?.text())));
        let mut all: HashMap<String, String> = pairs.filter(|(_, value)| !value.trim().is_empty()).collect();
        let service = all.remove("service.name").map(|service| match all.get("service.namespace") {
            Some(namespace) => format!("{namespace}/{service}"),
            None => service,
        });
        let device = DEVICE.into_iter().find_map(|by| all.remove(by));
        let mut labels = Labels::default();
        let is_looked_at = service.is_none() && device.is_some();
        for label in WITHIN.into_iter().chain(PROCESS.into_iter().filter(|_| is_looked_at)) {
            if let Some(value) = all.remove(label).filter(|value| !is_random(value)) {
                labels.add(label, value);
            }
        }
        let device = match (device, service) {
            (Some(device), None) => device,
            (Some(device), Some(service)) => {
                labels.add("service.name", service);
                device
            }
            (None, Some(service)) => service,
            (None, None) => UNKNOWN.to_owned(),
        };
        Self { device, labels }
    }
}

/// Whether an id was made by a generator of them: 32 hexadecimal digits, with or without dashes.
fn is_random(id: &str) -> bool {
    let digits = id.bytes().filter(|byte| *byte != b'-');
    id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') && digits.count() == 32
}

#[cfg(test)]
mod tests {
    use super::super::tests::attributes;
    use super::*;
    use crate::door::called::sensor;

    /// Attributes of a resource, the device, and the name of a sensor.
    type Case = (&'static [(&'static str, &'static str)], &'static str, &'static str);

    #[test]
    fn a_machine_is_the_device_before_a_program_and_what_is_random_is_nobody() {
        const RANDOM: &str = "627cc493-f310-47de-96bd-71410b7dec09";
        let cases: [Case; 11] = [
            (&[("service.name", "shop"), ("service.instance.id", RANDOM)], "shop", "m"),
            (
                &[("service.name", "shop"), ("service.instance.id", "worker-2")],
                "shop",
                "m{service.instance.id=worker-2}",
            ),
            (&[("service.name", "cart"), ("service.namespace", "shop")], "shop/cart", "m"),
            (&[("service.name", "shop"), ("host.name", "pi")], "pi", "m{service.name=shop}"),
            (&[("host.name", "pi"), ("os.type", "linux")], "pi", "m"),
            (&[("host.name", "pi"), ("process.pid", "7")], "pi", "m{process.pid=7}"),
            (&[("service.name", "shop"), ("process.pid", "7")], "shop", "m"),
            (&[("host.name", "pi"), ("device.id", "boiler")], "boiler", "m"),
            (&[("k8s.pod.name", "a-1"), ("container.name", "c")], "a-1", "m{container.name=c}"),
            (&[("service.instance.id", RANDOM)], "unknown_service", "m"),
            (&[("host.name", " ")], "unknown_service", "m"),
        ];
        for (given, device, called) in cases {
            let source = Source::of(attributes(given));
            assert_eq!((&*source.device, &*sensor("m", &source.labels, None)), (device, called), "{given:?}");
        }
    }
}
