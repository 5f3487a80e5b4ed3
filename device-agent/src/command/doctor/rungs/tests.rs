use super::*;

#[test]
fn silence_says_whether_a_router_is_on_the_way() {
    let link =
        Link { name: "eth0".into(), index: 2, address: "192.168.1.7".parse().unwrap(), prefix: 24, broadcast: None };
    let why = |address: &str| silent(address.parse().unwrap(), std::slice::from_ref(&link)).0;
    assert!(why("192.168.1.2:5770").contains("is that machine on"));
    assert!(why("192.168.2.2:5770").contains("on another network"));
}

#[test]
fn the_port_of_the_page_is_not_that_of_devices() {
    assert!(usual_port("192.168.1.20:8080").unwrap().starts_with("--hub 192.168.1.20 (devices use UDP 5770"));
    assert!(usual_port("[fe80::1%eth0]:80").unwrap().starts_with("--hub [fe80::1%eth0] "));
    assert_eq!(usual_port("hub.local:5770"), None);
}

#[tokio::test]
async fn an_address_without_a_hub_is_told_from_one_without_a_machine() {
    let nobody = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = ask_one(nobody, [1; 8]).await.err().unwrap();
    let (why, fix) = hindered(nobody, &error);
    assert!(why.contains("no hub listens") && fix.contains("telemetry-hub serve"), "{why}; {fix}");
}
