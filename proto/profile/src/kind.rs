//! The kind of a position.

use cloud_proto::databus::v1::PositionKind;

/// The kind of a position, in every form that a log or a snapshot may hold.
///
/// The rules accept only the first two. Logs and snapshots of earlier versions hold the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A job.
    Work,
    /// A course of study.
    Education,
    /// No kind is stated.
    Unspecified,
    /// A number that is not a kind in this version.
    Unknown(i32),
}

impl Kind {
    /// Returns the kind for a word. An empty text is [`Unspecified`](Self::Unspecified).
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "" => Some(Self::Unspecified),
            _ if word.eq_ignore_ascii_case("work") => Some(Self::Work),
            _ if word.eq_ignore_ascii_case("education") => Some(Self::Education),
            _ => None,
        }
    }

    /// Returns the word for a kind that the rules accept.
    #[must_use]
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Work => Some("work"),
            Self::Education => Some("education"),
            Self::Unspecified | Self::Unknown(_) => None,
        }
    }
}

impl From<i32> for Kind {
    fn from(number: i32) -> Self {
        match PositionKind::try_from(number) {
            Ok(PositionKind::Work) => Self::Work,
            Ok(PositionKind::Education) => Self::Education,
            Ok(PositionKind::Unspecified) => Self::Unspecified,
            Err(_) => Self::Unknown(number),
        }
    }
}

impl From<Kind> for i32 {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Work => PositionKind::Work.into(),
            Kind::Education => PositionKind::Education.into(),
            Kind::Unspecified => PositionKind::Unspecified.into(),
            Kind::Unknown(number) => number,
        }
    }
}
