//! The record of a profile, as the files of snapshots and the live store hold it.
//!
//! The record is made of the log's own records, so that a change merges into it field by field. It
//! is a message of its own, apart from the profile of an answer: files of every version stay
//! readable, whatever becomes of the answers.

use cloud_proto::databus::v1::{Member, Position};

/// A member with the member's positions.
///
/// Its tags never change: they are in the files of every version.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ProfileRecord {
    /// The member's own fields. Every record has them.
    #[prost(message, optional, tag = "1")]
    pub member: Option<Member>,
    /// The positions, in the order of [`sort_positions`](crate::sort_positions).
    #[prost(message, repeated, tag = "2")]
    pub positions: Vec<Position>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;

    #[test]
    fn the_bytes_of_a_record_are_those_of_earlier_versions() {
        let record = ProfileRecord {
            member: Some(Member {
                member_id: 7,
                given_name: "Ada".to_owned(),
                ..Member::default()
            }),
            positions: vec![Position {
                position_id: 3,
                title: "Boss".to_owned(),
                ..Position::default()
            }],
        };
        let bytes = b"\x0a\x07\x08\x07\x12\x03Ada\x12\x08\x08\x03\x22\x04Boss";
        assert_eq!(record.encode_to_vec(), bytes);
        assert_eq!(ProfileRecord::decode(bytes.as_slice()).unwrap(), record);
    }
}
