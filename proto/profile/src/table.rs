//! The table of the fields of members and positions. A new field is added to the proto and here.

use crate::{
    field::{
        Access, Field, Fields,
        Value::{self, Id, Truth},
    },
    kind::Kind,
    limits::{
        ATTRIBUTE_NAME_BYTES_MAX, ATTRIBUTES_MAX, KEY_BYTES_MAX, SKILLS_MAX, SUMMARY_BYTES_MAX,
        TEXT_BYTES_MAX,
    },
    search_field::SearchField::{
        Company, Country, Family, Given, Headline, Industry, Name, Organisation, Place, Region,
        School, Skill, Summary, Title,
    },
};
use cloud_proto::databus::v1::{Member, Position};

impl Fields for Member {
    const NAME: &'static str = "Member";
    const FIELDS: &'static [Field<Self>] = &[
        Field::new(
            "member_id",
            Id(Access {
                get: |m| &m.member_id,
                get_mut: |m| &mut m.member_id,
            }),
        ),
        text(
            "given_name",
            |m: &Self| &m.given_name,
            |m| &mut m.given_name,
        )
        .found_in(|_| &[Name, Given]),
        text(
            "family_name",
            |m: &Self| &m.family_name,
            |m| &mut m.family_name,
        )
        .found_in(|_| &[Name, Family]),
        text(
            "display_name",
            |m: &Self| &m.display_name,
            |m| &mut m.display_name,
        )
        .printed("name")
        .found_in(|_| &[Name]),
        text("headline", |m: &Self| &m.headline, |m| &mut m.headline)
            .printed("headline")
            .found_in(|_| &[Headline]),
        text("place", |m: &Self| &m.place, |m| &mut m.place)
            .printed("location")
            .found_in(|_| &[Place]),
        text("region", |m: &Self| &m.region, |m| &mut m.region)
            .printed("location")
            .found_in(|_| &[Region]),
        text("country", |m: &Self| &m.country, |m| &mut m.country)
            .printed("location")
            .found_in(|_| &[Country]),
        text("industry", |m: &Self| &m.industry, |m| &mut m.industry)
            .printed("industry")
            .found_in(|_| &[Industry]),
        Field::new(
            "summary",
            Value::Text {
                access: Access {
                    get: |m: &Self| &m.summary,
                    get_mut: |m| &mut m.summary,
                },
                bytes_max: SUMMARY_BYTES_MAX,
            },
        )
        .printed("summary")
        .found_in(|_| &[Summary]),
        Field::new(
            "skills",
            Value::Texts {
                access: Access {
                    get: |m: &Self| &m.skills,
                    get_mut: |m| &mut m.skills,
                },
                entries_max: SKILLS_MAX,
                bytes_max: TEXT_BYTES_MAX,
            },
        )
        .printed("skills")
        .found_in(|_| &[Skill]),
        Field::new(
            "key",
            Value::Text {
                access: Access {
                    get: |m: &Self| &m.key,
                    get_mut: |m| &mut m.key,
                },
                bytes_max: KEY_BYTES_MAX,
            },
        )
        .printed("key"),
        Field::new(
            "attributes",
            Value::NamedTexts {
                access: Access {
                    get: |m: &Self| &m.attributes,
                    get_mut: |m| &mut m.attributes,
                },
                entries_max: ATTRIBUTES_MAX,
                name_bytes_max: ATTRIBUTE_NAME_BYTES_MAX,
                bytes_max: TEXT_BYTES_MAX,
            },
        )
        .printed("attributes"),
    ];
}

impl Fields for Position {
    const NAME: &'static str = "Position";
    const FIELDS: &'static [Field<Self>] = &[
        Field::new(
            "position_id",
            Id(Access {
                get: |p| &p.position_id,
                get_mut: |p| &mut p.position_id,
            }),
        ),
        Field::new(
            "kind",
            Value::Kind(Access {
                get: |p| &p.kind,
                get_mut: |p| &mut p.kind,
            }),
        ),
        text("title", |p: &Self| &p.title, |p| &mut p.title)
            .printed("")
            .found_in(|_| &[Title]),
        text(
            "organisation",
            |p: &Self| &p.organisation,
            |p| &mut p.organisation,
        )
        .printed("")
        .found_in(|position| match Kind::from(position.kind) {
            Kind::Work => &[Company, Organisation],
            Kind::Education => &[School, Organisation],
            Kind::Unspecified | Kind::Unknown(_) => &[Organisation],
        }),
        text("country", |p: &Self| &p.country, |p| &mut p.country).printed(""),
        Field::new(
            "from",
            Value::YearMonth(Access {
                get: |p| &p.from,
                get_mut: |p| &mut p.from,
            }),
        ),
        Field::new(
            "to",
            Value::YearMonth(Access {
                get: |p| &p.to,
                get_mut: |p| &mut p.to,
            }),
        ),
        Field::new(
            "current",
            Truth(Access {
                get: |p| &p.current,
                get_mut: |p| &mut p.current,
            }),
        ),
        text(
            "organisation_id",
            |p: &Self| &p.organisation_id,
            |p| &mut p.organisation_id,
        )
        .printed("organisation"),
    ];
}

/// Makes the row of a text field of at most [`TEXT_BYTES_MAX`] bytes.
const fn text<M>(
    name: &'static str,
    get: fn(&M) -> &String,
    get_mut: fn(&mut M) -> &mut String,
) -> Field<M> {
    let access = Access { get, get_mut };
    Field::new(
        name,
        Value::Text {
            access,
            bytes_max: TEXT_BYTES_MAX,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    fn check<M: Fields>() {
        let descriptors = FileDescriptorSet::decode(cloud_proto::FILE_DESCRIPTOR_SET).unwrap();
        let files = descriptors.file.iter();
        let files = files.filter(|file| file.package() == "databus.v1");
        let messages = files.flat_map(|file| &file.message_type);
        let mut message = messages.filter(|message| message.name() == M::NAME);
        let fields = &message.next().unwrap().field;
        let mut in_proto: Vec<_> = fields.iter().map(|field| field.name()).collect();
        let mut in_table: Vec<_> = M::FIELDS.iter().map(|field| field.name).collect();
        in_proto.sort_unstable();
        in_table.sort_unstable();
        assert_eq!(in_table, in_proto);
    }

    #[test]
    fn the_table_holds_the_fields_of_the_proto() {
        check::<Member>();
        check::<Position>();
    }

    #[test]
    fn each_row_reaches_a_field_of_its_own() {
        let texts = |number: usize| format!("text {number}");
        let mut member = Member::default();
        let text_fields = Member::FIELDS
            .iter()
            .filter(|field| field.name != "member_id");
        for (number, field) in text_fields.clone().enumerate() {
            let text = match field.value {
                Value::NamedTexts { .. } => format!("name={}", texts(number)),
                _ => texts(number),
            };
            field.set_from_text(&mut member, &text).unwrap();
        }
        for (number, field) in text_fields.enumerate() {
            let mut found = Vec::new();
            field.for_each_text(&member, |text| found.push(text));
            assert_eq!(found, [texts(number)], "{}", field.name);
        }
    }
}
