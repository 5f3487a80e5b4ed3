//! Password hashing: argon2id at the OWASP minimum (Password Storage Cheat Sheet), one at a time, never on an async
//! thread.
//!
//! If an account has no hash to compare with, the same work is done, so that the time of an answer does not tell which
//! accounts exist.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

/// Hashes computed at once: each takes 7 MiB and a core for tens of milliseconds, so people who sign in at the same
/// time wait for each other.
const AT_ONCE: usize = 1;
/// Memory of a hash: the least of OWASP's five equal choices, because strangers can cause it with wrong passwords. A
/// hash says how it was made, so those of older hubs (19 MiB, two passes) remain valid.
const MEMORY_KIB: u32 = 7 * 1024;
const PASSES: u32 = 5;
const LANES: u32 = 1;
/// Lengths in characters: bounded above because hashing takes time with length.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=256;
/// Compared with the password for a name that does not exist: a hash of the same cost that no password has.
const NOBODYS: &str =
    "$argon2id$v=19$m=7168,t=5,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password could not be hashed: a fault of the hub.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a password could not be hashed: {0}")]
pub(crate) struct Failed(String);

impl Failed {
    fn by(cause: impl std::fmt::Display) -> Self {
        Self(cause.to_string())
    }
}

/// Hashes and verifies.
#[derive(Debug)]
pub(crate) struct Passwords(Semaphore);

impl Default for Passwords {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

impl Passwords {
    /// The hash to store, as a PHC text.
    ///
    /// # Errors
    /// [`Failed`].
    pub(crate) async fn hash(&self, password: String, salt: [u8; 16]) -> Result<String, Failed> {
        self.run(move || {
            let salt = SaltString::encode_b64(&salt).map_err(Failed::by)?;
            let hash = argon2()?.hash_password(password.as_bytes(), &salt).map_err(Failed::by)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password belongs to the stored hash; never to none.
    ///
    /// # Errors
    /// [`Failed`].
    pub(crate) async fn is_of(&self, password: String, stored: Option<String>) -> Result<bool, Failed> {
        if password.len() > 4 * LENGTH.end() {
            return Ok(false);
        }
        self.run(move || {
            let hash = PasswordHash::new(stored.as_deref().unwrap_or(NOBODYS)).map_err(Failed::by)?;
            Ok(argon2()?.verify_password(password.as_bytes(), &hash).is_ok() && stored.is_some())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failed> + Send + 'static,
    ) -> Result<T, Failed> {
        let _permit = self.0.acquire().await.map_err(Failed::by)?;
        tokio::task::spawn_blocking(work).await.map_err(Failed::by)?
    }
}

/// Whether a password that is to be set is neither too short nor too long.
#[must_use]
pub(crate) fn is_fit(password: &str) -> bool {
    LENGTH.contains(&password.chars().count())
}

fn argon2() -> Result<Argon2<'static>, Failed> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(Failed::by)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}
