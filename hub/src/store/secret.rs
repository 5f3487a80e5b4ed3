//! The key that keeps a copied database from leaking secrets, and sealing under it.
//!
//! A sealed value is `nonce (12) ‖ ciphertext ‖ tag (16)`: ChaCha20-Poly1305 with a random nonce. Its purpose (table
//! and row) is authenticated along, so that a value moved to another row does not open.

use std::fs::{DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::durable;
use crate::store::error::{Error, Result};

/// Name of the key's file in the data directory.
pub(super) const FILE: &str = "secret.key";

/// Seals webhook secrets and join-token keys at rest. Lives in a file beside the database, never inside it.
#[derive(Clone)]
pub struct SecretKey([u8; 32]);

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

impl SecretKey {
    /// Whether there is one in a data directory.
    #[must_use]
    pub fn is_in(dir: &Path) -> bool {
        dir.join(FILE).exists()
    }

    /// Reads `secret.key` in `dir`, or makes it (and `dir`) at the first start.
    ///
    /// # Errors
    /// The file cannot be read or written, or is not a key.
    pub fn load_or_create(dir: &Path) -> Result<Self> {
        private_dir(dir)?;
        let path = dir.join(FILE);
        match std::fs::read(&path) {
            Ok(bytes) => bytes.try_into().map(Self).map_err(|_| Error::BadFile {
                path,
                detail: "not a key of 32 bytes; restore it from a backup, or remove it, delete the webhooks, \
                         and create them and join tokens again",
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // The hub and a command that makes a token may start on a new directory at once: the first makes the key,
                // the other waits and takes it.
                let held = File::open(dir).and_then(|folder| folder.lock().map(|()| folder));
                let _held = held.map_err(|source| Error::File { path: dir.to_owned(), source })?;
                if path.exists() { Self::load_or_create(dir) } else { create(&path) }
            }
            Err(source) => Err(Error::File { path, source }),
        }
    }

    /// Puts a key from a backup into a folder that has none.
    pub(in crate::store) fn restore(dir: &Path, key: [u8; 32]) -> Result<Self> {
        put(&dir.join(FILE), key)
    }

    /// The key itself, for a backup.
    pub(in crate::store) const fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// Seals `plain` for `purpose`.
    pub(in crate::store) fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| Error::Fatal("no randomness".to_owned()))?;
        let mut boxed = plain.to_vec();
        self.cipher()?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut boxed)
            .map_err(|_| Error::Corrupt { what: "secret" })?;
        Ok([&nonce[..], &boxed].concat())
    }

    /// Opens what was sealed for the same `purpose`.
    pub(in crate::store) fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        const WRONG: Error = Error::Corrupt { what: "secret (is secret.key the one it was sealed with?)" };
        let (nonce, boxed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(WRONG)?;
        let mut boxed = boxed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.cipher()?.open_in_place(nonce, Aad::from(purpose), &mut boxed).map_err(|_| WRONG)?;
        Ok(plain.to_vec())
    }

    fn cipher(&self) -> Result<LessSafeKey> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, &self.0).map_err(|_| Error::Corrupt { what: "secret.key" })?;
        Ok(LessSafeKey::new(key))
    }
}

/// Makes the data directory for its owner only.
pub(in crate::store) fn private_dir(dir: &Path) -> Result<()> {
    let at_dir = |source| Error::File { path: dir.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(at_dir)?;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).map_err(at_dir)
}

fn create(path: &Path) -> Result<SecretKey> {
    let mut key = [0; 32];
    SystemRandom::new().fill(&mut key).map_err(|_| Error::Fatal("no randomness".to_owned()))?;
    put(path, key)
}

fn put(path: &Path, key: [u8; 32]) -> Result<SecretKey> {
    durable::replace(path, &key).map_err(|source| Error::File { path: path.to_owned(), source })?;
    Ok(SecretKey(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_start_on_a_new_directory_at_once_have_one_key() {
        for _ in 0..20 {
            let dir = tempfile::tempdir().unwrap();
            let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
                let start = || SecretKey::load_or_create(dir.path()).unwrap().0;
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(keys.iter().all(|key| *key == keys[0]));
        }
    }

    #[test]
    fn the_key_is_made_once_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("hub");
        let first = SecretKey::load_or_create(&home).unwrap();
        assert_eq!(SecretKey::load_or_create(&home).unwrap().0, first.0);
        assert_eq!(std::fs::metadata(home.join(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn an_empty_key_file_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), b"").unwrap();
        let error = SecretKey::load_or_create(dir.path()).unwrap_err();
        assert!(error.to_string().contains("secret.key"), "{error}");
    }

    #[test]
    fn a_sealed_value_opens_for_its_purpose_only() {
        let key = SecretKey([7; 32]);
        let sealed = key.seal("webhook 1", b"whsec").unwrap();
        assert_eq!(key.open("webhook 1", &sealed).unwrap(), b"whsec");
        assert!(key.open("webhook 2", &sealed).is_err());
        assert!(SecretKey([8; 32]).open("webhook 1", &sealed).is_err());
        assert!(key.open("webhook 1", &sealed[..10]).is_err());
    }
}
