//! `cloudctl connect` and `cloudctl disconnect`.

use crate::{
    answer::{Answer, as_of_json, as_of_line},
    arguments::Pair,
    exit::Failed,
    servers::Servers,
};
use cloud_client::{Window, connection_added, connection_removed, proto::databus::v1::Change};
use serde_json::json;

pub(crate) async fn connect(
    servers: &Servers,
    Pair { member, other }: Pair,
) -> Result<Answer, Failed> {
    let done = format!("{member} and {other} are connected");
    publish(servers, connection_added(member, other), done).await
}

pub(crate) async fn disconnect(
    servers: &Servers,
    Pair { member, other }: Pair,
) -> Result<Answer, Failed> {
    let done = format!("{member} and {other} are not connected");
    publish(servers, connection_removed(member, other), done).await
}

async fn publish(servers: &Servers, change: Change, done: String) -> Result<Answer, Failed> {
    let published = servers.admin().await?.publish(Window::of([change])).await?;
    let as_of = Some(&published.as_of);
    Ok(Answer {
        text: format!("{done}, {}", as_of_line(as_of)),
        json: json!({ "as_of": as_of_json(as_of) }),
    })
}
