//! Page tokens: the last sort key of a page, bound to the request that the page answered.
//!
//! A token is a place in an order, not in a list: members that do not change between two pages are
//! neither skipped nor repeated. Its text is lower-case hexadecimal digits of these bytes:
//!
//! ```text
//! 1 byte   version
//! 8 bytes  digest of the request's other parameters
//!          sort key, of one length for each list
//! 8 bytes  checksum of all bytes before
//! ```
//!
//! So a token in which one bit was changed is refused, and never taken for another place.

mod key;

use crate::{limits::PAGE_TOKEN_BYTES_MAX, rpc::refusal::Refusal};
use cloud_engine::MembersPage;
pub use key::{PageKey, SharedPlace};
use std::fmt::Write;

const VERSION: u8 = 2;
const DIGEST_BYTES: usize = 8;
/// The key of the checksum, so that it differs from any other hash of the same bytes.
const CHECKSUM_CONTEXT: &str = "cloud.v1 page token";

/// The parameters to which a token is bound, as a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters([u8; DIGEST_BYTES]);

/// A text that is not a page token of this list: an error of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a page token that {problem}")]
pub struct InvalidPageToken {
    problem: &'static str,
}

impl From<InvalidPageToken> for Refusal {
    fn from(InvalidPageToken { problem }: InvalidPageToken) -> Self {
        Self::field("page_token", problem)
    }
}

impl Parameters {
    /// Digests the call's name and its parameters, each as bytes.
    #[must_use]
    pub fn of(name: &str, parameters: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in std::iter::once(&name.as_bytes()).chain(parameters) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(digest(&hasher))
    }

    /// Returns the token of the page that ends with `key`.
    pub fn token(self, key: &impl PageKey) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.0);
        bytes.extend(key.to_bytes());
        bytes.extend(checksum(&bytes));
        bytes.into_iter().fold(String::new(), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Returns the token of the page after `page`; empty after the last one.
    pub(crate) fn next_page(self, page: &MembersPage) -> String {
        match page.members.last().filter(|_| page.more) {
            Some(last) => self.token(last),
            None => String::new(),
        }
    }

    /// Returns the sort key in `token`, or `None` for the first page.
    ///
    /// # Errors
    /// If [`Self::token`] did not make the token for these parameters.
    pub fn key<Key: PageKey>(self, token: &str) -> Result<Option<Key>, InvalidPageToken> {
        if token.is_empty() {
            return Ok(None);
        }
        let refused = |problem| InvalidPageToken { problem };
        let foreign = || refused("is not a page token of this server");
        let bytes = decode(token).ok_or_else(foreign)?;
        let (&version, _) = bytes.split_first().ok_or_else(foreign)?;
        if version != VERSION {
            return Err(refused("is of another version of this server"));
        }
        let (stated, found) = bytes.split_last_chunk().ok_or_else(foreign)?;
        if *found != checksum(stated) {
            return Err(foreign());
        }
        let (_, rest) = stated.split_first().ok_or_else(foreign)?;
        let (parameters, key) = rest.split_first_chunk().ok_or_else(foreign)?;
        if *parameters != self.0 {
            return Err(refused("belongs to a request with other parameters"));
        }
        Ok(Some(Key::from_bytes(key).map_err(refused)?))
    }
}

fn checksum(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    digest(blake3::Hasher::new_derive_key(CHECKSUM_CONTEXT).update(bytes))
}

fn digest(hasher: &blake3::Hasher) -> [u8; DIGEST_BYTES] {
    let mut digest = [0; DIGEST_BYTES];
    hasher.finalize_xof().fill(&mut digest);
    digest
}

fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() > PAGE_TOKEN_BYTES_MAX || !text.len().is_multiple_of(2) {
        return None;
    }
    // Upper-case digits would be a second text for the same bytes.
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_engine::ListedConnection;
    use cloud_model::{ConnectionTime, MemberId};
    use proptest::prelude::*;

    fn listed(time: u64, member: u64) -> ListedConnection {
        ListedConnection {
            member: MemberId::new(member).unwrap(),
            time: ConnectionTime::from_millis(time),
        }
    }

    proptest! {
        #[test]
        fn a_text_is_taken_only_as_the_token_of_its_key(
            time in 0..1_u64 << 62,
            member in 1..=u64::MAX,
            place in any::<prop::sample::Index>(),
            with in "\\PC|[0-9a-fA-F]{0,3}",
            any_text in "\\PC{0,80}|[0-9a-fA-F]{0,80}",
        ) {
            let parameters = Parameters::of("x", &[b"y"]);
            let token = parameters.token(&listed(time, member));
            let at = place.index(token.len());
            let mutated = format!("{}{with}{}", &token[..at], &token[at + 1..]);
            for text in [mutated, any_text] {
                if let Ok(Some(found)) = parameters.key::<ListedConnection>(&text) {
                    prop_assert_eq!(parameters.token(&found), text);
                }
            }
        }
    }

    #[test]
    fn a_key_comes_back_for_the_same_parameters_only() {
        let parameters = Parameters::of("ListConnections", &[&7_u64.to_le_bytes(), b"id"]);
        let key = listed(1_200_000_000_000, 42);
        let token = parameters.token(&key);
        assert_eq!(parameters.key(&token), Ok(Some(key)));
        assert_eq!(parameters.key::<ListedConnection>(""), Ok(None));
        let others = [
            Parameters::of("ListConnections", &[&8_u64.to_le_bytes(), b"id"]),
            Parameters::of("ListShared", &[&7_u64.to_le_bytes(), b"id"]),
            Parameters::of("ListConnections", &[&7_u64.to_le_bytes(), b"i", b"d"]),
        ];
        for other in others {
            let error = other.key::<ListedConnection>(&token).unwrap_err();
            assert!(
                error.to_string().contains("with other parameters"),
                "{error}"
            );
            assert_eq!(Refusal::from(error).wrong_field(), Some("page_token"));
        }
    }

    #[test]
    fn a_token_with_one_flipped_bit_is_refused() {
        let parameters = Parameters::of("ListConnections", &[&7_u64.to_le_bytes(), b"id"]);
        let token = parameters
            .token(&listed(1_200_000_000_000, 42))
            .into_bytes();
        for bit in 0..token.len() * 8 {
            let mut flipped = token.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let flipped = String::from_utf8_lossy(&flipped);
            assert!(
                parameters.key::<ListedConnection>(&flipped).is_err(),
                "{flipped}"
            );
        }
    }

    #[test]
    fn no_other_text_is_a_token() {
        let parameters = Parameters::of("x", &[]);
        let token = parameters.token(&MemberId::new(0x0101_0101_0101_0101).unwrap());
        let long = "00".repeat(PAGE_TOKEN_BYTES_MAX);
        let cut = &token[..token.len() - 2];
        let odd = &token[..token.len() - 1];
        for text in [
            "0",
            "zz",
            "01",
            "\u{e9}\u{e9}",
            &long,
            cut,
            odd,
            &format!("01{}", &token[2..]),
            &token.to_uppercase(),
        ] {
            assert!(parameters.key::<MemberId>(text).is_err(), "{text}");
        }
    }
}
