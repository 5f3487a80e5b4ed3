use super::*;

#[test]
fn a_hub_may_be_named_as_people_write_it() {
    for (text, url) in [
        ("attic", "http://attic:8080"),
        ("attic:81", "http://attic:81"),
        ("http://attic:81/", "http://attic:81"),
        ("https://hub.example", "https://hub.example"),
        ("fd00::7", "http://[fd00::7]:8080"),
        ("[fd00::7]:81", "http://[fd00::7]:81"),
    ] {
        assert_eq!(page(text), url);
    }
}

#[tokio::test]
async fn this_machine_is_known_however_it_is_called() {
    let host = reach::hostname().unwrap();
    for own in ["localhost", "127.0.0.1", "0.0.0.0", "[::1]", &host, &host.to_uppercase(), &format!("{host}.local")] {
        assert_eq!(port_here(&format!("http://{own}:81")).await.unwrap(), Some(81), "{own}");
    }
    for other in ["http://192.0.2.9:81", "http://nobody.invalid:81", "https://nobody.invalid"] {
        assert_eq!(port_here(other).await.unwrap(), None, "{other}");
    }
}
