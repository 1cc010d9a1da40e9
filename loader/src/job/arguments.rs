//! The command line of `loader build`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cloud_capture::connect::{
    DEFAULT_PUBLICATION, DEFAULT_SLOT, DEFAULT_STATE, publication_name, slot_name,
};
use cloud_model::{LogId, Scn};

use crate::{
    job::{
        error::Error,
        options::{CoreDatabaseOptions, Options},
    },
    snapshot::{
        graph::node_order::NodeOrder,
        memory::{MemoryLimit, Size},
        rejects::OnError,
        rows::{
            column_map::ColumnMap,
            input::WindowMax,
            row_format::{RowFormat, RowSyntax},
        },
    },
};

/// Build a snapshot from a dump of members, positions and connections, or from a core database.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Files with a row for each member; without any, the members are the ends of the connections.
    #[arg(long, value_name = "FILE", num_args = 1..,
          required_unless_present_any = ["connections", "from_postgres"])]
    members: Vec<PathBuf>,
    /// Files with a row for each position of a member.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "members")]
    positions: Vec<PathBuf>,
    /// Files with a row for each connection, or one for each direction.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    connections: Vec<PathBuf>,
    /// The core database to read in place of files: postgres://USER@HOST:PORT/DATABASE. All tables
    /// are read as of one point. A new slot keeps the changes from there on, and the site's log
    /// begins there. The password comes from PGPASSWORD, or from ~/.pgpass or the file that
    /// PGPASSFILE names.
    #[arg(long, value_name = "URL", requires = "mapping", conflicts_with_all = [
        "members", "positions", "connections", "format", "delimiter", "quote", "escape",
        "no_header", "id_offset", "maps", "zstd_window", "log_id",
    ])]
    from_postgres: Option<String>,
    /// The file that says which tables and columns of the core database are members, profiles,
    /// positions and connections.
    #[arg(long, value_name = "FILE", requires = "from_postgres")]
    mapping: Option<PathBuf>,
    /// The slot to make in the core database when the snapshot is complete. It must not exist.
    /// Until then the build uses a temporary slot, so a build that ends early leaves none.
    #[arg(long, value_name = "NAME", requires = "from_postgres", default_value = DEFAULT_SLOT,
          value_parser = slot_name)]
    slot: String,
    /// The publication of the mapped tables. It must exist before the slot is made.
    #[arg(long, value_name = "NAME", requires = "from_postgres",
          default_value = DEFAULT_PUBLICATION, value_parser = publication_name)]
    publication: String,
    /// The folder for what capture compares with later: give it to capture as --state. A state in
    /// it is replaced.
    #[arg(long, value_name = "DIR", requires = "from_postgres", default_value = DEFAULT_STATE)]
    capture_state: PathBuf,
    /// The directory of the site. The snapshot becomes a directory in it.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The format of the rows. Files may be compressed (gzip, zstd), which is detected.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// The delimiter between two fields; "tab" or "\t" for a tab [default: a comma; in COPY's
    /// formats a tab].
    #[arg(long, value_parser = delimiter)]
    delimiter: Option<u8>,
    /// The quote around fields of CSV, or "none": then a quote is text like any other character.
    #[arg(long, value_name = "CHARACTER|none", value_parser = quote, default_value = "\"")]
    quote: Quote,
    /// The character of CSV that makes a delimiter, a quote or itself text: '\' for files that
    /// write \" in quotes. Without it, a quote in quotes is doubled.
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    escape: Option<u8>,
    /// The CSV files have no header row: columns are mapped by number.
    #[arg(long)]
    no_header: bool,
    /// A number to add to every id of a member, in every file: ids start at 1, and 1 shifts those
    /// that start at 0.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    id_offset: u64,
    /// How to handle a bad row. "skip" skips it and lists it in rejects.csv beside the snapshot:
    /// with file and line, or with table and key.
    #[arg(long, value_enum, default_value_t = BadRow::Stop)]
    on_error: BadRow,
    /// The column of each field, by name or by number from 1:
    /// connections:member=1,other=2,time=3:ms (or :s; or :rfc3339; for texts without a zone :utc,
    /// or a zone as in :Europe/Vienna), members:member_id=id,given_name=firstName. One for each
    /// kind; fields that it does not name stay empty.
    #[arg(long = "map", value_name = "KIND:FIELD=COLUMN,...")]
    maps: Vec<ColumnMap>,
    /// The most memory to take, such as 2GiB or 512MiB. Data that does not fit goes to files beside
    /// the snapshot during the build. The default is half of the memory of the machine, or of the
    /// control group of the process. With --order community the graph's files are mapped as well:
    /// their pages, which the system may reclaim, are part of the peak that is printed.
    #[arg(long, value_name = "SIZE")]
    memory: Option<MemoryLimit>,
    /// The largest window of a zstd file, for files made with zstd --long. Each file that is read
    /// takes so much memory on top of --memory.
    #[arg(long, value_name = "SIZE", default_value = "128MiB")]
    zstd_window: Size,
    /// The numbering of the nodes: by member id, or with connected members near each other.
    #[arg(long, value_enum, default_value_t)]
    order: NodeOrder,
    /// The id of the existing log, if the site of the dump has one.
    #[arg(long, value_name = "ID", requires = "scn")]
    log_id: Option<LogId>,
    /// The SCN of that log when the dump began.
    #[arg(long, requires = "log_id", value_parser = clap::value_parser!(u64).range(1..))]
    scn: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A header row, and quotes where they are needed; in files of connections, lines that begin
    /// with # are comments.
    Csv,
    /// Text written by PostgreSQL's COPY: no header, \N for NULL, escapes with a backslash.
    Copy,
    /// The same, written by COPY with the option HEADER.
    CopyHeader,
}

