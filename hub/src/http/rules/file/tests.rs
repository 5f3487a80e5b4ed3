//! Files of rules: what is read, what is wrong where, what a test says, and that what is written is read back.

use serde_json::{Value, json};

use super::*;
use crate::http::tests::conditions;
use crate::http::tests::scene::scene;

fn wrongs(text: &str) -> Vec<String> {
    let wrongs = read(text).unwrap_err();
    wrongs.into_iter().map(|Wrong { line, column, text }| format!("{line}:{column}: {text}")).collect()
}

/// The answer of `/rules`.
async fn listed(scene: &crate::http::tests::scene::Scene) -> Value {
    scene.get("/api/v1/rules").await.json()
}

#[tokio::test]
async fn what_is_exported_is_checked_and_applied_back_unchanged() {
    let scene = scene();
    let hook = json!({"name": "ops \"night\"", "url": "http://192.168.0.2/x", "for_new_rules": true});
    let id = scene.call("POST", "/api/v1/webhooks", &hook).await.json()["id"].clone();
    let twin = json!({"name": "twin", "url": "http://192.168.0.2/x"});
    let twins =
        [scene.call("POST", "/api/v1/webhooks", &twin).await, scene.call("POST", "/api/v1/webhooks", &twin).await];
    for (n, condition) in conditions::examples().into_iter().enumerate() {
        let text = "{{ text }}\n\"Call\" C:\\{{ device }}\t\u{e9} \"\"\"\"x\"\"\"";
        let mut rule = json!({"name": format!("rule {n} = \"x\" # y"), "device": "sh*", "sensor": "temp", "condition": condition,
            "for": "90s", "severity": "critical", "webhooks": [id, twins[0].json()["id"]], "enabled": n % 2 == 0,
            "labels": {"a.b/c": "x y", "room": "shed"}, "tags": {"team": "ops"}, "message": {"text": text}});
        if condition["type"] == "silence" {
            rule["for"] = json!("0s");
        }
        if ["offline", "source_failing", "clock_off"].iter().any(|kind| condition["type"] == *kind) {
            rule["sensor"] = json!("*");
        }
        let made = scene.call("POST", "/api/v1/rules", &rule).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    let plain = json!({"name": "plain", "condition": {"type": "threshold", "op": "<", "value": -1e-7}, "webhooks": []});
    assert_eq!(scene.call("POST", "/api/v1/rules", &plain).await.status, 201);
    let before = listed(&scene).await;
    let webhooks: Vec<(String, String)> = scene.get("/api/v1/webhooks").await.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["id"].as_str().unwrap().to_owned(), one["name"].as_str().unwrap().to_owned()))
        .collect();
    let written = write(&before.to_string(), &webhooks, false).unwrap();
    assert!(
        written.twins.is_empty() && written.text.contains(r#"webhooks = ["ops \"night\"", "whk_2"]"#),
        "{}",
        written.text
    );
    let read = read(&written.text).unwrap_or_else(|wrongs| panic!("{wrongs:?}\n{}", written.text));
    let files = [("rules.toml".to_owned(), read)];
    let body: Value = serde_json::from_slice(&request(&files, &webhooks, false).unwrap()).unwrap();
    let applied = scene.call("POST", "/api/v1/rules/apply", &body).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let changes = applied.json()["changes"].clone();
    assert!(
        changes
            .as_array()
            .unwrap()
            .iter()
            .all(|change| change["change"] == "taken_over" && change["fields"] == json!([])),
        "{changes}"
    );
    let again = scene.call("POST", "/api/v1/rules/apply", &body).await.json();
    assert_eq!(again, json!({"changes": [], "unchanged": conditions::examples().len() + 1}));
    let after = listed(&scene).await;
    for (before, after) in before["items"].as_array().unwrap().iter().zip(after["items"].as_array().unwrap()) {
        let mut after = after.clone();
        assert_eq!(after["source"]["file"], "rules.toml");
        after["source"] = Value::Null;
        assert_eq!(*before, after);
    }
    // A file is written the same again.
    let mut of_files = after;
    for rule in of_files["items"].as_array_mut().unwrap() {
        rule["something"] = json!({"that": "the hub says of it"});
    }
    assert_eq!(write(&of_files.to_string(), &webhooks, true).unwrap().text, written.text);
    // `apply` takes none of them from another file.
    let rest = write(&of_files.to_string(), &webhooks, false).unwrap().text;
    assert!(super::read(&rest).unwrap().rules.is_empty(), "{rest}");
    assert!(rest.contains("# The rule \"plain\" is kept in \"rules.toml\""), "{rest}");
}

