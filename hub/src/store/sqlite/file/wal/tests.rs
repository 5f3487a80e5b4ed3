use super::*;

/// A log of one commit for two tables and one for each of ten rows.
fn scene() -> (tempfile::TempDir, Vec<u8>) {
    scene_and("")
}

/// The same, and what else is executed at last.
fn scene_and(last: &str) -> (tempfile::TempDir, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let conn = Connection::open(dir.path().join(FILE)).unwrap();
    conn.execute_batch("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; CREATE TABLE t (a); CREATE TABLE u (a);")
        .unwrap();
    for n in 0..10 {
        conn.execute("INSERT INTO t VALUES (?)", [n]).unwrap();
    }
    conn.execute_batch(last).unwrap();
    let copy = tempfile::tempdir().unwrap();
    for suffix in ["", "-wal"] {
        let name = format!("{FILE}{suffix}");
        fs::copy(dir.path().join(&name), copy.path().join(&name)).unwrap();
    }
    let log = fs::read(copy.path().join(format!("{FILE}-wal"))).unwrap();
    (copy, log)
}

fn put(dir: &Path, log: &[u8]) {
    fs::write(dir.join(format!("{FILE}-wal")), log).unwrap();
}

fn rows(dir: &Path) -> i64 {
    let conn = Connection::open(dir.join(FILE)).unwrap();
    conn.query_row("SELECT COUNT(*) FROM t", [], |row| row.get(0)).unwrap()
}

/// Where the nth frame from the end begins.
fn frame(log: &[u8], from_end: usize) -> usize {
    log.len() - from_end * (FRAME_HEADER + 8192)
}

#[test]
fn a_whole_log_is_left_alone_and_so_is_none() {
    let (dir, log) = scene();
    assert_eq!(look(dir.path(), UnixMillis(0)).unwrap(), Log::Whole);
    assert_eq!(rows(dir.path()), 10);
    for nothing in [&[][..], &log[..20], &log[..HEADER]] {
        put(dir.path(), nothing);
        assert_eq!(look(dir.path(), UnixMillis(0)).unwrap(), Log::Whole);
    }
}

#[test]
fn what_a_power_cut_leaves_is_no_damage() {
    let (dir, mut log) = scene();
    // The last commit half written, then cut off.
    let last = frame(&log, 1);
    log[last + FRAME_HEADER + 4_096..].fill(0);
    put(dir.path(), &log);
    assert_eq!(look(dir.path(), UnixMillis(0)).unwrap(), Log::Torn { commit: false });
    put(dir.path(), &log[..last + 100]);
    assert_eq!(look(dir.path(), UnixMillis(0)).unwrap(), Log::Whole);
    assert_eq!(rows(dir.path()), 9);
    // The last transaction of two pages, of which only the second reached the disk.
    let (dir, mut log) = scene_and("BEGIN; INSERT INTO t VALUES (1); INSERT INTO u VALUES (1); COMMIT");
    let before = frame(&log, 2);
    log[before + FRAME_HEADER + 9] ^= 1;
    put(dir.path(), &log);
    assert_eq!(look(dir.path(), UnixMillis(0)).unwrap(), Log::Torn { commit: true });
    assert_eq!(rows(dir.path()), 10);
}

#[test]
fn damage_in_the_last_commit_but_one_looks_like_a_power_cut() {
    let (dir, mut log) = scene();
    let before = frame(&log, 2);
    log[before + FRAME_HEADER + 9] ^= 1;
    put(dir.path(), &log);
    assert_eq!(look(dir.path(), UnixMillis(0)).unwrap(), Log::Torn { commit: true });
    assert_eq!(rows(dir.path()), 8);
}

#[test]
fn a_torn_log_of_which_nothing_is_believed_is_forgotten_too() {
    let (dir, mut log) = scene();
    log.truncate(HEADER + FRAME_HEADER + 8192);
    log[HEADER + FRAME_HEADER + 9] ^= 1;
    put(dir.path(), &log);
    let torn = look(dir.path(), UnixMillis(0)).unwrap();
    assert!(matches!(torn, Log::Torn { .. }));
    let conn = Connection::open(dir.path().join(FILE)).unwrap();
    forget_torn(&conn, torn).unwrap();
    assert_eq!(look(dir.path(), UnixMillis(0)).unwrap(), Log::Whole);
}

#[test]
fn what_was_committed_behind_the_damage_is_read_again() {
    for damage in [
        |log: &mut [u8], at: usize| log[at + FRAME_HEADER + 7_000] ^= 1,
        |log: &mut [u8], at: usize| log[at + 17] ^= 1,
        |log: &mut [u8], at: usize| log[at..at + 16].fill(0x5A),
        |log: &mut [u8], _| log[17] ^= 1,
        |log: &mut [u8], _| log[..HEADER].fill(0),
    ] {
        let (dir, mut log) = scene();
        let at = frame(&log, 5);
        damage(&mut log, at);
        put(dir.path(), &log);
        assert_eq!(look(dir.path(), UnixMillis(0)).unwrap(), Log::Mended);
        assert_eq!(rows(dir.path()), 10);
        assert_eq!(fs::read(dir.path().join(format!("{FILE}-wal.damaged"))).unwrap(), log);
        assert!(fs::read_to_string(dir.path().join("telemetry.db.damaged")).unwrap().contains("log is damaged"));
    }
}

#[test]
fn a_torn_end_is_forgotten_before_it_can_be_taken_for_damage() {
    let (dir, mut log) = scene();
    let before = frame(&log, 2);
    log[before + FRAME_HEADER + 9] ^= 1;
    put(dir.path(), &log);
    let torn = look(dir.path(), UnixMillis(0)).unwrap();
    let conn = Connection::open(dir.path().join(FILE)).unwrap();
    forget_torn(&conn, torn).unwrap();
    conn.execute("INSERT INTO t VALUES (1)", []).unwrap();
    assert_eq!(look(dir.path(), UnixMillis(0)).unwrap(), Log::Whole);
}
