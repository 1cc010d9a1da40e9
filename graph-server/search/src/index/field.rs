//! The fields that can be searched, and the tantivy schema that holds them.
//!
//! The base index and the live index share one schema, so that one bound query runs over the segments of both.

use crate::index::tokens::PeopleTokenizer;
use tantivy::schema::{
    FAST, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
    document::TantivyDocument,
};

/// A field of a member's profile, by the name that queries give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Field {
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

impl Field {
    /// All of them, in the order of the schema.
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

    /// Where a word is looked for that names no field.
    pub const DEFAULT: [Self; 6] = [
        Self::Name,
        Self::Headline,
        Self::Title,
        Self::Company,
        Self::School,
        Self::Skill,
    ];

    /// As queries write it.
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

    /// The field of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    pub(crate) fn in_schema(self) -> tantivy::schema::Field {
        tantivy::schema::Field::from_field_id(u32::from(self as u8))
    }
}

/// Which node a live document is about. Base documents lack it: there the document's number is the node.
pub(crate) const NODE_FIELD_NAME: &str = "node";

/// The field of that name.
pub(crate) fn node_field() -> tantivy::schema::Field {
    tantivy::schema::Field::from_field_id(Field::ALL.len() as u32)
}

/// The schema of both indexes.
pub(crate) fn schema() -> Schema {
    let text = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer(PeopleTokenizer::NAME)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions)
            .set_fieldnorms(true),
    );
    let mut schema = Schema::builder();
    for field in Field::ALL {
        let added = schema.add_text_field(field.name(), text.clone());
        debug_assert_eq!(added, field.in_schema());
    }
    let added = schema.add_u64_field(NODE_FIELD_NAME, INDEXED | FAST);
    debug_assert_eq!(added, node_field());
    schema.build()
}

/// Adds a value, unless it is empty.
pub(crate) fn add_value(document: &mut TantivyDocument, field: Field, value: &str) {
    if !value.is_empty() {
        document.add_text(field.in_schema(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_numbers_fields_as_the_enum_does() {
        let schema = schema();
        for field in Field::ALL {
            assert_eq!(schema.get_field(field.name()).unwrap(), field.in_schema());
            assert_eq!(Field::from_name(field.name()), Some(field));
        }
        assert_eq!(schema.get_field(NODE_FIELD_NAME).unwrap(), node_field());
        assert_eq!(Field::from_name(NODE_FIELD_NAME), None);
    }
}
