//! An amount as a whole number of 10^-12, so that what is added and taken away leaves no noise.

use std::ops::{Add, AddAssign, Sub};

/// Decimal places of an amount.
const PLACES: usize = 12;
const POWERS: [f64; PLACES + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];
const WHOLE: [i64; PLACES + 1] = {
    let mut all = [1; PLACES + 1];
    let mut place = 1;
    while place <= PLACES {
        all[place] = all[place - 1] * 10;
        place += 1;
    }
    all
};
/// Decimals of up to 15 digits and their nearest `f64` stand for each other.
const EXACT: f64 = 1e15;
/// Largest value: with larger ones there would be no room to add many.
const MOST: f64 = 1e24;
/// A share of a difference is exact to one part in this many.
const FINE: i128 = 1_000_000_000;
/// And to this part of the numbers it is the difference of: a sum of shares ten thousand times as large as they are has
/// no more digits than an `f64` is exact to.
const FINE_BESIDE: i128 = 100_000_000_000;

/// An amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Amount(i128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The decimal that a value was written as; of values beyond 10^24 the limit.
    #[must_use]
    pub fn of(value: f64) -> Self {
        for (places, power) in POWERS.iter().enumerate() {
            let whole = nearest(value * power);
            if whole.abs() >= EXACT {
                break;
            }
            if whole / power == value {
                return Self(i128::from(whole as i64) * i128::from(WHOLE[PLACES - places]));
            }
        }
        let value = value.clamp(-MOST, MOST);
        let (whole, part) = (value.trunc(), value.fract());
        Self(whole as i128 * 10_i128.pow(PLACES as u32) + (part * POWERS[PLACES]).round() as i128)
    }

    /// The nearest number.
    #[must_use]
    pub fn value(self) -> f64 {
        let mut left = PLACES;
        // Zeros at its end go, many at once. Nearly all fit in 64 bits, which are divided ten times as fast.
        if let Ok(mut whole) = i64::try_from(self.0) {
            for places in [8, 4, 2, 1] {
                if left >= places && whole % WHOLE[places] == 0 {
                    (whole, left) = (whole / WHOLE[places], left - places);
                }
            }
            return whole as f64 / POWERS[left];
        }
        let mut whole = self.0;
        for places in [8, 4, 2, 1] {
            let power = i128::from(WHOLE[places]);
            if left >= places && whole % power == 0 {
                (whole, left) = (whole / power, left - places);
            }
        }
        whole as f64 / POWERS[left]
    }

    /// `part` of its `of` parts, down to a billionth of it, or to the 11th digit of what it lies beside.
    pub(super) fn share(self, part: i64, of: i64, beside: Self) -> Self {
        let (part, of) = (i128::from(part), i128::from(of.max(1)));
        let finest = (self.0.abs() / FINE).max(beside.0.abs() / FINE_BESIDE);
        let mut grain = 1_i128;
        while grain * 10 <= finest && self.0 % (grain * 10) == 0 {
            grain *= 10;
        }
        // In two steps: the product of both could be too large.
        let whole = self.0 / of * part + self.0 % of * part / of;
        Self(whole - whole % grain)
    }
}

/// The nearest whole number of what is well below 2^51: where a number holds no fraction any more, adding rounds.
fn nearest(value: f64) -> f64 {
    const NO_FRACTION: f64 = 6_755_399_441_055_744.0;
    if value.abs() < EXACT { value + NO_FRACTION - NO_FRACTION } else { value }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Amount {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_come_back_as_they_were_written() {
        for value in
            [0.0, 215.6, 3_737.123_456, -0.1, 4_294_967_296.0, 18_446_744_073_709_551_616.0, 1e-12, 81_000_000.1]
        {
            assert_eq!(Amount::of(value).value(), value);
        }
        assert_eq!((Amount::of(215.7) - Amount::of(215.6)).value(), 0.1);
        assert_eq!((Amount::of(81_000_000.1) - Amount::of(81_000_000.0)).value(), 0.1);
        assert_eq!(Amount::of(1.0 / 3.0).value(), 0.333_333_333_333);
        assert_eq!(Amount::of(f64::MAX), Amount::of(1e30));
    }

    /// An amount, and the number nearest to it, place by place.
    fn slowly(value: f64) -> (Amount, f64) {
        let whole = |places: usize| (value * POWERS[places]).round();
        let fits = |places: &usize| whole(*places).abs() < EXACT && whole(*places) / POWERS[*places] == value;
        let amount =
            (0..=PLACES).find(fits).map(|places| whole(places) as i128 * 10_i128.pow((PLACES - places) as u32));
        let amount = Amount(amount.unwrap_or_else(|| {
            let value = value.clamp(-MOST, MOST);
            value.trunc() as i128 * 10_i128.pow(12) + (value.fract() * 1e12).round() as i128
        }));
        let (mut whole, mut places) = (amount.0, PLACES);
        while places > 0 && whole % 10 == 0 {
            (whole, places) = (whole / 10, places - 1);
        }
        (amount, whole as f64 / POWERS[places])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn quick_is_as_slow(digits in any::<i64>(), shorter in 0..19_u32, places in 0..13_i32, any in any::<f64>()) {
            let decimal = (digits / 10_i64.pow(shorter)) as f64 / 10_f64.powi(places);
            for value in [decimal, decimal * 2.5, any, any.fract(), f64::from(digits as i32) / 2.0, digits as f64 * 1e3] {
                let (amount, number) = slowly(value);
                prop_assert_eq!(Amount::of(value), amount, "{}", value);
                prop_assert_eq!(amount.value(), number, "{}", value);
            }
        }
    }

    #[test]
    fn a_share_has_no_more_digits_than_it_needs() {
        let share = |value: f64, part, of, beside| Amount::of(value).share(part, of, Amount::of(beside)).value();
        assert_eq!(share(1.0, 1, 3, 1.0), 0.333_333_333);
        assert_eq!(share(1.0, 1, 3, 3_737_123.0), 0.333_33);
        assert_eq!(share(0.1, 1, 3, 99_999_999_999.9), 0.0, "it shows no more digits");
        assert_eq!(share(1e12, 1, 3, 1e12), 333_333_333_000.0);
        assert_eq!(share(0.5, 1, 2, 0.5), 0.25);
        assert_eq!(share(18e18, i64::MAX / 2, i64::MAX, 18e18), 8_999_999_990.0 * 1e9);
    }
}
