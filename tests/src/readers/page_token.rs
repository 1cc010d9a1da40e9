//! Page tokens of each list.
//!
//! The first byte selects the list; the rest is the text that a caller sends.

use cloud_engine::{Degree, ListedConnection};
use cloud_model::MemberId;
use cloud_search::SortKey;
use graph_server::page_token::{PageKey, Parameters};

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

/// Binds the token to the right parameters.
fn reseal(mut bytes: Vec<u8>) -> Vec<u8> {
    let token = parameters().token(&member(1));
    if let Some(bound) = bytes.get_mut(1..=BOUND_DIGITS) {
        bound.copy_from_slice(&token.as_bytes()[..BOUND_DIGITS]);
    }
    bytes
}

fn read(bytes: &[u8]) -> Result<String, String> {
    let (list, token) = bytes.split_first().ok_or("no list")?;
    let token = String::from_utf8_lossy(token);
    match list {
        b's' => key(&token, |key: &SortKey| format!("{key:?}")),
        b'c' => key(&token, |key: &ListedConnection| format!("{key:?}")),
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
    assert!(again.eq_ignore_ascii_case(token), "{again} for {token}");
    Ok(tell(&key))
}
