//! Pseudo-random numbers from a seed, for jitter, probe nonces and simulated fleets. Never for keys.

use std::time::Duration;

/// `SplitMix64`: eight bytes of state, and the same numbers for the same seed everywhere.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Numbers of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator nobody can guess: its seed is the operating system's.
    ///
    /// # Errors
    /// The operating system has no randomness.
    pub fn from_system() -> Result<Self, wire::NoRandomness> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|_| wire::NoRandomness)?;
        Ok(Self(u64::from_le_bytes(seed)))
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including, 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something of this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.unit() < probability
    }

    /// A time between `low` and `high`.
    pub fn between(&mut self, low: Duration, high: Duration) -> Duration {
        low + high.saturating_sub(low).mul_f64(self.unit())
    }
}
