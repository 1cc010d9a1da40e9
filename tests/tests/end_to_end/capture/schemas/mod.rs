//! Schemas of social applications, each from the first look at the tables to a site that follows:
//! a suggested mapping with a few edits, `--init`, `--check`, and one command that serves.

mod clubs;
mod graduates;
mod studios;

use std::{
    collections::BTreeMap,
    fs,
    process::Output,
    time::{Duration, Instant},
};

use cloud_tests::{
    postgres::{Postgres, PostgresOptions},
    rounds::rounds,
};
use rand_chacha::ChaCha8Rng;
use tokio::time::sleep;

use super::{
    site::{CapturedSite, Reader},
    writer::{Writer, transaction_of},
};

/// The lines of a suggested mapping that an engineer edits at most.
const EDITED_MAX: usize = 10;

/// Settings of each database. Writers that wait for each other are to lose little time.
const SETTINGS: [(&str, &str); 1] = [("deadlock_timeout", "20ms")];

/// The hash of docs/member-keys.md, of which member ids and the ids of positions in several tables
/// are made.
const HASHES: &str = "
    CREATE FUNCTION hash_63(hashed text) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS $$
        SELECT greatest(1, (('x' || encode(substr(sha256(convert_to(hashed, 'UTF8')), 1, 8), 'hex'))
            ::bit(64) >> 1)::bigint)
    $$;
    CREATE FUNCTION member_id_of(key text) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS $$
        SELECT hash_63('SEED' || key)
    $$;";

/// A schema of an application, its rows, and what the application does.
struct Schema {
    name: &'static str,
    /// The tables with their first rows.
    tables: &'static str,
    /// Settings of the database.
    settings: &'static [(&'static str, &'static str)],
    /// The edits of the suggested mapping: texts that it has once, and what they become.
    edits: &'static [(&'static str, &'static str)],
    reader: Reader,
    /// Returns a statement of the application.
    statement: fn(&mut ChaCha8Rng) -> String,
}

/// Takes a schema through the whole path, and compares the site with the database.
async fn check(schema: &Schema) {
    let Some(options) = PostgresOptions::installed() else {
        return;
    };
    let settings = SETTINGS.iter().chain(schema.settings);
    let options = settings.fold(options, |options, (name, value)| options.with(name, value));
    let postgres = Postgres::start_with(options).await;
    postgres.execute(schema.tables).await;
    let mut site = CapturedSite::without_mapping(postgres, schema.reader);

    let begun = Instant::now();
    succeeds(schema, &site.run(&["--suggest"]));
    let suggested = fs::read_to_string(site.mapping()).expect("the suggested mapping");
    let mapping = edited(&suggested, schema.edits);
    let edits = edited_lines(&suggested, &mapping);
    assert!(edits <= EDITED_MAX, "{edits} lines are edited:\n{mapping}");
    fs::write(site.mapping(), &mapping).expect("the mapping");
    let functions = HASHES.replace("SEED", seed(&mapping));
    site.postgres.execute(&functions).await;
    succeeds(schema, &site.run(&["--init"]));
    heed_warnings(&site, &succeeds(schema, &site.run(&["--check"]))).await;
    let checked = succeeds(schema, &site.run(&["--check"]));
    assert!(checked.contains("ready: tables mapped: "), "{checked}");

    let statement = schema.statement;
    let writers = [31, 32].map(|seed| {
        let transaction = move |random: &mut _| transaction_of(random, statement);
        Writer::start_with(&site.postgres.address(), seed, None, transaction)
    });
    site.serve();
    let served = begun.elapsed();
    for _ in 0..rounds(1, 5) {
        sleep(Duration::from_millis(700)).await;
        site.server.take().expect("a server").kill();
        site.serve();
    }
    sleep(Duration::from_millis(700)).await;
    let mut committed = 0;
    for writer in writers {
        committed += writer.stop().await;
    }
    site.check().await;
    println!(
        "{}: {edits} lines of the mapping were edited, {committed} transactions were committed, \
         served {served:.1?} after the start of --suggest",
        schema.name
    );
}

/// Checks that a command succeeds, and returns what it printed.
fn succeeds(schema: &Schema, output: &Output) -> String {
    let [printed, errors] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(
        output.status.success(),
        "{}: {printed}{errors}",
        schema.name
    );
    printed.into_owned()
}

/// Edits a mapping, like an engineer who reads its comments.
fn edited(suggested: &str, edits: &[(&str, &str)]) -> String {
    edits
        .iter()
        .fold(suggested.to_owned(), |mapping, (old, new)| {
            let count = mapping.matches(old).count();
            assert_eq!(count, 1, "{old:?} is not once in\n{mapping}");
            mapping.replacen(old, new, 1)
        })
}

/// Returns the number of lines that were added or changed.
fn edited_lines(suggested: &str, mapping: &str) -> usize {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for line in suggested.lines() {
        *left.entry(line).or_default() += 1;
    }
    let mut edited = 0;
    for line in mapping.lines() {
        match left.get_mut(line) {
            Some(count) if *count > 0 => *count -= 1,
            _ => edited += 1,
        }
    }
    edited
}

/// Returns the seed of a mapping; the empty text if the keys are integers.
fn seed(mapping: &str) -> &str {
    let mut lines = mapping.lines();
    let seed = lines.find_map(|line| line.strip_prefix("seed = \"")?.strip_suffix('"'));
    seed.unwrap_or_default()
}

/// Runs the statements on tables that a check printed with its warnings.
async fn heed_warnings(site: &CapturedSite, checked: &str) {
    let statements = checked.lines().filter_map(|line| line.strip_prefix("    "));
    for statement in statements {
        let is_of_table = ["ALTER TABLE ", "CREATE UNIQUE INDEX "]
            .iter()
            .any(|begin| statement.starts_with(begin));
        if is_of_table {
            site.postgres.execute(statement).await;
        }
    }
}
