//! Numbers as text, where answers are written without serde. PURE.

/// Digits of what is computed: sums of a million readings are right to more, and a quarter of the text is saved.
const DIGITS: usize = 12;
const POWERS: [f64; 18] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17];
/// The smallest that is rounded; below it zeros in front would be most of the text.
const LEAST: f64 = 1e-5;

/// Writes a finite number in the fewest digits that read back as it.
pub(in crate::http) fn write(text: &mut String, value: f64) {
    text.push_str(zmij::Buffer::new().format_finite(value));
}

/// Writes a finite number with its first [`DIGITS`] digits, without zeros at the end.
pub(in crate::http) fn write_rounded(text: &mut String, value: f64) {
    let size = value.abs();
    // How many digits stand before the point; below 1, how many zeros behind it, as a negative number.
    let whole = POWERS.iter().position(|power| size < *power).unwrap_or(usize::MAX);
    let zeros = (1..=5).take_while(|zeros| whole == 0 && size * POWERS[*zeros] < 1.0).count();
    if whole > DIGITS || size < LEAST {
        return write(text, value);
    }
    let decimals = DIGITS + zeros - whole;
    let scaled = (size * POWERS[decimals]).round() as u64;
    let unit = POWERS[decimals] as u64;
    if value < 0.0 {
        text.push('-');
    }
    text.push_str(itoa::Buffer::new().format(scaled / unit));
    text.push('.');
    // A one in front keeps the zeros behind the point.
    let mut digits = itoa::Buffer::new();
    let behind = digits.format(scaled % unit + unit).get(1..).unwrap_or_default().trim_end_matches('0');
    text.push_str(if behind.is_empty() { "0" } else { behind });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rounded(value: f64) -> String {
        let mut text = String::new();
        write_rounded(&mut text, value);
        text
    }

    #[test]
    fn what_is_computed_is_written_as_people_would() {
        for (value, text) in [
            (21.533_333_333_333_335, "21.5333333333"),
            (-0.1 - 0.2, "-0.3"),
            (100.0, "100.0"),
            (0.000_012_345_678_901_234_5, "0.0000123456789012"),
            (999_999.999_999_999_9, "1000000.0"),
            (0.999_999_999_999_99, "1.0"),
            (123_456_789_012.4, "123456789012.0"),
            (1_234_567_890_123.4, "1234567890123.4"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1e300, "1e+300"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(rounded(value), text);
        }
    }

    proptest! {
        #[test]
        fn any_number_reads_back_as_nearly_itself(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
            let back: f64 = rounded(value).parse().unwrap();
            prop_assert!((back - value).abs() <= value.abs() * 5e-12);
            prop_assert!(serde_json::from_str::<f64>(&rounded(value)).is_ok());
        }

        #[test]
        fn any_usual_number_too(value in -1e13..1e13, power in 0..19) {
            let value = value / 10_f64.powi(power);
            let back: f64 = rounded(value).parse().unwrap();
            prop_assert!((back - value).abs() <= value.abs() * 5e-12, "{value} {back}");
            prop_assert!(rounded(value).len() <= 24);
        }
    }
}
