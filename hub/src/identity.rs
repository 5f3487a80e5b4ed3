//! The hub's own key pair: made at the first start and kept in the database, sealed, so that a backup contains it.
//!
//! Devices pin the public half. A hub that loses the pair is a stranger to all of its devices.

use wire::{HubId, KeyPair, PublicKey};

use crate::store::{Error, Result, Store};

const SETTING: &str = "hub_key";

/// The hub's key pair, made if there is none.
///
/// # Errors
/// Those of the store; no randomness for a new key; a stored key that is none.
pub async fn load_or_create(store: &Store) -> Result<KeyPair> {
    if let Some(bytes) = store.sealed_setting(SETTING).await? {
        let (public, secret) = bytes.split_first_chunk::<32>().ok_or(Error::Corrupt { what: "hub key" })?;
        let secret = secret.try_into().map_err(|_| Error::Corrupt { what: "hub key" })?;
        return Ok(KeyPair { public: PublicKey(*public), secret });
    }
    let keys = KeyPair::generate().map_err(|error| Error::Fatal(error.to_string()))?;
    store.put_sealed_setting(SETTING, [keys.public.0, keys.secret].concat()).await?;
    Ok(keys)
}

/// The id of a hub, and the words people compare.
#[must_use]
pub fn words(id: HubId) -> String {
    id.words().join(" ")
}
