//! What of a profile is indexed: one list, used for the base, for live documents, and by the tests' plain evaluation.

use crate::index::field::{Field, add_value, node_field};
use cloud_engine::NodeIndex;
use cloud_proto::{cloud::v1::Profile, databus::v1::PositionKind};
use tantivy::schema::document::TantivyDocument;

/// Calls `each` with every value of a profile that can be searched. A phrase is found within one value only.
pub fn for_each_value(profile: &Profile, mut each: impl FnMut(Field, &str)) {
    if let Some(member) = &profile.member {
        each(Field::Name, &member.given_name);
        each(Field::Name, &member.family_name);
        each(Field::Name, &member.display_name);
        each(Field::Given, &member.given_name);
        each(Field::Family, &member.family_name);
        each(Field::Headline, &member.headline);
        each(Field::Summary, &member.summary);
        each(Field::Industry, &member.industry);
        each(Field::Place, &member.place);
        each(Field::Region, &member.region);
        each(Field::Country, &member.country);
        for skill in &member.skills {
            each(Field::Skill, skill);
        }
    }
    for position in &profile.positions {
        each(Field::Title, &position.title);
        match position.kind() {
            PositionKind::Work => each(Field::Company, &position.organisation),
            PositionKind::Education => each(Field::School, &position.organisation),
            PositionKind::Unspecified => {}
        }
        each(Field::Organisation, &position.organisation);
    }
}

/// A document of the base: its number is the node.
pub(crate) fn base_document(profile: &Profile) -> TantivyDocument {
    let mut document = TantivyDocument::new();
    for_each_value(profile, |field, value| {
        add_value(&mut document, field, value)
    });
    document
}

/// A document of the live index.
pub(crate) fn live_document(node: NodeIndex, profile: &Profile) -> TantivyDocument {
    let mut document = base_document(profile);
    document.add_u64(node_field(), u64::from(node.get()));
    document
}
