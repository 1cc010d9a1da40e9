//! The query of a search, as typed by a user.

use cloud_search::{QUERY_BYTES_MAX, Query};

use super::{Mutated, Reader, nothing_to_seal};

pub(super) const READER: Reader = Reader {
    name: "query",
    valid: || {
        b"title:engineer AND (company:\"acme works\" OR -skill:go) NOT name:ann +oslo".to_vec()
    },
    reseal: nothing_to_seal,
    read,
    mutated: Mutated::Any,
};

fn read(bytes: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(bytes);
    match Query::parse(&text) {
        Ok(query) => {
            assert!(
                text.len() <= QUERY_BYTES_MAX,
                "{} bytes were taken",
                text.len()
            );
            Ok(format!("{:?}", query.expression()))
        }
        Err(error) => {
            assert!(error.position <= text.len(), "{text:?}: {error}");
            Err(error.to_string())
        }
    }
}
