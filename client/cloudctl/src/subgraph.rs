//! `cloudctl subgraph`.

use crate::{
    answer::{Answer, as_of_json, as_of_line},
    arguments::Subgraph,
    exit::Failed,
    names::Names,
    servers::Servers,
    table::Table,
};
use serde_json::json;

pub(crate) async fn ask(servers: &Servers, question: Subgraph) -> Result<Answer, Failed> {
    let client = servers.client().await?;
    let Subgraph { viewer, members } = question;
    let answer = client.subgraph(viewer, &members, true).await?;
    let names = Names::of(&client, members).await?;
    let mut rows = Table::new(&["member", "name", "member", "name", "connected"]);
    let mut lines = Vec::new();
    for connection in &answer.connections {
        let (member, other) = (connection.member_id, connection.other_id);
        let time = connection.connected_at.map(|time| time.to_string());
        rows.add_row([
            &member.to_string(),
            names.name(member),
            &other.to_string(),
            names.name(other),
            time.as_deref().unwrap_or_default(),
        ]);
        lines.push(json!({ "member_id": member, "other_id": other, "connected_at": time }));
    }
    let unknown = &answer.unknown_member_ids;
    let unknown_line = if unknown.is_empty() {
        String::new()
    } else {
        format!("no such member: {unknown:?}\n")
    };
    let as_of = answer.as_of.as_ref();
    Ok(Answer {
        text: format!("{rows}\n{unknown_line}{}", as_of_line(as_of)),
        json: json!({
            "as_of": as_of_json(as_of),
            "viewer_id": viewer,
            "connections": lines,
            "unknown_member_ids": unknown,
        }),
    })
}
