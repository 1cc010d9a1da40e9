//! The options of a build: its input and its output.

use std::path::PathBuf;

use cloud_engine::StandsAt;
use cloud_model::{LogId, Scn};

use crate::{
    job::error::Error,
    snapshot::{
        graph::node_order::NodeOrder,
        memory::MemoryLimit,
        rejects::OnError,
        rows::{
            column_map::{ColumnMap, DumpKind, MapError},
            dump_file::DumpFile,
            id_rule::IdRule,
            input::WindowMax,
            row_format::RowFormat,
        },
    },
};

/// The SCN of a snapshot of a core database: that of the window which all earlier windows of the
/// source would have been. The log's first window has the next one.
const DATABASE_SCN: Scn = Scn::new(1);

/// The options of a build. [`Options::default`] has neither files nor a directory.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The files of members. If there are none, the members are the ends of the connections, and
    /// their profiles are empty.
    pub members: Vec<PathBuf>,
    /// The files of positions. They require files of members.
    pub positions: Vec<PathBuf>,
    /// The files of connections. There may be none if there are members.
    pub connections: Vec<PathBuf>,
    /// The core database to read in place of files.
    pub from_postgres: Option<CoreDatabaseOptions>,
    /// The directory of the site, which is created if it is missing. The snapshot becomes a
    /// directory in it.
    pub out: PathBuf,
    /// The format of the rows.
    pub format: RowFormat,
    /// The number that is added to every id of a member, for dumps that count from 0.
    pub id_offset: u64,
    /// The order of the nodes.
    pub order: NodeOrder,
    /// How the build handles a bad row.
    pub on_error: OnError,
    /// The maps of columns, at most one of each kind of files.
    pub maps: Vec<ColumnMap>,
    /// The existing log and the SCN of the dump in it. If it is `None`, a new log begins with this
    /// snapshot.
    pub stands_at: Option<(LogId, Scn)>,
    /// The most memory to take.
    pub memory: MemoryLimit,
    /// The largest window of a zstd frame that is unpacked. Its memory is taken on top.
    pub zstd_window: WindowMax,
    /// Whether progress is shown on stderr.
    pub shows_progress: bool,
}

/// A core database as the input of a build.
#[derive(Debug, Clone)]
pub struct CoreDatabaseOptions {
    /// The address, without a password.
    pub address: String,
    /// The file of the mapping.
    pub mapping: PathBuf,
    /// The slot to make, which keeps the changes from the snapshot on.
    pub slot: String,
    /// Whether the slot may exist, unless a capture reads it. It is replaced then.
    pub replaces_slot: bool,
    /// The publication of the mapped tables, which must exist.
    pub publication: String,
    /// The folder for what capture compares with later, which it is given too.
    pub capture_state: PathBuf,
    /// The most rows that the rules refuse and the build skips. `None`: any number.
    pub refused_rows_max: Option<u64>,
}

/// The files of a build, with their columns.
#[derive(Debug)]
pub(crate) struct Dump {
    pub(crate) members: Vec<DumpFile>,
    pub(crate) positions: Vec<DumpFile>,
    pub(crate) connections: Vec<DumpFile>,
}

impl Dump {
    /// Returns the length of all files of connections, compressed or not.
    pub(crate) fn connection_bytes(&self) -> u64 {
        self.connections.iter().map(|file| file.bytes).sum()
    }

    pub(crate) fn files(&self, kind: DumpKind) -> &[DumpFile] {
        match kind {
            DumpKind::Members => &self.members,
            DumpKind::Positions => &self.positions,
            DumpKind::Connections => &self.connections,
        }
    }
}

impl Options {
    /// Opens all files and reads their headers, so that wrong columns are found before the first
    /// row is read.
    pub(crate) fn open(&self) -> Result<Dump, Error> {
        if self.from_postgres.is_some() {
            return self.without_files();
        }
        if self.members.is_empty() && self.connections.is_empty() {
            return Err(Error::Options(
                "neither members nor connections: there is nothing to build from",
            ));
        }
        if self.members.is_empty() && !self.positions.is_empty() {
            return Err(Error::Options(
                "positions without members: the files of members are needed too",
            ));
        }
        if !self.format.is_unambiguous() {
            return Err(Error::Options(
                "the delimiter, the quote and the escape are three different ASCII characters that \
                 begin nothing else: no digit, # or line end; in COPY's syntax no letter, point \
                 or backslash as the delimiter; no letter, space, point, colon or hyphen as the \
                 quote or the escape",
            ));
        }
        for (index, map) in self.maps.iter().enumerate() {
            if self
                .maps
                .iter()
                .skip(index + 1)
                .any(|other| other.kind() == map.kind())
            {
                return Err(MapError::Repeated(map.kind()).into());
            }
            if self.paths(map.kind()).is_empty() {
                return Err(MapError::NoFiles(map.kind()).into());
            }
        }
        Ok(Dump {
            members: self.files(DumpKind::Members)?,
            positions: self.files(DumpKind::Positions)?,
            connections: self.files(DumpKind::Connections)?,
        })
    }

    /// Returns no files, because a core database is read instead.
    fn without_files(&self) -> Result<Dump, Error> {
        let files = [&self.members, &self.positions, &self.connections];
        let has_files = files.iter().any(|files| !files.is_empty());
        if has_files || !self.maps.is_empty() || self.stands_at.is_some() || self.id_offset > 0 {
            return Err(Error::Options(
                "a build from a core database reads no files, and begins a log of its own",
            ));
        }
        Ok(Dump {
            members: Vec::new(),
            positions: Vec::new(),
            connections: Vec::new(),
        })
    }

    pub(crate) fn scn(&self) -> Scn {
        let of_new_site = match self.from_postgres {
            None => Scn::BEGINNING,
            Some(_) => DATABASE_SCN,
        };
        self.stands_at.map_or(of_new_site, |(_, scn)| scn)
    }

    /// Returns where the snapshot stands. A snapshot of a core database holds all windows of that
    /// source up to its offset, so its log begins with their last offset.
    pub(crate) fn manifest_stands_at(&self) -> Result<StandsAt, Error> {
        Ok(match (self.stands_at, &self.from_postgres) {
            (Some((log_id, scn)), _) => StandsAt::AtScn {
                log_id,
                scn,
                history: None,
            },
            (None, None) => StandsAt::Beginning {},
            (None, Some(_)) => StandsAt::NewLog {
                log_id: databus::random_log_id().map_err(Error::Random)?,
                scn: DATABASE_SCN,
                history: None,
            },
        })
    }

    fn paths(&self, kind: DumpKind) -> &[PathBuf] {
        match kind {
            DumpKind::Members => &self.members,
            DumpKind::Positions => &self.positions,
            DumpKind::Connections => &self.connections,
        }
    }

    fn files(&self, kind: DumpKind) -> Result<Vec<DumpFile>, Error> {
        let map = self.maps.iter().find(|map| map.kind() == kind);
        let ids = IdRule {
            offset: self.id_offset,
        };
        self.paths(kind)
            .iter()
            .map(|path| DumpFile::open(path, kind, map, self.format, self.zstd_window, ids))
            .collect()
    }
}
