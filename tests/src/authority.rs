//! A certificate authority of a test, made with the program openssl.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// The arguments of a new key and a certificate for it.
const NEW: [&str; 10] = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "2",
    "-sha256",
];

/// A certificate authority.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
}

/// A certificate with its key, as PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl Authority {
    /// Creates an authority. `None` if openssl is not installed: this says so, and fails in CI.
    pub fn create(name: &str) -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            let missing = "encrypted connections: openssl is missing";
            let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!in_ci, "{missing}");
            eprintln!("NOT TESTED: {missing}");
            return None;
        }
        let authority = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        authority.run("authority", name, &[]);
        Some(authority)
    }

    /// Returns the file of the authority's certificate.
    pub fn certificate(&self) -> PathBuf {
        self.path("authority.crt")
    }

    /// Issues a certificate for a server that is reached by a name, such as `IP:127.0.0.1` or
    /// `DNS:localhost`.
    pub fn issue(&self, name: &str) -> Issued {
        let (certificate, key) = (self.certificate(), self.path("authority.key"));
        let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let arguments = [
            "-CA",
            &path(&certificate),
            "-CAkey",
            &path(&key),
            "-addext",
            &format!("subjectAltName={name}"),
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ];
        self.run("server", "a server of a test", &arguments);
        let read = |name: &str| fs::read_to_string(self.path(name)).expect("a file of openssl");
        Issued {
            certificate: read("server.crt"),
            key: read("server.key"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes the files `FILE.crt` and `FILE.key`.
    fn run(&self, file: &str, subject: &str, arguments: &[&str]) {
        let mut command = Command::new("openssl");
        command
            .args(NEW)
            .args(["-subj", &format!("/CN={subject}")])
            .arg("-out")
            .arg(self.path(&format!("{file}.crt")))
            .arg("-keyout")
            .arg(self.path(&format!("{file}.key")))
            .args(arguments);
        let made = command.output().expect("openssl runs");
        let printed = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "openssl: {printed}");
    }
}
