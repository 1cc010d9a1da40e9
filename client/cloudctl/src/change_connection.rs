//! `cloudctl connect` and `cloudctl disconnect`.

use crate::{
    answer::{Answer, as_of_json, as_of_line},
    arguments::{Connect, Pair},
    exit::Failed,
    servers::Servers,
};
use cloud_client::{
    Window, connection_added, connection_removed,
    proto::databus::v1::{Change, change::Event},
};
use serde_json::json;

pub(crate) async fn connect(servers: &Servers, connect: Connect) -> Result<Answer, Failed> {
    let Connect {
        pair: Pair { member, other },
        create,
    } = connect;
    let mut change = connection_added(member, other);
    if !create {
        // The change may go to a relay, which knows no members.
        let client = servers.client().await?;
        let (_, found) = client
            .all_profiles(&[member, other], &["member_id"])
            .await?;
        let missing = found.iter().find(|result| result.profile.is_none());
        if let Some(missing) = missing {
            return Err(Failed::NoMember(missing.member_id));
        }
        // One who is removed meanwhile is not created again.
        if let Some(Event::ConnectionAdded(added)) = &mut change.event {
            added.existing_only = true;
        }
    }
    let done = format!("{member} and {other} are connected");
    publish(servers, change, done).await
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
