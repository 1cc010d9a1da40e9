//! `loader export`: writes a snapshot as dumps that build the same site.
//!
//! `members.csv`, `positions.csv` and `connections.csv` have a header, and every field that the
//! loader reads, in the order of the table of fields. Members are in the order of their ids, and
//! each connection stands once, with its time in UTC. The rows of a site of any size are written
//! one after the other.
//!
//! A site without profiles, built from connections alone, is written as connections alone, unless a
//! member has none.

use std::fmt;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::Args;
use cloud_engine::{FileError, NodeIndex, POLICY_NAME};
use cloud_profile::Fields;
use cloud_proto::databus::v1::{Member, Position};
use cloud_terminal::print;
use jiff::Timestamp;

use crate::{
    csv_file::finish_csv,
    job::error::Error,
    snapshot_content::{ContentError, SnapshotContent},
};

/// Write a snapshot as members.csv, positions.csv and connections.csv, which build the same site.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// A snapshot, or the directory of a site, whose newest snapshot is used.
    #[arg(long, value_name = "DIR")]
    snapshot: PathBuf,
    /// The directory of the files, which is created if it is missing. No file is overwritten.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// The files of a snapshot's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The directory of the snapshot.
    pub snapshot: PathBuf,
    /// The files, each with its number of rows, in the order of the options of `loader build`.
    pub files: Vec<(PathBuf, u64)>,
    /// The positions that are current and had an end, which is left out: a dump cannot have both.
    pub ends_left_out: u64,
}

/// Why a snapshot was not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The snapshot says who may not see whom, which no dump holds.
    #[error(
        "{} holds blocks, restrictions or closed lists (policy.bin), and dumps do not: the site \
         built from them would show who is hidden",
        .0.display()
    )]
    Policy(PathBuf),
    /// The content of the snapshot cannot be read.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] Error),
}

impl From<FileError> for ExportError {
    fn from(error: FileError) -> Self {
        Self::Content(error.into())
    }
}

/// Exports the snapshot that the command line names, and prints the files.
///
/// # Errors
/// The errors of [`export`], and if stdout cannot be written.
pub fn run(arguments: &Arguments) -> Result<(), ExportError> {
    Ok(print(export(&arguments.snapshot, &arguments.out)?).map_err(Error::Print)?)
}

/// Writes the content of a snapshot as files of a dump.
///
/// # Errors
/// If the snapshot is damaged or has policy, or a file exists or cannot be written.
pub fn export(path: &Path, out: &Path) -> Result<Exported, ExportError> {
    let content = SnapshotContent::open(path)?;
    if content.manifest.file(POLICY_NAME).is_some() {
        return Err(ExportError::Policy(content.path));
    }
    fs::create_dir_all(out).map_err(Error::file("create", out))?;
    let has_lonely = |node: &NodeIndex| content.graph.degree_of_node(*node) == 0;
    let mut exported = Exported {
        snapshot: content.path.clone(),
        files: Vec::new(),
        ends_left_out: 0,
    };
    if !content.profiles.is_silent() || content.nodes.iter().any(has_lonely) {
        write_people(&content, out, &mut exported)?;
    }
    write_connections(&content, out, &mut exported)?;
    Ok(exported)
}

fn write_people(
    content: &SnapshotContent,
    out: &Path,
    exported: &mut Exported,
) -> Result<(), ExportError> {
    let position_header = std::iter::once("member_id").chain(names::<Position>());
    let mut members = Table::create(out, "members.csv", names::<Member>())?;
    let mut positions = Table::create(out, "positions.csv", position_header)?;
    for node in &content.nodes {
        let id = content.graph.member(*node).get();
        let record = content.profile(*node)?;
        members.row(texts(&record.member.unwrap_or_default()))?;
        for mut position in record.positions {
            if position.current && position.to.take().is_some() {
                exported.ends_left_out += 1;
            }
            let owner = std::iter::once(id.to_string());
            positions.row(owner.chain(texts(&position)))?;
        }
    }
    exported.files.push(members.finish()?);
    exported.files.push(positions.finish()?);
    Ok(())
}

fn write_connections(
    content: &SnapshotContent,
    out: &Path,
    exported: &mut Exported,
) -> Result<(), ExportError> {
    let header = ["member_id", "other_id", "connected_at"];
    let mut connections = Table::create(out, "connections.csv", header)?;
    for node in &content.nodes {
        let id = content.graph.member(*node);
        for (other, time) in content.connections_above(*node)? {
            let millis = i64::try_from(time.millis())
                .ok()
                .filter(|_| time.is_known());
            let time = millis.and_then(|millis| Timestamp::from_millisecond(millis).ok());
            let time = time.map(|time| time.to_string()).unwrap_or_default();
            connections.row([id.to_string(), other.to_string(), time])?;
        }
    }
    exported.files.push(connections.finish()?);
    Ok(())
}

fn names<M: Fields>() -> impl Iterator<Item = &'static str> {
    M::FIELDS.iter().map(|field| field.name)
}

fn texts<M: Fields>(message: &M) -> impl Iterator<Item = String> {
    M::FIELDS.iter().map(|field| field.to_text(message))
}

/// A file of rows that is written.
struct Table {
    path: PathBuf,
    writer: csv::Writer<BufWriter<File>>,
    rows: u64,
}

impl Table {
    fn create(
        out: &Path,
        name: &str,
        header: impl IntoIterator<Item = &'static str>,
    ) -> Result<Self, Error> {
        let path = out.join(name);
        let file = File::create_new(&path).map_err(Error::file("create", &path))?;
        let mut table = Self {
            path,
            writer: csv::Writer::from_writer(BufWriter::new(file)),
            rows: 0,
        };
        table.record(header)?;
        Ok(table)
    }

    fn row(&mut self, fields: impl IntoIterator<Item = String>) -> Result<(), Error> {
        self.rows += 1;
        self.record(fields)
    }

    fn record<T: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = T>) -> Result<(), Error> {
        let written = self.writer.write_record(fields);
        written.map_err(|error| Error::file("write", &self.path)(error.into()))
    }

    /// Fsyncs the file. Returns its path and its number of rows.
    fn finish(self) -> Result<(PathBuf, u64), Error> {
        finish_csv(self.writer, &self.path)?;
        Ok((self.path, self.rows))
    }
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "snapshot     {}", self.snapshot.display())?;
        for (path, rows) in &self.files {
            writeln!(f, "written      {rows} rows to {}", path.display())?;
        }
        if self.ends_left_out > 0 {
            let count = self.ends_left_out;
            writeln!(f, "left out     {count} ends of positions that are current")?;
        }
        let options = self.files.iter().map(|(path, _)| {
            let kind = path.file_stem().unwrap_or_default().to_string_lossy();
            format!(" --{kind} {}", path.display())
        });
        let options: String = options.collect();
        writeln!(
            f,
            "next         loader build{options} --out SITE builds the same site"
        )
    }
}
