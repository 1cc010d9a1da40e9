//! The command line of `loader build`.

use std::path::PathBuf;

use clap::Args;
use cloud_engine::{LogId, Scn};

use super::column_map::ColumnMap;
use super::dump_file::RowFormat;
use super::memory::MemoryLimit;
use super::node_order::NodeOrder;
use super::options::Options;

/// Build a snapshot from a dump of members, positions and connections.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Files with a row for each member; without any, the members are the ends of the connections.
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "connections")]
    members: Vec<PathBuf>,
    /// Files with a row for each position of a member.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "members")]
    positions: Vec<PathBuf>,
    /// Files with a row for each connection, or one for each direction.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    connections: Vec<PathBuf>,
    /// The directory of the site. The snapshot becomes a directory in it.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What stands between two fields; "tab" or "\t" for a tab.
    #[arg(long, default_value = ",", value_parser = delimiter)]
    delimiter: u8,
    /// The files have no header row: columns are mapped by number.
    #[arg(long)]
    no_header: bool,
    /// Which column holds which field, by name or by number from 1: connections:member=1,other=2,time=3:ms (or :s, or
    /// :rfc3339), members:member_id=id,given_name=firstName. One for each kind; fields that it does not name stay empty.
    #[arg(long = "map", value_name = "KIND:FIELD=COLUMN,...")]
    maps: Vec<ColumnMap>,
    /// The most memory to take, such as 2GiB or 512MiB: what does not fit goes to files beside the snapshot while it is built.
    /// Without it, half of what the machine, or the control group of the process, has.
    #[arg(long, value_name = "SIZE")]
    memory: Option<MemoryLimit>,
    /// How members are numbered inside: by id, or those who know each other near each other.
    #[arg(long, value_enum, default_value_t)]
    order: NodeOrder,
    /// The log that runs already, when the dump is one of a site that has a log.
    #[arg(long, value_name = "ID", requires = "scn")]
    log_id: Option<LogId>,
    /// Where that log stood when the dump began.
    #[arg(long, requires = "log_id", value_parser = clap::value_parser!(u64).range(1..))]
    scn: Option<u64>,
}

impl From<Arguments> for Options {
    fn from(arguments: Arguments) -> Self {
        Self {
            members: arguments.members,
            positions: arguments.positions,
            connections: arguments.connections,
            out: arguments.out,
            format: RowFormat {
                delimiter: arguments.delimiter,
                has_header: !arguments.no_header,
            },
            maps: arguments.maps,
            order: arguments.order,
            stands_at: arguments.log_id.zip(arguments.scn.map(Scn::new)),
            memory: arguments.memory.unwrap_or_default(),
            shows_progress: true,
        }
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [byte] => Ok(*byte),
        _ => Err("one ASCII character, or \"tab\"".to_owned()),
    }
}
