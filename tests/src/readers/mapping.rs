//! The mapping of a core database, as an engineer writes it.

use cloud_capture::Mapping;

use super::{Mutated, Reader, nothing_to_seal};

pub(super) const READER: Reader = Reader {
    name: "mapping",
    valid: || MAPPING.as_bytes().to_vec(),
    reseal: nothing_to_seal,
    read,
    mutated: Mutated::Any,
};

const MAPPING: &str = r#"
seed = "a text"
[members]
table = "public.users"
id = "id"
where = { status = ["active", "new"], deleted_at = { is_null = true } }
fields = { given_name = "first_name", "attributes.team" = "team" }
[[positions]]
table = "jobs"
id = "id"
member = "user_id"
[positions.fields]
kind = { constant = "work" }
current = { is_null = "ended_on" }
[[connections]]
table = "friendships"
member = "user_id"
other = "friend_id"
pair = "both_rows"
connected_at = "accepted_at"
"#;

fn read(bytes: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(bytes);
    let mapping = Mapping::parse(&text).map_err(|error| error.to_string())?;
    Ok(format!("{:?}", mapping.tables))
}
