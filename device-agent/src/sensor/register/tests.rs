//! Names of things that come, go and are told apart.

use super::*;

fn thing(base: &str, identity: &str, hints: &[&str]) -> Present {
    let identity = Some(identity.to_owned()).filter(|identity| !identity.is_empty());
    let hints = hints.iter().map(|hint| (*hint).to_owned()).collect();
    Present {
        base: base.to_owned(),
        before: None,
        cut: None,
        origin: Origin { identity, hints, ..Origin::default() },
        shared: false,
        is_unread: false,
    }
}

fn names(register: &mut Register, present: &[Present]) -> Vec<String> {
    let named = register.name(Class::Hwmon, present).into_iter();
    named.map(|name| name.word + &name.twin.map_or_else(String::new, |twin| format!(".{twin}"))).collect()
}

fn disk(place: &str) -> Present {
    thing("nvme", place, &[place])
}

#[test]
fn one_that_is_alone_has_the_short_name_and_keeps_it_when_another_comes() {
    let folder = tempfile::tempdir().unwrap();
    let mut register = Register::open(folder.path()).unwrap();
    assert_eq!(names(&mut register, &[disk("a")]), ["nvme"]);
    assert_eq!(names(&mut register, &[disk("b"), disk("a")]), ["nvme-b", "nvme"]);
    // The next start counts them otherwise, and the first is gone at the one after it.
    let mut register = Register::open(folder.path()).unwrap();
    assert_eq!(names(&mut register, &[disk("a"), disk("b")]), ["nvme", "nvme-b"]);
    let mut register = Register::open(folder.path()).unwrap();
    assert_eq!(names(&mut register, &[disk("b")]), ["nvme-b"]);
    assert_eq!(names(&mut register, &[disk("c")]), ["nvme-c"]);
    assert_eq!(names(&mut register, &[disk("c"), disk("b"), disk("a")]), ["nvme-c", "nvme-b", "nvme"]);
}

#[test]
fn several_from_the_start_are_told_apart_the_same_way_without_a_memory() {
    assert_eq!(names(&mut Register::default(), &[disk("a"), disk("b")]), ["nvme-a", "nvme-b"]);
    assert_eq!(names(&mut Register::default(), &[disk("b"), disk("a")]), ["nvme-b", "nvme-a"]);
    let sensor = |bus: &str| thing("lm75", &format!("{bus}/48"), &["i2c-48", &format!("i2c-48-{bus}")]);
    assert_eq!(names(&mut Register::default(), &[sensor("x"), sensor("y")]), ["lm75-i2c-48-x", "lm75-i2c-48-y"]);
    let same_hint = |identity: &str| thing("lm75", identity, &["long"]);
    let hashed = names(&mut Register::default(), &[same_hint("one"), same_hint("other")]);
    assert!(hashed.iter().all(|name| name.len() == "lm75-".len() + 8) && hashed[0] != hashed[1], "{hashed:?}");
}

#[test]
fn what_nothing_tells_apart_is_counted() {
    let zone = || thing("acpitz", "", &[]);
    assert_eq!(names(&mut Register::default(), &[zone(), zone(), zone()]), ["acpitz", "acpitz.2", "acpitz.3"]);
    assert_eq!(names(&mut Register::default(), &[disk("a"), disk("a")]), ["nvme", "nvme.2"]);
    let mut register = Register::default();
    assert_eq!(names(&mut register, &[disk("a")]), ["nvme"]);
    assert_eq!(names(&mut register, &[thing("nvme", "", &[]), disk("a")]), ["nvme.2", "nvme"]);
}

#[test]
fn a_short_name_that_several_had_goes_to_none_of_them() {
    let before = Present { shared: true, ..disk("b") };
    assert_eq!(names(&mut Register::default(), &[before]), ["nvme-b"]);
}

#[test]
fn a_part_that_is_called_like_another_has_a_name_of_its_own_however_long_that_is() {
    for name in ["temp.chip".to_owned(), format!("temp.{}", "x".repeat(55)), format!("temp.{}", "x".repeat(59))] {
        let mut register = Register::default();
        assert_eq!(register.name_apart(Class::Hwmon, &name, "one", None), name);
        let other = register.name_apart(Class::Hwmon, &name, "other", Some("one"));
        let third = register.name_apart(Class::Hwmon, &name, "third", Some("one"));
        assert!(other.len() <= SensorSpec::NAME_LIMIT && other != name && other != third, "{other} {third}");
        assert_eq!(register.name_apart(Class::Hwmon, &name, "other", None), other);
        // An earlier version remembered one that no sensor may have.
        let given = register.given.iter_mut().find(|given| given.identity == "third").unwrap();
        given.word = format!("{}-01234567", "x".repeat(60));
        assert_eq!(register.name_apart(Class::Hwmon, &name, "third", None), third);
    }
}

#[test]
fn a_torn_file_costs_its_broken_lines_and_memory_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let mut register = Register::open(folder.path()).unwrap();
    names(&mut register, &[disk("a")]);
    names(&mut register, &[disk("b")]);
    let path = folder.path().join(FILE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("no json\n{}", &text[..text.len() - 5])).unwrap();
    let mut register = Register::open(folder.path()).unwrap();
    assert_eq!(names(&mut register, &[disk("a")]), ["nvme"]);
    for count in 0..2 * MOST {
        names(&mut register, &[disk(&format!("{count}"))]);
    }
    assert!(register.given.len() <= MOST);
}
