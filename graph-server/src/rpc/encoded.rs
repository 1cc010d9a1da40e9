//! A codec for answers that are encoded before tonic gets them.
//!
//! tonic encodes an answer on the thread that writes it to the connection. For an answer of a
//! mebibyte, that would delay the small answers of the same thread.

use bytes::{BufMut as _, Bytes};
use prost::Message;
use std::marker::PhantomData;
use tonic::{
    Status,
    codec::{BufferSettings, Codec, EncodeBuf, Encoder},
};
use tonic_prost::ProstDecoder;

/// The codec of a method with requests `M`, whose answers are encoded messages.
pub(crate) struct EncodedCodec<M>(PhantomData<fn() -> M>);

/// Copies the bytes of an answer.
pub(crate) struct CopyEncoder;

impl<M> EncodedCodec<M> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<M: Message + Default + 'static> Codec for EncodedCodec<M> {
    type Encode = Bytes;
    type Decode = M;
    type Encoder = CopyEncoder;
    type Decoder = ProstDecoder<M>;

    fn encoder(&mut self) -> CopyEncoder {
        CopyEncoder
    }

    fn decoder(&mut self) -> ProstDecoder<M> {
        ProstDecoder::new(BufferSettings::default())
    }
}

impl Encoder for CopyEncoder {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, answer: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(answer);
        Ok(())
    }
}
