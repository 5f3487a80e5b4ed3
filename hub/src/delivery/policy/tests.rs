//! The guard against every spelling and every trick known to us.

use super::*;

fn lan() -> Policy {
    Policy::default()
}

fn internet() -> Policy {
    Policy { mode: Mode::Internet, ..lan() }
}

#[test]
fn no_spelling_of_a_forbidden_address_is_accepted() {
    let hosts = [
        // Loopback.
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "0x7f.1",
        "0x7f000001",
        "0X7F.0.0.1",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "0177.0.0.01",
        "127.0.0.1.",
        "127.255.255.254",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "api.localhost",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[::127.0.0.1]",
        // Unspecified.
        "0",
        "0.0.0.0",
        "0x0",
        "[::]",
        "[::ffff:0.0.0.0]",
        // Link-local: cloud metadata.
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "[::ffff:169.254.169.254]",
        "[fe80::1]",
        "[febf::1]",
        // Multicast, broadcast, reserved.
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "240.0.0.1",
        "[ff02::1]",
        // Carrier NAT, transition addresses.
        "100.64.0.1",
        "100.100.100.200",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[2001::1]",
        "[fec0::1]",
    ];
    assert!(hosts.len() >= 40);
    for host in hosts {
        let url = format!("http://{host}/hook");
        assert!(matches!(lan().check_url(&url), Err(Refused::Address(_))), "{url}: {:?}", lan().check_url(&url));
        assert!(internet().check_url(&url).is_err(), "{url}");
    }
}

#[test]
fn private_addresses_are_for_the_lan_policy_only() {
    for host in ["10.0.0.7", "172.16.0.1", "172.31.255.255", "192.168.1.20", "[fd12:3456::1]", "[::ffff:192.168.1.20]"]
    {
        let url = format!("http://{host}:8123/api/webhook/x");
        assert!(lan().check_url(&url).is_ok(), "{url}");
        assert!(matches!(internet().check_url(&url), Err(Refused::Address(_))), "{url}");
    }
}

#[test]
fn the_internet_is_reached_under_both_policies() {
    for url in ["https://example.org/hook", "http://8.8.8.8/", "https://[2606:4700::1111]/", "http://172.32.0.1/"] {
        assert!(lan().check_url(url).is_ok(), "{url}");
        assert!(internet().check_url(url).is_ok(), "{url}");
    }
}

#[test]
fn only_web_urls_without_credentials_are_accepted() {
    for url in ["file:///etc/passwd", "gopher://example.org/", "ftp://example.org/", "unix:/run/x", "data:,x"] {
        assert!(matches!(lan().check_url(url), Err(Refused::Scheme(_))), "{url}");
    }
    for url in ["http://user@example.org/", "http://user:password@example.org/", "https://:p@example.org/"] {
        assert_eq!(lan().check_url(url), Err(Refused::UserInfo), "{url}");
    }
    for url in
        ["", "example.org", "http://", "http:///example.org", "http://[::1", "http://1.2.3.4.5/", "//example.org"]
    {
        assert!(matches!(lan().check_url(url), Err(Refused::Malformed(_))), "{url}");
    }
    for url in ["", "example.org", "http//example.org", "//example.org"] {
        let said = lan().check_url(url).unwrap_err().to_string();
        assert!(said.ends_with("such as https://example.org/hook"), "{url}: {said}");
        let said = lan().check_mail_server(url).unwrap_err().to_string();
        assert!(said.ends_with("such as smtps://mail.example.org"), "{url}: {said}");
    }
}

#[test]
fn the_allow_list_beats_the_rest() {
    let policy = Policy { allow: vec!["127.0.0.0/8".parse().unwrap()], ..internet() };
    for url in ["http://127.0.0.1:9000/", "http://localhost:9000/", "http://[::ffff:127.0.0.1]/"] {
        assert!(policy.check_url(url).is_ok(), "{url}");
    }
    assert!(policy.check_url("http://[::1]/").is_err());
}

/// A hub on port 8080 of every address, which may call everybody.
fn everywhere() -> Policy {
    let allow = ["0.0.0.0/0", "::/0"].map(|net| net.parse().unwrap());
    Policy { allow: allow.to_vec(), own: Some("[::]:8080".parse().unwrap()), ..lan() }
}

