//! Requests a page of a server, as a supervisor does: a new connection, HTTP/1.1, one answer.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// The longest time that a page may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Returns the status and the body of a page.
///
/// # Errors
/// If nothing listens at the address, or no whole answer comes in time.
pub fn get(address: &str, path: &str) -> io::Result<(u16, String)> {
    let address = address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, answer.clone());
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(malformed)?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok((status.ok_or_else(malformed)?, body.to_owned()))
}
