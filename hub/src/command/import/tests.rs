use std::io::Write as _;

use super::*;

fn parts(bytes: Vec<u8>) -> (&'static str, Vec<(u64, usize)>) {
    let mut parts = Parts::of(Box::new(io::Cursor::new(bytes)), None).unwrap();
    let all = std::iter::from_fn(|| parts.next().unwrap()).map(|part| (part.lines, part.text.len()));
    let all = all.collect();
    (parts.kind, all)
}

#[test]
fn a_file_is_cut_between_lines_and_each_part_has_the_names() {
    let row = "x".repeat(1 << 20);
    let text = format!("names\n{row}\n{row}\n{row}\n{row}\n{row}");
    let line = (1 << 20) + 1;
    let expected = vec![(5, 6 + 4 * line), (1, 6 + line - 1)];
    assert_eq!(parts(text.clone().into_bytes()), ("text/csv", expected.clone()));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    assert_eq!(parts(packed.finish().unwrap()), ("text/csv", expected));
    assert_eq!(parts(b"{}\n{}\n".to_vec()), ("application/x-ndjson", vec![(2, 6)]));
    assert_eq!(parts(Vec::new()), ("text/csv", Vec::new()));
}
