//! TLS of the hub, by clients that are not its own: certificates of its authority and of files, what is left of plain HTTP, HTTP/2 and
//! its limits, commands and the WebSocket by `https`.

#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair, SerialNumber};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use support::trust::{authority, certificate, plainly, trusting};
use support::{HubProcess, Stopped, eventually, hub_program, metric, skipped};

const SOON: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(31_556_952);

fn hub(variables: &[(&str, &str)]) -> (tempfile::TempDir, HubProcess) {
    let dir = tempfile::tempdir().unwrap();
    let variables = variables.iter().map(|(name, value)| (format!("TELEMETRY_HUB_{name}"), (*value).to_owned()));
    let hub = HubProcess::on(dir.path().join("hub"), "token", variables.collect());
    (dir, hub)
}

/// One request by TLS and HTTP/1.1, by a name that the certificate has to be for.
fn securely(hub: &HubProcess, pem: &str, name: &str, request: &str) -> std::io::Result<String> {
    let connection =
        ClientConnection::new(trusting(pem, &["http/1.1"]), ServerName::try_from(name.to_owned()).unwrap());
    let stream = TcpStream::connect(hub.http)?;
    stream.set_read_timeout(Some(SOON))?;
    let mut stream = StreamOwned::new(connection.unwrap(), stream);
    let host = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    write!(stream, "{request}\r\nhost: {host}:{}\r\nconnection: close\r\n\r\n", hub.http.port())?;
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        // A server that closes without saying goodbye.
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(answer),
    }
}

