//! `cloudctl shared`.

use crate::{
    answer::{Answer, as_of_json, as_of_line},
    arguments::Shared,
    exit::Failed,
    names::Names,
    paging::Pages,
    servers::Servers,
};
use serde_json::json;

const PAGE_SIZE_MAX: usize = 1_000;

pub(crate) async fn ask(servers: &Servers, question: Shared) -> Result<Answer, Failed> {
    let client = servers.viewer(question.viewer).await?;
    let Shared {
        viewer,
        member,
        limit,
    } = question;
    let (mut members, mut total, mut as_of) = (Vec::new(), 0, None);
    let mut pages = Pages::new(limit, PAGE_SIZE_MAX);
    while let Some(page) = pages.next() {
        let answer = client.shared_connections(viewer, member, page).await?;
        pages.came(answer.member_ids.len(), answer.next_page_token);
        (total, as_of) = (answer.total, answer.as_of);
        members.extend(answer.member_ids);
    }
    let names = Names::of(&client, members.iter().copied()).await?;
    let shown = members.len();
    Ok(Answer {
        text: format!(
            "{}\n{shown} of {total}, {}",
            names.table(&members),
            as_of_line(as_of.as_ref())
        ),
        json: json!({
            "as_of": as_of_json(as_of.as_ref()),
            "viewer_id": viewer,
            "member_id": member,
            "total": total,
            "members": names.json(&members),
        }),
    })
}
