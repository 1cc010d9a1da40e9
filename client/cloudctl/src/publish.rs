//! `cloudctl publish`.

use crate::{
    answer::{Answer, as_of_json, as_of_line},
    arguments::Publish,
    exit::Failed,
    servers::Servers,
};
use cloud_client::{Window, proto::databus::v1::Change};
use cloud_profile::ChangeLine;
use serde_json::json;
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
};

/// The bytes at which a line is too long: an error, before it fills the memory.
const LINE_BYTES_MAX: u64 = 4 << 20;

pub(crate) async fn publish(servers: &Servers, input: Publish) -> Result<Answer, Failed> {
    let Publish {
        file,
        source_id,
        source_offset,
    } = input;
    let changes = if file == "-" {
        read(std::io::stdin().lock(), "stdin")?
    } else {
        let opened =
            File::open(&file).map_err(|error| Failed::Usage(format!("{file}: {error}")))?;
        read(BufReader::new(opened), &file)?
    };
    let count = changes.len();
    if count == 0 && source_id.is_empty() {
        return Ok(Answer {
            text: "no changes: nothing was published\n".to_owned(),
            json: json!({ "as_of": null, "repeat": false, "changes": 0 }),
        });
    }
    let window = Window {
        source_id,
        source_offset,
        ..Window::of(changes)
    };
    let published = servers.admin().await?.publish(window).await?;
    let as_of = Some(&published.as_of);
    let repeat = if published.repeat {
        " (a repeat: nothing was written)"
    } else {
        ""
    };
    Ok(Answer {
        text: format!("{count} changes published{repeat}, {}", as_of_line(as_of)),
        json: json!({ "as_of": as_of_json(as_of), "repeat": published.repeat, "changes": count }),
    })
}

fn read(mut input: impl BufRead, name: &str) -> Result<Vec<Change>, Failed> {
    let mut changes = Vec::new();
    for number in 1_u64.. {
        let wrong = |reason: String| Failed::Usage(format!("{name}, line {number}: {reason}"));
        let mut line = String::new();
        let bytes = input
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_line(&mut line)
            .map_err(|error| wrong(error.to_string()))?;
        if bytes == 0 {
            break;
        }
        if bytes as u64 == LINE_BYTES_MAX {
            return Err(wrong(format!("is longer than {LINE_BYTES_MAX} bytes")));
        }
        if line.trim().is_empty() {
            continue;
        }
        let change: ChangeLine =
            serde_json::from_str(&line).map_err(|error| wrong(error.to_string()))?;
        changes.push(change.try_into().map_err(wrong)?);
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_named() {
        let good = "{\"connection_removed\":{\"member_id\":1,\"other_id\":2}}\n\n";
        assert_eq!(read(good.as_bytes(), "x").unwrap().len(), 1);
        let bad = format!("{good}{{\"connection\":{{}}}}\n");
        let error = read(bad.as_bytes(), "x").unwrap_err().to_string();
        assert!(error.starts_with("x, line 3: "), "{error}");
    }
}
