//! E-mail, held against RFC 5322 and RFC 2045 to 2047.

use super::*;

/// RFC 5322 (3.6.4: `Message-ID`, `In-Reply-To`, `References`), RFC 3834 (5: `Auto-Submitted`), RFC 2045 (6.7: quoted-printable),
/// RFC 2046 (5.1.4: the best part last).
#[test]
fn an_email_has_text_and_html_and_is_in_the_thread_of_its_alert() {
    let (headers, parts) = mail(&firing());
    assert_eq!(
        headers,
        [
            "Date: Fri, 15 Jan 2027 08:00:01 +0000",
            "Message-ID: <msg_0a1b2c3d_7@example.org>",
            "Subject: too hot on boiler-1",
            concat!("User-Agent: telemetry-hub/", env!("CARGO_PKG_VERSION")),
            "Auto-Submitted: auto-generated",
            "In-Reply-To: <alr_5.0a1b2c3d@example.org>",
            "References: <alr_5.0a1b2c3d@example.org>",
            "To: ann@example.org, Bob <bob@example.net>",
            "From: Hub <hub@example.org>",
            "MIME-Version: 1.0",
            "Content-Type: multipart/alternative; boundary=\"=_msg_0a1b2c3d_7\"",
        ]
    );
    let text = "boiler-1: temp is 31.5 °C, above the limit of 30 °C, since 2027-01-15 07:59 UTC.";
    let [plain, html] = &parts[..] else { panic!("{parts:?}") };
    assert!(plain.contains("text/plain; charset=utf-8") && html.contains("text/html; charset=utf-8"), "{parts:?}");
    let facts = "Device: boiler-1\r\nSensor: temp\r\nValue: 31.5 °C\r\nLimit: 30 °C\r\nSeverity: critical\r\n";
    assert!(plain.contains(&format!("{text}\r\n\r\n{facts}\r\nOpen the chart: {LINK}\r\n")), "{plain}");
    assert!(html.contains(&format!("<p>{text}</p>")) && html.contains("<td>31.5 °C</td>"), "{html}");
    assert!(html.contains(&format!("<a href=\"{}\">Open the chart</a>", LINK.replace('&', "&amp;"))), "{html}");
    // The end is in the same thread, and a test in none.
    let (over, parts) = mail(&resolved());
    assert!(over.iter().any(|header| header == "References: <alr_5.0a1b2c3d@example.org>"), "{over:?}");
    // To Gmail any other subject is another thread; what happened is in the first line.
    assert!(over.iter().any(|header| header == "Subject: Re: too hot on boiler-1"), "{over:?}");
    assert!(parts[0].contains("\r\n\r\nResolved: too hot on boiler-1\r\n\r\n"), "{parts:?}");
    assert!(!mail(&a_test()).0.iter().any(|header| header.starts_with("References")));
    let request = request(&to(WebhookKind::Email), firing().to_string().as_bytes(), FROM).unwrap();
    assert_eq!((request.method, &*request.url, request.headers), (Method::Mail, "smtps://mail.example.org", vec![]));
    assert!(!String::from_utf8_lossy(&request.body).contains("sesame"));
}

#[test]
fn no_name_adds_a_header_a_part_or_markup_to_an_email() {
    let name = "<b>x</b>\r\nBcc: eve@example.com\r\n--=_msg_0a1b2c3d_7--\r\n\r\n😀";
    let mut event = firing();
    (event["title"], event["text"]) = (json!(name), json!(name));
    event["data"]["alert"]["rule"]["name"] = json!(name);
    event["data"]["alert"]["device_name"] = json!(name);
    let (headers, parts) = mail(&event);
    assert_eq!((headers.len(), parts.len()), (11, 2), "{headers:?}");
    assert!(!headers.iter().any(|header| header.starts_with("Bcc")), "{headers:?}");
    assert!(!parts[1].contains("<b>") && parts[1].contains("&lt;b&gt;x&lt;/b&gt;"), "{}", parts[1]);
    let long = "ü".repeat(30_000);
    (event["title"], event["text"]) = (json!(long), json!(long));
    let body = request(&to(WebhookKind::Email), event.to_string().as_bytes(), FROM).unwrap().body;
    let longest = body.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
    // RFC 5322, 2.1.1.
    assert!(body.len() < 64 << 10 && longest < Some(998) && body.is_ascii(), "{} {longest:?}", body.len());
}

/// Header fields, unfolded, and parts, without the encoding.
fn mail(event: &Value) -> (Vec<String>, Vec<String>) {
    let request = request(&to(WebhookKind::Email), event.to_string().as_bytes(), FROM).unwrap();
    let text = String::from_utf8(request.body).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let headers = head.replace("\r\n ", " ").lines().map(str::to_owned).collect();
    let parts = body.split("--=_msg_0a1b2c3d_7").skip(1).filter(|part| !part.starts_with("--"));
    (headers, parts.map(unquoted).collect())
}

fn unquoted(part: &str) -> String {
    let (head, text) = part.split_once("\r\n\r\n").unwrap();
    let text = text.replace("=\r\n", "");
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        out.push(if byte == b'=' {
            let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
            u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
        } else {
            byte
        });
    }
    format!("{head}\r\n\r\n{}", String::from_utf8(out).unwrap())
}
