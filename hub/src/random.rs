//! Randomness of the operating system, for secrets.

use ring::rand::{SecureRandom as _, SystemRandom};

/// The operating system gave no randomness: whatever was to be secret must not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no randomness from the operating system")]
pub struct NoRandomness;

/// Random bytes.
///
/// # Errors
/// [`NoRandomness`]: never a weak secret.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}
