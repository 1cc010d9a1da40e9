//! `cloudctl snapshot`.

use crate::{
    answer::{Answer, as_of_json, as_of_line},
    exit::Failed,
    servers::Servers,
    status::{mib, snapshot_json},
};
use cloud_client::{Error, Point};
use cloud_terminal::note;

/// Takes a snapshot. The call is repeated until the snapshot is written: a large site takes longer
/// than one call may.
pub(crate) async fn take(servers: &Servers) -> Result<Answer, Failed> {
    let admin = servers.admin().await?;
    // Everything that is durable now, applied or not.
    let status = admin.status().await?;
    let now = status.log_head.or(status.graph).map(Point::from);
    let taken = loop {
        match admin.take_snapshot(now.clone()).await {
            Err(Error::Deadline(failure)) => {
                let compaction = admin.status().await?.compaction.unwrap_or_default();
                let Some(running) = compaction.running else {
                    return Err(Error::Deadline(failure).into());
                };
                let (written, nodes) = (running.nodes_written, running.nodes);
                note(format_args!(
                    "cloudctl: {written} of {nodes} members written"
                ));
            }
            taken => break taken?,
        }
    };
    let snapshot = taken.snapshot.unwrap_or_default();
    let as_of = taken.as_of.as_ref();
    let mut json = snapshot_json(&snapshot);
    if let Some(json) = json.as_object_mut() {
        json.insert("as_of".to_owned(), as_of_json(as_of));
    }
    let (members, connections) = (snapshot.members, snapshot.connections);
    let bytes = mib(snapshot.bytes);
    Ok(Answer {
        text: format!(
            "{}: {members} members, {connections} connections, {bytes}, {}",
            snapshot.directory,
            as_of_line(as_of)
        ),
        json,
    })
}
