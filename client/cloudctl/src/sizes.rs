//! `cloudctl sizes`.

use crate::{
    answer::{Answer, as_of_json, as_of_line},
    arguments::Sizes,
    exit::Failed,
    servers::Servers,
    table::Table,
};
use serde_json::json;

pub(crate) async fn ask(servers: &Servers, question: Sizes) -> Result<Answer, Failed> {
    let Sizes { viewer, third } = question;
    let answer = servers.client().await?.network_sizes(viewer, third).await?;
    let mut rows = Table::new(&["degree", "members"]);
    rows.add_row(["1st".to_owned(), answer.first.to_string()]);
    rows.add_row(["2nd".to_owned(), answer.second.to_string()]);
    if let Some(third) = answer.third {
        rows.add_row(["3rd".to_owned(), third.to_string()]);
    }
    let as_of = answer.as_of.as_ref();
    Ok(Answer {
        text: format!("{rows}\n{}", as_of_line(as_of)),
        json: json!({
            "as_of": as_of_json(as_of),
            "viewer_id": viewer,
            "first": answer.first,
            "second": answer.second,
            "third": answer.third,
        }),
    })
}
