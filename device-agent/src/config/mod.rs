//! Settings of `device-agent run`: flags override the variables `DEVICE_AGENT_*`, which override the TOML file.
//!
//! The agent runs without any configuration: discovery finds the hub, and the machine's own sensors are read once a second. Every
//! error names the key and where it is (`device-agent.toml:3: [spool] policy`, `DEVICE_AGENT_INTERVAL`, `--interval`).

mod layer;
mod place;
mod settings;
mod table;

use std::net::Ipv6Addr;

use crate::seeking::HUB_PORT;
pub use layer::{DiscoveryLayer, Layer, SensorLayer, SpoolLayer};
pub use place::Key;
pub use settings::Settings;
pub use table::{ExecTable, FileTable, ListenTable, RuleTable};

/// A setting that cannot be used; the text names the key and its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

/// Reads `key=value`.
///
/// # Errors
/// A text that says what was expected.
pub fn label_of(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("'{text}' is not a label such as room=attic")),
    }
}

/// `HOST` as `HOST:PORT`, with the port of hubs where none is named.
#[must_use]
pub fn with_port(name: &str) -> String {
    let is_bare = !name.contains(':') && !name.is_empty() || name.ends_with(']') || name.parse::<Ipv6Addr>().is_ok();
    match (is_bare, name.parse::<Ipv6Addr>()) {
        (true, Ok(v6)) => format!("[{v6}]:{HUB_PORT}"),
        (true, Err(_)) => format!("{name}:{HUB_PORT}"),
        (false, _) => name.to_owned(),
    }
}

