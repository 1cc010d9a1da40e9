//! Lists the crates of a workspace, read from its `Cargo.toml` files.

use std::fs;
use std::path::{Path, PathBuf};

/// One crate of the workspace.
#[derive(Clone, Debug)]
pub struct Crate {
    /// The package's name.
    pub name: String,
    /// The folder of its `Cargo.toml`.
    pub folder: PathBuf,
    /// The workspace's crates that it uses outside its own tests, by name and in order.
    pub uses: Vec<String>,
}

/// Returns the folder of the workspace to which this crate belongs.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2);
    root.expect("tests/source/ stands in the workspace")
        .to_owned()
}

/// Returns the crates of the workspace in this folder. Panics if a manifest cannot be read.
pub fn crates(root: &Path) -> Vec<Crate> {
    let read = |folder: &Path| {
        let path = folder.join("Cargo.toml");
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let manifest = read(root);
    let (_, members) = manifest
        .split_once("members = [")
        .expect("a list of members");
    let members = members.split(']').next().unwrap_or_default();
    let members = members.split('"').skip(1).step_by(2);
    let manifests: Vec<(PathBuf, String)> = members
        .map(|member| (root.join(member), read(&root.join(member))))
        .collect();
    let name = |manifest: &str| -> String {
        let value =
            section(manifest, "package").find_map(|(key, value)| (key == "name").then_some(value));
        value
            .expect("a package's name")
            .trim_matches('"')
            .to_owned()
    };
    let names: Vec<String> = manifests
        .iter()
        .map(|(_, manifest)| name(manifest))
        .collect();
    let used = |manifest: &str| -> Vec<String> {
        let sections = ["dependencies", "build-dependencies"];
        let keys = sections
            .iter()
            .flat_map(|name| section(manifest, name))
            .map(|(key, _)| key);
        let keys = keys.map(|key| key.split('.').next().unwrap_or_default());
        keys.filter(|key| names.iter().any(|name| name == key))
            .map(str::to_owned)
            .collect()
    };
    manifests
        .iter()
        .map(|(folder, manifest)| Crate {
            name: name(manifest),
            folder: folder.clone(),
            uses: used(manifest),
        })
        .collect()
}

/// Returns the keys and values of a section that has one of them a line, as all the workspace's own
/// manifests do.
fn section<'a>(manifest: &'a str, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let header = format!("[{name}]");
    let lines = manifest
        .lines()
        .skip_while(move |line| *line != header)
        .skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim(), value.trim()))
}

impl Crate {
    /// Returns the crate's files with one of these extensions, in order. Files of crates in folders
    /// below are left out.
    pub fn files(&self, folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.join(folder)];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else {
                continue;
            };
            for entry in entries {
                let path = entry.expect("a folder's entry").path();
                let is_other_crate = path.join("Cargo.toml").exists();
                if path.is_dir() && !is_other_crate && !path.ends_with("target") {
                    folders.push(path);
                } else if path
                    .extension()
                    .and_then(|extension| extension.to_str())
                    .is_some_and(|extension| extensions.contains(&extension))
                {
                    files.push(path);
                }
            }
        }
        files.sort();
        files
    }
}