fn works(hub: &HubProcess, pem: &str, name: &str) -> bool {
    securely(hub, pem, name, "GET /healthz HTTP/1.1").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

fn tls_of(hub: &HubProcess) -> serde_json::Value {
    hub.get("/api/v1/hub")["tls"].clone()
}

#[test]
fn the_hubs_own_authority_makes_a_certificate_for_what_it_is_called() {
    let (_dir, mut hub) = hub(&[("TLS", "auto"), ("HOSTS", "hub.test")]);
    let pem = authority(&hub);
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_lowercase();
    for name in ["localhost", "127.0.0.1", "::1", "hub.test", &host] {
        let listens = if name == "::1" { true } else { works(&hub, &pem, name) };
        assert!(listens, "{name}");
    }
    assert!(!works(&hub, &pem, "evil.example") && !works(&hub, &pem, "192.0.2.77"));
    // The fingerprint that people compare is that of the certificate they get.
    let sum = telemetry_hub::access::sha256(&certificate(&pem));
    let sum = sum.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    assert_eq!(tls_of(&hub)["fingerprint"], sum);
    assert_eq!(tls_of(&hub)["mode"], "auto");
    for file in ["ca.key", "ca.crt", "hub.key", "hub.crt"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(hub.data.join("tls").join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    // The same authority and certificate after a restart; another name, and the certificate follows.
    let first = fs::read(hub.data.join("tls/hub.crt")).unwrap();
    hub.restart();
    assert_eq!((fs::read(hub.data.join("tls/hub.crt")).unwrap(), authority(&hub)), (first, pem.clone()));
    hub.environment[1].1 = "other.test".to_owned();
    hub.restart();
    assert_eq!(authority(&hub), pem);
    assert!(works(&hub, &pem, "other.test") && works(&hub, &pem, "localhost") && !works(&hub, &pem, "hub.test"));
    // A name in public is not what the authority said it is for: it takes another.
    hub.environment[1].1 = "hub.example.org".to_owned();
    hub.restart();
    let other = authority(&hub);
    assert_ne!(other, pem);
    assert!(
        works(&hub, &other, "hub.example.org") && works(&hub, &other, "localhost") && !works(&hub, &pem, "localhost")
    );
}

#[test]
fn openssl_believes_the_chain_and_nobody_believes_the_authority_about_others() {
    let (dir, hub) = hub(&[("TLS", "auto")]);
    let ca = dir.path().join("ca.pem");
    fs::write(&ca, authority(&hub)).unwrap();
    let ask = |more: &[&str]| {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-connect", &hub.http.to_string(), "-verify_return_error", "-CAfile"]).arg(&ca);
        openssl.args(more).stdin(Stdio::null()).output()
    };
    let Ok(by_name) = ask(&["-verify_hostname", "localhost"]) else { return skipped("openssl") };
    assert!(said(&by_name).contains("Verify return code: 0 (ok)"), "{}", said(&by_name));
    let by_address = ask(&["-verify_ip", "127.0.0.1"]).unwrap();
    assert!(said(&by_address).contains("Verify return code: 0 (ok)"), "{}", said(&by_address));
    assert!(!ask(&["-verify_hostname", "evil.example"]).unwrap().status.success());
    // Whoever stole its key makes a certificate for a bank.
    let stolen = KeyPair::from_pem(&fs::read_to_string(hub.data.join("tls/ca.key")).unwrap()).unwrap();
    let subject = Command::new("openssl")
        .args(["x509", "-noout", "-subject", "-nameopt", "multiline", "-in"])
        .arg(&ca)
        .output()
        .unwrap();
    let subject = String::from_utf8(subject.stdout).unwrap();
    let common = subject
        .lines()
        .find_map(|line| line.trim().strip_prefix("commonName"))
        .unwrap()
        .trim()
        .trim_start_matches("= ");
    let mut issuer = CertificateParams::default();
    issuer.distinguished_name = rcgen::DistinguishedName::new();
    issuer.distinguished_name.push(rcgen::DnType::OrganizationName, "Telemetry hub");
    issuer.distinguished_name.push(rcgen::DnType::CommonName, common);
    let key = KeyPair::generate().unwrap();
    let verified = |name: &str| {
        let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let file = dir.path().join("leaf.pem");
        fs::write(&file, leaf.signed_by(&key, &rcgen::Issuer::from_params(&issuer, &stolen)).unwrap().pem()).unwrap();
        Command::new("openssl").args(["verify", "-CAfile"]).arg(&ca).arg(&file).output().unwrap()
    };
    assert!(verified("attic.local").status.success(), "{}", said(&verified("attic.local")));
    let bank = verified("bank.com");
    assert!(!bank.status.success() && said(&bank).contains("permitted subtree violation"), "{}", said(&bank));
}

/// Two files of a certificate by itself.
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

impl Pair {
    fn in_folder(dir: &Path) -> Self {
        Self { certificate: dir.join("cert.pem"), key: dir.join("key.pem") }
    }

    fn made(serial: u8) -> (String, String) {
        Self::valid(serial, Duration::ZERO, 70 * YEAR + DAY)
    }

    /// From and until so long after 1970.
    fn valid(serial: u8, from: Duration, until: Duration) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from_slice(&[serial]));
        let start = rcgen::date_time_ymd(1970, 1, 1);
        (params.not_before, params.not_after) = (start + from, start + until);
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn write(&self, (certificate, key): &(String, String)) {
        fs::write(&self.certificate, certificate).unwrap();
        fs::write(&self.key, key).unwrap();
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        vec![
            ("TLS", "files"),
            ("TLS_CERT", self.certificate.to_str().unwrap()),
            ("TLS_KEY", self.key.to_str().unwrap()),
        ]
    }
}

#[test]
fn files_are_read_again_when_they_change_and_what_is_no_pair_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let files = Pair::in_folder(dir.path());
    let (first, second, third) = (Pair::made(1), Pair::made(2), Pair::made(3));
    files.write(&first);
    let (_data, hub) = hub(&files.variables());
    assert!(works(&hub, &first.0, "localhost") && tls_of(&hub)["fingerprint"].is_null());
    assert!(tls_of(&hub)["expires_at"].as_str().unwrap().starts_with("2040-01-01"), "{}", tls_of(&hub));
    let standing = TcpStream::connect(hub.http).unwrap();
    let mut standing = StreamOwned::new(
        ClientConnection::new(trusting(&first.0, &["http/1.1"]), ServerName::try_from("localhost").unwrap()).unwrap(),
        standing,
    );
    standing.flush().unwrap();
    files.write(&second);
    eventually("the second certificate", SOON, || works(&hub, &second.0, "localhost").then_some(()));
    assert!(!works(&hub, &first.0, "localhost"));
    // A connection that stands goes on.
    write!(standing, "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut start = [0; 12];
    standing.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");

    // The key of another, half a certificate, none at all: the one before stays, and the file is named.
    for (certificate, key, hint) in [
        (third.0.as_str(), second.1.as_str(), "key.pem: this key does not belong to the first certificate in"),
        (&third.0[..third.0.len() / 2], &third.1, "cert.pem: this PEM file is incomplete"),
        ("", &third.1, "cert.pem: there is no certificate in this file"),
        (
            &third.0,
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "key.pem: this key is encrypted",
        ),
    ] {
        files.write(&(certificate.to_owned(), key.to_owned()));
        eventually(hint, SOON, || {
            tls_of(&hub)["problem"].as_str().is_some_and(|text| text.contains(hint)).then_some(())
        });
        assert!(works(&hub, &second.0, "localhost"), "{hint}");
    }
    let doctor = Command::new(hub_program()).arg("doctor").arg("--data").arg(&hub.data).output().unwrap();
    assert!(said(&doctor).contains("key.pem: this key is encrypted"), "{}", said(&doctor));
    // By renaming, as ACME clients do it.
    for (place, text) in [(&files.key, &third.1), (&files.certificate, &third.0)] {
        let beside = dir.path().join("beside");
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, place).unwrap();
    }
    eventually("the third certificate", SOON, || works(&hub, &third.0, "localhost").then_some(()));
    assert!(tls_of(&hub)["problem"].is_null());
}

#[test]
fn a_certificate_that_is_over_not_yet_or_not_for_long_valid_serves_and_is_told() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let files = Pair::in_folder(dir.path());
    files.write(&Pair::valid(1, now - 90 * DAY, now - DAY));
    let (_data, hub) = hub(&files.variables());
    for (serial, from, until, hint) in [
        (1, now - 90 * DAY, now - DAY, "cert.pem: this certificate expired on 20"),
        (2, now + DAY, now + 90 * DAY, "cert.pem: this certificate is valid from 20"),
        (3, now - 85 * DAY, now + 5 * DAY, "cert.pem: this certificate expires on 20"),
    ] {
        if serial > 1 {
            files.write(&Pair::valid(serial, from, until));
        }
        eventually(hint, SOON, || {
            tls_of(&hub)["problem"].as_str().is_some_and(|text| text.contains(hint)).then_some(())
        });
        let doctor = Command::new(hub_program()).arg("doctor").arg("--data").arg(&hub.data).output().unwrap();
        assert!(said(&doctor).contains(hint), "{}", said(&doctor));
    }
    files.write(&Pair::made(4));
    eventually("one that is fine", SOON, || tls_of(&hub)["problem"].is_null().then_some(()));
}

