//! The options of a server under test, and the programs that it is made of.

use std::{fs, path::PathBuf};

/// The folder above the versions of Debian's packages.
const INSTALLED: &str = "/usr/lib/postgresql";

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

    /// Returns the options for the programs in a folder.
    pub fn of(programs: PathBuf) -> Self {
        Self {
            programs,
            fsync: false,
            password: None,
            settings: Vec::new(),
        }
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
    let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!in_ci, "PostgreSQL is missing in {INSTALLED}");
    eprintln!("NOT TESTED: PostgreSQL is missing in {INSTALLED}; `make test` installs it");
    None
}
