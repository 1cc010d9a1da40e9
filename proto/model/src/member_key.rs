//! Member ids of members whose keys are not positive integers.

use sha2::{Digest as _, Sha256};

use crate::MemberId;

impl MemberId {
    /// Returns the id of a member whose key is a UUID or another text: the first 63 bits of the
    /// SHA-256 (FIPS 180-4) of the seed followed by the key; 1 if they are 0.
    ///
    /// A UUID is meant as the database prints it: 36 characters, in lower case. In PostgreSQL:
    ///
    /// ```sql
    /// greatest(1, (('x' || encode(substr(sha256(convert_to(SEED || KEY, 'UTF8')), 1, 8), 'hex'))
    ///     ::bit(64) >> 1)::bigint)
    /// ```
    ///
    /// ```
    /// use cloud_model::MemberId;
    ///
    /// let id = MemberId::of_key("site", "0b8a4b1e-7c1c-4f43-9d0b-3f2f0f7ab6c1");
    /// assert!(id.get() < 1 << 63);
    /// ```
    #[must_use]
    pub fn of_key(seed: &str, key: &str) -> Self {
        Self::not_0(hash_63(&[seed, key]))
    }
}

/// Returns the first 63 bits of the SHA-256 of the texts, one after the other.
#[must_use]
pub fn hash_63(texts: &[&str]) -> u64 {
    let mut sha256 = Sha256::new();
    for text in texts {
        sha256.update(text);
    }
    let digest = sha256.finalize();
    let first = digest.iter().take(8);
    first.fold(0, |hash, &byte| hash << 8 | u64::from(byte)) >> 1
}