#[test]
fn the_hub_is_no_target_of_its_own_by_any_address_of_this_machine() {
    let own = reach::addresses().into_iter().map(|ip| match ip {
        IpAddr::V4(ip) => vec![ip.to_string(), format!("[{}]", ip.to_ipv6_mapped())],
        IpAddr::V6(ip) => vec![format!("[{ip}]")],
    });
    let spelled = ["127.0.0.1", "127.8.9.1", "0x7f.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"];
    for host in own.flatten().chain(spelled.map(str::to_owned)) {
        let check = |port: u16| everywhere().check_url(&format!("http://{host}:{port}/api/v1/readings"));
        assert!(matches!(check(8080), Err(Refused::Own(_))), "{host}: {:?}", check(8080));
        assert!(check(8123).is_ok(), "{host}: another program of this machine");
    }
    assert!(everywhere().check_url("http://192.0.2.9:8080/").is_ok(), "another machine");
}

#[test]
fn where_the_hub_does_not_listen_is_another_program() {
    let policy = |own: &str| Policy { own: Some(own.parse().unwrap()), ..everywhere() };
    assert!(policy("127.0.0.1:8080").check_url("http://127.0.0.1:8080/").is_err());
    assert!(policy("127.0.0.1:8080").check_url("http://127.0.0.2:8080/").is_ok());
    assert!(policy("0.0.0.0:8080").check_url("http://[::1]:8080/").is_ok());
    assert!(policy("127.0.0.1:80").check_url("http://127.0.0.1/").is_err(), "the port that is not written");
    assert!(policy("127.0.0.1:443").check_url("https://127.0.0.1/").is_err());
    assert!(everywhere().check_url("http://192.0.2.9:0/").is_err(), "a port that nothing listens on");
}

#[test]
fn a_mail_server_is_read_and_guarded_as_any_address() {
    let policy = Policy::default();
    let server = |host: &str, port, is_tls| Ok(MailServer { host: host.to_owned(), port, is_tls });
    for (text, read) in [
        ("smtps://mail.example.org", server("mail.example.org", 465, true)),
        ("smtp://mail.example.org/", server("mail.example.org", 587, false)),
        ("smtp://MAIL.example.org:25", server("mail.example.org", 25, false)),
        ("smtps://192.168.1.5:443", server("192.168.1.5", 443, true)),
        ("smtps://[2001:db8:ffff::1]", Err(Refused::Address("2001:db8:ffff::1".parse().unwrap()))),
        ("https://mail.example.org", Err(Refused::MailScheme("https".to_owned()))),
        ("smtps://me:sesame@mail.example.org", Err(Refused::MailUserInfo)),
        ("smtps://mail.example.org/inbox", Err(Refused::MailPath)),
        ("smtps://mail.example.org?x=1", Err(Refused::MailPath)),
    ] {
        assert_eq!(policy.check_mail_server(text), read, "{text}");
    }
    for host in [
        "127.0.0.1",
        "localhost",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "１27.0.0.1",
    ] {
        let refused = policy.check_mail_server(&format!("smtp://{host}:25"));
        assert!(matches!(refused, Err(Refused::Address(_))), "{host}: {refused:?}");
    }
    for nowhere in ["smtp://", "smtp:///x", "smtps://:465", "smtp://a b", "smtps://mail:0"] {
        assert!(policy.check_mail_server(nowhere).is_err(), "{nowhere}");
    }
    for (ip, local) in
        [("192.168.1.5", true), ("10.0.0.1", true), ("fd00::1", true), ("8.8.8.8", false), ("2a00::1", false)]
    {
        assert_eq!(is_local(ip.parse().unwrap()), local, "{ip}");
    }
}

#[test]
fn what_is_refused_says_why_and_how_to_allow_it() {
    for (policy, host, why, how) in [
        (lan(), "127.0.0.1", "this machine itself", "--webhook-allow 127.0.0.1/32"),
        (lan(), "[::1]", "this machine itself", "--webhook-allow ::1/128"),
        (lan(), "169.254.169.254", "where clouds keep credentials", "--webhook-allow 169.254.169.254/32"),
        (lan(), "100.100.1.1", "VPNs", "--webhook-allow 100.100.1.1/32"),
        (internet(), "192.168.1.5", "--webhook-policy internet", "--webhook-allow 192.168.1.5/32"),
        (internet(), "[fd00::1]", "--webhook-policy internet", "--webhook-allow fd00::1/128"),
    ] {
        let refused = policy.check_url(&format!("http://{host}:9/x")).unwrap_err().to_string();
        assert!(refused.contains(why) && refused.ends_with(how), "{refused}");
        let allow = how.split_once(' ').unwrap().1.parse().unwrap();
        let allowed = Policy { allow: vec![allow], ..policy };
        assert!(allowed.check_url(&format!("http://{host}:9/x")).is_ok(), "{host}");
    }
}
