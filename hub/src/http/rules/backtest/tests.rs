//! What is passed over changes nothing, wherever the readings are: the answer is what each of them says.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::http::tests::scene::scene;
use crate::model::retention::{Ages, Retention};
use crate::model::rule::RuleSpec;

const MINUTE: i64 = 60_000;
const DAY: i64 = 1_440 * MINUTE;

/// What happens to the store.
#[derive(Debug, Clone)]
enum Deed {
    /// Readings from a minute on, so many seconds apart.
    Measure {
        minute: i64,
        every_s: i64,
        values: Vec<i32>,
    },
    MakeBlocks,
    /// What is in blocks becomes figures of minutes and hours.
    Fold,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let values = prop::collection::vec(prop_oneof![9 => Just(0_i32), 3 => -1..=1_i32, 1 => -5..=5_i32], 1..150);
    let measure = (0..600_i64, prop_oneof![4 => Just(60_i64), 1 => 1..400_i64], values)
        .prop_map(|(minute, every_s, values)| Deed::Measure { minute, every_s, values });
    let one = prop_oneof![8 => measure, 4 => Just(Deed::MakeBlocks), 1 => Just(Deed::Fold)];
    prop::collection::vec(one, 1..14)
}

fn rules() -> impl Strategy<Value = Value> {
    let ops = prop::sample::select(vec![">", ">=", "<", "<="]);
    let limit = (ops, 2..9_i32).prop_map(|(op, value)| json!({"type": "threshold", "op": op, "value": value}));
    let silence = (1..20_u32).prop_map(|minutes| json!({"type": "silence", "after": format!("{minutes}m")}));
    let average = Just(json!({"type": "average", "op": ">", "value": 5.5, "over": "10m"}));
    let condition = prop_oneof![6 => limit, 2 => silence, 1 => average];
    (condition, prop::sample::select(vec!["0s", "90s", "5m"]))
        .prop_map(|(condition, hold)| json!({"sensor": "temp", "condition": condition, "for": hold}))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_backtest_says_what_each_reading_says(
        deeds in deeds(), rules in prop::collection::vec(rules(), 1..6), window in (0..400_i64, 1..500_i64),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(&deeds, &rules, window));
    }
}

async fn compare(deeds: &[Deed], rules: &[Value], window: (i64, i64)) {
    let mut scene = scene();
    let (device, series) = scene.device(1, "shed").await;
    let now = Clock.wall();
    let start = now.plus(-2 * DAY);
    let mut value = 5;
    for deed in deeds {
        match deed {
            Deed::Measure { minute, every_s, values } => {
                let begin = start.plus(minute * MINUTE).0;
                let point = |(step, n): (&i32, i64)| {
                    value = (value + step).clamp(0, 10);
                    (begin + n * every_s * 1_000, f64::from(value))
                };
                let points: Vec<_> = values.iter().zip(0..).map(point).collect();
                scene.measure(&device, series[0], &points).await;
            }
            Deed::MakeBlocks => scene.store.make_blocks().await.unwrap(),
            Deed::Fold => {
                let ages = Ages { raw: Some(Duration::from_secs(86_400)), ..Ages::default() };
                scene.store.set_retention(Retention { ages, ..Retention::default() });
                scene.store.tidy_as_of(now.plus(2 * DAY)).await.unwrap();
                scene.store.set_retention(Retention::default());
            }
        }
    }
    let from = start.plus(window.0 * MINUTE);
    let range = (from, from.plus(window.1 * MINUTE));
    for rule in rules {
        let ask = json!({"rule": rule, "from": range.0.0, "to": range.1.0});
        let found = scene.call("POST", "/api/v1/rules/backtest", &ask).await.json();
        let spec = RuleSpec::try_from(serde_json::from_value::<NewRule>(rule.clone()).unwrap().named()).unwrap();
        let outcome = slowly(&scene.store, &Trial::new(spec.clone(), now), range).await;
        let watched = scene.store.catalog().series(series[0]).unwrap().clone();
        let one = SeriesBacktest::of(&outcome, &watched, &spec.condition, &scene.store.catalog()).unwrap();
        assert_eq!(found["series"][0], serde_json::to_value(one).unwrap(), "{rule}");
    }
}

/// Reading by reading, in small pages.
async fn slowly(store: &Store, trial: &Trial, (from, to): (UnixMillis, UnixMillis)) -> Outcome {
    let series = trial.series(&store.catalog()).remove(0);
    let begin = from.plus(-trial.reach_ms(&series));
    let mut replay = Replay::new(trial, &series, from).listing_open();
    if trial.wants_lead(&series) || trial.goes_by_the_last() {
        replay.begin_behind(&store.lead(series.id, begin).await.unwrap());
    }
    let mut next = begin;
    loop {
        let page = store.readings(series.id, next, to, 7).await.unwrap();
        replay.take(&page.points);
        next = page.points.last().map_or(to, |last| last.at.plus(1));
        if !page.more {
            return replay.finish(to);
        }
    }
}
