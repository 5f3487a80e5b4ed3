//! Rules in files, by the program: the file of the documents works as it is pasted, and a hub does what it says.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use support::{HubProcess, hub_program};

/// The file in `docs/operations.md`.
fn pasted() -> String {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md")).unwrap();
    let mut blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.find(|block| block.contains("[[rule]]")).unwrap().to_owned()
}

fn rules(args: &[&str], file: &Path) -> Output {
    Command::new(hub_program()).arg("rules").args(args).arg(file).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_file_of_the_documents_is_right_and_its_tests_can_fail() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rules.toml");
    fs::write(&file, pasted()).unwrap();
    let checked = rules(&["check"], &file);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    assert_eq!(text(&checked.stdout), format!("{}: 2 rules, 2 tests, nothing is wrong\n", file.display()));
    let tested = rules(&["test"], &file);
    assert_eq!((tested.status.code(), text(&tested.stdout)), (Some(0), "2 of 2 tests passed\n".to_owned()));
    // The same with another limit.
    fs::write(&file, pasted().replace("value = 85", "value = 91")).unwrap();
    let tested = rules(&["test"], &file);
    assert_eq!(tested.status.code(), Some(1));
    let said = text(&tested.stdout);
    let line = pasted().lines().position(|line| line == "[[test]]").unwrap() + 1;
    let expected = "Boiler too hot: expected to fire at 6m until 11m30s, but it does not fire";
    assert_eq!(said, format!("{}:{line}: {expected}\n1 of 2 tests passed\n", file.display()));
    // And with a mistake.
    fs::write(&file, pasted().replace("op = \">\", value = 85", "op = \">\", valeu = 85")).unwrap();
    let checked = rules(&["check"], &file);
    assert_eq!(checked.status.code(), Some(1));
    let line = pasted().lines().position(|line| line.contains("value = 85")).unwrap() + 1;
    let said = text(&checked.stderr);
    assert!(said.starts_with(&format!("{}:{line}:45: unknown field `valeu`", file.display())), "{said}");
}

#[test]
fn a_hub_does_what_its_files_say() {
    let hub = HubProcess::start("token");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rules.toml");
    let name = file.to_str().unwrap();
    fs::write(&file, pasted()).unwrap();
    hub.post(
        "/api/v1/webhooks",
        &serde_json::json!({"name": "ops", "url": "http://192.168.0.2/x", "for_new_rules": true}),
    );
    let path = fs::canonicalize(&file).unwrap().display().to_string();
    let dry = hub.outputs(&["rules", "apply", "--dry-run", name]);
    assert_eq!(dry[..2], [format!("+ Boiler too hot ({path}:1)"), format!("+ Mould ({path}:11)")]);
    assert_eq!(dry[2], "nothing was changed: without --dry-run 2 rules would be different, 0 rules as before");
    let names = || -> Vec<Value> {
        hub.get("/api/v1/rules")["items"].as_array().unwrap().iter().map(|rule| rule["name"].clone()).collect()
    };
    assert_eq!(names().len(), 0);
    assert_eq!(hub.outputs(&["rules", "apply", name])[2], "2 rules are different, 0 rules as before");
    assert_eq!(hub.outputs(&["rules", "apply", name]), ["0 rules are different, 2 rules as before"]);
    let rule = hub.get("/api/v1/rules")["items"][0].clone();
    assert_eq!((&rule["source"]["file"], &rule["source"]["line"]), (&path.clone().into(), &1.into()));
    let rule_path = format!("/api/v1/rules/{}", rule["id"].as_str().unwrap());
    assert_eq!(hub.status("DELETE", &rule_path, None), Some(409));

    // What is exported says the same; a rule less, and one that says something else.
    let exported = dir.path().join("exported.toml");
    hub.outputs(&["rules", "export", "--all", exported.to_str().unwrap()]);
    let refused = |args: &[&str]| {
        let run = Command::new(hub_program()).args(args).arg("--data").arg(&hub.data).output().unwrap();
        (run.status.code(), String::from_utf8(run.stderr).unwrap())
    };
    let (code, said) = refused(&["rules", "export", exported.to_str().unwrap()]);
    assert!(code == Some(2) && said.contains("--force"), "{said}");
    let text = fs::read_to_string(&exported).unwrap();
    assert!(text.contains("webhooks = [\"ops\"]") && text.contains("[[rule.condition.parts]]"), "{text}");
    assert!(rules(&["check"], &exported).status.success(), "{text}");
    assert_eq!(
        hub.outputs(&["rules", "apply", "--as", &path, exported.to_str().unwrap()]),
        ["0 rules are different, 2 rules as before"]
    );
    let (one, _) = text.split_once("\n[[rule]]").unwrap();
    fs::write(&file, one.replace("value = 85.0", "value = 86")).unwrap();
    let changed = hub.outputs(&["rules", "apply", name]);
    assert_eq!(changed[0], format!("~ Boiler too hot ({path}:1)"));
    assert!(changed[1].starts_with("    condition: {") && changed[1].contains("\"value\":86.0"), "{}", changed[1]);
    assert_eq!(
        changed[2..],
        [format!("- Mould (no longer in {path})"), "2 rules are different, 0 rules as before".to_owned()]
    );
    assert_eq!(names(), ["Boiler too hot"]);
    // What a file keeps is left to it.
    hub.outputs(&["rules", "export", "--force", exported.to_str().unwrap()]);
    let rest = fs::read_to_string(&exported).unwrap();
    assert_eq!(rest, format!("# The rule \"Boiler too hot\" is kept in \"{path}\": --all writes it here too.\n"));
    fs::write(&file, one.replace("value = 85.0", "value = 87")).unwrap();
    assert_eq!(hub.outputs(&["rules", "apply", name])[2..], ["1 rule is different, 0 rules as before"]);
    let (code, said) = refused(&["alerts", "--rule", "nix"]);
    assert!(code == Some(2) && said.contains("no rule is called `nix`. There are Boiler too hot."), "{said}");
    hub.outputs(&["alerts", "--rule", "Boiler too hot"]);

    // A webhook that is not there, at its line.
    fs::write(&file, one.replace("[\"ops\"]", "[\"opps\"]")).unwrap();
    let refused = Command::new(hub_program()).args(["rules", "apply", name, "--data"]).arg(&hub.data).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains(": there is no webhook `opps`, but ops") && said.starts_with(name), "{said}");
}
