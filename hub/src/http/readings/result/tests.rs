use super::*;

#[test]
fn what_is_written_by_hand_is_what_the_contract_says() {
    let name = Name { device: "a".to_owned(), sensor: "say \"hi\"\n".to_owned(), unit: "°C".to_owned() };
    let columns = Columns {
        count: vec![3, 0],
        min: vec![Some(-0.0), None],
        max: vec![Some(1e300), None],
        avg: vec![Some(21.533_333_333_333_33), Some(f64::INFINITY)],
        increase: vec![Some(0.1), None],
        rate: vec![None, Some(0.5)],
        percentiles: vec![vec![Some(1.0), None]],
        ..Columns::default()
    };
    let (t, names) = (vec![-5, 1_700_000_000_000], ["p99.9".to_owned()]);
    let written = || series(&name, &columns, &names);
    let text =
        result(vec![written(), written()], times(&t), Source::Minute, Some("ab-_"), Some(NEED_READINGS)).concat();
    let one = || SeriesColumns {
        device: name.device.clone(),
        sensor: name.sensor.clone(),
        unit: name.unit.clone(),
        t: t.clone(),
        count: columns.count.clone(),
        min: columns.min.clone(),
        max: columns.max.clone(),
        avg: vec![Some(21.533_333_333_3), None],
        first: Vec::new(),
        last: Vec::new(),
        more: BTreeMap::from([
            ("p99.9".to_owned(), columns.percentiles[0].clone()),
            ("increase".to_owned(), columns.increase.clone()),
            ("rate".to_owned(), columns.rate.clone()),
        ]),
    };
    let said = QueryResult {
        series: vec![one(), one()],
        source: Source::Minute,
        truncated: true,
        next: Some("ab-_".to_owned()),
        note: Some(NEED_READINGS.to_owned()),
    };
    let read: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(read, serde_json::to_value(said).unwrap());
    let empty = br#"{"series":[],"source":"raw","truncated":false,"next":null,"note":null}"#;
    assert_eq!(result(Vec::new(), times(&[]), Source::Raw, None, None).concat(), empty);
    assert_eq!(times(&[]), "[]");
}
