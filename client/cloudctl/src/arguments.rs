//! The command line.

use clap::{Parser, Subcommand};
use cloud_client::Point;
use cloud_terminal::quantity::seconds;
use std::{path::PathBuf, time::Duration};

/// Queries a graph server of The Cloud, and changes connections.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes:\n  \
                  0  answered\n  \
                  1  the server refused the request or failed, or there is no such member\n  \
                  2  wrong usage\n  \
                  3  the server cannot be reached\n  \
                  4  the deadline passed"
)]
pub(crate) struct Arguments {
    /// The server's public listener.
    #[arg(
        long,
        global = true,
        env = "CLOUD_SERVER",
        default_value = "127.0.0.1:50051",
        value_name = "ADDRESS"
    )]
    pub(crate) server: String,
    /// The server's admin listener; for `watch`, also a relay's public listener.
    #[arg(
        long,
        global = true,
        env = "CLOUD_ADMIN",
        default_value = "127.0.0.1:50052",
        value_name = "ADDRESS"
    )]
    pub(crate) admin: String,
    /// Print one JSON object on stdout; 64-bit ids are numbers. `watch` prints one for each event.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Maximum time to wait for an answer, such as 500ms or 5s; a bare number counts seconds.
    #[arg(
        long,
        global = true,
        default_value = "5s",
        value_parser = seconds,
        value_name = "TIME"
    )]
    pub(crate) timeout: Duration,
    /// Answer as of this point or later: SCN@LOG_ID as printed by `connect`, or SOURCE_ID:OFFSET.
    #[arg(long, global = true, value_name = "POINT")]
    pub(crate) at_least: Option<Point>,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Degrees of members from a viewer.
    Degrees(Degrees),
    /// Sizes of a viewer's network.
    Sizes(Sizes),
    /// A member's connections.
    Connections(Connections),
    /// The connections that two members share.
    Shared(Shared),
    /// The members at one degree of a viewer.
    Network(Network),
    /// The connections among some members.
    Subgraph(Subgraph),
    /// All shortest paths between two members.
    Paths(Paths),
    /// Members whom a viewer may know: those who share the most connections.
    Suggest(Suggest),
    /// Begins or ends a session, which keeps a viewer's requests fast.
    #[command(subcommand)]
    Session(Session),
    /// Members of a viewer's network who match a query.
    Search(Search),
    /// Members' profiles.
    Profile(Profile),
    /// Connects two members. Both must exist, unless --create is given.
    Connect(Connect),
    /// Ends the connection of two members.
    Disconnect(Pair),
    /// Publishes a window of changes: JSON lines, as `watch --json` prints them.
    Publish(Publish),
    /// Prints changes as they become durable, until interrupted.
    Watch(Watch),
    /// Status of the server: its SCNs, contents, memory and lag.
    Status,
    /// Takes a snapshot of the current state, and waits for it.
    Snapshot,
    /// Copies the newest snapshot and the log into a new folder, while the server serves.
    Backup(Backup),
}

#[derive(clap::Args)]
pub(crate) struct Degrees {
    /// The viewer.
    #[arg(long, value_name = "MEMBER")]
    pub(crate) viewer: u64,
    /// The members whose degrees are requested.
    #[arg(required = true, value_name = "MEMBER")]
    pub(crate) members: Vec<u64>,
    /// Also count the shared connections, and name up to three.
    #[arg(long)]
    pub(crate) shared: bool,
    /// Also name a shortest path.
    #[arg(long)]
    pub(crate) path: bool,
}

#[derive(clap::Args)]
pub(crate) struct Sizes {
    /// The viewer.
    #[arg(long, value_name = "MEMBER")]
    pub(crate) viewer: u64,
    /// Also count the 3rd degree.
    #[arg(long)]
    pub(crate) third: bool,
}

/// The side from which a command reads.
#[derive(clap::Args)]
pub(crate) struct Reader {
    /// The member from whose side to read; without it, a visitor who is not logged in.
    #[arg(long, value_name = "MEMBER", conflicts_with = "site")]
    pub(crate) viewer: Option<u64>,
    /// Read from the site's own side, on the admin listener.
    #[arg(long)]
    pub(crate) site: bool,
}

#[derive(clap::Args)]
pub(crate) struct Connections {
    #[command(flatten)]
    pub(crate) reader: Reader,
    /// The member.
    pub(crate) member: u64,
    /// The order: newest first, or by id.
    #[arg(long, value_enum, default_value_t = Order::Recent)]
    pub(crate) order: Order,
    /// Maximum number of connections to print.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Order {
    Recent,
    Id,
}

#[derive(clap::Args)]
pub(crate) struct Shared {
    /// The viewer.
    #[arg(long, value_name = "MEMBER")]
    pub(crate) viewer: u64,
    /// The other member.
    pub(crate) member: u64,
    /// Maximum number of connections to print.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
}

#[derive(clap::Args)]
pub(crate) struct Network {
    /// The viewer.
    #[arg(long, value_name = "MEMBER")]
    pub(crate) viewer: u64,
    /// The degree: 1, 2 or 3.
    #[arg(long, value_parser = parse_network_degree)]
    pub(crate) degree: cloud_client::Degree,
    /// Maximum number of members to print.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
    /// Print all members, as of one point.
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
}

