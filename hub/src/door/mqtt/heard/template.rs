//! The templates of announcements: the usual ones are paths, the others are rendered. PURE.
//!
//! ```text
//!   {{ value }}   {{ value_json.a.b }}   {{ value_json['a'] }}   {{ value_json.a | float | round(1) }}     a path, and a rounding
//!   {{ (value | int) / 10 }}   {% if value_json.x %}..{% endif %}                                          rendered
//! ```

use std::sync::{Arc, LazyLock};

use minijinja::{Environment, Value as Any, filters};
use serde_json::Value;

use super::message::Body;

/// Steps that a template may take.
const FUEL: u64 = 20_000;
/// Longest template, in bytes.
const LONGEST: usize = 4_096;

/// A template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template(How);

#[derive(Debug, Clone, PartialEq)]
enum How {
    /// The payload, or a value in its JSON; rounded, where that is said.
    Path { path: Vec<Step>, digits: Option<u32> },
    /// By the rules of Jinja.
    Rendered(Arc<str>),
    /// It says nothing that could be a number.
    Nothing,
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Member(String),
    Item(usize),
}

/// How templates are rendered: what Home Assistant has, as far as it is about numbers. Templates come from whoever may publish, so
/// there is nothing here that makes much of little.
static RENDER: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut render = Environment::empty();
    render.set_fuel(Some(FUEL));
    render.set_recursion_limit(32);
    render.add_filter("float", float);
    render.add_filter("int", int);
    render.add_function("float", float);
    render.add_function("int", int);
    render.add_filter("round", filters::round);
    render.add_filter("abs", filters::abs);
    render.add_filter("default", filters::default);
    render.add_filter("d", filters::default);
    render.add_filter("lower", filters::lower);
    render.add_filter("upper", filters::upper);
    render.add_filter("trim", filters::trim);
    render.add_filter("string", |value: Any| value.to_string());
    render.add_filter("is_defined", |value: Any| value);
    render.add_filter("multiply", |value: Any, by: f64| number(&value).map(|number| number * by));
    render.add_filter(
        "replace",
        |text: String, from: String, to: String| {
            if to.len() > from.len() { text } else { text.replace(&from, &to) }
        },
    );
    render.add_filter("iif", |value: Any, yes: Option<Any>, no: Option<Any>| {
        if value.is_true() { yes.unwrap_or_else(|| Any::from(true)) } else { no.unwrap_or_else(|| Any::from(false)) }
    });
    render.add_test("defined", |value: Any| !value.is_undefined());
    render.add_test("none", |value: Any| value.is_none());
    render.add_test("number", |value: Any| value.is_number());
    render.add_test("string", |value: Any| value.as_str().is_some());
    render
});

fn float(value: Any, otherwise: Option<Any>) -> Any {
    number(&value).map_or_else(|| otherwise.unwrap_or(value), Any::from)
}

fn int(value: Any, otherwise: Option<Any>) -> Any {
    number(&value).map_or_else(|| otherwise.unwrap_or(value), |number| Any::from(number.trunc() as i64))
}

/// Whether a template does nothing but choose and calculate: no loops and no names of its own, and what is multiplied is no list.
fn is_simple(text: &str) -> bool {
    let mut statements = text.split("{%").skip(1).map(|rest| rest.trim_start_matches(['-', '+']).trim_start());
    let is_choice = |rest: &str| ["if ", "if(", "elif ", "else", "endif"].iter().any(|word| rest.starts_with(word));
    let is_index = |at: usize| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        before.is_some_and(|before| before.is_alphanumeric() || matches!(before, '_' | ']' | ')'))
    };
    let has_list = || text.match_indices('[').any(|(at, _)| !is_index(at));
    statements.all(is_choice) && !(text.contains('*') && has_list())
}

/// A message as templates see it.
fn seen(json: &Value, has_lists: bool) -> Any {
    match json {
        Value::Array(_) if !has_lists => Any::UNDEFINED,
        Value::Object(object) => {
            Any::from_pairs(object.iter().map(|(name, value)| (Any::from(name.as_str()), seen(value, has_lists))))
        }
        Value::Array(items) => items.iter().map(|item| seen(item, has_lists)).collect(),
        Value::Null => Any::from(()),
        Value::Bool(is_true) => Any::from(*is_true),
        Value::String(text) => Any::from(text.as_str()),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| Any::from(number.as_f64().unwrap_or_default()), Any::from)
        }
    }
}

fn number(value: &Any) -> Option<f64> {
    match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => f64::try_from(value.clone()).ok(),
    }
}

impl Template {
    /// One as it is announced.
    pub(crate) fn of(text: &str) -> Self {
        let text = text.trim();
        if text.len() > LONGEST {
            return Self(How::Nothing);
        }
        let rendered = || if is_simple(text) { How::Rendered(text.into()) } else { How::Nothing };
        Self(path(text).unwrap_or_else(rendered))
    }

    /// Whether it is one that is followed.
    pub(crate) const fn is_followed(&self) -> bool {
        !matches!(self.0, How::Nothing)
    }

