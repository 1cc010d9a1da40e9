//! `cloudctl watch`.

use crate::{answer::Answer, arguments::Watch, exit::Failed, servers::Servers};
use cloud_client::{Event, proto::databus::v1::WindowPart};
use cloud_profile::part_lines;
use cloud_terminal::has_reader;
use serde_json::json;

/// Prints changes until the server ends the subscription, the reader of stdout is gone, or this
/// process is interrupted.
pub(crate) async fn follow(servers: &Servers, watch: Watch, json: bool) -> Result<Answer, Failed> {
    let client = servers.log().await?;
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
    // The server sends heartbeats, so that a reader of stdout that is gone ends this soon.
    while has_reader()
        && let Some(event) = subscription.next().await?
    {
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
    let (text, json_line) = part_lines(part);
    Ok(Answer {
        text,
        json: json_line,
    }
    .print(json)?)
}
