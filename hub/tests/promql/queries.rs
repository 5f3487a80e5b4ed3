//! Questions of the kind that the public compliance tests of PromQL ask: each function, operator and aggregation over series that
//! have holes, resets and values that are the same, and what has to be refused.

/// Windows of counters and gauges, also too short for two readings, moved and pinned.
const WINDOWS: [&str; 10] = [
    "pulses_total[5m]",
    "pulses_total[1m]",
    "pulses_total[31s]",
    "temperature[2m]",
    r#"temperature{device="shed"}[30m]"#,
    "neg[10m]",
    "pulses_total[10m] offset 4m",
    "pulses_total[5m] @ {NOON}",
    "const[10m]",
    "battery[5m]",
];
const SELECTORS: [&str; 18] = [
    "temperature",
    r#"temperature{device="cellar"}"#,
    r#"temperature{device=~"c.*|attic"}"#,
    r#"temperature{device!="shed",room="a"}"#,
    r#"temperature{device!~"s.*"}"#,
    "pulses_total",
    "neg",
    "nothing",
    r#"{device="cellar"}"#,
    r#"{__name__=~"temp.*",room="b"}"#,
    r#"temperature{nolabel=""}"#,
    r#"{room=~".+"}"#,
    "temperature offset 5m",
    "temperature offset -5m",
    "temperature @ {NOON}",
    "temperature @ start()",
    "temperature @ end() offset 2m",
    "temperature @ {NOON} offset 2m",
];
const OVER_TIME: [&str; 9] = ["avg", "count", "sum", "min", "max", "last", "stddev", "stdvar", "present"];
const OF_WINDOWS: [&str; 8] = ["rate", "increase", "irate", "idelta", "delta", "deriv", "changes", "resets"];
const FOLDS: [&str; 8] = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"];
const OPERATORS: [&str; 13] = ["+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<=", "atan2"];
const OF_ONE: [&str; 27] = [
    "abs",
    "ceil",
    "floor",
    "exp",
    "ln",
    "log2",
    "log10",
    "sqrt",
    "sgn",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "deg",
    "rad",
    "round",
    "scalar",
    "absent",
    "timestamp",
];
const DATES: [&str; 8] =
    ["day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "year"];

const OTHERS: &str = include_str!("queries.txt");

/// All of them; `{NOON}` is a moment, in seconds since 1970.
pub(crate) fn all(noon: i64) -> Vec<String> {
    let mut all: Vec<String> = SELECTORS.map(str::to_owned).to_vec();
    for function in OVER_TIME {
        for window in ["temperature[5m]", r#"temperature{device="shed"}[7m]"#, "neg[10m] offset 3m", "neg[90s]"] {
            all.push(format!("{function}_over_time({window})"));
        }
    }
    for function in OF_WINDOWS {
        all.extend(WINDOWS.map(|window| format!("{function}({window})")));
    }
    for q in ["0", "0.25", "0.5", "0.99", "1", "-1", "2", "NaN"] {
        let of = ["quantile_over_time", "quantile", "histogram_quantile"];
        let over = ["temperature[5m]", "temperature", "rate(lat_bucket[5m])"];
        all.extend(of.iter().zip(over).map(|(function, over)| format!("{function}({q}, {over})")));
    }
    for fold in FOLDS {
        all.extend(["temperature", "pulses_total", "nothing"].map(|over| format!("{fold}({over})")));
        let groups = ["by (device)", "without (room)", "by (room, unit)", "by (nolabel)", "without ()"];
        all.extend(groups.map(|group| format!("{fold} {group} (temperature)")));
        all.push(format!(r#"{fold} by (__name__) ({{device="cellar"}})"#));
        all.push(format!("{fold}(rate(pulses_total[5m])) by (device)"));
    }
    for k in ["0", "1", "3", "100", "-1", "2.7"] {
        all.extend(["topk", "bottomk"].map(|fold| format!("{fold}({k}, temperature)")));
        all.push(format!("topk by (room) ({k}, temperature)"));
    }
    for op in OPERATORS {
        all.extend([
            format!("temperature {op} 22"),
            format!("22 {op} temperature"),
            format!("temperature {op} temperature"),
            format!("neg {op} 0"),
            format!(r#"temperature{{room="a"}} {op} ignoring(room) temperature{{room="b"}}"#),
            format!("temperature {op} on(device, room) pulses_total"),
            format!("temperature {op} on(device) group_left battery"),
            format!("battery {op} on(device) group_right temperature"),
            format!("temperature {op} on(device) group_left(fw, model) info_sensor"),
        ]);
        if "=!<>".contains(&op[..1]) {
            all.extend([
                format!("temperature {op} bool 22"),
                format!("22 {op} bool temperature"),
                format!("1 {op} bool 2"),
                format!("temperature {op} bool on(device,room) pulses_total"),
            ]);
        } else {
            all.extend([format!("5 {op} 3"), format!("-5 {op} 3")]);
        }
    }
    for function in OF_ONE {
        all.extend(["neg", "temperature"].map(|over| format!("{function}({over})")));
    }
    for function in DATES {
        all.extend([format!("{function}()"), format!("{function}(when)")]);
    }
    all.extend(OTHERS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned));
    all.into_iter().map(|query| query.replace("{NOON}", &noon.to_string())).collect()
}
