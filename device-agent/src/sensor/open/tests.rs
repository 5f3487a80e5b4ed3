use std::fs;

use super::*;

#[test]
fn what_may_have_changed_in_the_tick_of_the_last_look_is_looked_at_again() {
    let first = next_print(0, 6);
    assert_eq!((first, next_print(first, 6), next_print(next_print(first, 6), 6)), (7, 6, 6));
    assert_eq!((next_print(6, 12), next_print(13, 13), next_print(12, 13)), (13, 12, 12));
}

#[test]
fn a_line_of_a_pipe_counts_once_it_is_whole() -> io::Result<()> {
    use std::io::Write as _;

    let folder = tempfile::tempdir()?;
    let path = folder.path().join("temp1_input");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, Mode::RUSR | Mode::WUSR)?;
    let mut open = Open::new(&path, None)?;
    let mut writer = OpenOptions::new().write(true).open(&path)?;
    let mut give = |text: &str, open: &mut Open| -> io::Result<Option<String>> {
        writer.write_all(text.as_bytes())?;
        let mut into = [0; 16];
        let read = open.read(&mut into, Duration::from_millis(1))?;
        Ok(read.map(|(length, _)| String::from_utf8_lossy(&into[..length]).into_owned()))
    };
    for (text, lines, has_begun) in [
        ("4", None, true),
        ("1000\n", Some("41000\n"), false),
        ("42000\n4", Some("42000\n"), true),
        ("", None, true),
        ("3000\n", Some("43000\n"), false),
        (&*"40000\n".repeat(100), Some("000\n40000\n40000\n"), false),
        ("44", None, true),
    ] {
        assert_eq!((give(text, &mut open)?.as_deref(), open.has_begun()), (lines, has_begun), "{text}");
    }
    assert!(give(&"x".repeat(LONGEST_LINE), &mut open)?.is_some_and(|text| text.starts_with('x')), "it never ends");
    assert_eq!(give("45", &mut open)?, None);
    drop(writer);
    let mut into = [0; 16];
    assert_eq!((open.read(&mut into, Duration::ZERO)?, &into[..2]), (Some((2, true)), &b"45"[..]));
    Ok(())
}

#[test]
fn a_file_that_is_replaced_right_after_a_look_is_opened_again_wherever_it_is() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("device"))?;
    let rounds = Arc::default();
    let watch = Watch::new(folder.path().to_owned(), &rounds);
    for at in ["", "device"].into_iter().cycle().take(50) {
        let (path, other) = (folder.path().join(at).join("temp1_input"), folder.path().join(at).join("other"));
        fs::write(&path, "1")?;
        fs::write(&other, "2")?;
        let mut open = Open::new(&path, Some(&watch))?;
        rounds.fetch_add(1, Ordering::Relaxed);
        assert!(!open.is_replaced());
        fs::rename(&other, &path)?;
        rounds.fetch_add(1, Ordering::Relaxed);
        assert!(open.is_replaced());
    }
    Ok(())
}
