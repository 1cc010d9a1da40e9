//! Member ids of members whose keys are not positive 64-bit integers: alike in every language.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use cloud_client::member_id_of;
use cloud_tests::installed::{installed, python, workspace};
use cloud_tests::postgres::Postgres;
use serde_json::Value;

/// A seed and a key, and the id of the member.
struct Vector {
    seed: String,
    key: String,
    member_id: String,
}

/// Returns the file of the test vectors.
fn file() -> PathBuf {
    workspace().join("tests/clients/member_keys.json")
}

fn vectors() -> Vec<Vector> {
    let text = std::fs::read_to_string(file()).expect("the file of the test vectors");
    let vectors: Vec<Value> = serde_json::from_str(&text).expect("a JSON array");
    let text = |vector: &Value, name: &str| vector[name].as_str().expect("a text").to_owned();
    let vectors = vectors.iter().map(|vector| Vector {
        seed: text(vector, "seed"),
        key: text(vector, "key"),
        member_id: text(vector, "member_id"),
    });
    vectors.collect()
}

/// Runs a program with this text on stdin, and checks the ids that it prints.
fn check(program: &mut Command, stdin: &str) {
    let program = program.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = program.spawn().expect("the program starts");
    let mut input = child.stdin.take().expect("its stdin");
    input.write_all(stdin.as_bytes()).expect("it reads stdin");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{program:?}");
    let printed: Vec<String> = serde_json::from_slice(&output.stdout).expect("a JSON array");
    let expected: Vec<_> = vectors().into_iter().map(|one| one.member_id).collect();
    assert_eq!(printed, expected, "{program:?}");
}

#[test]
fn rust_computes_member_ids() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 10);
    for Vector {
        seed,
        key,
        member_id,
    } in vectors
    {
        let found = member_id_of(&seed, &key).to_string();
        assert_eq!(found, member_id, "{seed:?} {key:?}");
    }
}

#[test]
fn python_computes_member_ids() {
    let Some(python) = python() else { return };
    let script = workspace().join("tests/clients/python/member_keys.py");
    check(Command::new(python).arg(script).arg(file()), "");
}

#[test]
fn node_computes_member_ids() {
    if installed("Node", "CLOUD_NODE", "target/node/web_page.js").is_none() {
        return;
    }
    let script = workspace().join("tests/clients/node/member_keys.js");
    check(Command::new("node").arg(script).arg(file()), "");
}

/// Runs with `CLOUD_TEST_LONG`: Maven and a JDK take their time, and `make test` installs neither.
#[test]
fn java_computes_member_ids() {
    if std::env::var_os("CLOUD_TEST_LONG").is_none() {
        return;
    }
    let Some(folder) = installed("Java", "CLOUD_JAVA", "target/java") else {
        return;
    };
    let classes = folder.join("classes").display().to_string();
    let texts = vectors();
    let texts = texts.iter().flat_map(|one| [&one.seed, &one.key]);
    let stdin: String = texts.map(|text| format!("{text}\0")).collect();
    let mut program = Command::new("java");
    check(program.args(["-cp", &classes, "cloud.MemberKeys"]), &stdin);
}

#[tokio::test]
async fn sql_computes_member_ids() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    let page = workspace().join("docs/member-keys.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let (_, sql) = page.split_once("```sql\n").expect("SQL in the page");
    let (function, _) = sql.split_once("\nSELECT member_id_of").expect("a query");
    postgres.execute(function).await;
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    for Vector {
        seed,
        key,
        member_id,
    } in vectors()
    {
        let query = format!("SELECT member_id_of({}, {})", quoted(&seed), quoted(&key));
        assert_eq!(postgres.value(&query).await, member_id, "{query}");
    }
    let of_null = "SELECT member_id_of('example.org', NULL) IS NULL";
    assert_eq!(postgres.value(of_null).await, "t");
}
