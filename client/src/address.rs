//! The address of a listener as text: `HOST:PORT`, or `http://HOST:PORT`.

use crate::Error;
use http::Uri;

/// Returns the URI of an address.
///
/// # Errors
/// [`Error::Address`], with what is wrong and how to write it.
pub(crate) fn uri(address: &str) -> Result<Uri, Error> {
    let wrong = |problem: &str| {
        Err(Error::Address {
            address: address.to_owned(),
            problem: problem.to_owned(),
        })
    };
    let (scheme, place) = address.split_once("://").unwrap_or(("http", address));
    match scheme {
        "http" => {}
        "https" | "grpcs" => {
            return wrong("the servers do not speak TLS yet: write HOST:PORT, or http://HOST:PORT");
        }
        _ => return wrong("is no address of HTTP/2: write HOST:PORT, or http://HOST:PORT"),
    }
    let place = place.strip_suffix('/').unwrap_or(place);
    let only_port = place.strip_prefix(':').unwrap_or(place);
    if only_port.bytes().all(|byte| byte.is_ascii_digit()) {
        return wrong("has no host: write localhost:PORT, or the host that serves");
    }
    let uri: Uri = match format!("http://{place}/").parse() {
        Ok(uri) => uri,
        Err(_) if place.matches(':').count() > 1 => {
            return wrong("an IPv6 address stands in brackets: write [ADDRESS]:PORT");
        }
        Err(error) => return wrong(&format!("{error}: write HOST:PORT, or http://HOST:PORT")),
    };
    if uri.path() != "/" || uri.query().is_some() {
        return wrong("has a path: write HOST:PORT, or http://HOST:PORT");
    }
    match uri.port() {
        Some(port) if port.as_u16() > 0 => Ok(uri),
        Some(_) => wrong("is no port that a server listens on: write its number"),
        None => wrong("has no port: write HOST:PORT, or http://HOST:PORT"),
    }
}

/// Checks an address, for a program that connects to it later.
///
/// # Errors
/// [`Error::Address`], with the problem and how to write it.
pub fn check_address(address: &str) -> Result<(), Error> {
    uri(address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_a_port_are_addresses() {
        for (address, expected) in [
            ("localhost:50051", "http://localhost:50051/"),
            ("http://localhost:50051", "http://localhost:50051/"),
            ("http://localhost:50051/", "http://localhost:50051/"),
            ("127.0.0.1:1", "http://127.0.0.1:1/"),
            ("[::1]:50051", "http://[::1]:50051/"),
        ] {
            assert_eq!(uri(address).unwrap().to_string(), expected);
        }
        for (address, problem) in [
            ("https://localhost:50051", "TLS"),
            ("grpcs://localhost:50051", "TLS"),
            ("grpc://localhost:50051", "HTTP/2"),
            ("dns:///localhost:50051", "HTTP/2"),
            (":50051", "no host"),
            ("50051", "no host"),
            ("", "no host"),
            ("http://", "no host"),
            ("localhost", "no port"),
            ("localhost:", "no port"),
            ("localhost:0", "no port that"),
            ("localhost:70000", "write HOST:PORT"),
            ("::1:50051", "brackets"),
            ("local host:50051", "write HOST:PORT"),
            ("localhost:50051/cloud.v1", "has a path"),
        ] {
            let error = uri(address).unwrap_err();
            let Error::Address { problem: said, .. } = &error else {
                panic!("{error}");
            };
            assert!(said.contains(problem), "{address}: {said}");
            assert!(said.contains("write "), "{address}: {said}");
        }
    }
}
