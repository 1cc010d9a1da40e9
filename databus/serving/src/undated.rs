//! Answers pages over HTTP/1.1 while the clock is before 1970.
//!
//! hyper computes the `Date` of its answers even where none is sent, and panics if that is before
//! 1970. A supervisor must be able to see that such a server lives: the pages are answered here,
//! one for each connection. HTTP/2 is not affected.

use crate::{
    limits::{ANSWER_BYTES_MAX, HEADER_BYTES_MAX, HTTP1_HEADER_TIMEOUT, OPENING_TIMEOUT},
    listener::Connection,
};
use bytes::Bytes;
use http::{Request, Response, Version};
use std::{
    convert::Infallible,
    future::poll_fn,
    io,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};
use tonic::body::Body;
use tower::{Service, ServiceExt as _};

/// The bytes that are read at a time.
const READ_BYTES: u64 = 1 << 10;

/// Returns whether hyper cannot serve HTTP/1.1 now.
pub(crate) fn clock_is_before_1970() -> bool {
    SystemTime::now() < UNIX_EPOCH
}

/// Returns whether a connection begins as HTTP/2 does, with `PRI`. No page has a method with its
/// first letter.
pub(crate) async fn is_http2(connection: &mut Connection) -> bool {
    let first = timeout(OPENING_TIMEOUT, connection.first_byte());
    matches!(first.await, Ok(Ok(b'P')))
}

/// Answers one request, and closes the connection.
pub(crate) async fn answer<S>(mut connection: Connection, service: S) -> io::Result<()>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let request = timeout(HTTP1_HEADER_TIMEOUT, read(&mut connection)).await??;
    let Ok(answer) = service.oneshot(request).await;
    let (head, body) = answer.into_parts();
    let body = axum::body::to_bytes(axum::body::Body::new(body), ANSWER_BYTES_MAX).await;
    let text = text(&head, &body.map_err(io::Error::other)?);
    let outgoing = connection.outgoing();
    for piece in text.chunks(READ_BYTES as usize) {
        connection.write_all(piece).await?;
        poll_fn(|context| outgoing.poll_send(context)).await?;
    }
    connection.shutdown().await
}

/// Reads the head of a request. A body is not read: pages have none.
async fn read(connection: &mut Connection) -> io::Result<Request<Body>> {
    let mut head = Vec::new();
    loop {
        let read = connection.take(READ_BYTES).read_buf(&mut head).await?;
        if read == 0 || head.len() > HEADER_BYTES_MAX as usize {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            return parse(&head).ok_or_else(|| io::ErrorKind::InvalidData.into());
        }
    }
}

/// Parses the first line of a request, such as `GET /livez HTTP/1.1`.
fn parse(head: &[u8]) -> Option<Request<Body>> {
    let line = head.split(|&byte| byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    words.next()?.strip_prefix("HTTP/1.")?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .version(Version::HTTP_11);
    request.body(Body::empty()).ok()
}

/// Returns an answer as HTTP/1.1 writes it.
fn text(head: &http::response::Parts, body: &Bytes) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {}\r\n", head.status).into_bytes();
    for (name, value) in &head.headers {
        if name != http::header::CONTENT_LENGTH {
            text.extend_from_slice(name.as_str().as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value.as_bytes());
            text.extend_from_slice(b"\r\n");
        }
    }
    let ends = format!(
        "content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    text.extend_from_slice(ends.as_bytes());
    text.extend_from_slice(body);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listener::Listener;
    use tokio::net::TcpStream;

    /// Returns the answer to what a caller sends.
    async fn answered(said: &[u8]) -> (io::Result<()>, String) {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let mut caller = TcpStream::connect(listener.address()).await.unwrap();
        let echo = tower::service_fn(async |request: Request<Body>| {
            let text = format!("{} {}", request.method(), request.uri());
            let body = axum::body::Body::from(text);
            Ok::<_, Infallible>(Response::new(Body::new(body)))
        });
        let (connection, ()) = tokio::join!(listener.accept(), async {
            caller.write_all(said).await.unwrap();
            caller.shutdown().await.unwrap();
        });
        let outcome = answer(connection, echo).await;
        let mut text = String::new();
        // A connection that is cut off gives an error.
        let _ = caller.read_to_string(&mut text).await;
        (outcome, text)
    }

    #[tokio::test]
    async fn a_page_is_answered_and_anything_else_is_cut_off() {
        let (outcome, text) = answered(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await;
        outcome.unwrap();
        let expected =
            "HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\nGET /livez";
        assert_eq!(text, expected);
        for said in [
            &b""[..],
            b"GET /livez HTTP/1.1\r\nhost:",
            b"GET\r\n\r\n",
            b"GET /livez HTTP/3\r\n\r\n",
            b"GET \xff HTTP/1.1\r\n\r\n",
            &[b'x'; 64 << 10],
        ] {
            let (outcome, text) = answered(said).await;
            assert_eq!((outcome.is_err(), text.as_str()), (true, ""));
        }
    }

    #[tokio::test]
    async fn http2_is_recognised_by_its_first_byte() {
        for (said, expected) in [(b"PRI", true), (b"GET", false)] {
            let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
            let mut caller = TcpStream::connect(listener.address()).await.unwrap();
            caller.write_all(said).await.unwrap();
            let mut connection = listener.accept().await;
            assert_eq!(is_http2(&mut connection).await, expected);
        }
    }
}
