//! Page tokens of each list.
//!
//! The first byte selects the list; the rest is the text that a caller sends.

use cloud_engine::{Degree, ListedConnection, Suggestion};
use cloud_model::MemberId;
use cloud_search::SortKey;
use graph_server::page_token::{PageKey, Parameters, SharedPlace};

use super::{Mutated, Reader};

pub(super) const READER: Reader = Reader {
    name: "page-token",
    valid,
    reseal,
    read,
    mutated: Mutated::Any,
};

/// The number of digits of the version and of the digest of the parameters.
const BOUND_DIGITS: usize = 2 + 16;
/// The number of digits of the checksum at the end.
const CHECKSUM_DIGITS: usize = 16;

fn parameters() -> Parameters {
    Parameters::of("SearchMembers", &[&7_u64.to_le_bytes(), b"engineer"])
}

fn valid() -> Vec<u8> {
    let key = SortKey {
        degree: Degree::Second,
        score: 13.25,
        member: member(42),
    };
    [b"s", parameters().token(&key).as_bytes()].concat()
}

fn member(id: u64) -> MemberId {
    MemberId::new(id).expect("not 0")
}

/// A key of any bytes.
struct AnyKey(Vec<u8>);

impl PageKey for AnyKey {
    fn to_bytes(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        Ok(Self(bytes.to_vec()))
    }
}

/// Binds the token's key to the right parameters, and gives it the right checksum.
fn reseal(bytes: Vec<u8>) -> Vec<u8> {
    let Some((list, token)) = bytes.split_first() else {
        return bytes;
    };
    let key_end = token.len().saturating_sub(CHECKSUM_DIGITS);
    let key = token.get(BOUND_DIGITS..key_end).unwrap_or_default();
    let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    let key = key.chunks_exact(2).map(byte).collect::<Option<Vec<u8>>>();
    match key {
        Some(key) => {
            let token = parameters().token(&AnyKey(key));
            [&[*list], token.as_bytes()].concat()
        }
        None => bytes,
    }
}

fn read(bytes: &[u8]) -> Result<String, String> {
    let (list, token) = bytes.split_first().ok_or("no list")?;
    let token = String::from_utf8_lossy(token);
    match list {
        b's' => key(&token, |key: &SortKey| format!("{key:?}")),
        b'c' => key(&token, |key: &ListedConnection| format!("{key:?}")),
        b'g' => key(&token, |key: &Suggestion| format!("{key:?}")),
        b'h' => key(&token, |key: &SharedPlace| format!("{key:?}")),
        _ => key(&token, |key: &MemberId| format!("{key:?}")),
    }
}

/// Reads a token. One that is accepted equals the token of its key.
fn key<Key: PageKey>(token: &str, tell: impl Fn(&Key) -> String) -> Result<String, String> {
    let key = parameters().key::<Key>(token);
    let Some(key) = key.map_err(|error| error.to_string())? else {
        return Err("the first page".to_owned());
    };
    let again = parameters().token(&key);
    assert_eq!(again, token);
    Ok(tell(&key))
}
