//! A listening socket with a bounded number of open connections.
//!
//! Further connections wait in the system's queue.

use crate::limits::{ACCEPT_RETRY_INTERVAL, OPENING_BYTES, OPENING_TIMEOUT};
use crate::outgoing::Outgoing;
use std::{
    future::Future,
    io,
    net::{SocketAddr, TcpListener as StdTcpListener},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Sleep,
};

/// The error when an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// The system's error.
    pub source: io::Error,
}

/// A socket that is bound, and does not accept yet.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    places: Arc<Semaphore>,
}

impl Listener {
    /// Listens on an address; port 0 takes a free one. At most `connections_max` connections are
    /// open at a time.
    pub(crate) fn bind(address: SocketAddr, connections_max: usize) -> Result<Self, ListenError> {
        let bind = || {
            let socket = StdTcpListener::bind(address)?;
            socket.set_nonblocking(true)?;
            let socket = TcpListener::from_std(socket)?;
            let address = socket.local_addr()?;
            Ok(Self {
                socket,
                address,
                places: Arc::new(Semaphore::new(connections_max)),
            })
        };
        bind().map_err(|source| ListenError { address, source })
    }

    /// Returns the address on which it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the next connection, as soon as the limit allows one more.
    pub(crate) async fn accept(&self) -> Connection {
        loop {
            let accepted = async {
                let place = Arc::clone(&self.places).acquire_owned().await;
                let place = place.map_err(io::Error::other)?;
                let (stream, _) = self.socket.accept().await?;
                stream.set_nodelay(true)?;
                Ok::<_, io::Error>(Connection::new(stream, place, OPENING_TIMEOUT))
            };
            match accepted.await {
                Ok(connection) => return connection,
                Err(error) => {
                    // One cause is that no file descriptors are left. The open connections are not
                    // affected.
                    tracing::warn!(
                        %error,
                        address = %self.address,
                        "a connection was not accepted"
                    );
                    tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await;
                }
            }
        }
    }
}

/// A connection, which counts towards the listener's limit until it is closed.
///
/// It is closed if it does not send the first line of HTTP/2 in time. The task of the connection
/// sends what is written to it, from its [`Outgoing`].
pub(crate) struct Connection {
    incoming: OwnedReadHalf,
    outgoing: Outgoing,
    /// Present until [`OPENING_BYTES`] have arrived. From then on the timeouts of the protocol
    /// apply.
    opening: Option<Opening>,
    _place: OwnedSemaphorePermit,
}

struct Opening {
    bytes: usize,
    timeout: Pin<Box<Sleep>>,
}

impl Connection {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit, opening_timeout: Duration) -> Self {
        let (incoming, outgoing) = stream.into_split();
        Self {
            incoming,
            outgoing: Outgoing::new(outgoing),
            opening: Some(Opening {
                bytes: 0,
                timeout: Box::pin(tokio::time::sleep(opening_timeout)),
            }),
            _place: place,
        }
    }

    /// Returns the first byte that is sent, and leaves it there.
    pub(crate) async fn first_byte(&mut self) -> io::Result<u8> {
        let mut first = [0];
        match self.incoming.peek(&mut first).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(first[0]),
        }
    }

    /// Returns the buffer of bytes that are written to the connection and not yet sent.
    pub(crate) fn outgoing(&self) -> Outgoing {
        self.outgoing.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buffer.filled().len();
        let read = Pin::new(&mut self.incoming).poll_read(context, buffer);
        let Some(opening) = &mut self.opening else {
            return read;
        };
        if read.is_pending() {
            ready!(opening.timeout.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        opening.bytes += buffer.filled().len() - filled;
        if opening.bytes >= OPENING_BYTES {
            self.opening = None;
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.outgoing.poll_take(context, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.outgoing.poll_take(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Returns at once: the bytes are sent after the protocol has written all that it has.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Reads from a connection whose caller sends `said` and then nothing more.
    async fn read(said: &[u8], timeout: Duration) -> io::Result<usize> {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut caller = TcpStream::connect(socket.local_addr().unwrap())
            .await
            .unwrap();
        let (stream, _) = socket.accept().await.unwrap();
        let places = Arc::new(Semaphore::new(1));
        let place = places.acquire_owned().await.unwrap();
        let mut connection = Connection::new(stream, place, timeout);
        caller.write_all(said).await.unwrap();
        let mut all = Vec::new();
        let read = connection.read_to_end(&mut all);
        let waits = async {
            tokio::time::sleep(2 * timeout).await;
            caller.shutdown().await
        };
        tokio::join!(read, waits).0
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_at_first_is_closed() {
        let timeout = Duration::from_millis(50);
        let check = |said: io::Result<usize>, expected: Result<usize, io::ErrorKind>| {
            assert_eq!(said.map_err(|error| error.kind()), expected);
        };
        check(read(b"", timeout).await, Err(io::ErrorKind::TimedOut));
        check(
            read(b"PRI * HTTP/2.0", timeout).await,
            Err(io::ErrorKind::TimedOut),
        );
        let opening = [b'x'; OPENING_BYTES];
        check(read(&opening, timeout).await, Ok(OPENING_BYTES));
    }
}
