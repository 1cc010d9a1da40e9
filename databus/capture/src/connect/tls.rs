//! Encryption of the connection, as the parameters of the address ask for it. The replication
//! client encrypts all connections.

use std::{net::IpAddr, path::PathBuf};

use pgwire_replication::{SslMode, TlsConfig};

use crate::connect::error::ConnectError;

/// The parameters of encryption in an address.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TlsParameters {
    mode: Option<String>,
    authorities: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// Splits the parameters of encryption from an address.
pub(super) fn split(address: &str) -> Result<(String, TlsParameters), ConnectError> {
    let mut parameters = TlsParameters::default();
    let Some((base, query)) = address.split_once('?') else {
        return Ok((address.to_owned(), parameters));
    };
    let mut rest = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(ConnectError::Address(format!("`{pair}` has no value")));
        };
        let value = value.to_owned();
        match name {
            "sslmode" => parameters.mode = Some(value),
            "sslrootcert" => parameters.authorities = Some(value.into()),
            "sslcert" => parameters.certificate = Some(value.into()),
            "sslkey" => parameters.key = Some(value.into()),
            _ => rest.push(pair),
        }
    }
    let address = match rest.is_empty() {
        true => base.to_owned(),
        false => format!("{base}?{}", rest.join("&")),
    };
    Ok((address, parameters))
}

impl TlsParameters {
    /// Returns the configuration for a host.
    pub(super) fn config(self, host: &str) -> Result<TlsConfig, ConnectError> {
        let mode = match self.mode.as_deref() {
            None if is_here(host) => SslMode::Disable,
            None | Some("verify-full") => SslMode::VerifyFull,
            Some("verify-ca") => SslMode::VerifyCa,
            Some("require") => SslMode::Require,
            Some("disable") => SslMode::Disable,
            Some(other) => {
                return Err(ConnectError::Address(format!(
                    "sslmode={other} is none of disable, require, verify-ca, verify-full"
                )));
            }
        };
        let config = TlsConfig {
            mode,
            // Without it, the client does not check the name of an IP address.
            sni_hostname: Some(host.to_owned()),
            ca_pem_path: self.authorities,
            ..TlsConfig::default()
        };
        match (self.certificate, self.key) {
            (None, None) => Ok(config),
            (Some(certificate), Some(key)) => Ok(config.with_client_cert(certificate, key)),
            _ => Err(ConnectError::Address(
                "sslcert and sslkey belong together".to_owned(),
            )),
        }
    }
}

/// Returns whether a host is this machine.
pub(super) fn is_here(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    let is_loopback = address.is_ok_and(|address| address.is_loopback());
    host.starts_with('/') || host == "localhost" || is_loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_strict_unless_the_host_is_here() {
        let mode = |address: &str, host: &str| {
            let (address, parameters) = split(address).unwrap();
            (
                address,
                parameters.config(host).map(|config| config.mode).ok(),
            )
        };
        let base = "postgres://app@db/site";
        for (query, host, rest, expected) in [
            ("", "db", "", Some(SslMode::VerifyFull)),
            ("", "127.0.0.1", "", Some(SslMode::Disable)),
            ("", "/run/postgresql", "", Some(SslMode::Disable)),
            ("?sslmode=require", "db", "", Some(SslMode::Require)),
            (
                "?connect_timeout=3&sslmode=verify-ca",
                "db",
                "?connect_timeout=3",
                Some(SslMode::VerifyCa),
            ),
            ("?sslmode=prefer", "db", "", None),
            ("?sslcert=a", "db", "", None),
        ] {
            let found = mode(&format!("{base}{query}"), host);
            assert_eq!(found, (format!("{base}{rest}"), expected), "{query} {host}");
        }
    }
}
