//! A server in this process, on a site in a folder.

use std::path::Path;

use cloud_client::{Admin, Client, Page, SearchOptions};
use graph_server::{Config, Limits, Running, serve};

pub(crate) struct Site {
    running: Running,
    pub(crate) client: Client,
    pub(crate) admin: Admin,
}

impl Site {
    /// Serves `folder/snapshot` with the log in `folder/log`.
    pub(crate) async fn serve(folder: &Path) -> Self {
        let log = format!("embedded:{}", folder.join("log").display());
        let any_port = "127.0.0.1:0".parse().expect("an address");
        let config = Config {
            snapshot: folder.join("snapshot"),
            databus: log.parse().expect("a log"),
            listen: any_port,
            admin_listen: any_port,
            limits: Limits::default(),
            ..Config::default()
        };
        let running = serve(config).await.expect("the server starts");
        let (public, admin) = (running.public_addr(), running.admin_addr());
        Self {
            client: Client::connect(public.to_string()).await.expect("connects"),
            admin: Admin::connect(admin.to_string()).await.expect("connects"),
            running,
        }
    }

    pub(crate) async fn stop(self) {
        drop((self.client, self.admin));
        self.running.shutdown().await.expect("stops in order");
    }
}

/// Returns the number of members who match, and the first hundred of them in order of their ids.
pub(crate) async fn search(client: &Client, viewer: u64, query: &str) -> (u64, Vec<u64>) {
    let options = SearchOptions {
        degrees: Vec::new(),
        page: Page {
            size: 100,
            token: String::new(),
        },
    };
    let found = client.search(viewer, query, options).await;
    let found = found.unwrap_or_else(|error| panic!("{query}: {error}"));
    let mut hits: Vec<u64> = found.hits.iter().map(|hit| hit.member_id).collect();
    hits.sort_unstable();
    (found.total, hits)
}
