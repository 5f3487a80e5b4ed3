//! Finds out whether a responder (Avahi, systemd-resolved or another) answers `NAME.local` with an address of this
//! machine.
//!
//! It asks one question by multicast DNS (RFC 6762, section 5.1: from any port, so that the answer comes back to it
//! alone), and only if a program on this machine listens on the port of mDNS. Otherwise no answer can come, and nobody
//! has to wait for it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Where responders listen, and how long they may take.
struct Responders {
    at: SocketAddr,
    patience: Duration,
}

/// One on the same machine answers within milliseconds.
const RESPONDERS: Responders = Responders {
    at: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251)), 5353),
    patience: Duration::from_millis(250),
};
/// Interfaces that are asked on: each may cost the whole patience.
const INTERFACES: usize = 2;
/// Longest datagram that is read: a responder's answer with all addresses of a machine has a few hundred bytes.
const LONGEST: usize = 1_500;
/// Id of the question, by which its answer is recognised.
const QUESTION: u16 = 0x7468;

/// `name` is `LABEL.local`.
pub(super) fn is_answered(name: &str, own: &[IpAddr]) -> bool {
    let tables = ["/proc/net/udp", "/proc/net/udp6"];
    if !tables.iter().any(|table| std::fs::read_to_string(table).is_ok_and(|table| has_listener(&table))) {
        return false;
    }
    let interfaces = own.iter().filter_map(|ip| match ip {
        IpAddr::V4(ip) => Some(*ip),
        IpAddr::V6(_) => None,
    });
    interfaces.take(INTERFACES).any(|interface| RESPONDERS.ask(interface, name, own).unwrap_or(false))
}

/// Of the kernel's table of UDP sockets, the second field is the local address, with its port in hex.
fn has_listener(table: &str) -> bool {
    let port = format!(":{:04X}", RESPONDERS.at.port());
    table.lines().any(|line| line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&port)))
}

impl Responders {
    /// Whether one of them says that `name` is one of `own`.
    fn ask(&self, interface: Ipv4Addr, name: &str, own: &[IpAddr]) -> io::Result<bool> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
        socket.bind(&SocketAddr::new(interface.into(), 0).into())?;
        socket.set_multicast_if_v4(&interface)?;
        let socket = UdpSocket::from(socket);
        socket.set_read_timeout(Some(self.patience))?;
        socket.send_to(&question(name), self.at)?;
        let mut buf = [0; LONGEST];
        let (len, _) = socket.recv_from(&mut buf)?;
        Ok(addresses(&buf[..len]).is_some_and(|found| found.iter().any(|ip| own.contains(ip))))
    }
}

/// Asks for every record of a name.
fn question(name: &str) -> Vec<u8> {
    const ANY: u16 = 255;
    const INTERNET: u16 = 1;
    let mut out: Vec<u8> = [QUESTION, 0, 1, 0, 0, 0].iter().flat_map(|word| word.to_be_bytes()).collect();
    for label in name.split('.') {
        out.push(label.len().min(63) as u8);
        out.extend(label.bytes().take(63));
    }
    out.push(0);
    out.extend([ANY, INTERNET].iter().flat_map(|word| word.to_be_bytes()));
    out
}

/// The addresses in an answer to [`question`]; `None` where it is none, or cut off.
fn addresses(datagram: &[u8]) -> Option<Vec<IpAddr>> {
    const IS_ANSWER: u16 = 0x8000;
    let word = |at: usize| Some(u16::from_be_bytes(datagram.get(at..at + 2)?.try_into().ok()?));
    let (id, flags, questions, answers) = (word(0)?, word(2)?, word(4)?, word(6)?);
    if id != QUESTION || flags & IS_ANSWER == 0 {
        return None;
    }
    let mut at = 12;
    for _ in 0..questions {
        at = after_name(datagram, at)? + 4;
    }
    let mut found = Vec::new();
    for _ in 0..answers {
        at = after_name(datagram, at)?;
        let (kind, len) = (word(at)?, usize::from(word(at + 8)?));
        let data = datagram.get(at + 10..at + 10 + len)?;
        match kind {
            1 => found.push(<[u8; 4]>::try_from(data).ok()?.into()),
            28 => found.push(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into()),
            _ => {}
        }
        at += 10 + len;
    }
    Some(found)
}

/// A name is labels of a length each, up to an empty one or a pointer of two bytes.
fn after_name(datagram: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *datagram.get(at)? {
            0 => return Some(at + 1),
            pointer if pointer & 0xc0 == 0xc0 => return Some(at + 2),
            len => at += 1 + usize::from(len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Avahi 0.8 answers: the question again, then a record whose name points to it.
    fn answer(kind: u16, data: &[u8]) -> Vec<u8> {
        let mut answer = question("attic.local");
        answer[2..4].copy_from_slice(&0x8400_u16.to_be_bytes());
        answer[6..8].copy_from_slice(&1_u16.to_be_bytes());
        answer.extend([0xc0, 12]);
        answer.extend([kind, 1, 0, 10, data.len() as u16].iter().flat_map(|word| word.to_be_bytes()));
        answer.extend(data);
        answer
    }

    #[test]
    fn addresses_are_read_from_an_answer_and_nothing_from_anything_else() {
        let v4 = answer(1, &[192, 168, 1, 20]);
        assert_eq!(addresses(&v4), Some(vec!["192.168.1.20".parse().unwrap()]));
        let v6 = "fd00::5".parse::<Ipv6Addr>().unwrap();
        assert_eq!(addresses(&answer(28, &v6.octets())), Some(vec![v6.into()]));
        assert_eq!(addresses(&answer(16, b"text")), Some(Vec::new()));
        assert_eq!(addresses(&question("attic.local")), None, "a question");
        for cut in 0..v4.len() {
            assert_eq!(addresses(&v4[..cut]), None, "cut after {cut} bytes");
        }
        let mut others = v4;
        others[0] ^= 1;
        assert_eq!(addresses(&others), None, "an answer to somebody else");
    }

    #[test]
    fn a_responder_is_asked_and_believed_only_if_it_means_this_machine() {
        const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
        let responder = UdpSocket::bind("0.0.0.0:0").unwrap();
        let IpAddr::V4(group) = RESPONDERS.at.ip() else { unreachable!() };
        responder.join_multicast_v4(&group, &HERE).unwrap();
        let at = SocketAddr::new(group.into(), responder.local_addr().unwrap().port());
        let patience = Duration::from_secs(20);
        responder.set_read_timeout(Some(patience)).unwrap();
        let answering = std::thread::spawn(move || {
            for _ in 0..2 {
                let mut buf = [0; LONGEST];
                let (len, from) = responder.recv_from(&mut buf).unwrap();
                assert_eq!(buf[..len], question("attic.local"));
                responder.send_to(&answer(1, &HERE.octets()), from).unwrap();
            }
        });
        let responders = Responders { at, patience };
        let is = |own: IpAddr| responders.ask(HERE, "attic.local", &[own]).unwrap();
        assert!(is(HERE.into()) && !is("192.0.2.9".parse().unwrap()));
        answering.join().unwrap();
    }

    #[test]
    fn who_listens_for_mdns_is_seen_in_the_kernels_table() {
        let table = "  sl  local_address rem_address   st\n  12: 00000000:14E9 00000000:0000 07\n";
        assert!(has_listener(table));
        assert!(!has_listener(&table.replace("14E9", "14EA")) && !has_listener(""));
    }
}
