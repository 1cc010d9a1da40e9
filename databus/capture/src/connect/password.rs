//! The password: from `PGPASSWORD`, or from the file of passwords that libpq reads.

use std::{env, fs, os::unix::fs::MetadataExt as _, path::PathBuf};

use crate::connect::error::ConnectError;

/// Returns the password of a user for a database; `None` if there is none.
pub(super) fn password(
    host: &str,
    port: u16,
    database: &str,
    user: &str,
) -> Result<Option<String>, ConnectError> {
    if let Ok(password) = env::var("PGPASSWORD") {
        return Ok(Some(password));
    }
    let named = env::var_os("PGPASSFILE").map(PathBuf::from);
    let usual = || Some(PathBuf::from(env::var_os("HOME")?).join(".pgpass"));
    let is_named = named.is_some();
    let Some(path) = named.or_else(usual) else {
        return Ok(None);
    };
    let metadata = match fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if is_named => return Err(ConnectError::password_file(path, &error)),
        Err(_) => return Ok(None),
    };
    if metadata.mode() & 0o077 != 0 {
        let reason = "other users may read it: set its mode to 0600".to_owned();
        return Err(ConnectError::PasswordFile { path, reason });
    }
    let text = fs::read_to_string(&path)
        .map_err(|error| ConnectError::password_file(path.clone(), &error))?;
    let port = port.to_string();
    Ok(find(&text, [host, &port, database, user]))
}

/// Returns the password of the first line whose four fields fit: `host:port:database:user:password`
/// with `*` for any, and a backslash before a colon or a backslash.
fn find(text: &str, wanted: [&str; 4]) -> Option<String> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let mut fields = vec![String::new()];
            let mut characters = line.chars();
            while let Some(character) = characters.next() {
                match character {
                    '\\' => fields.last_mut()?.push(characters.next()?),
                    ':' if fields.len() < 5 => fields.push(String::new()),
                    character => fields.last_mut()?.push(character),
                }
            }
            let password = (fields.len() == 5).then(|| fields.pop())??;
            let fits = |(field, wanted): (&String, &str)| field == "*" || field == wanted;
            fields.iter().zip(wanted).all(fits).then_some(password)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_counts() {
        let text =
            "# a comment\nother:5432:site:app:no\n*:5432:site:app:a\\:b\\\\c:d\n*:*:*:*:last\n";
        for (wanted, expected) in [
            (["db", "5432", "site", "app"], Some("a:b\\c:d")),
            (["db", "5433", "site", "app"], Some("last")),
            (["other", "5432", "site", "app"], Some("no")),
        ] {
            assert_eq!(find(text, wanted).as_deref(), expected, "{wanted:?}");
        }
        assert_eq!(
            find("db:5432:site:app\n", ["db", "5432", "site", "app"]),
            None
        );
    }
}
