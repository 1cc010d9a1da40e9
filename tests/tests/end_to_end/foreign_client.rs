//! A client in another language, generated from the protos: Python with grpcio.
//!
//! The stubs come from the code generator of that language.

use std::path::{Path, PathBuf};
use std::process::Command;

use cloud_proto::cloud::v1::Degree;
use cloud_tests::history::{self, Shape};
use cloud_tests::server::Server;
use cloud_tests::site;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

#[test]
fn python_gets_a_page_of_degrees_and_a_search() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ stands in the workspace");
    let python = std::env::var_os("CLOUD_PYTHON")
        .map_or_else(|| workspace.join("target/python/bin/python"), PathBuf::from);
    assert!(
        python.exists(),
        "{} is not there: `make test` makes it",
        python.display()
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stubs = generate_stubs(&python, workspace, folder.path());

    let model = history::site(Shape::Uniform, 60, &mut ChaCha8Rng::seed_from_u64(11));
    site::build(&model, folder.path());
    let server = Server::start(folder.path());
    let viewer = model
        .members()
        .max_by_key(|(_, member)| member.connections.len())
        .expect("members")
        .0;
    let members: Vec<u64> = model
        .members()
        .map(|(id, _)| id)
        .chain([999_999_999_999])
        .collect();
    let output = Command::new(&python)
        .env("PYTHONPATH", &stubs)
        .arg(workspace.join("tests/python/web_page.py"))
        .arg(server.public().trim_start_matches("http://"))
        .args([&viewer.to_string(), "title:senior"])
        .args(members.iter().map(u64::to_string))
        .output()
        .expect("Python starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let answer: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");

    let distances = model.distances(viewer);
    for (member, got) in members
        .iter()
        .zip(answer["degrees"].as_array().expect("degrees"))
    {
        let degree = model.degree(&distances, *member);
        assert_eq!(got["member"].as_u64(), Some(*member));
        assert_eq!(got["degree"].as_i64(), Some(degree as i64), "{got}");
        if ![Degree::Self_, Degree::Unknown].contains(&degree) {
            assert_eq!(
                got["shared"].as_u64(),
                Some(model.shared(viewer, *member).len() as u64),
                "{got}"
            );
            assert_eq!(
                got["path"],
                Value::from(model.path(&distances, *member)),
                "{got}"
            );
        }
    }
    let near =
        |member: &u64| [Degree::First, Degree::Second].contains(&model.degree(&distances, *member));
    let expected = model.with_title("senior").into_iter().filter(near).count();
    assert!(expected > 0, "a search that finds nothing proves nothing");
    assert_eq!(answer["total"].as_u64(), Some(expected as u64));
    assert!(answer["search_scn"].as_u64() >= answer["degrees_scn"].as_u64());
    assert_eq!(answer["viewer_0"], "INVALID_ARGUMENT");
}

/// Runs Python's own gRPC code generator on the protos.
fn generate_stubs(python: &Path, workspace: &Path, folder: &Path) -> PathBuf {
    let stubs = folder.join("stubs");
    std::fs::create_dir(&stubs).expect("a folder");
    let protos = workspace.join("proto");
    let output = Command::new(python)
        .args(["-m", "grpc_tools.protoc", "-I"])
        .arg(&protos)
        .args([
            format!("--python_out={0}", stubs.display()),
            format!("--grpc_python_out={}", stubs.display()),
        ])
        .args([
            "cloud/v1/network.proto",
            "cloud/v1/search.proto",
            "databus/v1/as_of.proto",
            "databus/v1/change.proto",
        ])
        .output()
        .expect("Python starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    stubs
}
