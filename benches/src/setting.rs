//! The shared state of all groups of a run: the options, the site, and the questions. Each is
//! created at its first use.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use cloud_proto::cloud::v1::GraphResidence;
use tokio::runtime::{Builder, Runtime};

use crate::calls::Calls;
use crate::channels::Channels;
use crate::data::{Data, ServerFolder};
use crate::loader_run::LoaderRun;
use crate::options::Options;
use crate::outcome::Outcome;
use crate::questions::{self, Question};
use crate::rounds::ROUNDS;
use crate::server::Server;
use crate::site::Site;

/// The number of viewers, if the site has as many.
const VIEWERS: usize = 10_000;
/// Flags with a cache for the views of all viewers, so that a warm view stays warm.
const MEASURED_SERVER_FLAGS: [&str; 2] = ["--view-cache-bytes-max", "2147483648"];
/// The time between two looks whether a server has copied its graph, and the most of them.
const RESIDENCE_LOOK_INTERVAL: Duration = Duration::from_millis(20);
const RESIDENCE_LOOKS_MAX: u32 = 6_000;
/// The threads of the drivers. The machine's other core belongs to the server, mostly.
const DRIVER_THREADS: usize = 2;

/// A run.
#[derive(Debug)]
pub struct Setting {
    options: Options,
    data: Data,
    runtime: Runtime,
    site_build: OnceCell<LoaderRun>,
    site: OnceCell<Site>,
    questions: OnceCell<Arc<[Question]>>,
}

/// A server that is ready to be measured, and the calls to it.
#[derive(Debug)]
pub struct Measured {
    /// The calls.
    pub calls: Arc<Calls>,
    /// The process, which ends before its folder is deleted.
    pub server: Server,
    /// The folder of its files.
    pub folder: ServerFolder,
}

impl Setting {
    /// Prepares the run that the options describe.
    pub fn new(options: Options) -> Outcome<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(DRIVER_THREADS)
            .enable_all()
            .build()?;
        Ok(Self {
            data: Data::new(&options)?,
            options,
            runtime,
            site_build: OnceCell::new(),
            site: OnceCell::new(),
            questions: OnceCell::new(),
        })
    }

    /// Returns the options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Returns the folder of the site.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Returns the runtime of the drivers.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Returns the duration of a measurement over gRPC.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.options.seconds)
    }

    /// Returns the run that built the whole site's snapshot. Call this before [`site`](Self::site).
    pub fn site_build(&self) -> Outcome<&LoaderRun> {
        made_once(&self.site_build, || self.data.rebuild_snapshot())
    }

    /// Returns the duration of a round of two measurements in alternation: three times the duration
    /// over all rounds.
    pub fn turn_duration(&self) -> Duration {
        self.duration() * 3 / ROUNDS
    }

    /// Returns the graph, which is opened at the first call.
    pub fn site(&self) -> Outcome<&Site> {
        made_once(&self.site, || {
            Site::open(&self.data, !self.options.plain_pages)
        })
    }

    /// Returns the viewers with their pages of members.
    pub fn questions(&self) -> Outcome<&Arc<[Question]>> {
        made_once(&self.questions, || {
            eprintln!("  drawing viewers and their targets ...");
            Ok(questions::draw(self.site()?.graph(), VIEWERS, self.options.seed)?.into())
        })
    }

    /// Starts a server on the snapshot alone.
    pub async fn measured_server(&self, name: &str) -> Outcome<Measured> {
        let questions = self.questions()?.clone();
        let folder = self.data.server_folder(name)?;
        let is_resident = !self.options.plain_pages;
        let memory = if is_resident { "resident" } else { "mapped" };
        let mut flags = MEASURED_SERVER_FLAGS.to_vec();
        flags.extend(["--graph-memory", memory]);
        let server = Server::start(folder.path(), &flags)?;
        let calls = Calls::new(Channels::connect(&server).await?, questions);
        let mut looks = 0;
        while is_resident && graph_residence(&calls).await? != GraphResidence::Resident {
            looks += 1;
            if looks > RESIDENCE_LOOKS_MAX {
                return Err("the server does not copy its graph".into());
            }
            tokio::time::sleep(RESIDENCE_LOOK_INTERVAL).await;
        }
        Ok(Measured {
            calls,
            server,
            folder,
        })
    }
}

/// Returns where a server reads its graph.
pub async fn graph_residence(calls: &Calls) -> Outcome<GraphResidence> {
    let status = calls.channels().admin(0).status().await?;
    Ok(status.graph_memory.unwrap_or_default().residence())
}

fn made_once<T>(cell: &OnceCell<T>, make: impl FnOnce() -> Outcome<T>) -> Outcome<&T> {
    match cell.get() {
        Some(made) => Ok(made),
        None => {
            let made = make()?;
            Ok(cell.get_or_init(|| made))
        }
    }
}
