//! The tantivy schema that holds the fields that can be searched.
//!
//! The base index and the live index share one schema, so that one bound query runs over the
//! segments of both.

use crate::index::tokens::PeopleTokenizer;
use cloud_profile::SearchField;
use tantivy::schema::{FAST, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};

/// Returns a search field's place in the schema.
pub(crate) fn in_schema(field: SearchField) -> tantivy::schema::Field {
    tantivy::schema::Field::from_field_id(u32::from(field as u8))
}

/// The name of the field for the node of a live document. Base documents lack it: there, the
/// document's number is the node.
pub(crate) const NODE_FIELD_NAME: &str = "node";

/// Returns the field named [`NODE_FIELD_NAME`].
pub(crate) fn node_field() -> tantivy::schema::Field {
    tantivy::schema::Field::from_field_id(SearchField::ALL.len() as u32)
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
    for field in SearchField::ALL {
        let added = schema.add_text_field(field.name(), text.clone());
        debug_assert_eq!(added, in_schema(field));
    }
    let added = schema.add_u64_field(NODE_FIELD_NAME, INDEXED | FAST);
    debug_assert_eq!(added, node_field());
    schema.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_numbers_fields_as_the_enum_does() {
        let schema = schema();
        for field in SearchField::ALL {
            assert_eq!(schema.get_field(field.name()).unwrap(), in_schema(field));
            assert_eq!(SearchField::from_name(field.name()), Some(field));
        }
        assert_eq!(schema.get_field(NODE_FIELD_NAME).unwrap(), node_field());
        assert_eq!(SearchField::from_name(NODE_FIELD_NAME), None);
    }
}
