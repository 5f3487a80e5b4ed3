//! The limits of a join token: for how many devices, and for how long. PURE.

use std::time::Duration;

use super::when;

/// Longest life of a join token.
const LONGEST: Duration = Duration::from_secs(90 * 86_400);
/// Devices of one join token at most: more than a hub accepts (`--max-devices`).
const MOST_USES: u32 = 1_000_000;

/// How many devices a token may admit.
///
/// # Errors
/// A text that says what is allowed.
pub fn check_uses(uses: u32) -> Result<u32, String> {
    if (1..=MOST_USES).contains(&uses) {
        return Ok(uses);
    }
    Err(format!("must be between 1 and {MOST_USES} devices, not {uses}"))
}

/// How long a token may work.
///
/// # Errors
/// A text that says what is allowed.
pub fn life(text: &str) -> Result<Duration, String> {
    let life = when::duration(text)?;
    if life.is_zero() || life > LONGEST {
        return Err(format!("`{text}` must be longer than 0s and at most 90d"));
    }
    Ok(life)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_be_for_more_devices_than_a_hub_takes_at_first() {
        assert_eq!(check_uses(100_000), Ok(100_000));
        assert_eq!(check_uses(0).unwrap_err(), "must be between 1 and 1000000 devices, not 0");
        assert!(check_uses(1_000_001).is_err());
    }
}
