//! `cloudctl backup`.

use crate::{
    answer::{Answer, as_of_json, as_of_line},
    arguments::Backup,
    exit::Failed,
    servers::Servers,
    status::{mib, snapshot_json},
};
use cloud_terminal::note;
use serde_json::json;
use std::{
    path,
    time::{Duration, Instant},
};

/// The time between two lines about the progress.
const REPORT_INTERVAL: Duration = Duration::from_secs(2);

/// Takes a backup, however long it takes. Interrupting this process cancels it.
pub(crate) async fn take(servers: &Servers, target: Backup) -> Result<Answer, Failed> {
    let usage = |reason: String| Failed::Usage(format!("{}: {reason}", target.directory.display()));
    let directory = path::absolute(&target.directory).map_err(|error| usage(error.to_string()))?;
    let Some(directory) = directory.to_str() else {
        return Err(usage("is no UTF-8 text".to_owned()));
    };
    let admin = servers.admin().await?.without_timeout();
    let mut progress = admin.take_backup(directory, target.same_disk).await?;
    let mut reported = Instant::now();
    while let Some(message) = progress.next().await? {
        let bytes = mib(message.bytes_copied);
        if let Some(taken) = message.taken {
            let as_of = taken.as_of.as_ref();
            let snapshot = taken.snapshot.unwrap_or_default();
            return Ok(Answer {
                text: format!("{directory}: {bytes}, {}", as_of_line(as_of)),
                json: json!({
                    "directory": directory,
                    "as_of": as_of_json(as_of),
                    "bytes": message.bytes_copied,
                    "snapshot": snapshot_json(&snapshot),
                }),
            });
        }
        if reported.elapsed() >= REPORT_INTERVAL {
            reported = Instant::now();
            let all = mib(message.bytes);
            note(format_args!("cloudctl: {bytes} of {all} copied"));
        }
    }
    Err(Failed::Unfinished)
}
