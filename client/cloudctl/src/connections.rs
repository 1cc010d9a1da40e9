//! `cloudctl connections`.

use crate::{
    answer::{Answer, as_of_json, as_of_line},
    arguments::{Connections, Order},
    exit::Failed,
    names::Names,
    paging::Pages,
    servers::Servers,
    table::Table,
};
use cloud_client::ConnectionOrder;
use serde_json::json;

const PAGE_SIZE_MAX: usize = 1_000;

pub(crate) async fn ask(servers: &Servers, question: Connections) -> Result<Answer, Failed> {
    let client = servers.reader(&question.reader).await?;
    let Connections {
        reader: _,
        member,
        order,
        limit,
    } = question;
    let order = match order {
        Order::Recent => ConnectionOrder::Recent,
        Order::Id => ConnectionOrder::Id,
    };
    let (mut connections, mut total, mut as_of) = (Vec::new(), 0, None);
    let mut pages = Pages::new(limit, PAGE_SIZE_MAX);
    while let Some(page) = pages.next() {
        let answer = client.connections(member, order, page).await?;
        pages.came(answer.connections.len(), answer.next_page_token);
        (total, as_of) = (answer.total, answer.as_of);
        connections.extend(answer.connections);
    }
    let names = Names::of(
        &client,
        connections.iter().map(|connection| connection.member_id),
    )
    .await?;
    let mut rows = Table::new(&["member", "name", "headline", "connected"]);
    for connection in &connections {
        let id = connection.member_id;
        let time = connection
            .connected_at
            .map(|time| time.to_string())
            .unwrap_or_default();
        rows.add_row([&id.to_string(), names.name(id), names.headline(id), &time]);
    }
    let lines: Vec<_> = connections
        .iter()
        .map(|connection| {
            json!({
                "member_id": connection.member_id,
                "name": names.name(connection.member_id),
                "headline": names.headline(connection.member_id),
                "connected_at": connection.connected_at.map(|time| time.to_string()),
            })
        })
        .collect();
    let shown = connections.len();
    Ok(Answer {
        text: format!("{rows}\n{shown} of {total}, {}", as_of_line(as_of.as_ref())),
        json: json!({
            "as_of": as_of_json(as_of.as_ref()),
            "member_id": member,
            "total": total,
            "connections": lines,
        }),
    })
}
