//! What to build from, and where.

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
            row_format::RowFormat,
        },
    },
};

/// A build. [`Options::default`] has neither files nor a directory.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Who the members are. Empty: the members are the ends of the connections, and their profiles are empty.
    pub members: Vec<PathBuf>,
    /// Needs members.
    pub positions: Vec<PathBuf>,
    /// May be empty if there are members.
    pub connections: Vec<PathBuf>,
    /// The directory of the site; the snapshot becomes a directory in it. Made if it is not there.
    pub out: PathBuf,
    /// How rows are written.
    pub format: RowFormat,
    /// How the nodes are numbered.
    pub order: NodeOrder,
    /// What to do about a bad row.
    pub on_error: OnError,
    /// At most one of each kind.
    pub maps: Vec<ColumnMap>,
    /// The log that runs already and where the dump stands in it. `None`: a new log begins with this snapshot.
    pub stands_at: Option<(LogId, Scn)>,
    /// The most memory to take.
    pub memory: MemoryLimit,
    /// Whether progress is shown on stderr.
    pub shows_progress: bool,
}

/// The files of a build, with their columns.
#[derive(Debug)]
pub(crate) struct Dump {
    pub(crate) members: Vec<DumpFile>,
    pub(crate) positions: Vec<DumpFile>,
    pub(crate) connections: Vec<DumpFile>,
}

impl Dump {
    /// Of all files of connections, packed or not.
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
    /// Reads the headers: what does not fit is known before the first row is read.
    pub(crate) fn open(&self) -> Result<Dump, Error> {
        if self.members.is_empty() && self.connections.is_empty() {
            return Err(Error::Options(
                "neither members nor connections: there is nothing to build from",
            ));
        }
        if self.members.is_empty() && !self.positions.is_empty() {
            return Err(Error::Options(
                "positions without members: whose would they be?",
            ));
        }
        if !self.format.is_unambiguous() {
            return Err(Error::Options(
                "the delimiter is one ASCII character that begins nothing else: no quote, digit, #, backslash or line end, \
                 and in COPY's syntax no letter or point",
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

    pub(crate) fn scn(&self) -> Scn {
        self.stands_at.map_or(Scn::BEGINNING, |(_, scn)| scn)
    }

    pub(crate) fn manifest_stands_at(&self) -> StandsAt {
        match self.stands_at {
            Some((log_id, scn)) => StandsAt::AtScn { log_id, scn },
            None => StandsAt::Beginning {},
        }
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
        self.paths(kind)
            .iter()
            .map(|path| DumpFile::open(path, kind, map, self.format))
            .collect()
    }
}
