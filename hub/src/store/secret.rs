//! The key that keeps a copied database from leaking secrets, and sealing under it.

use std::path::Path;

use super::error::Result;

/// Seals webhook secrets and join-token keys at rest. Lives in a file beside the database, never inside it.
#[derive(Clone)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// Reads `secret.key` in `dir`, or makes it (and `dir`) at the first start.
    ///
    /// # Errors
    /// The file cannot be read or written, or is not a key.
    pub fn load_or_create(dir: &Path) -> Result<Self> {
        todo!("{}", dir.display())
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(..)")
    }
}