#[tokio::test]
async fn what_a_file_says_is_made_so_and_only_what_came_from_it_is_removed() {
    let scene = scene();
    let condition = json!({"type": "threshold", "op": ">", "value": 30});
    let apply = async |file: &str, rules: &[(u32, Value)], dry: bool| {
        let rules: Vec<Value> = rules.iter().map(|(line, rule)| json!({"line": line, "rule": rule})).collect();
        scene
            .call("POST", "/api/v1/rules/apply", &json!({"dry_run": dry, "files": [{"file": file, "rules": rules}]}))
            .await
    };
    let named =
        |name: &str, value: i32| json!({"name": name, "condition": {"type": "threshold", "op": ">", "value": value}});
    assert_eq!(
        scene.call("POST", "/api/v1/rules", &json!({"name": "by hand", "condition": condition})).await.status,
        201
    );
    let two = [(1, named("one", 1)), (9, named("two", 2))];
    let dry = apply("/etc/a.toml", &two, true).await.json();
    assert_eq!((&dry["changes"][0]["change"], &dry["changes"][1]["line"]), (&json!("created"), &json!(9)));
    assert_eq!(listed(&scene).await["items"].as_array().unwrap().len(), 1);
    assert_eq!(apply("/etc/a.toml", &two, false).await.json()["changes"].as_array().unwrap().len(), 2);
    assert_eq!(apply("/etc/a.toml", &two, false).await.json(), json!({"changes": [], "unchanged": 2}));
    // Lines below another are no change of a rule, and are known.
    assert_eq!(
        apply("/etc/a.toml", &[(4, named("one", 1)), (12, named("two", 2))], false).await.json()["unchanged"],
        2
    );
    let one = listed(&scene).await["items"][1].clone();
    assert_eq!(one["source"], json!({"file": "/etc/a.toml", "line": 4}));

    // What a file says is not changed elsewhere, but for on and off.
    let path = format!("/api/v1/rules/{}", one["id"].as_str().unwrap());
    let refused = scene.call("PUT", &path, &named("one", 5)).await;
    assert_eq!(refused.status, 409);
    assert!(
        refused.text.contains("kept in /etc/a.toml, line 4: change it there, then run `telemetry-hub rules apply`"),
        "{}",
        refused.text
    );
    assert_eq!(scene.call("DELETE", &path, &json!({})).await.status, 409);
    let mut off = named("one", 1);
    off["enabled"] = json!(false);
    assert_eq!(scene.call("PUT", &path, &off).await.json()["enabled"], false);
    let on = apply("/etc/a.toml", &two, false).await.json();
    assert_eq!(on["changes"][0]["fields"], json!([{"field": "enabled", "before": "false", "after": "true"}]));

    // Another file neither takes what is this one's nor removes it.
    let taken = apply("/etc/b.toml", &[(1, named("one", 1))], false).await;
    assert!(taken.status == 409 && taken.text.contains("comes from /etc/a.toml line 1"), "{}", taken.text);
    let gone = apply("/etc/a.toml", &[(1, named("two", 3))], false).await.json();
    let what: Vec<_> = gone["changes"].as_array().unwrap().iter().map(|one| (&one["name"], &one["change"])).collect();
    assert_eq!(what, [(&json!("two"), &json!("changed")), (&json!("one"), &json!("removed"))]);
    let names: Vec<Value> =
        listed(&scene).await["items"].as_array().unwrap().iter().map(|rule| rule["name"].clone()).collect();
    assert_eq!(names, [json!("by hand"), json!("two")]);
    // A rule that moves from one file to another stays the rule it is.
    let two = listed(&scene).await["items"][1]["id"].clone();
    let moved = json!({"files": [{"file": "/etc/a.toml", "rules": []}, {"file": "/etc/b.toml", "rules": [{"line": 1, "rule": named("two", 3)}]}]});
    assert_eq!(scene.call("POST", "/api/v1/rules/apply", &moved).await.json()["changes"][0]["change"], "taken_over");
    let two_now = listed(&scene).await["items"][1].clone();
    assert_eq!((&two_now["id"], &two_now["source"]["file"]), (&two, &json!("/etc/b.toml")));
    // All or nothing.
    let half = apply(
        "/etc/b.toml",
        &[(1, named("three", 3)), (2, json!({"name": "four", "condition": {"type": "rate"}}))],
        false,
    )
    .await;
    assert_eq!(half.json()["field"], "files[0].rules[1].rule.condition.op", "{}", half.text);
    let twice = apply("/etc/b.toml", &[(1, named("x", 3)), (2, named("x", 4))], false).await;
    assert_eq!(twice.json()["field"], "files[0].rules[1].rule.name");
    assert_eq!(listed(&scene).await["items"].as_array().unwrap().len(), 2);
}

