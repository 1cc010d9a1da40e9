//! `cloudctl watch`.

use crate::{
    answer::Answer, arguments::Watch, change_line::ChangeLine, exit::Failed, servers::Servers,
};
use cloud_client::{Event, proto::databus::v1::WindowPart};
use serde_json::json;

/// Prints until the server ends the subscription, or this process is interrupted.
pub(crate) async fn follow(servers: &Servers, watch: Watch, json: bool) -> Result<Answer, Failed> {
    let client = servers.client().await?;
    let after_scn = match watch.after_scn {
        Some(scn) => scn,
        None => client
            .log_status()
            .await?
            .head
            .map(|head| head.scn)
            .unwrap_or_default(),
    };
    let mut subscription = client.subscribe(after_scn, &[], "").await?;
    while let Some(event) = subscription.next().await? {
        if let Event::Part(part) = event {
            print(part, json)?;
        }
    }
    Ok(Answer {
        text: String::new(),
        json: json!({ "ended": true }),
    })
}

fn print(part: WindowPart, json: bool) -> Result<(), Failed> {
    let WindowPart {
        scn,
        source_id,
        source_offset,
        commit_time,
        part,
        last,
        changes,
    } = part;
    let commit_time = commit_time.map(|time| time.to_string());
    let changes: Vec<_> = changes.into_iter().filter_map(ChangeLine::of).collect();
    let json_line = json!({
        "scn": scn,
        "source_id": source_id,
        "source_offset": source_offset,
        "commit_time": commit_time,
        "part": part,
        "last": last,
        "changes": changes,
    });
    let mut text = format!("SCN {scn}  {}\n", commit_time.unwrap_or_default());
    for change in &changes {
        text += &format!("    {}\n", sentence(change));
    }
    Ok(Answer {
        text,
        json: json_line,
    }
    .print(json)?)
}

fn sentence(change: &ChangeLine) -> String {
    match change {
        ChangeLine::ConnectionAdded {
            member_id,
            other_id,
            ..
        } => format!("{member_id} and {other_id} are connected"),
        ChangeLine::ConnectionRemoved {
            member_id,
            other_id,
        } => {
            format!("{member_id} and {other_id} are not connected")
        }
        ChangeLine::MemberRemoved { member_id } => format!("{member_id} does not exist"),
        ChangeLine::PositionRemoved {
            member_id,
            position_id,
        } => {
            format!("{member_id} does not have position {position_id}")
        }
        ChangeLine::MemberUpserted { .. } | ChangeLine::PositionUpserted { .. } => {
            serde_json::to_string(change).unwrap_or_default()
        }
    }
}
