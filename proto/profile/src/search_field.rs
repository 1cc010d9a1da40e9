//! The fields that a search can name.

/// A field of a member's profile that queries can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SearchField {
    /// Given, family and display name.
    Name,
    /// Given name.
    Given,
    /// Family name.
    Family,
    /// The line under the name.
    Headline,
    /// The member's text about themselves.
    Summary,
    /// The member's industry.
    Industry,
    /// The town where the member lives.
    Place,
    /// The state or province where the member lives.
    Region,
    /// The country where the member lives.
    Country,
    /// The skills, each a value of its own.
    Skill,
    /// The titles and degrees of positions.
    Title,
    /// The organisations of positions that are work.
    Company,
    /// The organisations of positions that are education.
    School,
    /// The organisations of all positions.
    Organisation,
}

impl SearchField {
    /// All search fields, in the order of the index's schema. Existing indexes rely on the order,
    /// so new fields are only appended.
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

    /// The fields that are searched for a word without a field.
    pub const DEFAULT: [Self; 6] = [
        Self::Name,
        Self::Headline,
        Self::Title,
        Self::Company,
        Self::School,
        Self::Skill,
    ];

    /// Returns the name of the field in queries.
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
