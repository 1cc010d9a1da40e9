//! What all groups of a run share: the options, the site, and the questions asked about it. Each is made when first wanted.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

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

/// Viewers that are asked for, if the site has as many.
const VIEWERS: usize = 10_000;
/// Views of all viewers fit, so that a warm view stays one.
const MEASURED_SERVER_FLAGS: [&str; 2] = ["--view-cache-bytes-max", "2147483648"];
/// Threads of the drivers: the machine's other core belongs to the server, mostly.
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

/// A server that is ready to be measured, and the calls on it.
#[derive(Debug)]
pub struct Measured {
    /// The calls.
    pub calls: Arc<Calls>,
    /// The process. Ends before its folder does.
    pub server: Server,
    /// Its files.
    pub folder: ServerFolder,
}

impl Setting {
    /// What the options describe.
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

    /// What was asked for.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Files.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Where drivers run.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// How long a measurement over gRPC goes on.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.options.seconds)
    }

    /// The build of the whole site's snapshot, in this run. To be asked for before [`site`](Self::site).
    pub fn site_build(&self) -> Outcome<&LoaderRun> {
        made_once(&self.site_build, || self.data.rebuild_snapshot())
    }

    /// How long a turn of a measurement by turns goes on: three times the duration over all turns.
    pub fn turn_duration(&self) -> Duration {
        self.duration() * 3 / ROUNDS
    }

    /// The graph.
    pub fn site(&self) -> Outcome<&Site> {
        made_once(&self.site, || Site::open(&self.data))
    }

    /// The viewers, and whom they ask about.
    pub fn questions(&self) -> Outcome<&Arc<[Question]>> {
        made_once(&self.questions, || {
            eprintln!("  drawing viewers and their targets ...");
            Ok(questions::draw(self.site()?.graph(), VIEWERS, self.options.seed)?.into())
        })
    }

    /// Starts a server with nothing but the snapshot.
    pub async fn measured_server(&self, name: &str) -> Outcome<Measured> {
        let questions = self.questions()?.clone();
        let folder = self.data.server_folder(name)?;
        let server = Server::start(folder.path(), &MEASURED_SERVER_FLAGS)?;
        let calls = Calls::new(Channels::connect(&server).await?, questions);
        Ok(Measured {
            calls,
            server,
            folder,
        })
    }
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
