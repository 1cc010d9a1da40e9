//! Writes connections.csv: every connection once, with its time.

use std::path::Path;

use crate::{
    Error,
    calendar::Calendar,
    edges::Edges,
    output::{OutputFile, write_blocks},
    progress::Progress,
};

const HEADER: &[u8] = b"member_id,other_id,connected_at\n";
const CONNECTIONS_PER_BLOCK: usize = 1 << 15;
/// The bytes reserved for a row: two ids of 8 digits and a time. Longer rows make the buffer grow.
const ROW_BYTES: usize = 48;

/// Writes the connections. The caller finishes the file.
pub(super) fn write_connections(
    edges: &Edges,
    directory: &Path,
    progress: &Progress,
) -> Result<OutputFile, Error> {
    let stage = progress.stage("writing connections", edges.len() as u64);
    let mut files = [OutputFile::create(directory, "connections.csv")?];
    let calendar = Calendar::new();
    for file in &mut files {
        file.write(HEADER)?;
    }
    write_blocks(
        &mut files,
        edges.len(),
        CONNECTIONS_PER_BLOCK,
        &stage,
        |range| {
            let mut text = Vec::with_capacity(range.len() * ROW_BYTES);
            let mut digits = itoa::Buffer::new();
            for pair in edges.pairs.range(range) {
                let edge = edges.edge(pair);
                for id in [edge.member, edge.other] {
                    text.extend_from_slice(digits.format(id).as_bytes());
                    text.push(b',');
                }
                calendar.write(edge.connected_at, &mut text);
                text.push(b'\n');
            }
            Ok([text])
        },
    )?;
    stage.finish();
    let [file] = files;
    Ok(file)
}
