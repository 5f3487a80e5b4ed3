//! The floors of the house: imports point down, shells do not import shells, and each language stays in its room.
//!
//! Reads the sources as text. The rule and the map are in `hub/src/lib.rs`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod circles;
mod docs;
mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What a module may import of its own crate, besides itself.
const HUB: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("access", &["model"]),
    ("age", &["random"]),
    ("bundle", &["access", "durable"]),
    ("clock", &["model"]),
    ("counter", &["model"]),
    ("durable", &[]),
    ("zones", &["model"]),
    ("presence", &["model"]),
    ("reach", &[]),
    ("running", &["reach"]),
    ("observe", &[]),
    ("password", &[]),
    ("random", &[]),
    ("pressure", &[]),
    ("tls", &["model", "access", "clock", "durable"]),
    ("proto", &["model", "pressure"]),
    ("rules", &["model", "counter"]),
    ("store", &["model", "age", "clock", "counter", "durable", "zones"]),
    ("live", &["model"]),
    ("identity", &["store"]),
    ("links", &["model", "access", "password", "random", "store"]),
    ("settings", &["model", "presence", "proto::command", "store"]),
    ("line", &[]),
    ("picture", &["model", "store"]),
    (
        "ingest",
        &[
            "model", "access", "clock", "line", "live", "observe", "presence", "pressure", "rules", "store",
            "delivery", "zones",
        ],
    ),
    ("registrar", &["model", "clock", "live", "presence", "proto", "store"]),
    ("udp", &["model", "clock", "ingest::Receipt", "ingest::queue", "pressure", "proto"]),
    ("door", &["model", "access", "clock", "ingest", "store"]),
    ("delivery", &["model", "reach"]),
    ("webhook", &["model", "clock", "delivery", "picture", "random", "reach", "settings", "store", "zones"]),
    (
        "http",
        &[
            "model",
            "access",
            "bundle",
            "clock",
            "delivery",
            "door::otlp",
            "door::prometheus",
            "ingest::desk",
            "ingest::gather",
            "ingest::learning",
            "ingest::newcomers",
            "ingest::queue",
            "ingest::way",
            "line",
            "links",
            "live",
            "observe",
            "password",
            "picture",
            "presence",
            "pressure",
            "promql",
            "proto::command",
            "random",
            "reach",
            "rules::Watching",
            "rules::backtest",
            "rules::compare",
            "rules::notify",
            "rules::tally",
            "settings",
            "store",
            "tls",
            "zones",
        ],
    ),
    ("promql", &[]),
    ("supervisor", &[]),
    ("config", &["model", "proto::command"]),
];