#[test]
fn an_error_has_its_line_its_column_and_what_would_be_right() {
    let rule = |rest: &str| format!("[[rule]]\nname = \"a\"\n{rest}");
    let mut others = Vec::new();
    for (text, says) in [
        (rule("condition = { type = \"threshold\", op = \"=>\", value = 3 }"), "3:40: "),
        (rule("condition = { type = \"threshold\", op = \">\", valu = 3 }"), "3:45: unknown field `valu`"),
        (
            rule("for = \"5 min\"\ncondition = { type = \"silence\", after = \"5m\" }"),
            "3:7: `for`: `5 min` is not a duration: write 60s, 5m, 1h30m, 7d",
        ),
        (rule("[rule.condition]\ntype = \"threshold\"\nop = \">\""), "3:1: `value` is missing"),
        (rule("sensr = \"x\"\n[rule.condition]\ntype = \"silence\"\nafter = \"5m\""), "3:1: unknown field `sensr`"),
        (rule("severity = \"bad\"\ncondition = { type = \"silence\", after = \"5m\" }"), "3:12: "),
        (rule("labels = { \"a b\" = \"x\" }\ncondition = { type = \"silence\", after = \"5m\" }"), "3:20: "),
        (
            rule("message.title = \"{{ devise }}\"\ncondition = { type = \"silence\", after = \"5m\" }"),
            "3:17: `message.title`: the template, line 1, column 4: `devise` is not known: did you mean `device`?",
        ),
        (
            rule("webhooks = \"phone\"\ncondition = { type = \"silence\", after = \"5m\" }"),
            "3:12: `webhooks` must be a list of names",
        ),
        (rule("value = 2026-01-01"), "3:9: write a time as text"),
        (rule(""), "1:1: `condition` is missing"),
        ("[[rule]]\nname = 'a' 'b'\n".to_owned(), "2:12: this is not TOML: "),
        ("[rule]\nname = 'a'\n".to_owned(), "1:1: write it as [[rule]]"),
        ("rules = []\n".to_owned(), "1:1: `rules` does not belong here: write [[rule]] or [[test]]"),
        (
            rule(
                "condition = { type = \"all\", parts = [{ condition = { type = \"threshold\", op = \">\", value = 1 } }, { sensor = \"h*\", condition = { type = \"threshold\", op = \">\", value = 1 } }] }",
            ),
            "3:110: ",
        ),
    ] {
        let wrongs = wrongs(&text);
        if !wrongs[0].starts_with(says) {
            others.push(format!("{text}\n{wrongs:?}, not {says}"));
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n\n"));
    let fine = "condition = { type = \"silence\", after = \"5m\" }\n";
    let twice = format!("[[rule]]\nname = \"a\"\n{fine}[[rule]]\nname = \"a\"\n{fine}");
    assert_eq!(wrongs(&twice), ["5:8: the rule in line 1 is called `a` too: a rule is known by its name"]);
    let many = format!("[[rule]]\nname = \"a\"\n[[rule]]\nname = \"b\"\n{fine}for = 5\n");
    let wrongs = wrongs(&many);
    assert_eq!((wrongs.len(), &wrongs[1][..4]), (2, "6:7:"), "{wrongs:?}");
}

#[test]
fn all_that_is_wrong_with_a_rule_is_said_at_once_and_a_test_of_no_rule_beside_it() {
    let places = |text: &str| {
        let begins = |wrong: String| wrong.splitn(3, ':').take(2).collect::<Vec<_>>().join(":");
        wrongs(text).into_iter().map(begins).collect::<Vec<_>>()
    };
    let condition = "condition = { type = \"threshold\", op = \">\", value = \"x\", clear = \"y\" }";
    let rule = format!("[[rule]]\nname = \"\"\nfor = 5\nseverity = \"bad\"\n{condition}\nnope = 1\nwebhooks = 3\n");
    assert_eq!(places(&rule), ["2:8", "3:7", "4:12", "5:53", "5:66", "6:1", "7:12"]);
    // What stands for a value that cannot be read is never wrong itself.
    let other = "[[rule]]\nname = \"a\"\ncondition = { type = \"rate\", op = \">\", value = 3, over = 5, per = 6, clear = 1 }\n";
    assert_eq!(places(other), ["3:58", "3:67"]);
    let test = "[[test]]\nrule = \"b\"\nfires = []\n[[test.series]]\nevery = \"1m\"\nvalues = \"1x5\"\n";
    assert_eq!(places(&format!("{other}{test}")), ["3:58", "3:67", "5:8"]);
    let of_it = test.replace("\"b\"", "\"a\"");
    assert_eq!(
        places(&format!("{other}{of_it}")),
        ["3:58", "3:67"],
        "a test may be of a rule with which something is wrong"
    );
    let kind = wrongs("[[rule]]\nname = \"a\"\ncondition = { type = \"nosuch\" }\n");
    assert!(kind[0].contains("`condition.type`: there is no `nosuch`, only `threshold`, "), "{kind:?}");
}

#[test]
fn webhooks_are_named_and_one_that_is_not_there_has_its_line() {
    let text = "[[rule]]\nname = \"a\"\nwebhooks = [\"ops\", \"whk_2\", \"fone\", \"twin\"]\ncondition = { type = \"silence\", after = \"5m\" }\n";
    let files = [("f".to_owned(), read(text).unwrap())];
    let hooks =
        [("whk_1", "ops"), ("whk_2", "twin"), ("whk_3", "twin")].map(|(id, name)| (id.to_owned(), name.to_owned()));
    let wrongs = request(&files, &hooks, true).unwrap_err();
    let said: Vec<_> = wrongs.iter().map(|(of, wrong)| (*of, wrong.line, wrong.column, wrong.text.as_str())).collect();
    assert_eq!(
        said,
        [
            (0, 3, 29, "there is no webhook `fone`, but ops, twin, twin"),
            (0, 3, 37, "several webhooks are called `twin`: write the id of the one that is meant, such as whk_1"),
        ]
    );
}

#[test]
fn a_test_says_when_a_rule_has_to_fire() {
    let rule = "[[rule]]\nname = \"hot\"\nsensor = \"temp*\"\nfor = \"2m\"\ncondition = { type = \"threshold\", op = \">\", value = 30, clear = 28 }\n";
    let test = |rest: &str| {
        let text = format!("{rule}[[test]]\nrule = \"hot\"\n{rest}");
        read(&text).unwrap_or_else(|wrongs| panic!("{wrongs:?}")).failed()
    };
    let series = "series = [{ every = \"1m\", values = \"20x5 31x10 29 27x5\" }]\n";
    assert_eq!(test(&format!("{series}fires = [{{ at = \"7m\", until = \"16m\" }}]")), []);
    assert_eq!(
        test(&format!("{series}fires = [{{ at = \"7m\", until = \"16m\", value = 31.0, sensor = \"tempx\" }}]")),
        []
    );
    let failed = test(&format!("{series}fires = []"));
    assert_eq!(
        (failed[0].line, failed[0].text.as_str()),
        (6, "expected not to fire, but it fires at 7m until 16m with 31 (tempx)")
    );
    assert_eq!(test("series = [{ every = \"1m\", values = [20, 20.5, 31] }]\nfires = []"), []);
    let open = "series = [{ sensor = \"temp.b\", every = \"60s\", values = \"20..40x11\" }]\n";
    assert_eq!(test(&format!("{open}fires = [{{ at = \"8m\" }}]")), []);
    let other = test("series = [{ sensor = \"hum\", every = \"1m\", values = \"1\" }]\nfires = []");
    assert!(
        other[0].text.starts_with("the rule watches nothing of this test (device x, sensors hum)"),
        "{}",
        other[0].text
    );
}

#[test]
fn a_test_whose_readings_come_too_seldom_for_its_rule_fails_instead_of_proving_nothing() {
    let test = |over: &str| {
        let text = format!(
            "[[rule]]\nname = \"mean\"\nsensor = \"t\"\ncondition = {{ type = \"average\", op = \">\", value = 30, over = \"{over}\" }}\n[[test]]\nrule = \"mean\"\nseries = [{{ every = \"5m\", values = \"20x10\" }}]\nfires = []"
        );
        read(&text).unwrap_or_else(|wrongs| panic!("{wrongs:?}")).failed()
    };
    assert_eq!(test("15m"), []);
    let says = "the rule never decides anything here: readings come each 5m, too seldom for 5m of them, which takes 2: use 15m";
    assert_eq!(test("5m")[0].text, says);
}

#[test]
fn a_silence_and_several_sensors_are_tested_as_well() {
    let text = r#"
[[rule]]
name = "silent"
device = "pump"
sensor = "flow"
condition = { type = "silence", after = "5m" }

[[rule]]
name = "mould"
sensor = "temp"
[rule.condition]
type = "all"
within = "10m"
[[rule.condition.parts]]
condition = { type = "threshold", op = "<", value = 16 }
[[rule.condition.parts]]
sensor = "hum"
condition = { type = "threshold", op = ">", value = 70 }

[[test]]
rule = "silent"
lasts = "30m"
series = [{ every = "1m", values = "1x5 _x10 1" }]
fires = [{ at = "9m", until = "15m" }, { at = "20m" }]

[[test]]
rule = "mould"
fires = [{ at = "3m", until = "6m" }]
[[test.series]]
every = "1m"
values = "20x2 15x4 20x4"
[[test.series]]
sensor = "hum"
every = "1m"
values = "60x3 75x7"
"#;
    let file = read(text).unwrap_or_else(|wrongs| panic!("{wrongs:?}"));
    assert_eq!((file.rules.len(), file.tests.len(), file.failed()), (2, 2, Vec::new()));
    let unknown = wrongs(&text.replace("rule = \"mould\"", "rule = \"mold\""));
    assert_eq!(unknown, ["27:8: there is no rule `mold` in this file, but silent, mould"]);
    let value = wrongs(&text.replace("60x3 75x7", "60x3 hot"));
    assert!(value[0].starts_with("35:10: `hot` is no value: write 21.5, "), "{value:?}");
    let no_fires = wrongs(&text.replace("lasts = \"30m\"", "lasts = 30"));
    assert!(no_fires[0].starts_with("22:9: "), "{no_fires:?}");
}
