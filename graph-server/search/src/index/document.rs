//! The indexed values of a profile, by the table of fields: for the base, for live documents, and
//! for the plain evaluation of tests.

use crate::index::field::{in_schema, node_field};
use cloud_engine::NodeIndex;
use cloud_profile::{Fields, ProfileRecord, SearchField};
use tantivy::schema::document::TantivyDocument;

/// Calls `each` with every value of a profile that can be searched. A phrase is found within one
/// value only.
pub fn for_each_value(profile: &ProfileRecord, mut each: impl FnMut(SearchField, &str)) {
    if let Some(member) = &profile.member {
        for_each_value_of(member, &mut each);
    }
    for position in &profile.positions {
        for_each_value_of(position, &mut each);
    }
}

fn for_each_value_of<M: Fields>(message: &M, each: &mut impl FnMut(SearchField, &str)) {
    for field in M::FIELDS {
        for &search_field in (field.search)(message) {
            field.for_each_text(message, |text| each(search_field, text));
        }
    }
}

/// A document of the base: its number is the node.
pub(crate) fn base_document(profile: &ProfileRecord) -> TantivyDocument {
    let mut document = TantivyDocument::new();
    for_each_value(profile, |field, value| {
        document.add_text(in_schema(field), value);
    });
    document
}

/// A document of the live index.
pub(crate) fn live_document(node: NodeIndex, profile: &ProfileRecord) -> TantivyDocument {
    let mut document = base_document(profile);
    document.add_u64(node_field(), u64::from(node.get()));
    document
}
