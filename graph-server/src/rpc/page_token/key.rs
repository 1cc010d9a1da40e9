//! The sort keys of the paged lists, as bytes. Each decoder checks its values here, once.

use cloud_engine::{Degree, ListedConnection, Suggestion};
use cloud_model::{ConnectionTime, History, LogPoint, MemberId, Scn};
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

/// Suggestions: the number of shared connections (4 bytes) and the member id.
impl PageKey for Suggestion {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.shared.to_be_bytes().to_vec();
        bytes.extend(self.member.to_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let (shared, member) = bytes.split_first_chunk().ok_or(OTHER_LENGTH)?;
        Ok(Self {
            shared: u32::from_be_bytes(*shared),
            member: MemberId::from_bytes(member)?,
        })
    }
}

/// A place in a list of shared connections, with their number: it holds at another SCN as long as
/// neither member's connections change, and is not counted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedPlace {
    /// The last member of the page.
    pub member: MemberId,
    /// The number of members on all pages.
    pub total: u64,
    /// The point of the log that the number is exact at.
    pub point: LogPoint,
}

/// Lists of shared connections: total, SCN, history and member id, 8 bytes each.
impl PageKey for SharedPlace {
    fn to_bytes(&self) -> Vec<u8> {
        let LogPoint { scn, history } = self.point;
        let history = History::number(history);
        [self.total, scn.get(), history, self.member.get()]
            .map(u64::to_be_bytes)
            .concat()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let (total, rest) = bytes.split_first_chunk().ok_or(OTHER_LENGTH)?;
        let (scn, rest) = rest.split_first_chunk().ok_or(OTHER_LENGTH)?;
        let (history, member) = rest.split_first_chunk().ok_or(OTHER_LENGTH)?;
        let point = LogPoint {
            scn: Scn::new(u64::from_be_bytes(*scn)),
            history: History::new(u64::from_be_bytes(*history)),
        };
        Ok(Self {
            total: u64::from_be_bytes(*total),
            point,
            member: MemberId::from_bytes(member)?,
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
    fn keys_of_lists_come_back() {
        fn check<Key: PageKey + PartialEq + std::fmt::Debug>(key: Key) {
            assert_eq!(Key::from_bytes(&key.to_bytes()), Ok(key));
        }
        let member = MemberId::new(u64::MAX).unwrap();
        check(member);
        check(Suggestion { member, shared: 7 });
        for history in [None, History::new(7)] {
            let scn = Scn::new(9);
            check(SharedPlace {
                member,
                total: 1 << 40,
                point: LogPoint { scn, history },
            });
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
        check::<Suggestion>(&[1; 12], None);
        check::<Suggestion>(&[1; 3], Some(OTHER_LENGTH));
        check::<Suggestion>(&[1; 13], Some(OTHER_LENGTH));
        check::<Suggestion>(&[0; 12], Some("contains no member id"));
        check::<SharedPlace>(&[1; 32], None);
        check::<SharedPlace>(&[1; 23], Some(OTHER_LENGTH));
        check::<SharedPlace>(&[0; 32], Some("contains no member id"));
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
