//! A relay and the servers that follow it, in this process.
//!
//! Their folders remain when they are stopped and restarted.

use crate::small_site::{config, write_snapshot};
use crate::until::until;
use clap::{Args as _, Command, FromArgMatches as _};
use cloud_client::proto::databus::v1::AsOf;
use cloud_client::{Admin, Client};
use cloud_engine::Manifest;
use databus::relay::{self, RelayConfig};
use graph_server::{Config, Limits, Running, ShutdownError, StartError, serve};
use std::{fs, net::SocketAddr, path::Path};
use tempfile::TempDir;

/// A small site's snapshot, and the log that continues it.
pub(crate) struct RelaySite {
    pub(crate) folder: TempDir,
}

/// A running relay, and handles on its listeners.
pub(crate) struct Relay {
    pub(crate) running: relay::Running,
    pub(crate) client: Client,
    pub(crate) admin: Admin,
}

/// A running server that follows a relay, and handles on its listeners.
pub(crate) struct Follower {
    pub(crate) running: Running,
    pub(crate) client: Client,
    /// The log, on the admin listener.
    pub(crate) log: Client,
    pub(crate) admin: Admin,
}

impl RelaySite {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_snapshot(&folder.path().join("snapshot"));
        Self { folder }
    }

    /// Returns the lineage of the snapshot.
    pub(crate) fn lineage(&self) -> String {
        let snapshot = cloud_engine::newest_snapshots(&self.folder.path().join("snapshot"));
        let manifest = Manifest::read(&snapshot.unwrap()[0]).unwrap();
        manifest.lineage_id.to_string()
    }

    pub(crate) async fn relay(&self, flags: &[&str]) -> Relay {
        self.relay_at("127.0.0.1:0".parse().unwrap(), "log", flags)
            .await
    }

    /// Starts a relay at an address, on a log of this name.
    pub(crate) async fn relay_at(&self, address: SocketAddr, log: &str, flags: &[&str]) -> Relay {
        let (log, listen) = (self.folder.path().join(log), address.to_string());
        let lineage = self.lineage();
        let given = [
            "serve",
            "--log",
            log.to_str().unwrap(),
            "--lineage",
            &lineage,
            "--listen",
            &listen,
            "--admin-listen",
            "127.0.0.1:0",
        ];
        let command = RelayConfig::augment_args(Command::new("serve"));
        let matches = command.get_matches_from([&given, flags].concat());
        let config = RelayConfig::from_arg_matches(&matches).unwrap();
        let running = relay::serve(config).await.unwrap();
        let client = Client::connect(running.public_addr().to_string());
        let admin = Admin::connect(running.admin_addr().to_string());
        Relay {
            client: client.await.unwrap(),
            admin: admin.await.unwrap(),
            running,
        }
    }

    /// Returns the configuration of a server of this name, which has a copy of the snapshot.
    pub(crate) fn config(&self, name: &str, relay: SocketAddr, limits: Limits) -> Config {
        let folder = self.folder.path().join(name);
        if !folder.exists() {
            copy(
                &self.folder.path().join("snapshot"),
                &folder.join("snapshot"),
            );
        }
        Config {
            databus: format!("http://{relay}").parse().unwrap(),
            ..config(&folder, limits)
        }
    }

    pub(crate) async fn follower(&self, name: &str, relay: SocketAddr) -> Follower {
        self.try_follower(name, relay).await.unwrap()
    }

    pub(crate) async fn try_follower(
        &self,
        name: &str,
        relay: SocketAddr,
    ) -> Result<Follower, StartError> {
        let running = serve(self.config(name, relay, Limits::default())).await?;
        let client = Client::connect(running.public_addr().to_string());
        let log = Client::connect(running.admin_addr().to_string());
        let admin = Admin::connect(running.admin_addr().to_string());
        Ok(Follower {
            client: client.await.unwrap(),
            log: log.await.unwrap(),
            admin: admin.await.unwrap(),
            running,
        })
    }
}

impl Relay {
    pub(crate) fn address(&self) -> SocketAddr {
        self.running.public_addr()
    }

    pub(crate) async fn stop(self) {
        drop((self.client, self.admin));
        self.running.shutdown().await.unwrap();
    }
}

impl Follower {
    pub(crate) async fn stop(self) -> Result<(), ShutdownError> {
        drop((self.client, self.log, self.admin));
        self.running.shutdown().await
    }

    /// Waits until graph and profiles have reached `as_of`. One call waits 2 s at most, and a large
    /// window may take longer on a busy machine.
    pub(crate) async fn reach(&self, as_of: &AsOf) {
        let client = self.client.at_least(as_of.clone());
        let there = async || {
            client.network_sizes(1, false).await?;
            client.profiles(&[1]).await
        };
        until("the follower is there", async || match there().await {
            Ok(_) => Some(()),
            Err(error) => {
                let reason = error.failure().map(|failure| failure.reason.as_str());
                assert_eq!(reason, Some("NOT_REACHED"), "{error}");
                None
            }
        })
        .await;
    }

    /// Waits until the reason of the graph's lag contains this text, or until there is no reason if
    /// the text is empty.
    pub(crate) async fn lags_because(&self, text: &str) -> String {
        until(&format!("a lag because of {text:?}"), async || {
            let status = self.admin.status().await.unwrap();
            let reason = status.graph_lag.unwrap_or_default().reason;
            let is_it = text.is_empty() == reason.is_empty() && reason.contains(text);
            is_it.then_some(reason)
        })
        .await
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
