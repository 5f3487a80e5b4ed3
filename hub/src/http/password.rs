//! Passwords: argon2id at the OWASP minimum, two at once, never on an async thread. Where there is no hash to compare with, the
//! work is the same.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::http::error::ApiError;

/// Each hash takes 19 MiB and a core for tens of milliseconds; two at once bound what sign-ins can take from the hub.
const AT_ONCE: usize = 2;
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Lengths in characters: bounded above because hashing takes time with length.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=256;
/// What the password of nobody is compared with: of the same cost, and that of no password.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and verifies.
#[derive(Debug)]
pub(in crate::http) struct Passwords(Semaphore);

impl Default for Passwords {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

impl Passwords {
    /// The hash to store, as a PHC text.
    pub(in crate::http) async fn hash(&self, password: String, salt: [u8; 16]) -> Result<String, ApiError> {
        self.run(move || {
            let salt = SaltString::encode_b64(&salt).map_err(ApiError::internal)?;
            let hash = argon2()?.hash_password(password.as_bytes(), &salt).map_err(ApiError::internal)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password belongs to the stored hash; never to none.
    pub(in crate::http) async fn is_of(&self, password: String, stored: Option<String>) -> Result<bool, ApiError> {
        if password.len() > 4 * LENGTH.end() {
            return Ok(false);
        }
        self.run(move || {
            let hash = PasswordHash::new(stored.as_deref().unwrap_or(NOBODYS)).map_err(ApiError::internal)?;
            Ok(argon2()?.verify_password(password.as_bytes(), &hash).is_ok() && stored.is_some())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let _permit = self.0.acquire().await.map_err(ApiError::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?
    }
}

/// Refuses a password to set that is too short or too long.
pub(in crate::http) fn check_length(field: &str, password: &str) -> Result<(), ApiError> {
    if LENGTH.contains(&password.chars().count()) {
        return Ok(());
    }
    Err(ApiError::invalid(field, "a password must have 8 to 256 characters"))
}

fn argon2() -> Result<Argon2<'static>, ApiError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(ApiError::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}