/// The quote of a file of CSV, if it has quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quote(Option<u8>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BadRow {
    /// Stops the build, with file and line, or table and key, and the reason.
    Stop,
    /// Skips the row. Contradictions between rows still stop the build.
    Skip,
}

impl From<BadRow> for OnError {
    fn from(bad_row: BadRow) -> Self {
        match bad_row {
            BadRow::Stop => Self::Stop,
            BadRow::Skip => Self::Skip,
        }
    }
}

impl TryFrom<Arguments> for Options {
    type Error = Error;

    fn try_from(arguments: Arguments) -> Result<Self, Error> {
        if arguments.no_header && arguments.format == Format::CopyHeader {
            return Err(Error::Options(
                "--no-header contradicts --format copy-header: \
                 without a header row use --format copy",
            ));
        }
        let Quote(quote) = arguments.quote;
        let usual = RowFormat::default();
        if arguments.format != Format::Csv && (quote != usual.quote || arguments.escape.is_some()) {
            return Err(Error::Options(
                "--quote and --escape are for CSV: COPY's syntax has no quotes, \
                 and its escapes begin with a backslash",
            ));
        }
        let (syntax, has_header) = match arguments.format {
            Format::Csv => (RowSyntax::Csv, !arguments.no_header),
            Format::Copy => (RowSyntax::Copy, false),
            Format::CopyHeader => (RowSyntax::Copy, true),
        };
        Ok(Self {
            from_postgres: arguments.from_postgres.zip(arguments.mapping).map(
                |(address, mapping)| CoreDatabaseOptions {
                    address,
                    mapping,
                    slot: arguments.slot,
                    replaces_slot: false,
                    publication: arguments.publication,
                    capture_state: arguments.capture_state,
                    refused_rows_max: None,
                },
            ),
            members: arguments.members,
            positions: arguments.positions,
            connections: arguments.connections,
            out: arguments.out,
            format: RowFormat {
                syntax,
                delimiter: arguments.delimiter.unwrap_or(syntax.usual_delimiter()),
                quote,
                // A quote that escapes itself is a doubled quote.
                escape: arguments.escape.filter(|escape| Some(*escape) != quote),
                has_header,
            },
            id_offset: arguments.id_offset,
            on_error: arguments.on_error.into(),
            maps: arguments.maps,
            order: arguments.order,
            stands_at: arguments.log_id.zip(arguments.scn.map(Scn::new)),
            memory: arguments.memory.unwrap_or_default(),
            zstd_window: WindowMax(arguments.zstd_window),
            shows_progress: true,
        })
    }
}

fn quote(text: &str) -> Result<Quote, String> {
    match text.as_bytes() {
        b"none" => Ok(Quote(None)),
        [byte] => Ok(Quote(Some(*byte))),
        _ => Err("one ASCII character, or \"none\"".to_owned()),
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [byte] => Ok(*byte),
        _ => Err("one ASCII character, or \"tab\"".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn a_header_is_there_or_not() {
        for (flags, expected) in [
            (&[][..], Some(true)),
            (&["--no-header"], Some(false)),
            (&["--format", "copy", "--no-header"], Some(false)),
            (&["--format", "copy-header"], Some(true)),
            (&["--format", "copy-header", "--no-header"], None),
        ] {
            let line = ["build", "--connections", "c", "--out", "o"].iter();
            let line = Line::try_parse_from(line.chain(flags)).unwrap();
            let options = Options::try_from(line.arguments);
            let found = options.map(|options| options.format.has_header);
            assert_eq!(found.ok(), expected, "{flags:?}");
        }
    }
}
