use super::*;
use crate::store::Origin;

fn read(format: Format, text: &str) -> (usize, Vec<(u64, Option<String>)>) {
    let mut gathered = Gathered::new(Origin::Imported);
    let mut wrong = Vec::new();
    LineReader::new(format, false, 1).read(text, &mut gathered, UnixMillis(1_700_000_000_000), |line, error| {
        wrong.push((line, error.named().map(str::to_owned)));
        true
    });
    (gathered.len(), wrong)
}

#[test]
fn columns_may_stand_in_any_order_and_some_may_be_missing() {
    let text = "\u{feff}value,at,sensor,device\n1,2023-11-14T22:13:20Z,\"a \"\"b\"\", c\",attic\n2,1700000000000,b,attic\r\n\r\n";
    assert_eq!(read(Format::Csv, text), (2, Vec::new()));
    for (head, column) in [
        ("device,sensor,at", "value"),
        ("device,sensor,at,value,value", "value"),
        ("device,sensor,at,value,mood", "mood"),
    ] {
        assert_eq!(read(Format::Csv, head), (0, vec![(1, Some(column.to_owned()))]), "{head}");
    }
}

#[test]
fn a_wrong_line_is_told_by_its_number_and_column_and_the_others_are_read() {
    let cases = [
        ("attic,t,,2023-11-14T22:13:20Z,x,", Some("value")),
        ("attic,t,,2023-11-14T22:13:20Z,inf,", Some("value")),
        ("attic,t,,yesterday,1,", Some("at")),
        ("attic,,,2023-11-14T22:13:20Z,1,", Some("sensor")),
        (",t,,2023-11-14T22:13:20Z,1,", Some("device")),
        ("attic,t,furlongs per fortnight at noon of the day,2023-11-14T22:13:20Z,1,", Some("unit")),
        ("attic,t,,2023-11-14T22:13:20Z,1", None),
        ("\"attic,t,,2023-11-14T22:13:20Z,1,", None),
        ("\"attic\"x,t,,2023-11-14T22:13:20Z,1,", None),
    ];
    for (line, column) in cases {
        let good = "attic,t,Cel,2023-11-14T22:13:20.000Z,1,attic";
        let text = format!("device,sensor,unit,at,value,device_name\n{good}\n{line}\n{good}\n");
        assert_eq!(read(Format::Csv, &text), (2, vec![(3, column.map(str::to_owned))]), "{line}");
    }
    let good = r#"{"device":"attic","sensor":"t","at":"2023-11-14T22:13:20Z","value":1}"#;
    for (line, column) in [
        (r#"{"device":"attic","sensor":"t","at":"2023-11-14T22:13:20Z"}"#, Some("value")),
        (r#"{"device":"attic","sensor":"t","at":"noon","value":1}"#, Some("at")),
        (r#"{"device":"attic","sensor":"t","at":"now","value":1,"mood":2}"#, Some("mood")),
        (r#"{"error":"the hub is stopping"}"#, Some("error")),
        ("device,sensor", None),
    ] {
        let text = format!("{good}\n{line}\n{good}\n");
        assert_eq!(read(Format::Ndjson, &text), (2, vec![(2, column.map(str::to_owned))]), "{line}");
    }
}
