//! `cloudctl search`.

use crate::{
    answer::{Answer, as_of_json, as_of_line},
    arguments::Search,
    degree,
    exit::Failed,
    names::Names,
    paging::Pages,
    servers::Servers,
    table::Table,
};
use cloud_client::SearchOptions;
use serde_json::json;

const PAGE_SIZE_MAX: usize = 100;

pub(crate) async fn ask(servers: &Servers, question: Search) -> Result<Answer, Failed> {
    let client = servers.viewer(question.viewer).await?;
    let Search {
        viewer,
        query,
        degrees,
        limit,
    } = question;
    let (mut hits, mut total, mut as_of) = (Vec::new(), 0, None);
    let mut pages = Pages::new(limit, PAGE_SIZE_MAX);
    while let Some(page) = pages.next() {
        let options = SearchOptions {
            degrees: degrees.clone(),
            page,
        };
        let answer = client.search(viewer, query.as_str(), options).await?;
        pages.came(answer.hits.len(), answer.next_page_token);
        (total, as_of) = (answer.total, answer.as_of);
        hits.extend(answer.hits);
    }
    let names = Names::of(&client, hits.iter().map(|hit| hit.member_id)).await?;
    let mut rows = Table::new(&["member", "degree", "name", "headline", "score"]);
    for hit in &hits {
        let id = hit.member_id;
        let score = format!("{:.2}", hit.score);
        rows.add_row([
            &id.to_string(),
            degree::for_people(hit.degree()),
            names.name(id),
            names.headline(id),
            &score,
        ]);
    }
    let lines: Vec<_> = hits
        .iter()
        .map(|hit| {
            json!({
                "member_id": hit.member_id,
                "degree": degree::for_scripts(hit.degree()),
                "name": names.name(hit.member_id),
                "headline": names.headline(hit.member_id),
                "score": hit.score,
            })
        })
        .collect();
    let shown = hits.len();
    Ok(Answer {
        text: format!("{rows}\n{shown} of {total}, {}", as_of_line(as_of.as_ref())),
        json: json!({
            "as_of": as_of_json(as_of.as_ref()),
            "viewer_id": viewer,
            "total": total,
            "hits": lines,
        }),
    })
}