/// Checks `HOST:PORT`, `[V6]:PORT`.
///
/// # Errors
/// A text that says what was expected.
pub fn check_host_port(text: &str) -> Result<(), String> {
    let expected =
        || format!("'{text}' is not HOST or HOST:PORT, such as hub.local, 192.168.1.20:5770 or [fe80::1%eth0]:5770");
    let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
    let bare_v6 = host.contains(':') && !host.starts_with('[');
    let port_ok = port.parse::<u16>().is_ok_and(|port| port != 0);
    let is_odd = host.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/');
    if host.is_empty() || is_odd || bare_v6 || !port_ok { Err(expected()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::intake::Source;

    fn settle(layer: Layer) -> Result<Settings, Error> {
        layer.settle(|key| format!("--{key}"))
    }

    #[test]
    fn flags_win_over_variables_win_over_the_file() {
        let file =
            Layer::from_toml("name = 'file'\ninterval = '5s'\nhub = 'file:1'\n[labels]\nroom = 'attic'\n").unwrap();
        let variables = [("DEVICE_AGENT_NAME", "variable"), ("DEVICE_AGENT_HUB", "variable:2"), ("HOME", "/")];
        let variables =
            Layer::from_variables(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))).unwrap();
        let flags = Layer { hub: Some("flag:3".into()), ..Layer::default() };
        let settings = settle(flags.over(variables).over(file)).unwrap();
        assert_eq!((settings.hub.as_deref(), &*settings.name), (Some("flag:3"), "variable"));
        assert_eq!(settings.interval, Duration::from_secs(5));
        assert_eq!(settings.labels, [("room".to_owned(), "attic".to_owned())]);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let (line, message) = Layer::from_toml("name = 'a'\n\ninterwal = '1s'\n").unwrap_err();
        assert_eq!(line, 3);
        assert!(message.contains("unknown key `interwal`"), "{message}");
        let (line, message) = Layer::from_toml("[sensors]\nroot = '/'\nskipp = []\n").unwrap_err();
        assert_eq!(line, 3);
        assert!(message.contains("skipp"), "{message}");
        let (line, _) = Layer::from_toml("name = 'a'\nhub = = \n").unwrap_err();
        assert_eq!(line, 2);
        assert!(Layer::from_variables([("DEVICE_AGENT_HUBB".to_owned(), String::new())].into_iter()).is_err());
    }

    #[test]
    fn well_known_names_get_the_hubs_port_and_can_be_others_or_none() {
        let names = |text: &str| settle(Layer::from_toml(text).unwrap()).unwrap().hub_names;
        assert_eq!(names(""), ["telemetry-hub:5770", "telemetry-hub.local:5770"]);
        assert_eq!(names("[discovery]\nnames = ['attic', 'cellar:6000']\n"), ["attic:5770", "cellar:6000"]);
        assert!(names("[discovery]\nnames = []\n").is_empty());
    }

    #[test]
    fn tables_become_sources_and_rules() {
        let text = "[sensors]\nroot = '/fix'\n[[file]]\nname = 'tank'\npath = '/run/t'\npointer = '/l'\nkind = 'counter'\n\
            [[exec]]\nname = 'x'\ncommand = ['true']\ntimeout = '2s'\n[[listen]]\nudp = '127.0.0.1:8089'\n\
            [[sensor]]\nname = 'temp.*'\ndeadband = 0.5\nmax_interval = '5m'\n";
        let settings = settle(Layer::from_toml(text).unwrap()).unwrap();
        assert_eq!((settings.sources.len(), settings.rules.len()), (4, 1));
        assert!(matches!(&settings.sources[1], Source::File { path, .. } if path == Path::new("/fix/run/t")));
    }

    #[test]
    fn a_wrong_value_names_its_table_its_key_and_its_line() {
        for (text, line, culprit) in [
            ("hub = 'a:1'\ninterval = 'soon'\n", 2, "interval: 'soon'"),
            ("[labels]\na = 'b'\n\nabcdefghijklmnopqrstuvwxyz0123456789 = 'd'\n", 4, "[labels] abcd"),
            ("[[file]]\nname = 'a'\npath = 'b'\nkind = 'gage'\n", 4, "[[file]] a: kind: 'gage'"),
            ("[[file]]\nname = 'a'\npath = 'b'\npointer = 'x'\n", 4, "[[file]] a: pointer: begins"),
            ("[[file]]\nname = 'a'\nunit = '%'\n", 1, "[[file]] a: missing key `path`"),
            ("[[exec]]\nname = 'a'\ncommand = []\n", 3, "[[exec]] a: command: a list"),
            ("[[exec]]\nname = 'a'\ncommand = 'b'\n", 3, "[[exec]] a: command: invalid type"),
            ("[[exec]]\nname = 'a'\ncommand = ['b']\ninterval = 'soon'\n", 4, "[[exec]] a: interval: 'soon'"),
            ("[[exec]]\nname = 'a'\ncommand = ['b']\n\ntimeout = '0s'\n", 5, "[[exec]] a: timeout: must"),
            ("[[exec]]\nname = 'a'\ncommand = ['b']\ntimeout = '9'\n", 4, "[[exec]] a: timeout: '9'"),
            ("[[exec]]\nname = 'a'\ncommand = ['b']\nformat = 'xml'\n", 4, "[[exec]] a: format: 'xml'"),
            ("[[exec]]\nname = ''\ncommand = ['b']\n", 2, "[[exec]]: name: 1 to"),
            ("[[exec]]\nname = 'a'\ncommand = ['b']\ntimeot = '1s'\n", 4, "[[exec]] a: unknown key `timeot`"),
            // The second of two of the same name.
            (
                "[[exec]]\nname = 'a'\ncommand = ['b']\n[[exec]]\nname = 'a'\ncommand = ['b']\nscale = nan\n",
                7,
                "[[exec]] a: scale: must",
            ),
            // One name has one source.
            (
                "[[file]]\nname = 'a'\npath = 'b'\n[[exec]]\nname = 'a'\ncommand = ['b']\n",
                5,
                "[[exec]] a: name: the sensor of file a",
            ),
            ("[[listen]]\nprefix = 'a'\nudp = '0.0.0.0:8089'\n", 3, "[[listen]]: udp: '0.0.0.0:8089'"),
            ("[[listen]]\nudp = 'here'\n", 2, "[[listen]]: udp: 'here'"),
            ("[[listen]]\nudp = '127.0.0.1:1'\nprecision = 'm'\n", 3, "[[listen]]: precision: 'm'"),
            ("hub = 'a:1'\n\n[[listen]]\nprefix = 'a'\n", 3, "[[listen]]: set either"),
            ("hub = 'a:1'\n[discovery]\nnames = ['a b']\n", 3, "[discovery] names: 'a b'"),
            ("[discovery]\nnames = ['hub:0']\n", 2, "[discovery] names: 'hub:0'"),
            ("[spool]\ndisk_mib = 2\npolicy = 'drop'\n", 3, "[spool] policy: 'drop'"),
            ("[spool]\n\ndisk_mib = 1\n", 3, "[spool] disk_mib: must"),
            ("[spool]\ndisk_mib = '64'\n", 2, "[spool] disk_mib: invalid type"),
            ("[spool]\ndisk_mib = -1\n", 2, "[spool] disk_mib: invalid value"),
            ("[spool]\nkeep_for = 'a week'\n", 2, "[spool] keep_for: 'a week'"),
            ("[spool]\nkeep_for = '30s'\n", 2, "[spool] keep_for: must be"),
            ("spool.disk_mib = 2\nspool.keep_for = '30s'\n", 2, "[spool] keep_for: must be"),
            ("spool = { keep_for = '30s' }\n", 1, "[spool] keep_for: must be"),
            ("[[sensor]]\nname = 'a'\nmin_interval = '2s'\nmax_interval = '1s'\n", 3, "[[sensor]] a: min_interval"),
            ("[[sensor]]\nname = 'a'\ndeadband = -1\n", 3, "[[sensor]] a: deadband"),
        ] {
            let (found, message) = match Layer::from_toml(text) {
                Ok(layer) => {
                    let place = |key: &Key| format!("{} {key}", key.line_in(text).unwrap_or(0));
                    let refused = layer.settle(place).unwrap_err().0;
                    let (line, message) = refused.split_once(' ').unwrap();
                    (line.parse().unwrap(), message.to_owned())
                }
                Err(refused) => refused,
            };
            assert_eq!((found, message.starts_with(culprit)), (line, true), "{text}{message}");
        }
    }

    #[test]
    fn a_hub_without_a_port_has_the_usual_one() {
        for (text, whole) in [
            ("attic", "attic:5770"),
            ("attic.local", "attic.local:5770"),
            ("10.0.0.7", "10.0.0.7:5770"),
            ("10.0.0.7:81", "10.0.0.7:81"),
            ("fd00::7", "[fd00::7]:5770"),
            ("[fe80::1%eth0]", "[fe80::1%eth0]:5770"),
            ("[::1]:81", "[::1]:81"),
        ] {
            let hub = settle(Layer { hub: Some(text.into()), ..Layer::default() }).unwrap().hub;
            assert_eq!(hub.as_deref(), Some(whole));
        }
    }

    #[test]
    fn a_wrong_value_names_its_key() {
        for (layer, key) in [
            (Layer { hub: Some("nowhere:".into()), ..Layer::default() }, "--hub"),
            (Layer { hub: Some(String::new()), ..Layer::default() }, "--hub"),
            (Layer { hub: Some("two words".into()), ..Layer::default() }, "--hub"),
            (Layer { hub: Some("http://attic".into()), ..Layer::default() }, "--hub"),
            (Layer { interval: Some("fast".into()), ..Layer::default() }, "--interval"),
            (Layer { interval: Some("1ms".into()), ..Layer::default() }, "--interval"),
            (Layer { name: Some("x".repeat(65)), ..Layer::default() }, "--name"),
            (Layer { join_token: Some("thj1_no".into()), ..Layer::default() }, "--join_token"),
            (Layer { labels: [(String::new(), String::new())].into(), ..Layer::default() }, "--[labels]"),
        ] {
            assert!(settle(layer).is_err_and(|error| error.0.starts_with(key)), "{key}");
        }
        assert!(settle(Layer::default()).is_ok());
    }
}
