//! The generated sites, kept from run to run: dumps, the snapshot built from them, and scratch
//! folders for servers.
//!
//! Everything is a function of the number of members, their mean degree and the seed. A folder
//! named by these is therefore generated once. A part is complete when its folder has the file
//! `made`; an interrupted run leaves no such file. With `--remove-dumps` only the snapshot stays.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use crate::{binaries::target, loader_run::LoaderRun, options::Options, outcome::Outcome};

/// The part with the dump of the whole site.
pub const DUMP: &str = "dump";
/// The part with the connections alone, as pairs of dense ids.
pub const PAIRS: &str = "pairs";
/// The part with the connections alone, with sparse ids and times.
pub const SPARSE: &str = "sparse";

/// The folder of one site.
#[derive(Clone, Debug)]
pub struct Data {
    folder: PathBuf,
    options: Options,
}

/// A folder for one server: `snapshot/` with links to the snapshot's files, and the server's own
/// files. Dropping it deletes it.
#[derive(Debug)]
pub struct ServerFolder(PathBuf);

impl Data {
    /// Returns the folder of the site that the options describe.
    pub fn new(options: &Options) -> Outcome<Self> {
        let name = format!(
            "{}-members-{}-mean-seed-{}{}",
            options.members,
            options.mean_connections,
            options.seed,
            if options.graph_only {
                "-graph-only"
            } else {
                ""
            }
        );
        let all = match &options.data {
            Some(folder) => folder.clone(),
            None => target()?.join("bench-data"),
        };
        let data = Self {
            folder: all.join(name),
            options: options.clone(),
        };
        fs::create_dir_all(&data.folder)?;
        Ok(data)
    }

    /// Returns the folder itself, on the file system where servers write.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns members.csv, positions.csv and connections.csv, with dense ids. With `--graph-only`
    /// there is only connections.csv.
    pub fn dump(&self) -> Outcome<PathBuf> {
        let flags: &[&str] = if self.options.graph_only {
            &["--graph-only"]
        } else {
            &[]
        };
        self.part(DUMP, |folder| self.generate(folder, flags))
    }

    /// Returns connections.csv with dense ids and no times: two numbers a row.
    pub fn pairs(&self) -> Outcome<PathBuf> {
        let dump = self.dump()?.join("connections.csv");
        let folder = self.part(PAIRS, |folder| {
            without_times(&dump, &folder.join("connections.csv"))
        })?;
        Ok(folder.join("connections.csv"))
    }

    /// Returns connections.csv with ids spread over 63 bits, and times.
    pub fn sparse_connections(&self) -> Outcome<PathBuf> {
        let folder = self.part(SPARSE, |folder| {
            self.generate(folder, &["--graph-only", "--sparse-ids"])
        })?;
        Ok(folder.join("connections.csv"))
    }

    /// Returns the snapshot directory of the whole site.
    pub fn snapshot(&self) -> Outcome<PathBuf> {
        let folder = self.part("site", |folder| self.build_site(folder, &[]).map(drop))?;
        Ok(folder.join("snapshot"))
    }

    /// Returns a folder whose `snapshot/` is the whole site with its nodes in this order.
    pub fn site_in_order(&self, order: &str) -> Outcome<PathBuf> {
        self.part(&format!("site-order-{order}"), |folder| {
            self.build_site(folder, &["--order", order]).map(drop)
        })
    }

    /// Rebuilds the snapshot, for the figures of the build.
    pub fn rebuild_snapshot(&self) -> Outcome<LoaderRun> {
        let folder = self.folder.join("site");
        remove(&folder)?;
        let mut run = None;
        self.part("site", |folder| {
            run = Some(self.build_site(folder, &[])?);
            Ok(())
        })?;
        run.ok_or_else(|| format!("{} was not removed", folder.display()).into())
    }