#[test]
fn files_that_are_no_pair_end_a_start_with_the_file_and_what_would_be_right() {
    let dir = tempfile::tempdir().unwrap();
    let files = Pair::in_folder(dir.path());
    let start = |more: &[&str]| {
        let mut serve = Command::new(hub_program());
        serve
            .args(["serve", "--discovery", "off", "--http", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--data"])
            .arg(dir.path().join("hub"));
        let done = serve.args(more).output().unwrap();
        assert!(!done.status.success() && !dir.path().join("hub").exists(), "nothing was made: {}", said(&done));
        (done.status.code(), said(&done))
    };
    let (certificate, key) = (files.certificate.to_str().unwrap(), files.key.to_str().unwrap());
    let both = ["--tls", "files", "--tls-cert", certificate, "--tls-key", key];
    let (code, text) = start(&both[..4]);
    assert!(
        code == Some(2) && text.contains("tls_key: `tls` is `files`: name the private key (flag `--tls-key FILE`)"),
        "{text}"
    );
    let (code, text) = start(&both[2..]);
    assert!(code == Some(2) && text.contains("tls_cert: this is used by `--tls files` alone"), "{text}");
    let (code, text) = start(&both);
    assert!(code == Some(1) && text.contains(&format!("--tls-cert {certificate}: No such file")), "{text}");
    let (one, other) = (Pair::made(1), Pair::made(2));
    for (pair, hint) in [
        (
            (one.0.clone(), other.1),
            format!("--tls-key {key}: this key does not belong to the first certificate in {certificate}"),
        ),
        (
            (one.1.clone(), one.0.clone()),
            format!("--tls-cert {certificate}: this file holds a private key and no certificate"),
        ),
        ((one.0, String::new()), format!("--tls-key {key}: there is no private key in this file")),
    ] {
        files.write(&pair);
        let (code, text) = start(&both);
        assert!(code == Some(1) && text.contains(&hint), "{text}");
    }
}

/// An address of this machine in a network.
fn lan() -> Option<IpAddr> {
    telemetry_hub::reach::addresses().into_iter().find(IpAddr::is_ipv4)
}

#[test]
fn of_plain_http_nothing_is_left_that_holds_a_secret() {
    let Some(lan) = lan() else { return skipped("an address that is not loopback") };
    let (_dir, mut hub) = hub(&[("TLS", "auto")]);
    let port = hub.http.port();
    hub.http = SocketAddr::from(([0, 0, 0, 0], port));
    hub.restart();
    let (near, far) = (SocketAddr::from(([127, 0, 0, 1], port)), SocketAddr::new(lan, port));
    for (address, path) in [(far, "/"), (far, "/d/x?m=a"), (near, "/"), (far, "/api/docs")] {
        let answer = plainly(address, &format!("GET {path} HTTP/1.1"));
        assert!(
            answer.starts_with("HTTP/1.1 308") && answer.contains(&format!("location: https://{address}{path}\r\n")),
            "{answer}"
        );
        assert!(
            answer.contains("cache-control: no-store") && !answer.contains("strict-transport-security"),
            "{answer}"
        );
    }
    // A token in a path is no page to be sent on with it.
    let answer = plainly(far, "GET /bundle/x86_64.deb?token=thj1_x HTTP/1.1");
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("plain_http"), "{answer}");
    let bearer = format!("\r\nauthorization: Bearer {}", hub.token);
    for request in [
        format!("GET /api/v1/hub HTTP/1.1{bearer}"),
        format!("GET /metrics HTTP/1.1{bearer}"),
        format!("POST /api/v1/readings HTTP/1.1{bearer}\r\ncontent-length: 0"),
        format!("GET / HTTP/1.1{bearer}"),
    ] {
        let answer = plainly(far, &request);
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("plain_http"), "{answer}");
        assert!(
            answer.contains(&format!("https://{far}")) && answer.contains("revoke it and create another"),
            "{answer}"
        );
    }
    for request in [
        "POST /api/v1/session HTTP/1.1\r\ncontent-length: 0",
        "GET /api/v1/hub HTTP/1.1\r\ncookie: thub=x",
        "GET /metrics HTTP/1.1",
    ] {
        let answer = plainly(far, request);
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("was sent unencrypted"), "{answer}");
    }
    // Somebody else's name gets no redirect, and this machine goes on.
    assert!(plainly(far, "GET / HTTP/1.1\r\nx: y").starts_with("HTTP/1.1 308"));
    let mut foreign = TcpStream::connect(far).unwrap();
    foreign.set_read_timeout(Some(SOON)).unwrap();
    write!(foreign, "GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    foreign.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    assert!(plainly(near, &format!("GET /api/v1/hub HTTP/1.1{bearer}")).starts_with("HTTP/1.1 200"));
    assert!(plainly(near, "GET /metrics HTTP/1.1").starts_with("HTTP/1.1 200"));
    for path in ["/ca.crt", "/healthz"] {
        assert!(plainly(far, &format!("GET {path} HTTP/1.1")).starts_with("HTTP/1.1 200"), "{path}");
    }
    // Without the hub's own address for loopback its commands go on, too.
    hub.http = far;
    hub.restart();
    let status = Command::new(hub_program()).arg("status").arg("--data").arg(&hub.data).output().unwrap();
    assert!(status.status.success(), "{}", said(&status));
    // What it says is for people: where they open the page, and not the way it was asked by.
    let pages = said(&status);
    assert!(pages.contains(&format!("  page        https://{far}/\n")) && !pages.contains("http://"), "{pages}");
}