    /// What it makes of a message; `None` where that is nothing.
    pub(crate) fn render(&self, body: &Body<'_>) -> Option<Value> {
        match &self.0 {
            How::Path { path, digits } => {
                let value = match path.split_first() {
                    None => body.json().filter(|json| json.is_number() || json.is_boolean()).cloned(),
                    Some((first, rest)) => {
                        let found = rest.iter().try_fold(first.of(body.json()?)?, |value, step| step.of(value));
                        Some(found.filter(|value| !value.is_null())?.clone())
                    }
                };
                let value = match value {
                    Some(value) => value,
                    None => Value::String(body.text()?.to_owned()),
                };
                Some(match digits {
                    Some(digits) => rounded(value, *digits),
                    None => value,
                })
            }
            How::Rendered(text) => {
                let json = body.json().map(|json| seen(json, !text.contains('*'))).unwrap_or_default();
                let with = minijinja::context! { value => body.text()?, value_json => json };
                let said = RENDER.render_str(text, with).ok()?;
                let said = said.trim();
                (!said.is_empty() && said != "none" && said != "None").then(|| Value::String(said.to_owned()))
            }
            How::Nothing => None,
        }
    }
}

fn rounded(value: Value, digits: u32) -> Value {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    let Some(number) = number else { return value };
    let scale = 10_f64.powi(digits.min(12) as i32);
    serde_json::Number::from_f64((number * scale).round() / scale).map_or(value, Value::Number)
}

impl Step {
    fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Member(name) => value.get(name),
            Self::Item(number) => value.get(number),
        }
    }
}

/// A template that is a path and filters which change no number, or round it.
fn path(text: &str) -> Option<How> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.trim_matches('-').trim();
    let mut parts = inner.split('|').map(str::trim);
    let path = steps(parts.next()?)?;
    let mut digits = None;
    for filter in parts {
        match filter {
            "float" | "float(0)" | "float(default=0)" | "int(0)" | "is_defined" | "string" | "trim" => {}
            "round" => digits = Some(0),
            // It leaves out what stands behind the point.
            "int" => return None,
            _ => {
                let argument = filter.strip_prefix("round(")?.strip_suffix(')')?;
                digits = Some(argument.trim().parse().ok()?);
            }
        }
    }
    Some(How::Path { path, digits })
}

/// The steps of `value` or `value_json.a['b'][0]`; none for the payload itself.
fn steps(text: &str) -> Option<Vec<Step>> {
    if text == "value" {
        return Some(Vec::new());
    }
    let mut rest = text.strip_prefix("value_json")?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, behind) = after.split_at(end);
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            let step = is_name.then(|| name.parse().map_or_else(|_| Step::Member(name.to_owned()), Step::Item))?;
            steps.push(step);
            rest = behind;
        } else {
            let (inside, behind) = rest.strip_prefix('[')?.split_once(']')?;
            let inside = inside.trim();
            let quoted = ['\'', '"'].iter().find_map(|quote| inside.strip_prefix(*quote)?.strip_suffix(*quote));
            steps.push(match quoted {
                Some(name) => Step::Member(name.to_owned()),
                None => Step::Item(inside.parse().ok()?),
            });
            rest = behind;
        }
    }
    (!steps.is_empty()).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(template: &str, payload: &str) -> Option<Value> {
        Template::of(template).render(&Body::of(payload.as_bytes()))
    }

    #[test]
    fn usual_templates_are_paths() {
        for text in [
            "{{ value }}",
            "{{value_json.temperature}}",
            "{{ value_json['a b'].c[0] }}",
            "{{ value_json.t | float | round(1) }}",
            "{{ value_json.t | is_defined }}",
        ] {
            assert!(matches!(Template::of(text).0, How::Path { .. }), "{text}");
        }
        for text in ["{{ value | int }}", "{{ value_json.t * 2 }}", "{% if value %}1{% endif %}", "{{ value | foo }}"] {
            assert!(matches!(Template::of(text).0, How::Rendered(_)), "{text}");
        }
    }

    #[test]
    fn templates_make_values() {
        let json = r#"{"t":"21.47","n":{"a b":[{"c":3}]},"on":true,"x":null}"#;
        let text = |text: &str| Some(Value::String(text.to_owned()));
        for (template, payload, value) in [
            ("{{ value }}", "21.5", Some(serde_json::json!(21.5))),
            ("{{ value }}", "ON", text("ON")),
            ("{{ value_json.t }}", json, text("21.47")),
            ("{{ value_json.t | float | round(1) }}", json, Some(serde_json::json!(21.5))),
            ("{{ value_json['n']['a b'][0].c }}", json, Some(serde_json::json!(3))),
            ("{{ value_json.on }}", json, Some(serde_json::json!(true))),
            ("{{ value_json.x }}", json, None),
            ("{{ value_json.missing }}", json, None),
            ("{{ value_json.missing | default(7) }}", json, text("7")),
            ("{{ (value_json.t | float) * 2 }}", json, text("42.94")),
            ("{{ value | int / 10 }}", "215", text("21.5")),
            ("{{ 'ON' if value_json.on else 'OFF' }}", json, text("ON")),
            ("{% if value_json.on %}1{% else %}0{% endif %}", json, text("1")),
            ("{{ value_json.t | float(0) | multiply(2) }}", json, text("42.94")),
            ("{{ states('sensor.x') }}", json, None),
            ("{{ value_json.", json, None),
        ] {
            assert_eq!(made(template, payload), value, "{template}");
        }
    }

    #[test]
    fn a_template_without_end_ends() {
        assert_eq!(made("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}", "1"), None);
        assert_eq!(made("{{ 1 in [1] * 900000000000 }}", "1"), None);
        assert_eq!(made("{{ 2 in value_json.a * 900000000000 }}", "{\"a\":[1]}"), None);
        assert_eq!(made("{{ value * 900000000000 }}", "x"), None);
        assert_eq!(made("{{ value | replace('x', 'xxxxxxxx') }}", "x"), Some(Value::String("x".to_owned())));
        assert_eq!(made(&format!("{{{{ {} }}}}", "1+".repeat(5_000)), "1"), None);
    }
}
