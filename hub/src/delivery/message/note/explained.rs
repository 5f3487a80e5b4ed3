//! Why an alert fired, or how things were at its end, in a few facts. PURE.

use serde::Deserialize;

use crate::model::alert::called as rule_called;
use crate::model::shown;

/// Why it fired.
#[derive(Debug, Deserialize)]
pub(super) struct Explain {
    rule: Option<AsItWas>,
    fired: Option<Fired>,
    device: Option<Then>,
    #[serde(default)]
    beside: Vec<Beside>,
}

#[derive(Debug, Deserialize)]
struct AsItWas {
    version: u32,
    condition: String,
}

#[derive(Debug, Deserialize)]
struct Fired {
    days: i64,
    here: u32,
    anywhere: u32,
}

/// How its device was.
#[derive(Debug, Deserialize)]
struct Then {
    online: bool,
    taken: Option<u64>,
    lost: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Beside {
    rule: String,
    device_name: String,
    #[serde(default)]
    sensor: String,
}

/// Others that are named.
const NAMED: usize = 3;

impl Explain {
    /// Beside what is said of the alert of this rule on this device and sensor.
    pub(super) fn facts(&self, (rule, device, sensor): (&str, &str, &str)) -> Vec<(&'static str, String)> {
        let as_it_was = self.rule.iter().map(|rule| ("Rule", format!("version {}: {}", rule.version, rule.condition)));
        let times = |number: u32| if number == 1 { "once".to_owned() } else { format!("{number} times") };
        let fired = self.fired.iter().map(|fired| {
            let here = format!("{} in the last {} days", times(fired.here), fired.days);
            let others = fired.anywhere.saturating_sub(fired.here);
            ("Fired", if others == 0 { here } else { format!("{here}, and {} elsewhere", times(others)) })
        });
        let link = self.device.iter().map(|device| {
            let state = if device.online { "online" } else { "offline" };
            let loss = match (device.taken, device.lost) {
                (Some(0), Some(0)) => String::new(),
                (Some(_), Some(0)) => ", nothing lost in the last hour".to_owned(),
                (Some(taken), Some(lost)) => format!(", {lost} of {taken} readings lost in the last hour"),
                (_, None) | (None, _) => String::new(),
            };
            ("Link", format!("{state}{loss}"))
        });
        // Earlier alerts of the same are counted above.
        let is_same = |one: &&Beside| (&*one.rule, &*one.device_name, &*one.sensor) == (rule, device, sensor);
        let others: Vec<&Beside> = self.beside.iter().filter(|one| !is_same(one)).collect();
        let named: Vec<String> = others.iter().take(NAMED).map(|one| one.text()).collect();
        let beside = shown::some_of(&named, others.len()).map(|some| ("Also fired", some));
        as_it_was.chain(fired).chain(link).chain(beside).collect()
    }
}

impl Beside {
    fn text(&self) -> String {
        format!("{} on {}", shown::name(rule_called(&self.rule)), shown::name(&self.device_name))
    }
}
