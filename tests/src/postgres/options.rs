//! The options of a server under test, and the programs that it is made of.

use std::{fs, path::PathBuf, process::Command};

use crate::installed::workspace;

/// The folder above the versions of Debian's packages.
const INSTALLED: &str = "/usr/lib/postgresql";
/// The folder above the versions that `tests/postgres-installed` unpacks, in the workspace.
const UNPACKED: &str = "target/postgres";

/// The options of a server under test.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// The folder of the programs, such as `/usr/lib/postgresql/15/bin`.
    pub programs: PathBuf,
    /// Whether the server syncs to disk.
    pub fsync: bool,
    /// The password that every connection needs. `None`: none is needed.
    pub password: Option<String>,
    /// Further settings, or other values of the usual ones.
    pub settings: Vec<(String, String)>,
}

impl PostgresOptions {
    /// Returns the options for the installed version. `None` if none is installed: this says so,
    /// and fails in CI.
    pub fn installed() -> Option<Self> {
        Some(Self::of(programs()?))
    }

    /// Returns the options for a version, such as 18. `None` if it is not installed: this says so,
    /// and fails in CI.
    pub fn of_version(version: u32) -> Option<Self> {
        let folders = [PathBuf::from(INSTALLED), workspace().join(UNPACKED)];
        let mut folders = folders
            .map(|folder| folder.join(format!("{version}/bin")))
            .into_iter();
        let found = folders.find(|folder| folder.join("postgres").exists());
        if found.is_none() {
            report_missing(&format!(
                "PostgreSQL {version} is missing in {INSTALLED} and in {UNPACKED}"
            ));
        }
        found.map(Self::of)
    }

    /// Returns the options for the programs in a folder.
    pub fn of(programs: PathBuf) -> Self {
        Self {
            programs,
            fsync: false,
            password: None,
            settings: Vec::new(),
        }
    }

    /// Returns a command that runs one of the programs.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.envs(self.library_path());
        command
    }

    /// Returns the variable that lets the programs load the libraries beside them, if there are
    /// any, and not those of another version.
    pub(super) fn library_path(&self) -> Option<(&'static str, PathBuf)> {
        let libraries = self.programs.join("../lib");
        let has_own = libraries.join("libpq.so.5").exists();
        has_own.then_some(("LD_LIBRARY_PATH", libraries))
    }

    /// Adds a setting of the server, such as `wal_level`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Returns the folder of PostgreSQL's programs: that of the variable `CLOUD_TEST_POSTGRES`, else
/// the latest of Debian's packages. `None` if there is none: this says so, and fails in CI.
pub fn programs() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("CLOUD_TEST_POSTGRES") {
        let folder = PathBuf::from(folder);
        let is_there = folder.join("postgres").exists();
        assert!(
            is_there,
            "CLOUD_TEST_POSTGRES: no postgres in {}",
            folder.display()
        );
        return Some(folder);
    }
    let versions = fs::read_dir(INSTALLED).into_iter().flatten().flatten();
    let found = versions.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let folder = entry.path().join("bin");
        folder
            .join("postgres")
            .exists()
            .then_some((version, folder))
    });
    if let Some((_, folder)) = found.max() {
        return Some(folder);
    }
    report_missing(&format!("PostgreSQL is missing in {INSTALLED}"));
    None
}

/// Says that something is not tested, and fails in CI.
fn report_missing(missing: &str) {
    let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!in_ci, "{missing}");
    eprintln!("NOT TESTED: {missing}; `make test` installs it");
}
