//! A dump in a directory of its own, and the content of the snapshot built from it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloud_engine::{Base, Manifest, NodeIndex, Writer};
use cloud_profile::ProfileRecord;
use cloud_search::{PROFILES_NAME, ProfileFile};
use loader::{Error, NodeOrder, OnError, Options, RowSyntax, Summary, build};
use tempfile::TempDir;

pub(crate) struct Dump {
    directory: TempDir,
    pub(crate) options: Options,
}

impl Dump {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options {
            out: directory.path().join("site"),
            ..Options::default()
        };
        Self { directory, options }
    }

    /// Makes a dump with one file of connections.
    pub(crate) fn of_connections(text: impl AsRef<[u8]>) -> Self {
        Self::new().connections("connections.csv", text)
    }

    pub(crate) fn members(mut self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.write(name, text);
        self.options.members.push(path);
        self
    }

    pub(crate) fn positions(mut self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.write(name, text);
        self.options.positions.push(path);
        self
    }

    pub(crate) fn connections(mut self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.write(name, text);
        self.options.connections.push(path);
        self
    }

    pub(crate) fn map(mut self, map: &str) -> Self {
        self.options.maps.push(map.parse().unwrap());
        self
    }

    pub(crate) fn order(mut self, order: NodeOrder) -> Self {
        self.options.order = order;
        self
    }

    pub(crate) fn delimiter(mut self, delimiter: u8) -> Self {
        self.options.format.delimiter = delimiter;
        self
    }

    pub(crate) fn quote(mut self, quote: Option<u8>) -> Self {
        self.options.format.quote = quote;
        self
    }

    pub(crate) fn escape(mut self, escape: u8) -> Self {
        self.options.format.escape = Some(escape);
        self
    }

    pub(crate) fn without_header(mut self) -> Self {
        self.options.format.has_header = false;
        self
    }

    /// Sets the text format of `COPY`.
    pub(crate) fn copy(mut self, has_header: bool) -> Self {
        self.options.format.syntax = RowSyntax::Copy;
        self.options.format.has_header = has_header;
        self.delimiter(b'\t')
    }

    /// Makes the build skip bad rows.
    pub(crate) fn skip(mut self) -> Self {
        self.options.on_error = OnError::Skip;
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn build(&self) -> Summary {
        self.try_build().unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn try_build(&self) -> Result<Summary, Error> {
        build(&self.options)
    }

    /// Returns the message of the error with which the build must stop, without this directory's
    /// name.
    pub(crate) fn error(&self) -> String {
        let error = self.try_build().expect_err("a bad dump").to_string();
        error.replace(&format!("{}/", self.path().display()), "")
    }

    /// Returns the list of rejected rows, without this directory's name.
    pub(crate) fn rejects(&self) -> String {
        let list = fs::read(self.options.out.join("rejects.csv")).unwrap();
        let text = String::from_utf8_lossy(&list).into_owned();
        text.replace(&format!("{}/", self.path().display()), "")
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

/// The connections of each member in a snapshot, with their times.
pub(crate) type Rows = BTreeMap<u64, BTreeMap<u64, u64>>;

pub(crate) fn rows(snapshot: &Path) -> Rows {
    let manifest = Manifest::read(snapshot).unwrap();
    let base = Arc::new(Base::open(snapshot, &manifest).unwrap());
    assert_eq!(base.lineage(), manifest.lineage_id);
    assert_eq!(
        (u64::from(base.node_count()), base.connection_count()),
        (manifest.members, manifest.connections)
    );
    let graph = Writer::new(base, manifest.scn).version().graph();
    let rows = graph.nodes().map(|node| {
        let connections = graph.connections(node).unwrap();
        let row = connections
            .iter()
            .map(|to| (graph.member(to.node).get(), to.time.millis()));
        (graph.member(node).get(), row.collect())
    });
    rows.collect()
}

pub(crate) fn members_by_node(snapshot: &Path) -> Vec<u64> {
    let manifest = Manifest::read(snapshot).unwrap();
    let base = Arc::new(Base::open(snapshot, &manifest).unwrap());
    let graph = Writer::new(base, manifest.scn).version().graph();
    graph.nodes().map(|node| graph.member(node).get()).collect()
}

pub(crate) fn profiles(snapshot: &Path) -> Vec<ProfileRecord> {
    let manifest = Manifest::read(snapshot).unwrap();
    let file = ProfileFile::open(&snapshot.join(PROFILES_NAME), manifest.lineage_id).unwrap();
    assert_eq!(file.node_count(), manifest.members);
    let members = members_by_node(snapshot);
    let nodes = (0..).map(NodeIndex::new).zip(members);
    nodes
        .map(|(node, member)| file.profile(node, member).unwrap().unwrap())
        .collect()
}
