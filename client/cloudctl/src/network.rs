//! `cloudctl network`.

use crate::{
    answer::{Answer, as_of_json, as_of_line},
    arguments::Network,
    degree,
    exit::Failed,
    names::Names,
    paging::Pages,
    servers::Servers,
};
use serde_json::json;

const PAGE_SIZE_MAX: usize = 1_000;

pub(crate) async fn ask(servers: &Servers, question: Network) -> Result<Answer, Failed> {
    let client = servers.viewer(question.viewer).await?;
    let Network {
        viewer,
        degree,
        limit,
        all,
    } = question;
    let (mut members, mut total, mut as_of) = (Vec::new(), 0, None);
    if all {
        let mut stream = client.stream_network(viewer, degree).await?;
        while let Some(part) = stream.next().await? {
            (total, as_of) = (part.total, part.as_of);
            members.extend(part.member_ids);
        }
    } else {
        let mut pages = Pages::new(limit, PAGE_SIZE_MAX);
        while let Some(page) = pages.next() {
            let answer = client.network(viewer, degree, page).await?;
            pages.came(answer.member_ids.len(), answer.next_page_token);
            (total, as_of) = (answer.total, answer.as_of);
            members.extend(answer.member_ids);
        }
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
            "degree": degree::for_scripts(degree),
            "total": total,
            "members": names.json(&members),
        }),
    })
}
