//! The input of Publish: parts in protobuf, assembled and checked.
//!
//! Each message follows its length, as on the wire.

use cloud_proto::databus::v1::change::Event;
use cloud_proto::databus::v1::{
    Change, ConnectionAdded, Member, MemberUpserted, PublishRequest, WindowPart,
};
use databus::{LogOptions, WindowAssembler, WindowLimits};
use prost::Message as _;

use super::{Mutated, Reader, nothing_to_seal};

pub(super) const READER: Reader = Reader {
    name: "window",
    valid,
    reseal: nothing_to_seal,
    read,
    mutated: Mutated::Any,
};

fn valid() -> Vec<u8> {
    let change = |event| Change {
        skippable: false,
        event: Some(event),
    };
    let connection = ConnectionAdded {
        existing_only: false,
        member_id: 1,
        other_id: 2,
        connected_at: None,
    };
    let member = Member {
        member_id: 3,
        headline: "engineer".to_owned(),
        ..Default::default()
    };
    let fields = prost_types::FieldMask {
        paths: vec!["headline".to_owned()],
    };
    let upserted = MemberUpserted {
        existing_only: false,
        member: Some(member),
        fields: Some(fields),
    };
    let part = |part, event| WindowPart {
        source_id: "core".to_owned(),
        source_offset: 7,
        part,
        last: part == 1,
        changes: vec![change(event)],
        ..Default::default()
    };
    let parts = [
        part(0, Event::ConnectionAdded(connection)),
        part(1, Event::MemberUpserted(upserted)),
    ];
    let mut bytes = Vec::new();
    for part in parts {
        let request = PublishRequest { part: Some(part) };
        request
            .encode_length_delimited(&mut bytes)
            .expect("a vector grows");
    }
    bytes
}

fn read(mut bytes: &[u8]) -> Result<String, String> {
    let mut assembler = WindowAssembler::new(WindowLimits::from(&LogOptions::default()));
    let mut told = String::new();
    while !bytes.is_empty() {
        let request = PublishRequest::decode_length_delimited(&mut bytes)
            .map_err(|error| error.to_string())?;
        let part = request.part.ok_or("part: is missing")?;
        if let Some(window) = assembler.push(part).map_err(|error| error.to_string())? {
            told += &format!("{} bytes\n", window.bytes());
        }
    }
    assembler.finish().map_err(|error| error.to_string())?;
    Ok(told)
}
