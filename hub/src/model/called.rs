//! Names of sensors for people: the same on the page, on the terminal and in messages.
//!
//! Rules, filters and the API use the raw name.

use std::sync::LazyLock;

use super::shown;

/// Raw names and those for people, a row each. The page's own copy is made of the same file.
static NAMES: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let rows = include_str!("called.txt").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| row.split_once(' ')).map(|(raw, people)| (raw, people.trim())).collect()
});

/// The name of a sensor that a person reads; its own where nobody knows a better one.
#[must_use]
pub fn sensor(raw: &str) -> String {
    let told = NAMES.iter().find_map(|(pattern, people)| Some(written(people, about(pattern, raw)?)));
    shown::name(told.as_deref().unwrap_or(raw))
}

/// What stands in the place of the `*`, if a name fits; nothing where there is none.
fn about<'a>(pattern: &str, raw: &'a str) -> Option<&'a str> {
    let Some((before, after)) = pattern.split_once('*') else { return (pattern == raw).then_some("") };
    raw.strip_prefix(before)?.strip_suffix(after).filter(|about| !about.is_empty())
}

fn written(people: &str, about: &str) -> String {
    let mut letters = about.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    people.replace("{name}", about).replace("{Name}", &capital).replace("{words}", &about.replace('_', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_agent_are_those_people_use_and_those_of_a_person_stay() {
        for (raw, people) in [
            ("cpu.used_pct", "CPU"),
            ("mem.used_pct", "Memory used"),
            ("disk.root.used_pct", "Disk used"),
            ("disk.data.free_bytes", "Disk data free"),
            ("net.eth0.rx_bytes", "Received, eth0"),
            ("power.ac.online", "Ac online"),
            ("temp.cpu_thermal.zone0", "Temperature, cpu thermal.zone0"),
            ("temperature", "Temperature"),
            ("co2", "CO₂"),
            ("temp.", "temp."),
            ("disk..used_pct", "disk..used_pct"),
            ("boiler.flow", "boiler.flow"),
        ] {
            assert_eq!(sensor(raw), people);
        }
    }

    #[test]
    fn every_row_of_the_table_is_reached() {
        for (row, (pattern, people)) in NAMES.iter().enumerate() {
            let raw = pattern.replace('*', "x");
            let first = NAMES.iter().position(|(pattern, _)| about(pattern, &raw).is_some());
            assert_eq!((first, people.is_empty()), (Some(row), false), "{pattern}");
        }
    }
}