    /// Deletes a dump that nothing more is built from, if the options say so.
    pub fn done_with(&self, dump: &str) -> Outcome<()> {
        if self.options.remove_dumps {
            remove(&self.folder.join(dump))?;
        }
        Ok(())
    }

    /// Returns a part, and generates it when it does not exist.
    pub fn part(&self, name: &str, make: impl FnOnce(&Path) -> Outcome<()>) -> Outcome<PathBuf> {
        let folder = self.folder.join(name);
        let mark = folder.join("made");
        if !mark.exists() {
            eprintln!("  making {} ...", folder.display());
            remove(&folder)?;
            fs::create_dir_all(&folder)?;
            make(&folder)?;
            File::create(mark)?;
        }
        Ok(folder)
    }

    /// Creates a folder for a server with only the snapshot in it. Snapshot files are never written
    /// to, so links are enough.
    pub fn server_folder(&self, name: &str) -> Outcome<ServerFolder> {
        let snapshot = self.snapshot()?;
        let folder = self.folder.join(format!("server-{name}"));
        remove(&folder)?;
        link_all(&snapshot, &folder.join("snapshot"))?;
        Ok(ServerFolder(folder))
    }

    /// Creates an empty scratch folder.
    pub fn scratch_folder(&self, name: &str) -> Outcome<ServerFolder> {
        let folder = self.folder.join(format!("scratch-{name}"));
        remove(&folder)?;
        fs::create_dir_all(&folder)?;
        Ok(ServerFolder(folder))
    }

    fn generate(&self, folder: &Path, flags: &[&str]) -> Outcome<()> {
        let Options {
            members,
            mean_connections,
            seed,
            ..
        } = &self.options;
        let numbers = [
            ("--members", members.to_string()),
            ("--mean-connections", mean_connections.to_string()),
            ("--seed", seed.to_string()),
        ];
        let numbers = numbers
            .into_iter()
            .flat_map(|(flag, number)| [flag.to_owned(), number]);
        let flags = flags.iter().map(|&flag| flag.to_owned());
        let out = ["--out".to_owned(), folder.display().to_string()];
        LoaderRun::of("generate", numbers.chain(flags).chain(out))?;
        Ok(())
    }

    fn build_site(&self, folder: &Path, flags: &[&str]) -> Outcome<LoaderRun> {
        let dump = self.dump()?;
        let kinds: &[&str] = if self.options.graph_only {
            &["connections"]
        } else {
            &["members", "positions", "connections"]
        };
        let files = kinds.iter().flat_map(|kind| {
            [
                format!("--{kind}"),
                dump.join(format!("{kind}.csv")).display().to_string(),
            ]
        });
        let out = [
            "--out".to_owned(),
            folder.join("snapshot").display().to_string(),
        ];
        let flags = flags.iter().map(|&flag| flag.to_owned());
        LoaderRun::of("build", files.chain(flags).chain(out))
    }
}

impl ServerFolder {
    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ServerFolder {
    fn drop(&mut self) {
        // The next run deletes what remains.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn remove(folder: &Path) -> Outcome<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

fn without_times(from: &Path, to: &Path) -> Outcome<()> {
    let mut rows = BufReader::new(File::open(from)?);
    let mut pairs = BufWriter::new(File::create(to)?);
    let mut row = Vec::new();
    while rows.read_until(b'\n', &mut row)? > 0 {
        let last_comma = row
            .iter()
            .rposition(|&byte| byte == b',')
            .unwrap_or(row.len());
        pairs.write_all(row.get(..last_comma).unwrap_or_default())?;
        pairs.write_all(b"\n")?;
        row.clear();
    }
    pairs.flush()?;
    Ok(())
}

/// Links all files below `from` in the same folders below `to`. It runs before servers write files
/// beside the snapshots.
fn link_all(from: &Path, to: &Path) -> Outcome<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let link = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link_all(&entry.path(), &link)?;
        } else {
            fs::hard_link(entry.path(), link)?;
        }
    }
    Ok(())
}
