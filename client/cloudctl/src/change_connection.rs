//! `cloudctl connect` and `cloudctl disconnect`.

use crate::{
    answer::{Answer, as_of_json, as_of_line},
    arguments::{Connect, Pair},
    exit::Failed,
    servers::Servers,
};
use cloud_client::{
    Error, Window, connection_added, connection_removed,
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
        if let Some(missing) = missing(servers, &[member, other]).await? {
            return Err(Failed::NoMember(missing));
        }
        // One who is removed meanwhile is not created again.
        if let Some(Event::ConnectionAdded(added)) = &mut change.event {
            added.existing_only = true;
        }
    }
    let done = format!("{member} and {other} are connected");
    publish(servers, change, done).await
}

/// Returns the first of these members who does not exist. The admin listener answers, to which the
/// change goes; or, if that is a relay's, which has no members, the public one.
async fn missing(servers: &Servers, members: &[u64]) -> Result<Option<u64>, Error> {
    let fields = ["member_id"];
    let (_, found) = match servers.site().await?.all_profiles(members, &fields).await {
        Err(Error::Refused(failure)) if failure.reason == "UNKNOWN_METHOD" => {
            servers
                .client()
                .await?
                .all_profiles(members, &fields)
                .await?
        }
        found => found?,
    };
    let mut missing = found.iter().filter(|result| result.profile.is_none());
    Ok(missing.next().map(|result| result.member_id))
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
