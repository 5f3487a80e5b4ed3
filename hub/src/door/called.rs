//! What a series with labels is called as a sensor. PURE.
//!
//! ```text
//!   http.requests, method=GET, path=/a        http.requests{method=GET,path=/a}
//!   up, job=node                              up{job=node}
//! ```
//!
//! Labels stand in order of their names, so that each combination has one name. A value with a comma, a brace, a quote or a
//! backslash stands in quotes; characters that are not seen are spelled out, as `<U+000A>`. A name that is too long keeps its beginning, and
//! ends with a digest of all of it.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::model::text::SENSOR_BYTES;

/// Longest name of a device, in bytes.
const DEVICE_BYTES: usize = 64;
/// Bytes of the digest and of the sign before it.
const DIGEST: usize = 17;

/// Labels with their values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Labels(Vec<(String, String)>);

impl Labels {
    /// Adds one, if there is none of that name.
    pub(crate) fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        if let Err(place) = self.0.binary_search_by(|(known, _)| known.as_str().cmp(&name)) {
            self.0.insert(place, (name, value.into()));
        }
    }

    /// The value of one.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let place = self.0.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        self.0.get(place).map(|(_, value)| &**value)
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(label, value)| (&**label, &**value))
    }

    /// Keeps those whose names are wanted.
    pub(crate) fn retain(&mut self, is_wanted: impl Fn(&str) -> bool) {
        self.0.retain(|(label, _)| is_wanted(label));
    }

    /// Takes one away.
    pub(crate) fn remove(&mut self, name: &str) -> Option<String> {
        let place = self.0.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        Some(self.0.remove(place).1)
    }
}

impl<'a> FromIterator<(&'a str, String)> for Labels {
    fn from_iter<I: IntoIterator<Item = (&'a str, String)>>(labels: I) -> Self {
        let mut all: Vec<_> = labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all.dedup_by(|(later, _), (known, _)| later == known);
        Self(all)
    }
}

/// The name of the sensor: what is measured, and its labels with one more, if there is one.
pub(crate) fn sensor(measured: &str, labels: &Labels, more: Option<(&str, &str)>) -> String {
    let mut name = String::with_capacity(SENSOR_BYTES);
    name.push_str(measured);
    let labels = labels.iter();
    let is_behind = |label: &str| more.is_some_and(|(more, _)| more < label);
    let before = labels.clone().take_while(|(label, _)| !is_behind(label));
    let behind = labels.skip_while(|(label, _)| !is_behind(label));
    let mut is_first = true;
    for (label, value) in before.chain(more).chain(behind) {
        name.push(if std::mem::take(&mut is_first) { '{' } else { ',' });
        name.push_str(label);
        name.push('=');
        if value.contains([',', '{', '}', '"', '\\']) {
            name.push('"');
            name.push_str(&value.replace('\\', r"\\").replace('"', r#"\""#));
            name.push('"');
        } else {
            name.push_str(value);
        }
    }
    if !is_first {
        name.push('}');
    }
    fitting(name, SENSOR_BYTES)
}

/// The name of a device, or what it is called where that is nothing.
pub(crate) fn device(name: &str, nobody: &str) -> String {
    let name = name.trim();
    fitting(if name.is_empty() { nobody } else { name }.to_owned(), DEVICE_BYTES)
}

/// A name in which all is seen, of so many bytes at most.
fn fitting(name: String, longest: usize) -> String {
    match wire::text::spelled(&name, usize::MAX) {
        Cow::Borrowed(_) => shortened(name, longest),
        Cow::Owned(name) => shortened(name, longest),
    }
}

/// A name that fits.
fn shortened(mut name: String, longest: usize) -> String {
    if name.len() > longest {
        let digest = digest(&name);
        name.truncate(name.floor_char_boundary(longest - DIGEST));
        // What joins two characters may have lost the second.
        while wire::text::unseen(&name).is_some() {
            name.pop();
        }
        // Writing to a text does not fail.
        let _ = write!(name, "~{digest:016x}");
    }
    name
}

/// FNV-1a: the same in every version of this program, because names are stored.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |digest, byte| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::pushed;

    fn labels(of: &[(&'static str, &str)]) -> Labels {
        of.iter().map(|(label, value)| (*label, (*value).to_owned())).collect()
    }

    #[test]
    fn labels_stand_in_order_and_values_that_could_be_taken_for_more_are_quoted() {
        let three = labels(&[("path", "/a b"), ("code", "200"), ("to", "a=b")]);
        assert_eq!(sensor("m", &labels(&[]), None), "m");
        assert_eq!(sensor("m", &three, None), "m{code=200,path=/a b,to=a=b}");
        assert_eq!(sensor("m", &three, Some(("le", "0.5"))), "m{code=200,le=0.5,path=/a b,to=a=b}");
        assert_eq!(sensor("m", &labels(&[]), Some(("le", "+Inf"))), "m{le=+Inf}");
        assert_eq!(sensor("m", &labels(&[("a", "1,b=2")]), None), r#"m{a="1,b=2"}"#);
        assert_eq!(sensor("m", &labels(&[("a", r#"\"}"#)]), None), r#"m{a="\\\"}"}"#);
        assert_eq!(sensor("m", &labels(&[("a", "x\ny"), ("b", "x\n,")]), None), r#"m{a=x<U+000A>y,b="x<U+000A>,"}"#);
        let mut three = three;
        three.add("code", "300");
        three.add("a", "0");
        let all: Vec<_> = three.iter().collect();
        assert_eq!(all, [("a", "0"), ("code", "200"), ("path", "/a b"), ("to", "a=b")]);
        assert_eq!((three.get("code"), three.get("b")), (Some("200"), None));
        assert_eq!((three.remove("a").as_deref(), three.get("a")), (Some("0"), None));
    }

    #[test]
    fn names_that_are_too_long_fit_and_stay_different() {
        let long = |end: &str| sensor("m", &labels(&[("a", &("é".repeat(200) + end))]), None);
        assert_eq!(long("1").len(), 255);
        assert!(long("1").starts_with("m{a=é") && long("1") != long("2") && long("1") == long("1"));
        // Those of its authors: names are stored, so it never changes.
        assert_eq!((digest("a"), digest("foobar")), (0xaf63_dc4c_8601_ec8c, 0x8594_4171_f739_67e8));
    }

    #[test]
    fn devices_are_called_as_they_are_where_that_fits() {
        assert_eq!(device(" node/pi:9100 ", "nobody"), "node/pi:9100");
        assert_eq!((device("", "nobody"), device(" \n", "nobody")), ("nobody".to_owned(), "nobody".to_owned()));
        assert_eq!(device("a\nb", "nobody"), "a<U+000A>b");
        let long = device(&"x".repeat(65), "nobody");
        assert!(long.len() == 64 && long.starts_with("xxx") && long != device(&"x".repeat(66), "nobody"));
    }

    proptest! {
        #[test]
        fn any_text_makes_a_name_of_a_device(text in "(?s).{0,90}") {
            let name = device(&text, "nobody");
            prop_assert_eq!(crate::model::text::name("device", name.clone()), Ok(name));
        }

        #[test]
        fn any_labels_make_a_name_of_a_sensor(measured in "\\PC{1,40}", of in proptest::collection::vec(("[a-z\n]{1,8}", "(?s).{0,90}"), 0..6)) {
            let labels: Labels = of.iter().map(|(label, value)| (&**label, value.clone())).collect();
            for more in [None, Some(("le", "1"))] {
                let name = sensor(&measured, &labels, more);
                prop_assert!(pushed::sensor(&name).is_ok(), "{name}");
            }
        }
    }
}