/// Modules that decide and never act: no runtime, no clock, no randomness of their own.
const PURE: &[&str] = &["model", "counter", "line", "proto", "rules", "access.rs", "delivery", "promql"];

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The code of a file without its tests and comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn is_test(path: &Path) -> bool {
    path.file_stem().is_some_and(|name| name == "tests") || path.components().any(|part| part.as_os_str() == "tests")
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn module_files(name: &str) -> Vec<PathBuf> {
    let (dir, file) = (src().join(name), src().join(format!("{name}.rs")));
    let mut files = if dir.is_dir() { sources(&dir) } else { Vec::new() };
    files.extend(file.exists().then_some(file));
    files.retain(|path| !is_test(path));
    files
}

/// Paths after `crate::` in a piece of code, with `{..}` groups taken apart one level.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for piece in code.split("crate::").skip(1) {
        let end =
            piece.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':' || c == '{')).unwrap_or(piece.len());
        let path = &piece[..end];
        if let Some(prefix) = path.strip_suffix("::{").or_else(|| path.split_once("::{").map(|(prefix, _)| prefix)) {
            found.push(prefix.to_owned());
        } else if path.starts_with('{') {
            let group = piece.trim_start_matches('{').split('}').next().unwrap_or_default();
            found.extend(group.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()));
        } else {
            found.push(path.to_owned());
        }
    }
    found
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for (module, allowed) in HUB {
        let files = module_files(module);
        assert!(!files.is_empty(), "{module} is in the map but not in the house");
        for file in files {
            for import in imports(&code(&file)) {
                let fine = import == *module
                    || import.starts_with(&format!("{module}::"))
                    || allowed.iter().any(|allowed| import == *allowed || import.starts_with(&format!("{allowed}::")));
                if !fine {
                    wrong.push(format!("{}: crate::{import}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point up or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn no_files_of_a_crate_import_each_other_in_a_circle() {
    let beside = src().join("../../device-agent");
    for crate_ in [src(), beside.join("src"), beside.join("wire/src")] {
        let arrows = imports::of(&crate_);
        assert!(arrows.len() > 20, "{} has imports", crate_.display());
        let circles: String = circles::of(&arrows).iter().map(ToString::to_string).collect();
        assert!(circles.is_empty(), "files that import each other in a circle:\n{circles}");
    }
}

/// The rooms of `http`, each above all that it may import of them. A resource may use the shapes of one below it.
const HTTP: &[&str] = &[
    "error",
    "tried",
    "principal",
    "config",
    "limits",
    "shares",
    "keys",
    "names",
    "state",
    "request",
    "gate",
    "devices",
    "rules",
    "webhooks",
    "alerts",
    "readings",
    "prometheus",
    "doors",
    "intake",
    "files",
    "live",
    "hub",
    "access",
    "install",
    "health",
    "assets",
    "openapi",
    "serve",
    "parts",
    "mod",
];

/// The rooms of `store`, from the ground up. `sqlite` knows nothing above the port; only the roof knows that it is there.
const STORE: &[&str] = &[
    "error",
    "receiving",
    "secret",
    "pairs",
    "pack",
    "span",
    "tier",
    "windows",
    "stats",
    "cap",
    "engine",
    "sqlite",
    "order",
    "head",
    "block",
    "samples",
    "memory",
    "rebuild",
    "readers",
    "rollup",
    "write",
    "handle",
    "catalog",
    "trouble",
    "query",
    "maker",
    "recover",
    "check",
    "mod",
    "open",
];

/// Imports between the rooms of a module that point up.
fn up(module: &str, rooms: &[&str]) -> Vec<String> {
    let dir = src().join(module);
    let floor = |file: &Path| {
        let room = file.strip_prefix(&dir).ok()?.with_extension("").iter().next()?.to_string_lossy().into_owned();
        Some(
            rooms
                .iter()
                .position(|name| *name == room)
                .unwrap_or_else(|| panic!("{room} is not on the map of {module}")),
        )
    };
    let arrows = imports::of(&src());
    let within = arrows.iter().filter_map(|arrow| Some((floor(&arrow.from)?, floor(&arrow.to)?, arrow)));
    within.filter(|(from, to, _)| to > from).map(|(.., arrow)| arrow.to_string()).collect()
}

#[test]
fn the_rooms_of_http_import_downward() {
    let up = up("http", HTTP);
    assert!(up.is_empty(), "imports that point up:\n{}", up.join("\n"));
}

#[test]
fn the_rooms_of_the_store_import_downward() {
    let up = up("store", STORE);
    assert!(up.is_empty(), "imports that point up:\n{}", up.join("\n"));
}

#[test]
fn only_the_composition_of_http_names_the_whole_state() {
    // The state itself, what its parts are made of, and the router.
    let composition = ["http/state.rs", "http/parts.rs", "http/mod.rs"].map(|file| src().join(file));
    let names_it = |file: &PathBuf| code(file).contains("AppState");
    assert!(composition.iter().all(names_it), "the state has another name, or lives elsewhere");
    let files = sources(&src().join("http")).into_iter().filter(|file| !is_test(file) && !composition.contains(file));
    let wrong: Vec<_> = files.filter(names_it).collect();
    assert!(wrong.is_empty(), "take the parts that are needed by `State`, as `http/parts.rs` makes them: {wrong:#?}");
}

#[test]
fn no_handler_imports_another() {
    let has_handlers = |file: &PathBuf| fs::read_to_string(file).unwrap().contains("#[utoipa::path(");
    let handlers: BTreeSet<_> = sources(&src().join("http")).into_iter().filter(has_handlers).collect();
    assert!(handlers.len() > 20, "{handlers:?}");
    let arrows = imports::of(&src());
    let wrong = arrows.iter().filter(|arrow| handlers.contains(&arrow.from) && handlers.contains(&arrow.to));
    let wrong: Vec<_> = wrong.map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "handlers that import others: what both use belongs below them\n{}", wrong.join("\n"));
}

#[test]
fn every_module_is_on_the_map() {
    let known =
        |name: &str| HUB.iter().any(|(module, _)| *module == name) || ["hub", "lib", "main", "command"].contains(&name);
    for entry in fs::read_dir(src()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(known(&name), "{name} is in the house but not on the map of this test");
    }
}

/// The floor on which the map in `lib.rs` has each module: the number that its line, or one before, begins with.
fn floors() -> BTreeMap<String, u32> {
    let text = fs::read_to_string(src().join("lib.rs")).unwrap();
    let map = text.split("```text").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
    let mut floor = 0;
    let mut floors = BTreeMap::new();
    for line in map.lines() {
        let names = line.trim_start_matches("//!").split('│').next().unwrap_or_default();
        for word in names.split_whitespace() {
            match word.parse() {
                Ok(number) => floor = number,
                Err(_) => drop(floors.insert(word.to_owned(), floor)),
            }
        }
    }
    floors
}

#[test]
fn the_map_for_readers_has_every_module_above_what_it_may_import() {
    let floors = floors();
    for (module, allowed) in HUB {
        let floor = floors.get(*module).unwrap_or_else(|| panic!("{module} is not on the map in lib.rs"));
        for import in allowed.iter().map(|import| import.split("::").next().unwrap_or_default()) {
            let below = floors.get(import).unwrap_or_else(|| panic!("{import} is not on the map in lib.rs"));
            // Of a shell somebody may know a part that is pure.
            let is_part = allowed.iter().any(|allowed| allowed.starts_with(&format!("{import}::")));
            assert!(below < floor || is_part, "lib.rs has {module} on floor {floor}, and {import} on {below}");
        }
    }
    let missing: Vec<_> = floors.keys().filter(|name| module_files(name).is_empty()).collect();
    assert!(missing.is_empty(), "on the map in lib.rs but not in the house: {missing:?}");
}

#[test]
fn pure_modules_have_no_runtime_no_clock_and_no_randomness() {
    let beside = src().join("../../device-agent");
    let says_so = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let header: Vec<_> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        // One of a room that is pure in part says which part.
        header.iter().any(|line| line.contains("PURE:") || line.contains("PURE.") || line.contains(" Pure."))
    };
    let all = [src(), beside.join("src"), beside.join("wire/src")];
    let mut files: Vec<_> = all.iter().flat_map(|src| sources(src)).filter(says_so).collect();
    assert!(files.len() > 40, "{files:?}");
    for place in PURE {
        let path = src().join(place);
        files.extend(if path.is_dir() { sources(&path) } else { vec![path] });
    }
    for file in files.into_iter().filter(|path| !is_test(path)) {
        let code = code(&file);
        for forbidden in [
            "tokio::",
            "Instant::now",
            "SystemTime::now",
            "SystemRandom",
            "std::thread",
            "std::fs",
            "std::net::UdpSocket",
        ] {
            assert!(!code.contains(forbidden), "{} uses {forbidden}", file.display());
        }
    }
}

#[test]
fn sql_stays_below_the_port_and_json_at_the_borders() {
    for file in sources(&src()).into_iter().filter(|path| !is_test(path)) {
        let (name, code) = (file.strip_prefix(src()).unwrap().to_string_lossy().into_owned(), code(&file));
        let is_engine = name.starts_with("store/sqlite/");
        assert!(is_engine || !code.contains("rusqlite"), "{name} speaks SQL");
        assert!(is_engine || !has_statement(&code), "{name} has a statement of SQL");
        let at_border = name.starts_with("http")
            || name.starts_with("delivery/message/")
            || name.starts_with("delivery/payload")
            // Metrics of OpenTelemetry come as protobuf or as JSON, and both are decoded in one room.
            || name == "door/otlp/json.rs"
            || name.starts_with("door/mqtt/heard/")
            || name == "door/mqtt/spoken.rs"
            || ["settings.rs", "settings/topic_rules.rs", "command/remote.rs", "command/watch.rs"]
                .contains(&name.as_str());
        assert!(at_border || !code.contains("serde_json"), "{name} speaks JSON");
    }
}

/// Whether a text in the code begins as statements do.
fn has_statement(code: &str) -> bool {
    ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "PRAGMA ", "CREATE TABLE "]
        .iter()
        .any(|begin| code.contains(&format!("\"{begin}")))
}

#[test]
fn what_others_use_says_what_it_is_and_no_comment_only_repeats_a_name() {
    let agent = src().join("../../device-agent/src");
    let files = [src(), agent].into_iter().flat_map(|src| sources(&src)).filter(|file| !is_test(file));
    let complaints: Vec<_> = files.flat_map(|file| docs::complaints(&file)).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn no_room_is_a_thought_unfinished() {
    for file in sources(&src()) {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            !["util", "utils", "common", "helpers", "helper", "manager", "misc"].contains(&name.as_str()),
            "{name}: name the thing it holds"
        );
    }
}
