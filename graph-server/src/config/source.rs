//! Reads a configuration from a file and flags, and writes it as text.

use crate::config::{Config, ConfigError};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};
use cloud_files::open_plain;
use std::{
    io::Read as _,
    ops::Range,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// The flag that names the file.
const FILE_FLAG: &str = "config";

/// The most bytes of a file that are read; a file with every key has some thousand.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// The least Jaro-Winkler similarity at which an unknown key is taken for a misspelt one.
const SIMILAR_MIN: f64 = 0.85;

impl Config {
    /// Adds the flags of a configuration to `command`: `--config`, and one for each key of the
    /// file.
    #[must_use]
    pub fn arguments(command: Command) -> Command {
        let file = Arg::new(FILE_FLAG)
            .long(FILE_FLAG)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("A TOML file whose keys are the names of these flags; a flag overrides it");
        let defaults = keys(&Self::default());
        Self::augment_args(command.arg(file)).mut_args(|arg| {
            let name = arg.get_long().unwrap_or_default();
            let default = defaults.iter().find(|key| key.name == name);
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let help = match default.filter(|key| key.is_given()) {
                Some(key) => format!("{help} [default: {}]", key.value),
                None => help,
            };
            // An absent flag keeps the file's value, so a flag has no default of its own and none
            // is required.
            arg.required(false).help(help)
        })
    }

    /// Returns the flags' values, over those of the file that `--config` names, over the defaults.
    ///
    /// # Errors
    /// If the file cannot be read or contains an unknown key, or if the server cannot run with a
    /// value.
    pub fn from_arguments(matches: &ArgMatches) -> Result<Self, ConfigError> {
        let mut config = match matches.get_one::<PathBuf>(FILE_FLAG) {
            Some(path) => Self::read(path)?,
            None => Self::default(),
        };
        config.update_from_arg_matches(matches)?;
        config.check()?;
        Ok(config)
    }

    /// Returns the configuration as a file with every key.
    ///
    /// # Errors
    /// If a path is not UTF-8.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    fn read(path: &Path) -> Result<Self, ConfigError> {
        let read = open_plain(path).and_then(|file| {
            let mut text = String::new();
            file.take(CONFIG_BYTES_MAX).read_to_string(&mut text)?;
            Ok(text)
        });
        let text = read.map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            let before = text.get(..span.start).unwrap_or_default();
            ConfigError::File {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                problem: problem(error.message(), text, span),
            }
        })
    }
}

/// Returns the parser's message. For an unknown key, suggests the most similar known one instead of
/// listing all.
fn problem(message: &str, text: &str, span: Range<usize>) -> String {
    if !message.starts_with("unknown field") {
        return message.replace('\n', ": ");
    }
    let unknown = text.get(span).unwrap_or_default();
    let known = keys(&Config::default());
    let similarity = |name: &str| strsim::jaro_winkler(name, unknown);
    let nearest = known
        .iter()
        .max_by(|one, other| similarity(&one.name).total_cmp(&similarity(&other.name)))
        .filter(|key| similarity(&key.name) >= SIMILAR_MIN);
    match nearest {
        Some(Key { section, name, .. }) if section.is_empty() => {
            format!("unknown key `{unknown}`: is `{name}` meant, before any section?")
        }
        Some(Key { section, name, .. }) => {
            format!("unknown key `{unknown}`: is `{name}` of [{section}] meant?")
        }
        None => format!("unknown key `{unknown}`"),
    }
}

/// A key of the file, with its value as written there.
struct Key {
    /// The section; empty for a key before the first one.
    section: String,
    name: String,
    value: String,
}

impl Key {
    /// Returns whether the key has a value. Required keys have none by default.
    fn is_given(&self) -> bool {
        !["", "[]", "embedded:"].contains(&self.value.as_str())
    }
}

