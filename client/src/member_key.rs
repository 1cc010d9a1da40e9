//! Member ids of members whose keys are not positive 64-bit integers.

use cloud_model::MemberId;

/// Returns the id of the member with this key, where a site's keys are UUIDs or other texts.
///
/// The id is the first 63 bits of the SHA-256 of the seed followed by the key, both as UTF-8; 1 if
/// they are 0. `seed` is that of the site's mapping. `key` is the key as the database prints it,
/// a UUID in lower case with hyphens. Neither is trimmed. The page `docs/member-keys.md` has the
/// same function in other languages.
///
/// ```
/// let id = cloud_client::member_id_of("example.org/2026", "0b8a4b1e-7c1c-4f43-9d0b-3f2f0f7ab6c1");
/// assert_eq!(id, 480_547_056_424_311_273);
/// ```
#[must_use]
pub fn member_id_of(seed: &str, key: &str) -> u64 {
    MemberId::of_key(seed, key).get()
}
