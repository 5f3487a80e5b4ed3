//! What the kernel dropped of a socket before anybody read it.

use std::fs;
use std::os::fd::AsFd;

/// Datagrams of a socket that the kernel had no room for, since it was opened.
pub(super) fn dropped(socket: impl AsFd) -> u64 {
    let Ok(inode) = rustix::fs::fstat(socket).map(|stat| stat.st_ino.to_string()) else { return 0 };
    let tables = ["/proc/net/udp", "/proc/net/udp6"].into_iter().filter_map(|path| fs::read_to_string(path).ok());
    tables.filter_map(|table| drops_in(&table, &inode)).next().unwrap_or(0)
}

/// What such a table says was dropped of the socket of an inode: the tenth column and the last.
fn drops_in(table: &str, inode: &str) -> Option<u64> {
    let line = table.lines().find(|line| line.split_ascii_whitespace().nth(9) == Some(inode))?;
    line.split_ascii_whitespace().nth(12)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_those_of_the_inode() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            \x20 421: 00000000:168A 00000000:0000 07 00000000:00001F00 00:00000000 00000000     0        0 12345 2 0000000000000000 17\n";
        assert_eq!((drops_in(table, "12345"), drops_in(table, "421")), (Some(17), None));
    }
}
