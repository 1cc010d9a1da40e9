//! The sort keys of the paged lists, as bytes. Each decoder checks its values here, once.

use cloud_engine::{Degree, ListedConnection};
use cloud_model::{ConnectionTime, MemberId};
use cloud_search::SortKey;

/// A sort key: the place of an entry in its list.
pub trait PageKey: Sized {
    /// Returns the key as bytes, of one length for each list.
    fn to_bytes(&self) -> Vec<u8>;

    /// Decodes the bytes that [`to_bytes`](Self::to_bytes) returns.
    ///
    /// # Errors
    /// With the reason, if the bytes are not such a key.
    fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str>;
}

const OTHER_LENGTH: &str = "has a key of another length";

/// Lists of members by id: 8 bytes.
impl PageKey for MemberId {
    fn to_bytes(&self) -> Vec<u8> {
        self.get().to_be_bytes().into()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let id = bytes.try_into().map_err(|_| OTHER_LENGTH)?;
        Self::new(u64::from_be_bytes(id)).ok_or("contains no member id")
    }
}

/// A member's connections: time and member id, 8 bytes each.
impl PageKey for ListedConnection {
    fn to_bytes(&self) -> Vec<u8> {
        [self.time.millis(), self.member.get()]
            .map(u64::to_be_bytes)
            .concat()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let (millis, member) = bytes.split_first_chunk().ok_or(OTHER_LENGTH)?;
        let millis = u64::from_be_bytes(*millis);
        let time = ConnectionTime::from_millis(millis);
        if time.millis() != millis {
            return Err("contains an invalid time");
        }
        Ok(Self {
            member: MemberId::from_bytes(member)?,
            time,
        })
    }
}

/// The degrees of hits, with their codes in a key.
const DEGREES: [(Degree, u8); 4] = [
    (Degree::First, 1),
    (Degree::Second, 2),
    (Degree::Third, 3),
    (Degree::OutOfNetwork, 4),
];

/// Hits of a search: degree (1 byte), score (4 bytes), member id (8 bytes).
impl PageKey for SortKey {
    fn to_bytes(&self) -> Vec<u8> {
        let code = DEGREES.iter().find(|(degree, _)| *degree == self.degree);
        let mut bytes = vec![code.map_or(0, |(_, code)| *code)];
        bytes.extend(self.score.to_be_bytes());
        bytes.extend(self.member.to_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let (code, rest) = bytes.split_first().ok_or(OTHER_LENGTH)?;
        let (score, member) = rest.split_first_chunk().ok_or(OTHER_LENGTH)?;
        let degree = DEGREES.iter().find(|(_, known)| known == code);
        let (degree, _) = degree.ok_or("contains an invalid degree")?;
        let score = f32::from_be_bytes(*score);
        if score.is_nan() {
            return Err("contains an invalid score");
        }
        Ok(Self {
            degree: *degree,
            score,
            member: MemberId::from_bytes(member)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_search_comes_back() {
        for (degree, score, id) in [
            (Degree::First, 0.0, 1),
            (Degree::OutOfNetwork, 13.25, u64::MAX),
        ] {
            let member = MemberId::new(id).unwrap();
            let key = SortKey {
                degree,
                score,
                member,
            };
            let back = SortKey::from_bytes(&key.to_bytes()).unwrap();
            assert_eq!(
                (back.degree, back.score, back.member),
                (degree, score, member)
            );
        }
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        fn check<Key: PageKey>(bytes: &[u8], expected: Option<&str>) {
            assert_eq!(Key::from_bytes(bytes).err(), expected, "{bytes:?}");
        }
        check::<MemberId>(&[1; 8], None);
        check::<MemberId>(&[0; 8], Some("contains no member id"));
        check::<MemberId>(&[1; 9], Some(OTHER_LENGTH));
        check::<ListedConnection>(&[1; 16], None);
        check::<ListedConnection>(&[1; 7], Some(OTHER_LENGTH));
        check::<ListedConnection>(&[1; 15], Some(OTHER_LENGTH));
        check::<ListedConnection>(&[0; 16], Some("contains no member id"));
        check::<ListedConnection>(&[0xff; 16], Some("contains an invalid time"));
        check::<SortKey>(&[1; 13], None);
        check::<SortKey>(&[1; 14], Some(OTHER_LENGTH));
        check::<SortKey>(&[], Some(OTHER_LENGTH));
        check::<SortKey>(&[0; 13], Some("contains an invalid degree"));
        check::<SortKey>(
            &[&[1][..], &[0xff; 12]].concat(),
            Some("contains an invalid score"),
        );
        check::<SortKey>(
            &[&[1][..], &[0; 12]].concat(),
            Some("contains no member id"),
        );
    }
}
