//! `cloudctl paths`.

use crate::{
    answer::{Answer, as_of_json, as_of_line},
    arguments::Paths,
    exit::Failed,
    names::Names,
    servers::Servers,
    table::Table,
};
use cloud_client::PathsOptions;
use serde_json::json;

pub(crate) async fn ask(servers: &Servers, question: Paths) -> Result<Answer, Failed> {
    let client = servers.viewer(question.viewer).await?;
    let Paths {
        viewer,
        member,
        max_degree,
        limit,
    } = question;
    let options = PathsOptions { max_degree, limit };
    let answer = client.paths(viewer, member, options).await?;
    let named = answer.paths.iter().flat_map(|path| &path.member_ids);
    let names = Names::of(&client, named.copied()).await?;
    let mut rows = Table::new(&["path"]);
    for path in &answer.paths {
        let steps: Vec<_> = path
            .member_ids
            .iter()
            .map(|&id| names.name_or_id(id))
            .collect();
        rows.add_row([steps.join(" → ")]);
    }
    let found = match answer.distance {
        Some(distance) => format!(
            "{rows}\n{} of {}, distance {distance}, ",
            answer.paths.len(),
            answer.total
        ),
        None => format!("no path of up to {max_degree} connections, "),
    };
    let paths: Vec<_> = answer.paths.iter().map(|path| &path.member_ids).collect();
    let as_of = answer.as_of.as_ref();
    Ok(Answer {
        text: format!("{found}{}", as_of_line(as_of)),
        json: json!({
            "as_of": as_of_json(as_of),
            "viewer_id": viewer,
            "member_id": member,
            "distance": answer.distance,
            "total": answer.total,
            "paths": paths,
        }),
    })
}
