//! Knobs from the command line and from a file, and how bad ones are refused.

use super::keep::age;
use super::*;
use crate::model::retention::Ages;

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hub.toml");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

#[test]
fn a_flag_beats_the_file_and_the_file_beats_the_default() {
    let (_dir, path) = file("http = \"127.0.0.1:1000\"\nudp = \"127.0.0.1:2000\"\njoin = \"closed\"\n");
    let http = Some("127.0.0.1:3000".parse().unwrap());
    let config = Config::load(Flags { config: Some(path), http, ..Flags::default() }).unwrap();
    assert_eq!((config.http.port(), config.udp.port()), (3000, 2000));
    assert_eq!((config.join, config.data), (Some(JoinPolicy::Closed), PathBuf::from(DEFAULT_DATA)));
}

#[test]
fn every_flag_takes_its_value_from_the_command_line() {
    #[derive(clap::Parser)]
    struct Program {
        #[command(flatten)]
        flags: Flags,
    }
    let line = "hub --data d --http 127.0.0.1:1 --udp 127.0.0.1:2 --admin-token-file t --join token --discovery off \
        --webhook-policy internet --webhook-allow 127.0.0.0/8 --hosts a,b --url http://a/hub/ \
        --trusted-proxies 10.0.0.0/8,::1 --tls auto --agents a --max-size 1GB --max-devices 3 --max-series 4 \
        --ingest-queue 1MiB --keep-raw 14d --keep-minutes 90d --keep-hours forever --line-udp 127.0.0.1:3 --line-tcp :4 --line-allow 10.0.0.0/8";
    let Program { flags } = clap::Parser::try_parse_from(line.split_whitespace()).unwrap();
    let config = Config::load(flags).unwrap();
    assert_eq!(config.url.as_deref(), Some("http://a/hub"));
    assert_eq!(config.names(), ["a", "b", "a"], "those listed, and that of the URL");
    assert_eq!(config.trusted_proxies, ["10.0.0.0/8".parse().unwrap(), "::1/128".parse::<IpNet>().unwrap()]);
    let line = (config.line_udp.unwrap().port(), config.line_tcp.unwrap().port(), config.line_allow.len());
    assert_eq!(line, (3, 4, 1));
    let day = Duration::from_hours(24);
    assert_eq!(config.keep.unwrap().ages, Ages { raw: Some(14 * day), minutes: Some(90 * day), hours: None });
    assert_eq!((config.max_size, config.limits.series, config.ingest_queue), (Some(1_000_000_000), 4, 1 << 20));
}

#[test]
fn a_password_in_an_address_is_said_nowhere() {
    #[derive(Debug, clap::Parser)]
    struct Program {
        #[command(flatten)]
        _flags: Flags,
    }
    for (flag, address) in [
        ("--mqtt", "mqtt://me:secret@b.local"),
        ("--mqtt", "mqtt://me:secret@b.local:99999/topic"),
        ("--mqtt", "mqtt://b.local:99999"),
        ("--url", "https://me:secret@hub.example/"),
        ("--url", "https://hub.example:99999/"),
    ] {
        let parsed: Result<Program, _> = clap::Parser::try_parse_from(["hub", flag, address]);
        let error = parsed.unwrap_err().render().to_string();
        assert!(error.contains(flag) && !error.contains("secret"), "{error}");
    }
    let help = <Program as clap::CommandFactory>::command().render_long_help().to_string();
    assert!(help.contains("[env: TELEMETRY_HUB_MQTT]"), "the value of a variable may be a password");
    for text in [
        "mqtt = \"mqtt://me:secret@b\"",
        "mqtt = \"mqtt://me:secret@b\" x",
        "[[scrape]]\nurl = \"http://me:secret@pi/\" x",
        "[[scrape]]\nurl = [\"me:secret@pi\"]",
        "url = \"http://me:secret@hub.example/\"",
    ] {
        let (_dir, path) = file(text);
        let error = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap_err().to_string();
        assert!(!error.contains("secret") && (error.contains("url") || error.contains("mqtt")), "{error}");
    }
}

#[test]
fn what_is_said_of_a_broker_needs_one() {
    for text in ["mqtt_publish = \"a\"", "mqtt_topics = [\"a\"]", "mqtt_password_file = \"f\"", "mqtt_ca = \"f\""] {
        let key = text.split(' ').next().unwrap();
        let (_dir, path) = file(text);
        let error = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap_err().to_string();
        assert!(error.starts_with(key) && error.contains("--mqtt mqtt://"), "{error}");
        let (_dir, path) = file(&format!("mqtt = \"mqtt://b\"\n{text}"));
        Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap();
    }
    let (_dir, path) = file("mqtt = \"mqtt://b:abc\"");
    let error = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap_err().to_string();
    assert!(error.starts_with("mqtt: ") && error.contains("1 to 65535"), "{error}");
}

