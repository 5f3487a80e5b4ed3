use super::*;

#[test]
fn what_is_found_by_a_name_that_another_device_got_is_not_read_in_its_place() {
    let root = tempfile::tempdir().unwrap();
    let chip = |at: &str, name: &str, value: &str| {
        fs::create_dir_all(root.path().join(at)).unwrap();
        fs::write(root.path().join(at).join("name"), name).unwrap();
        fs::write(root.path().join(at).join("temp1_input"), value).unwrap();
    };
    let read = |files: &mut Files| files.number("temp1_input").unwrap();
    chip("hwmon0", "one", "41000");
    chip("hwmon1", "two", "42000");
    let mut files = Files::new(root.path(), "hwmon0").of_one_thing(Proof::of(&root.path().join("hwmon0")));
    assert_eq!(read(&mut files), Content::Number(41_000.0));
    fs::write(root.path().join("hwmon0/new"), "43000").unwrap();
    fs::rename(root.path().join("hwmon0/new"), root.path().join("hwmon0/temp1_input")).unwrap();
    assert_eq!(read(&mut files), Content::Number(43_000.0), "a file that is replaced is no other device");
    fs::remove_dir_all(root.path().join("hwmon0")).unwrap();
    fs::rename(root.path().join("hwmon1"), root.path().join("hwmon0")).unwrap();
    assert_eq!([read(&mut files), read(&mut files)], [Content::Nothing(Errno::NODEV); 2]);
    // It is gone before anything of it was read.
    let described = Proof::of(&root.path().join("hwmon0"));
    fs::remove_dir_all(root.path().join("hwmon0")).unwrap();
    chip("hwmon0", "three", "44000");
    let mut files = Files::new(root.path(), "hwmon0").of_one_thing(described);
    assert_eq!(read(&mut files), Content::Nothing(Errno::NODEV));
}
