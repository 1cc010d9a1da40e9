//! Clients in other languages, from the libraries that sites use: Python, Node and Java.
//!
//! Each is a web application that gets a page of degrees and a search, meets a deadline, and reads
//! the details of an error. Each prints the same JSON object, which is compared with the model. The
//! tools without stubs, for reflection and health, are in Python.

use std::path::{Path, PathBuf};
use std::process::Command;

use cloud_proto::cloud::v1::Degree;
use cloud_tests::history::{self, Shape};
use cloud_tests::installed::{installed, python, workspace};
use cloud_tests::model::Model;
use cloud_tests::server::Server;
use cloud_tests::site;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A served site, and the page that its web application shows.
struct Web {
    folder: TempDir,
    model: Model,
    server: Server,
    viewer: u64,
    members: Vec<u64>,
}

impl Web {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let model = history::site(Shape::Uniform, 60, &mut ChaCha8Rng::seed_from_u64(11));
        site::build(&model, folder.path());
        let server = Server::start(folder.path());
        let viewer = model
            .members()
            .max_by_key(|(_, member)| member.connections.len())
            .expect("members")
            .0;
        let members = model.members().map(|(id, _)| id);
        Self {
            members: members.chain([999_999_999_999]).collect(),
            folder,
            server,
            viewer,
            model,
        }
    }

    fn address(&self) -> &str {
        self.server.public().trim_start_matches("http://")
    }

    /// Runs the program with the arguments of a page, and checks what it prints.
    fn check(&self, program: &mut Command) {
        let answer = printed(
            program
                .args([self.address(), &self.viewer.to_string(), "title:senior"])
                .args(self.members.iter().map(u64::to_string)),
        );
        let distances = self.model.distances(self.viewer);
        let degrees = answer["degrees"].as_array().expect("degrees");
        assert_eq!(degrees.len(), self.members.len());
        for (member, got) in self.members.iter().zip(degrees) {
            let degree = self.model.degree(&distances, *member);
            assert_eq!(got["member"], member.to_string());
            assert_eq!(got["degree"], degree as i32, "{got}");
            if ![Degree::Self_, Degree::Unknown].contains(&degree) {
                let shared = self.model.shared(self.viewer, *member).len();
                assert_eq!(got["shared"], shared, "{got}");
                let path = self.model.path(&distances, *member);
                let path: Vec<_> = path.iter().map(u64::to_string).collect();
                assert_eq!(got["path"], Value::from(path), "{got}");
            }
        }
        let near = |member: &u64| {
            [Degree::First, Degree::Second].contains(&self.model.degree(&distances, *member))
        };
        let found = self.model.with_title("senior").into_iter().filter(near);
        let expected = found.count();
        assert!(expected > 0, "a search that finds nothing proves nothing");
        assert_eq!(answer["total"], expected);
        assert!(answer["search_scn"].as_u64() >= answer["degrees_scn"].as_u64());
        assert_eq!(answer["deadline"]["code"], "DEADLINE_EXCEEDED");
        let error = json!({
            "code": "INVALID_ARGUMENT",
            "reason": "INVALID_FIELD",
            "domain": "cloud.v1",
            "field": "member_ids[1]",
        });
        assert_eq!(answer["error"], error);
    }
}

/// Runs a program, and returns the JSON object that it prints.
fn printed(program: &mut Command) -> Value {
    let output = program.output().expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program:?}:\n{stderr}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn python_gets_a_page() {
    let Some(python) = python() else { return };
    let web = Web::start();
    let stubs = python_stubs(&python, web.folder.path());
    let mut program = Command::new(&python);
    let script = workspace().join("tests/clients/python/web_page.py");
    web.check(program.env("PYTHONPATH", stubs).arg(script));
}

#[test]
fn node_gets_a_page() {
    let Some(folder) = installed("Node", "CLOUD_NODE", "target/node/web_page.js") else {
        return;
    };
    let mut program = Command::new("node");
    Web::start().check(program.arg(folder).arg(workspace().join("proto")));
}

/// Runs with `CLOUD_TEST_LONG`: Maven and a JDK take their time, and `make test` installs neither.
#[test]
fn java_gets_a_page() {
    if std::env::var_os("CLOUD_TEST_LONG").is_none() {
        return;
    }
    let Some(folder) = installed("Java", "CLOUD_JAVA", "target/java") else {
        return;
    };
    let path = format!("{0}/classes:{0}/lib/*", folder.display());
    let mut program = Command::new("java");
    Web::start().check(program.args(["-cp", &path, "cloud.WebPage"]));
}

#[test]
fn tools_without_stubs_explore_and_probe() {
    let Some(python) = python() else { return };
    let web = Web::start();
    let script = workspace().join("tests/clients/python/explore.py");
    let mut program = Command::new(&python);
    let answer = printed(
        program
            .arg(script)
            .args([web.address(), &web.viewer.to_string()]),
    );
    let services = answer["services"].as_array().expect("services");
    for service in [
        "cloud.v1.NetworkService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ] {
        assert!(services.contains(&service.into()), "{services:?}");
    }
    let distances = web.model.distances(web.viewer);
    let first = |&&member: &&u64| web.model.degree(&distances, member) == Degree::First;
    let first = web.members.iter().filter(first).count();
    assert_eq!(answer["sizes"]["first"], first.to_string());
    let health = json!({
        "": ["SERVING", "SERVING"],
        "cloud.v1.NetworkService": ["SERVING", "SERVING"],
        "no.Service": ["NOT_FOUND", "SERVICE_UNKNOWN"],
    });
    assert_eq!(answer["health"], health);
}

/// Runs Python's own gRPC code generator on the protos.
fn python_stubs(python: &Path, folder: &Path) -> PathBuf {
    let stubs = folder.join("stubs");
    std::fs::create_dir(&stubs).expect("a folder");
    let protos = workspace().join("proto");
    let mut generator = Command::new(python);
    let output = generator
        .args(["-m", "grpc_tools.protoc", "-I"])
        .arg(&protos)
        .args([
            format!("--python_out={}", stubs.display()),
            format!("--grpc_python_out={}", stubs.display()),
        ])
        .args([
            "cloud/v1/network.proto",
            "cloud/v1/search.proto",
            "databus/v1/as_of.proto",
            "databus/v1/change.proto",
        ])
        .output();
    let output = output.expect("Python starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    stubs
}
