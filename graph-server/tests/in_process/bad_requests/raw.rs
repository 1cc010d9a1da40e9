//! Sends any bytes to any path, also those that generated clients would not send.

use crate::small_site::SmallSite;
use prost::bytes::{Buf as _, BufMut as _};
use std::net::SocketAddr;
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};

/// Channels to both listeners.
pub(super) struct Wire {
    public: Channel,
    admin: Channel,
}

/// A listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listener {
    Public,
    Admin,
}

impl Wire {
    pub(super) async fn connect(site: &SmallSite) -> Self {
        Self {
            public: channel(site.running.public_addr()).await,
            admin: channel(site.running.admin_addr()).await,
        }
    }

    /// Sends the messages and returns the first answer, or the error. A stream returns the error
    /// that ends it, or the last of its first two answers.
    pub(super) async fn ask(
        &self,
        call: &str,
        messages: Vec<Vec<u8>>,
        timeout: Option<&str>,
    ) -> Result<Vec<u8>, Status> {
        self.ask_on(listener_of(call), call, messages, timeout)
            .await
    }

    pub(super) async fn ask_on(
        &self,
        listener: Listener,
        call: &str,
        messages: Vec<Vec<u8>>,
        timeout: Option<&str>,
    ) -> Result<Vec<u8>, Status> {
        let channel = match listener {
            Listener::Public => &self.public,
            Listener::Admin => &self.admin,
        };
        let mut client = Grpc::new(channel.clone());
        client.ready().await.unwrap();
        let mut request = Request::new(tokio_stream::iter(messages));
        if let Some(timeout) = timeout {
            request
                .metadata_mut()
                .insert("grpc-timeout", timeout.parse().unwrap());
        }
        let path = PathAndQuery::try_from(format!("/{call}")).unwrap();
        let mut answers = client
            .streaming(request, path, RawCodec)
            .await?
            .into_inner();
        let first = answers.message().await?;
        let first = first.ok_or_else(|| Status::new(Code::Ok, "ended without an answer"))?;
        if call == "databus.v1.Publisher/Publish" {
            while answers.message().await?.is_some() {}
        }
        Ok(first)
    }
}

/// Returns the listener that serves a call, or the public one of two.
pub(super) fn listener_of(call: &str) -> Listener {
    let admin = [
        "cloud.v1.NetworkService/GetDegreesForViewers",
        "cloud.v1.AdminService/",
        "databus.v1.Databus/",
        "databus.v1.Publisher/",
    ];
    if admin.iter().any(|service| call.starts_with(service)) {
        Listener::Admin
    } else {
        Listener::Public
    }
}

async fn channel(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    endpoint.connect().await.unwrap()
}

/// A codec that passes messages as bytes.
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}