fn keys(config: &Config) -> Vec<Key> {
    let table = Table::try_from(config).unwrap_or_default();
    let mut keys = Vec::new();
    for (name, value) in table {
        match value {
            Value::Table(section) => keys.extend(section.into_iter().map(|(key, value)| Key {
                section: name.clone(),
                name: key,
                value: plain(&value),
            })),
            value => keys.push(Key {
                section: String::new(),
                name,
                value: plain(&value),
            }),
        }
    }
    keys
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use std::fs;

    const EXAMPLE: &str = include_str!("../../graph-server.example.toml");

    fn load(file: &str, flags: &[&str]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.toml");
        fs::write(&path, file).unwrap();
        let path = path.to_str().unwrap();
        let command = Config::arguments(Command::new("serve"));
        let arguments = [&["serve", "--config", path], flags].concat();
        let matches = command.try_get_matches_from(arguments).unwrap();
        Config::from_arguments(&matches).map_err(|error| error.to_string().replace(path, "FILE"))
    }

    const SITE: &str = "snapshot = \"s\"\ndatabus = \"embedded:l\"\n";

    #[test]
    fn the_example_says_every_key_and_its_default() {
        let example = load(EXAMPLE, &[]).unwrap();
        let expected = Config {
            snapshot: "site".into(),
            databus: "embedded:log".parse().unwrap(),
            ..Config::default()
        };
        assert_eq!(example, expected);
        let table: Table = EXAMPLE.parse().unwrap();
        for Key { section, name, .. } in keys(&Config::default()) {
            let said = match section.as_str() {
                "" => table.contains_key(&name),
                _ => table[&section].as_table().unwrap().contains_key(&name),
            };
            assert!(said, "{section} {name}");
        }
    }

    #[test]
    fn every_key_has_a_flag_without_a_default() {
        let command = Config::arguments(Command::new("serve"));
        let mut flags: Vec<_> = command
            .get_arguments()
            .filter_map(|arg| {
                assert!(arg.get_default_values().is_empty(), "{arg:?}");
                arg.get_long().filter(|name| *name != FILE_FLAG)
            })
            .collect();
        let keys = keys(&Config::default());
        let mut names: Vec<_> = keys.iter().map(|key| key.name.as_str()).collect();
        flags.sort_unstable();
        names.sort_unstable();
        assert_eq!(flags, names);
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = format!(
            "{SITE}listen = \"127.0.0.1:1\"\n[limits]\nheavy-threads = 3\nwait-ms-max = \"1s\"\n"
        );
        let config = load(&file, &["--heavy-threads", "5", "--databus", "embedded:m"]).unwrap();
        let expected = Config {
            snapshot: "s".into(),
            databus: "embedded:m".parse().unwrap(),
            listen: "127.0.0.1:1".parse().unwrap(),
            limits: Limits {
                heavy_threads: 5,
                wait_ms_max: 1000,
                ..Limits::DEFAULT
            },
            ..Config::default()
        };
        assert_eq!(config, expected);
        assert_eq!(load(&config.to_toml().unwrap(), &[]).unwrap(), expected);
    }

    #[test]
    fn what_a_file_says_wrong_is_named_with_its_line() {
        let check = |file: &str, expected: &str| {
            assert_eq!(load(file, &[]).unwrap_err(), expected);
        };
        check(
            "[limits]\n\nheavy-thread = 1\n",
            "FILE:3: unknown key `heavy-thread`: is `heavy-threads` of [limits] meant?",
        );
        check(
            "heavy-threads = 1\n",
            "FILE:1: unknown key `heavy-threads`: is `heavy-threads` of [limits] meant?",
        );
        check(
            "[limits]\nadmin_listen = \"\"\n",
            "FILE:2: unknown key `admin_listen`: is `admin-listen` meant, before any section?",
        );
        check("[zzz]\n", "FILE:1: unknown key `zzz`");
        check(
            "\ndatabus = \"kafka\"\n",
            "FILE:2: `kafka` is not a change log: write embedded:DIR for a log of this process, \
             or http://HOST:PORT of a relay",
        );
        check(
            "[limits]\nheavy-threads = \"x\"\n",
            "FILE:2: invalid type: string \"x\", expected usize",
        );
        check(
            "[limits]\nview-cache-bytes-max = \"1MB\"\n",
            "FILE:2: `1MB` should be a whole number, \
             alone or with one of the units B, KiB, MiB, GiB, TiB",
        );
        check(
            "[limits]\nstall-ms-max = -1\n",
            "FILE:2: expected a whole number, or text such as \"256MiB\" or \"2s\"",
        );
        check(
            "snapshot = \"a\"\nsnapshot = \"b\"\n",
            "FILE:2: duplicate key",
        );
        check("[limits]\nheavy-threads = 0\n", "snapshot: must be given");
        check("snapshot = \"s\"\n", "databus: must be given");
        check(
            &format!("{SITE}mapping = \"m\"\n"),
            "mapping: is only for a core-database",
        );
        let database = "core-database = \"postgres://u@127.0.0.1/d\"\n";
        check(database, "mapping: must be given");
        check(
            &format!("{database}mapping = \"m\"\n"),
            "data: must be given",
        );
        check(
            &format!("{database}mapping = \"m\"\ndata = \"d\"\nsnapshot = \"s\"\n"),
            "snapshot: must not be given with core-database, whose server has it in its folder \
             `data`",
        );
        check(
            &format!("{SITE}[limits]\nheavy-threads = 0\n"),
            "heavy-threads: is 0, and must be 1 to 1024",
        );
    }
}
