//! Noise handshake.

/// The Noise pattern of every session.
pub const NOISE_PATTERN: &str = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
