//! The address of a listener as text: `127.0.0.1:PORT`, `[::1]:PORT`, `localhost:PORT`.

use serde::{Deserialize, Deserializer, Serializer, de::Error as _};
use std::net::{SocketAddr, ToSocketAddrs as _};

/// Parses an address, for clap's `value_parser`. A name is resolved; of several addresses, the
/// first one of IPv4 is taken, or else the first. The error says what is wrong, and how to write
/// it.
pub fn parse(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err("has no port: write ADDRESS:PORT, such as 127.0.0.1:50051".to_owned());
    };
    if host.is_empty() {
        return Err(format!(
            "has no address: write 127.0.0.1:{port} for this machine alone, or 0.0.0.0:{port} for \
             every network of it"
        ));
    }
    if port.parse::<u16>().is_err() {
        return Err("has no port of 0 to 65535 behind its last colon".to_owned());
    }
    if host.contains(':') {
        return Err(format!(
            "an IPv6 address stands in brackets: write [ADDRESS]:{port}"
        ));
    }
    let resolved = text.to_socket_addrs();
    let found: Vec<_> = resolved
        .map_err(|error| format!("{host} is no address of this machine: {error}"))?
        .collect();
    let first_of_ipv4 = found.iter().find(|address| address.is_ipv4());
    let taken = first_of_ipv4.or(found.first()).copied();
    taken.ok_or_else(|| format!("{host} has no address"))
}

/// Writes the address, for serde's `with`.
pub fn serialize<S: Serializer>(address: &SocketAddr, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(address)
}

/// Reads what [`parse`] parses, for serde's `with`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(|problem| D::Error::custom(format_args!("{text:?} {problem}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_with_a_port_are_listened_on() {
        for (text, expected) in [
            ("127.0.0.1:50051", "127.0.0.1:50051"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("[::1]:50051", "[::1]:50051"),
            ("localhost:50051", "127.0.0.1:50051"),
        ] {
            assert_eq!(parse(text), Ok(expected.parse().unwrap()), "{text}");
        }
        for (text, problem) in [
            (":50051", "write 127.0.0.1:50051"),
            ("50051", "has no port"),
            ("127.0.0.1", "has no port"),
            ("", "has no port"),
            ("localhost:", "0 to 65535"),
            ("localhost:65536", "0 to 65535"),
            ("::1:50051", "in brackets"),
            ("name.invalid:50051", "name.invalid is no address"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
