//! What is unusual, and what is usual beside it.

use super::*;

#[test]
fn of_a_counter_it_is_its_growth_that_deviates() {
    let meter = Names { device: "attic", sensor: "energy", unit: "kW.h", is_counter: true };
    let said = |event, alert: Alert| told(&alert, meter, event, Some(&deviation())).text;
    let fires = said(Event::AlertFiring, alert(Measure::Sigmas, Some(34.2)));
    let since = "the limit is 30, since 2027-01-15 09:00 CET.";
    assert_eq!(fires, format!("attic: Energy changes 34.2 standard deviations faster than usual, {since}"));
    let slower = said(Event::AlertFiring, alert(Measure::Sigmas, Some(-1.0)));
    assert_eq!(slower, format!("attic: Energy changes 1 standard deviation slower than usual, {since}"));
    let resolved = said(Event::AlertResolved, over(alert(Measure::Sigmas, Some(1.0))));
    assert!(resolved.starts_with("attic: Energy changes 1 standard deviation faster than usual again (limit 30)."));
    let usual = said(Event::AlertResolved, Alert { new_normal: true, ..over(alert(Measure::Sigmas, Some(44.0))) });
    assert!(
        usual.starts_with("attic: Energy went on at this rate for 1 h 30 min, which counts as usual now."),
        "{usual}"
    );
    let past = Notice::Past { alert: over(alert(Measure::Sigmas, Some(34.2))), count: 1, points: Vec::new() };
    let past = of(&past, meter, Some(&deviation()), &zone()).text;
    assert!(
        past.starts_with("attic: Energy changed 34.2 standard deviations faster than usual, the limit is 30"),
        "{past}"
    );
}

#[test]
fn how_unusual_something_is_comes_with_what_it_is() {
    let told = |names| {
        let alert = alert(Measure::Sigmas, Some(42.0));
        let points = vec![crate::model::reading::Point { at: BEGAN, value: 31.5 }];
        let notice = Notice::Changed { alert, occurred_at: BEGAN, points, to: Hearers::All };
        of(&notice, names, Some(&deviation()), &zone()).text
    };
    assert!(
        told(TEMP)
            .starts_with("boiler-1: temp is 31.5 °C, 42 standard deviations above its usual value, the limit is 30"),
        "{}",
        told(TEMP)
    );
    assert!(!told(Names { is_counter: true, ..TEMP }).contains("31.5"));
}

#[test]
fn what_is_unusual_says_what_is_usual() {
    let usual = |is, is_growth| Some(Usual { is, low: 20.4, high: 22.1, is_growth });
    let dev = deviation();
    let season = Condition::Seasonal { sigmas: 30.0, clear: None, least: None };
    let fires = Alert { usual: usual(31.2, false), ..alert(Measure::Sigmas, Some(34.2)) };
    let text = |alert: &Alert, names, event, condition: &Condition| told(alert, names, event, Some(condition)).text;
    assert_eq!(
        text(&fires, TEMP, Event::AlertFiring, &season),
        "boiler-1: temp is 31.2 °C on average of an hour, usually 20.4 to 22.1 °C at this time of day: 34.2 deviations above, the limit is 30, since 2027-01-15 09:00 CET."
    );
    assert_eq!(
        text(&fires, TEMP, Event::AlertFiring, &dev),
        "boiler-1: temp is 31.2 °C, usually 20.4 to 22.1 °C: 34.2 standard deviations above, the limit is 30, since 2027-01-15 09:00 CET."
    );
    let ends = over(Alert { usual: usual(21.0, false), ..alert(Measure::Sigmas, Some(-1.0)) });
    assert_eq!(
        text(&ends, TEMP, Event::AlertResolved, &dev),
        "boiler-1: temp is again 21 °C, usually 20.4 to 22.1 °C (limit 30 deviations). The alert is over, it lasted 1 h 30 min."
    );
    let meter = Names { device: "attic", sensor: "energy", unit: "kW.h", is_counter: true };
    let grows = Alert { usual: usual(0.001, true), ..alert(Measure::Sigmas, Some(-34.0)) };
    let grows = Alert { usual: grows.usual.map(|usual| Usual { low: 0.002, high: 0.003, ..usual }), ..grows };
    assert!(
        text(&grows, meter, Event::AlertFiring, &dev).starts_with(
            "attic: Energy changes by 3.6 kW.h in 1 h, usually 7.2 to 10.8 kW.h: 34 standard deviations slower"
        ),
        "{}",
        text(&grows, meter, Event::AlertFiring, &dev)
    );
    let part = Part {
        sensor: "hum".to_owned(),
        unit: "%".to_owned(),
        measure: Measure::Sigmas,
        value: Some(34.2),
        threshold: 30.0,
        is_true: true,
        usual: usual(80.0, false),
    };
    let joined = Alert { parts: [part].into(), ..alert(Measure::Parts, Some(1.0)) };
    let joined = text(&joined, TEMP, Event::AlertFiring, &dev);
    assert!(joined.contains("hum is 80 %, usually 20.4 to 22.1 %, 34.2 deviations away (limit 30)"), "{joined}");
}
