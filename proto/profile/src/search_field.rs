//! The fields that a search can name.

/// A field of a member's profile, by the name that queries give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SearchField {
    /// Given, family and displayed name.
    Name,
    /// Given name.
    Given,
    /// Family name.
    Family,
    /// The line under the name.
    Headline,
    /// The text about oneself.
    Summary,
    /// The member's industry.
    Industry,
    /// Where the member lives: town.
    Place,
    /// Where the member lives: state, province.
    Region,
    /// Where the member lives: country.
    Country,
    /// Skills, each a value of its own.
    Skill,
    /// Titles and degrees of positions.
    Title,
    /// Organisations of positions that are work.
    Company,
    /// Organisations of positions that are education.
    School,
    /// Organisations of all positions.
    Organisation,
}

impl SearchField {
    /// All search fields, in the order of the index's schema. An index that exists relies on it: append only.
    pub const ALL: [Self; 14] = [
        Self::Name,
        Self::Given,
        Self::Family,
        Self::Headline,
        Self::Summary,
        Self::Industry,
        Self::Place,
        Self::Region,
        Self::Country,
        Self::Skill,
        Self::Title,
        Self::Company,
        Self::School,
        Self::Organisation,
    ];

    /// The fields that are searched for a word that names none.
    pub const DEFAULT: [Self; 6] = [
        Self::Name,
        Self::Headline,
        Self::Title,
        Self::Company,
        Self::School,
        Self::Skill,
    ];

    /// Returns the name that queries write.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Given => "given",
            Self::Family => "family",
            Self::Headline => "headline",
            Self::Summary => "summary",
            Self::Industry => "industry",
            Self::Place => "place",
            Self::Region => "region",
            Self::Country => "country",
            Self::Skill => "skill",
            Self::Title => "title",
            Self::Company => "company",
            Self::School => "school",
            Self::Organisation => "organisation",
        }
    }

    /// Returns the field of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}