#[test]
fn browsers_are_told_to_stay_with_tls_only_where_a_public_name_was_given() {
    let (_dir, hub) = hub(&[("TLS", "auto"), ("URL", "https://hub.test:8443")]);
    let pem = authority(&hub);
    let ask = |name: &str| securely(&hub, &pem, name, "GET / HTTP/1.1").unwrap();
    assert!(ask("hub.test").contains("strict-transport-security: max-age=31536000\r\n"));
    assert!(!ask("localhost").contains("strict-transport-security"));
    let to = plainly_by_name(&hub, "hub.test:80");
    assert!(to.contains("location: https://hub.test:8443/x\r\n"), "{to}");
}

fn plainly_by_name(hub: &HubProcess, host: &str) -> String {
    let mut stream = TcpStream::connect(hub.http).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    write!(stream, "GET /x HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_browser_gets_a_cookie_for_this_host_and_tls_alone() {
    let (_dir, hub) = hub(&[("TLS", "auto")]);
    let pem = authority(&hub);
    let link = hub.output(&["open"]);
    assert!(link.starts_with("https://"), "{link}");
    let setup = link.split_once("#setup=").unwrap().1;
    let body = format!(r#"{{"setup_token":"{setup}","password":"a long enough password"}}"#);
    let request = format!(
        "POST /api/v1/setup HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {}\r\nx: y",
        body.len()
    );
    let connection =
        ClientConnection::new(trusting(&pem, &["http/1.1"]), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(hub.http).unwrap());
    write!(stream, "{request}\r\nhost: localhost:{}\r\nconnection: close\r\n\r\n{body}", hub.http.port()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let cookie =
        answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap_or_else(|| panic!("{answer}"));
    assert!(cookie.starts_with("__Host-thub=") && cookie.contains("; Secure"), "{cookie}");
}

#[test]
fn what_is_no_handshake_or_too_old_or_too_slow_ends_and_is_counted() {
    let (_dir, hub) = hub(&[("TLS", "auto")]);
    let open = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(hub.http).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    };
    // A hello of TLS 1.1 (RFC 4346, 7.4.1.2) with one suite, in a record.
    let hello = [&[0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2][..], &[7; 32], &[0, 0, 2, 0xc0, 0x13, 1, 0]].concat();
    let mut answer = Vec::new();
    open(&hello).read_to_end(&mut answer).unwrap();
    // Of which suites and signatures a hello of then has none in common, rustls finds first: handshake_failure, protocol_version.
    assert!((answer[0], answer[5]) == (0x15, 2) && [40, 70].contains(&answer[6]), "a fatal alert: {answer:?}");
    let mut nonsense = Vec::new();
    let _ = open(&[0x16, 3, 1, 0, 4, 0xff, 0xff, 0xff, 0xff]).read_to_end(&mut nonsense);
    // One that says that it is TLS and no more, half of a hello, and one that says nothing.
    for mut slow in [open(&[0x16]), open(&hello[..20]), open(&[])] {
        let mut answer = Vec::new();
        slow.read_to_end(&mut answer).unwrap();
        assert!(answer.is_empty(), "silence: {answer:?}");
    }
    let count = |reason: &str| {
        let text = plainly(hub.http, "GET /metrics HTTP/1.1");
        metric(&text, &format!("hub_tls_handshakes_failed_total{{reason=\"{reason}\"}}")).unwrap()
    };
    assert_eq!((count("broken"), count("slow")), (2, 3));
    // Who does not trust the authority says so.
    let (stranger, _) = Pair::made(1);
    assert!(!works(&hub, &stranger, "localhost"));
    eventually("a refusal is counted", SOON, || (count("refused") == 1).then_some(()));
}

type Sender = hyper::client::conn::http2::SendRequest<Empty<bytes::Bytes>>;

/// A connection by HTTP/2, and its end.
async fn by_http2(hub: &HubProcess, pem: &str) -> (Sender, tokio::task::JoinHandle<hyper::Result<()>>) {
    let stream = tokio::net::TcpStream::connect(hub.http).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(trusting(pem, &["h2", "http/1.1"]));
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut client = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    // So that an answer waits at the hub until somebody takes it here.
    client.initial_stream_window_size(1 << 14);
    let (sender, connection) = client.handshake(TokioIo::new(stream)).await.unwrap();
    (sender, tokio::spawn(connection))
}

fn request(hub: &HubProcess, path: &str) -> hyper::Request<Empty<bytes::Bytes>> {
    let uri = format!("https://localhost:{}{path}", hub.http.port());
    let request = hyper::Request::get(uri).header("authorization", format!("Bearer {}", hub.token));
    request.body(Empty::new()).unwrap()
}

#[tokio::test]
async fn rest_works_by_http2() {
    let (_dir, hub) = hub(&[("TLS", "auto")]);
    let pem = authority(&hub);
    let (mut sender, _connection) = by_http2(&hub, &pem).await;
    // Until the first answer a client does not know how much it may ask at once.
    assert_eq!(sender.send_request(request(&hub, "/healthz")).await.unwrap().status(), 200);
    let answers =
        futures_util::future::join_all((0..20).map(|_| sender.send_request(request(&hub, "/api/v1/hub")))).await;
    for answer in answers {
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(serde_json::from_slice::<serde_json::Value>(&body).unwrap()["tls"]["mode"] == "auto");
    }
    let whole = sender.send_request(request(&hub, "/api/openapi.json")).await.unwrap();
    let body = whole.into_body().collect().await.unwrap().to_bytes();
    assert!(body.len() > 100_000 && serde_json::from_slice::<serde_json::Value>(&body).is_ok());
    // No WebSocket by HTTP/2: browsers open another connection for it.
    let refused = sender.send_request(request(&hub, "/api/v1/live")).await.unwrap();
    assert_eq!(refused.status(), 426);
    let mut long = request(&hub, "/healthz");
    for n in 0..70 {
        long.headers_mut().insert(hyper::header::HeaderName::try_from(format!("x-{n}")).unwrap(), "y".parse().unwrap());
    }
    assert_eq!(sender.send_request(long).await.unwrap().status(), 431);
}

#[tokio::test]
async fn a_connection_by_http2_ends_when_it_asks_nothing_or_leaves_an_answer_where_it_is() {
    let (_dir, hub) = hub(&[("TLS", "auto")]);
    let pem = authority(&hub);
    let (_idle, idle_ends) = by_http2(&hub, &pem).await;
    let (mut sender, ends) = by_http2(&hub, &pem).await;
    let left = sender.send_request(request(&hub, "/api/openapi.json")).await.unwrap();
    assert_eq!(left.status(), 200);
    tokio::time::timeout(2 * SOON, idle_ends).await.expect("the idle one ends").unwrap().ok();
    // Others of the same connection are answered meanwhile.
    let mut alive = 0;
    while !ends.is_finished() && alive < 600 {
        if let Ok(answer) = sender.send_request(request(&hub, "/healthz")).await {
            let _ = answer.into_body().collect().await;
        }
        alive += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(ends.is_finished(), "an answer that nobody takes is kept for as long as its client likes");
    drop(left);
}

#[test]
fn commands_and_the_websocket_go_by_https() {
    let (dir, hub) = hub(&[("TLS", "auto")]);
    let ca = dir.path().join("ca.pem");
    fs::write(&ca, authority(&hub)).unwrap();
    let base = format!("https://localhost:{}", hub.http.port());
    let elsewhere = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| Command::new(hub_program()).args(args).current_dir(elsewhere.path()).output().unwrap();
    // On the hub's machine its data directory is enough, with a token and without.
    let data = hub.data.to_str().unwrap();
    for more in [
        &["--data", data][..],
        &["--data", data, "--token", &hub.token],
        &["--ca", ca.to_str().unwrap(), "--token", &hub.token],
    ] {
        let done = run(&[&["status", "--hub", &base], more].concat());
        assert!(done.status.success(), "{more:?}: {}", said(&done));
    }
    let strange = dir.path().join("strange.pem");
    fs::write(&strange, Pair::made(1).0).unwrap();
    let untrusted = run(&["status", "--hub", &base, "--token", &hub.token, "--ca", strange.to_str().unwrap()]);
    let text = said(&untrusted);
    assert!(!untrusted.status.success() && text.contains("is not trusted") && text.contains("--ca FILE"), "{text}");
    fs::write(&strange, "").unwrap();
    let empty = run(&["status", "--hub", &base, "--token", &hub.token, "--ca", strange.to_str().unwrap()]);
    assert!(
        empty.status.code() == Some(2) && said(&empty).contains("there is no certificate in this file"),
        "{}",
        said(&empty)
    );

    let mut watch = Command::new(hub_program());
    watch.args(["watch", "--json", "--hub", &base, "--token", &hub.token, "--ca"]).arg(&ca).stdout(Stdio::piped());
    let mut watch = watch.spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(watch.stdout.take().unwrap()));
    let _watch = Stopped(watch);
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("\"hello\""), "{first}");
}
