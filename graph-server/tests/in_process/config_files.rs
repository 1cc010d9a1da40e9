//! A configuration file of any bytes is either accepted or rejected with an error. None panics.

use clap::Command;
use graph_server::Config;
use proptest::prelude::*;
use std::{fs, path::Path};

fn valid() -> String {
    let config = Config {
        snapshot: "site/snapshot".into(),
        databus: "embedded:site/log".parse().unwrap(),
        ..Config::default()
    };
    config.to_toml().unwrap()
}

/// Returns the configuration with which a server would start from this file.
fn read(path: &Path, bytes: &[u8]) -> Result<Config, String> {
    fs::write(path, bytes).unwrap();
    let command = Config::arguments(Command::new("serve"));
    let arguments = ["serve", "--config", path.to_str().unwrap()];
    let matches = command.try_get_matches_from(arguments).unwrap();
    Config::from_arguments(&matches).map_err(|error| error.to_string())
}

/// Checks that an accepted file reads back as the same configuration after writing it.
fn check(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.toml");
    match read(&path, bytes) {
        Ok(config) => {
            let again = config.to_toml().unwrap();
            assert_eq!(read(&path, again.as_bytes()), Ok(config));
        }
        Err(problem) => assert!(!problem.is_empty()),
    }
}

#[test]
fn what_is_written_is_read() {
    check(valid().as_bytes());
}

proptest! {
    #[test]
    fn mutated_files_are_taken_or_refused(
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8),
            1..5,
        ),
    ) {
        let mut bytes = valid().into_bytes();
        for (place, byte, change) in changes {
            let at = place.index(bytes.len());
            match change {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                // Another digit makes a limit of another magnitude.
                _ => bytes.insert(at, b'0' + byte % 10),
            }
        }
        check(&bytes);
    }

    #[test]
    fn values_of_any_kind_are_taken_or_refused(
        line in any::<prop::sample::Index>(),
        value in "-?[0-9]{1,22}\
            |\"[0-9]{1,20}( ?[kKMGTi]{0,2}B?| ?(ms|s|m|h))\"\
            |\"\\PC{0,12}\"|true|\\[\\]|1e[0-9]{1,3}|nan",
    ) {
        let text = valid();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let line = line.index(lines.len());
        if let Some((key, _)) = lines[line].clone().split_once('=') {
            lines[line] = format!("{key}= {value}");
        }
        check(lines.join("\n").as_bytes());
    }

    #[test]
    fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes);
    }
}
