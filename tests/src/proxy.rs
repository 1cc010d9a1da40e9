//! A proxy of TCP connections that can stop forwarding, like a network that is cut: neither side
//! notices, since no connection is closed.

use std::{
    net::Ipv4Addr,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// The bytes that are forwarded at once.
const BUFFER_BYTES: usize = 16 << 10;

/// A proxy on a free port of the loopback interface. Dropping it closes its connections.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    network: watch::Sender<Network>,
    /// The connections that were accepted. Their numbers begin with 0.
    accepted: Arc<AtomicU64>,
}

/// The state of the network.
#[derive(Debug)]
struct Network {
    is_cut: bool,
    /// The numbers of the connections that are forwarded.
    numbers: Range<u64>,
}

impl Network {
    fn forwards(&self, number: u64) -> bool {
        !self.is_cut && self.numbers.contains(&number)
    }
}

impl Proxy {
    /// Starts forwarding to a port of the loopback interface.
    pub async fn start(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let (network, watched) = watch::channel(Network {
            is_cut: false,
            numbers: 0..u64::MAX,
        });
        let accepted = Arc::default();
        tokio::spawn(accept(listener, target, Arc::clone(&accepted), watched));
        Self {
            port,
            network,
            accepted,
        }
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops forwarding. New connections are accepted, and nothing comes of them.
    pub fn cut(&self) {
        self.network.send_modify(|network| network.is_cut = true);
    }

    /// Stops forwarding connections that begin after this many more.
    pub fn cut_after(&self, connections: u64) {
        let end = self.accepted() + connections;
        self.network
            .send_modify(|network| network.numbers.end = end);
    }

    /// Forwards again, beginning with what was sent meanwhile.
    pub fn mend(&self) {
        self.network.send_modify(|network| network.is_cut = false);
    }

    /// Forwards again, but only connections that begin from now on. The others stay open and
    /// silent.
    pub fn mend_for_new(&self) {
        let first = self.accepted();
        self.network.send_modify(|network| {
            network.is_cut = false;
            network.numbers = first..u64::MAX;
        });
    }

    /// Returns the number of connections that were accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }
}

async fn accept(
    listener: TcpListener,
    target: u16,
    accepted: Arc<AtomicU64>,
    network: watch::Receiver<Network>,
) {
    loop {
        let connection = tokio::select! {
            connection = listener.accept() => connection,
            () = dropped(network.clone()) => return,
        };
        if let Ok((client, _)) = connection {
            let number = accepted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(forward(client, target, number, network.clone()));
        }
    }
}

async fn forward(
    client: TcpStream,
    target: u16,
    number: u64,
    mut network: watch::Receiver<Network>,
) {
    let reaches = network.wait_for(|network| network.forwards(number));
    if reaches.await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        pump(from_client, to_server, number, network.clone()),
        pump(from_server, to_client, number, network.clone()),
    );
}

/// Forwards one direction until its end, which waits for the network too.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    number: u64,
    mut network: watch::Receiver<Network>,
) {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read.unwrap_or(0),
            () = dropped(network.clone()) => return,
        };
        let reaches = network.wait_for(|network| network.forwards(number));
        if reaches.await.is_err() {
            return;
        }
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            // It fails if the other side is gone, too.
            let _ = to.shutdown().await;
            return;
        }
    }
}

/// Waits until the proxy is dropped.
async fn dropped(mut network: watch::Receiver<Network>) {
    while network.changed().await.is_ok() {}
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// Serves connections by sending back what they send.
    async fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.into_split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        port
    }

    async fn send(stream: &mut TcpStream) {
        stream.write_all(b"x").await.expect("sent");
    }

    /// Returns whether a byte comes back soon.
    async fn comes_back(stream: &mut TcpStream) -> bool {
        let answered = timeout(Duration::from_millis(100), stream.read_u8()).await;
        answered.is_ok_and(|read| read.is_ok())
    }

    #[tokio::test]
    async fn what_was_sent_while_the_network_was_cut_arrives_later() {
        let proxy = Proxy::start(echo().await).await;
        let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port()));
        let mut first = connect().await.expect("connected");
        send(&mut first).await;
        assert!(comes_back(&mut first).await);

        proxy.cut();
        let mut second = connect().await.expect("connected");
        for stream in [&mut first, &mut second] {
            send(stream).await;
            assert!(!comes_back(stream).await);
        }
        proxy.mend();
        assert!(comes_back(&mut first).await);
        assert!(comes_back(&mut second).await);

        proxy.cut();
        send(&mut first).await;
        proxy.mend_for_new();
        assert!(!comes_back(&mut first).await);
        let mut third = connect().await.expect("connected");
        send(&mut third).await;
        assert!(comes_back(&mut third).await);

        drop(proxy);
        let ended = third.read(&mut [0]).await;
        assert_eq!(ended.unwrap_or(0), 0, "it is closed");
    }
}