#[derive(clap::Args)]
pub(crate) struct Subgraph {
    /// The viewer.
    #[arg(long, value_name = "MEMBER")]
    pub(crate) viewer: u64,
    /// The members whose connections with each other are requested.
    #[arg(required = true, value_name = "MEMBER")]
    pub(crate) members: Vec<u64>,
}

#[derive(clap::Args)]
pub(crate) struct Paths {
    /// The viewer, where the paths begin.
    #[arg(long, value_name = "MEMBER")]
    pub(crate) viewer: u64,
    /// The member where the paths end.
    pub(crate) member: u64,
    /// Maximum length of the paths, in connections: 1 to 6.
    #[arg(long, value_name = "DEGREE", default_value_t = 3)]
    pub(crate) max_degree: u32,
    /// Maximum number of paths to print.
    #[arg(long, default_value_t = 10)]
    pub(crate) limit: u32,
}

#[derive(clap::Args)]
pub(crate) struct Suggest {
    /// The viewer.
    #[arg(long, value_name = "MEMBER")]
    pub(crate) viewer: u64,
    /// Maximum number of members to print.
    #[arg(long, default_value_t = 10)]
    pub(crate) limit: u32,
}

#[derive(Subcommand)]
pub(crate) enum Session {
    /// Begins a session and prints its id.
    Begin {
        /// The viewer.
        #[arg(long, value_name = "MEMBER")]
        viewer: u64,
    },
    /// Ends a session.
    End {
        /// The session's id, as `begin` printed it.
        session: String,
    },
}

#[derive(clap::Args)]
pub(crate) struct Search {
    /// The viewer.
    #[arg(long, value_name = "MEMBER")]
    pub(crate) viewer: u64,
    /// Words, "phrases", field:word, AND, OR, NOT, + and -, parentheses. Empty: all members.
    #[arg(default_value = "")]
    pub(crate) query: String,
    /// Only these degrees: 1, 2, 3, out.
    #[arg(long, value_delimiter = ',', value_parser = parse_degree)]
    pub(crate) degrees: Vec<cloud_client::Degree>,
    /// Maximum number of members to print.
    #[arg(long, default_value_t = 10)]
    pub(crate) limit: usize,
}

#[derive(clap::Args)]
pub(crate) struct Profile {
    #[command(flatten)]
    pub(crate) reader: Reader,
    /// Only these fields, such as display_name or positions.title.
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    pub(crate) fields: Vec<String>,
    /// The members.
    #[arg(required = true, value_name = "MEMBER")]
    pub(crate) members: Vec<u64>,
}

#[derive(clap::Args)]
pub(crate) struct Pair {
    /// One member.
    pub(crate) member: u64,
    /// The other one.
    pub(crate) other: u64,
}

#[derive(clap::Args)]
pub(crate) struct Connect {
    #[command(flatten)]
    pub(crate) pair: Pair,
    /// Create a member who does not exist, with no more than the id.
    #[arg(long)]
    pub(crate) create: bool,
}

#[derive(clap::Args)]
pub(crate) struct Publish {
    /// A file, or - for stdin.
    #[arg(default_value = "-")]
    pub(crate) file: String,
    /// The source of the window; a repeat of its offset is not written again.
    #[arg(long, requires = "source_offset", default_value = "")]
    pub(crate) source_id: String,
    /// The window's offset in its source.
    #[arg(long, requires = "source_id", default_value_t = 0)]
    pub(crate) source_offset: u64,
}

#[derive(clap::Args)]
pub(crate) struct Backup {
    /// The new folder, on the server's machine. The folder above it must exist.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Link the files that never change, instead of copying them. DIR must be on the site's file
    /// system. Such a backup is made at once, and is lost with the disk.
    #[arg(long)]
    pub(crate) same_disk: bool,
}

#[derive(clap::Args)]
pub(crate) struct Watch {
    /// Begin after this SCN; without it, with the next window.
    #[arg(long, value_name = "SCN")]
    pub(crate) after_scn: Option<u64>,
}

fn parse_degree(text: &str) -> Result<cloud_client::Degree, String> {
    match text {
        "1" => Ok(cloud_client::Degree::First),
        "2" => Ok(cloud_client::Degree::Second),
        "3" => Ok(cloud_client::Degree::Third),
        "out" => Ok(cloud_client::Degree::OutOfNetwork),
        _ => Err("is not 1, 2, 3 or out".to_owned()),
    }
}

fn parse_network_degree(text: &str) -> Result<cloud_client::Degree, String> {
    match parse_degree(text) {
        Ok(cloud_client::Degree::OutOfNetwork) | Err(_) => Err("is not 1, 2 or 3".to_owned()),
        Ok(degree) => Ok(degree),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn degrees_are_parsed() {
        assert!(parse_degree("4").is_err());
        assert_eq!(parse_network_degree("3"), Ok(cloud_client::Degree::Third));
        assert!(parse_network_degree("out").is_err());
    }
}