#[test]
fn what_is_no_url_of_a_page_and_no_network_is_refused_by_key() {
    for (text, hint) in [
        ("url = \"hub.example\"", "url: `hub.example` is not the URL of a page, such as https://"),
        ("url = \"ftp://hub.example/\"", "url: "),
        ("url = \"http://hub.example/?x\"", "url: "),
        ("url = \"http://me@hub.example/\"", "url: "),
        (
            "trusted_proxies = [\"nginx\"]",
            "trusted_proxies: `nginx` is neither a network such as 10.0.0.0/8 nor an address",
        ),
    ] {
        let (_dir, path) = file(text);
        let error = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap_err().to_string();
        assert!(error.contains(hint), "{error}");
    }
    let (_dir, path) = file("url = \"https://[::1]:8443/\"\ntrusted_proxies = [\"::ffff:10.0.0.1\"]");
    let config = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap();
    assert_eq!(config.url.as_deref(), Some("https://[::1]:8443"));
    assert_eq!(config.trusted_proxies, ["10.0.0.1/32".parse::<IpNet>().unwrap()]);
}

#[test]
fn tls_is_off_of_files_or_of_the_hubs_own_authority_and_nothing_else() {
    let load = |text: &str| {
        let (_dir, path) = file(text);
        Config::load(Flags { config: Some(path), ..Flags::default() })
            .map(|config| config.served)
            .map_err(|error| error.to_string())
    };
    let files = Served::Files { certificate: "a.pem".into(), key: "a.key".into() };
    assert_eq!(load(""), Ok(Served::Plain));
    assert_eq!(load("tls = \"off\""), Ok(Served::Plain));
    assert_eq!(load("tls = \"auto\""), Ok(Served::Auto));
    assert_eq!(load("tls = \"files\"\ntls_cert = \"a.pem\"\ntls_key = \"a.key\""), Ok(files));
    for (text, hint) in [
        ("tls = \"files\"", "tls_cert: `tls` is `files`: name the certificate (flag `--tls-cert FILE`)"),
        ("tls = \"files\"\ntls_cert = \"a\"", "tls_key: `tls` is `files`: name the private key"),
        ("tls_cert = \"a\"\ntls_key = \"b\"", "tls_cert: this is used by `--tls files` alone"),
        ("tls = \"auto\"\ntls_key = \"b\"", "tls_key: this is used by `--tls files` alone"),
        ("tls = \"on\"", "unknown variant `on`, expected one of `off`, `files`, `auto`"),
    ] {
        let error = load(text).unwrap_err();
        assert!(error.contains(hint), "{error}");
    }
}

#[test]
fn the_file_takes_a_port_as_text_or_number_and_names_what_is_neither() {
    let (_dir, path) = file("http = 8081\nudp = \":5771\"\n");
    let config = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap();
    assert_eq!((config.http.to_string().as_str(), config.udp.port()), ("0.0.0.0:8081", 5771));
    for (text, hint) in [("http = \"here\"", "http: "), ("udp = true", "an address such as")] {
        let (_dir, path) = file(text);
        let error = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap_err().to_string();
        assert!(error.contains(hint), "{error}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let (_dir, path) = file("http = \"127.0.0.1:1000\"\nhtpp = 3\n");
    let error = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("htpp"), "{error}");
}

#[test]
fn ages_come_from_the_file_and_flags_win() {
    let (_dir, path) = file(
        "max_size = \"2GB\"\n[keep]\nraw = \"14d\"\nminutes = \"90d\"\nhours = \"5y\"\n[[keep.labels]]\nlabels = { site = \"lab\" }\nraw = \"1d\"\n",
    );
    let keep_raw = Some(age("30d").unwrap());
    let config = Config::load(Flags { config: Some(path), keep_raw, ..Flags::default() }).unwrap();
    let keep = config.keep.unwrap();
    let days = |days: u64| Some(Duration::from_hours(24 * days));
    assert_eq!((keep.ages.raw, keep.ages.minutes), (days(30), days(90)));
    assert_eq!((keep.by_label[0].ages.raw, config.max_size), (days(1), Some(2_000_000_000)));
    assert_eq!(Config::load(Flags::default()).unwrap().keep, None);
}

#[test]
fn an_age_that_cannot_be_is_refused_with_its_key() {
    for (text, key) in [
        ("[keep]\nraw = \"soon\"\n", "keep.raw"),
        ("[keep]\nraw = \"9d\"\nminutes = \"2d\"\n", "keep.minutes"),
        ("[[keep.labels]]\nlabels = { a = \"b\" }\nhours = \"1\"\n", "keep.labels[0].hours"),
        (
            "[[keep.labels]]\nlabels = { a = \"b\" }\n[[keep.labels]]\nlabels = { a = \"b\", c = \"d\" }\n",
            "keep.labels[1]: never applies: `keep.labels[0]`",
        ),
        ("max_size = \"1MB\"\n", "max_size"),
        ("ingest_queue = \"1kB\"\n", "ingest_queue"),
        ("commit_interval = \"1m\"\n", "commit_interval"),
    ] {
        let (_dir, path) = file(text);
        let error = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap_err().to_string();
        assert!(error.starts_with(key), "{error}");
    }
}

#[test]
fn a_missing_file_is_named() {
    for (line, right) in
        [("keep_raw = \"1d\"", "`raw = ...` below `[keep]`"), ("log_format = \"json\"", "`--log-format`")]
    {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hub.toml");
        std::fs::write(&path, line).unwrap();
        let error = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap_err().to_string();
        assert!(error.contains(right), "{error}");
    }
    let error = Config::load(Flags { config: Some("/nowhere/hub.toml".into()), ..Flags::default() }).unwrap_err();
    assert!(error.to_string().contains("/nowhere/hub.toml"), "{error}");
}
